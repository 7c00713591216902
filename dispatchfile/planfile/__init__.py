"""The plan file: the requests of a run, reviewed before they are sent; written and read byte for byte the same."""

from dispatchfile.planfile.comparison import Change, ChangedKey, Comparison, Difference, compare_items
from dispatchfile.planfile.model import Plan, PlanHead, PlannedJob
from dispatchfile.planfile.reading import is_plan, read_plan
from dispatchfile.planfile.records import without_folder
from dispatchfile.planfile.review import FileState, JobChange, JobFileReview, Review
from dispatchfile.planfile.writing import plan_digest, write_plan

__all__ = [
    "Change",
    "ChangedKey",
    "Comparison",
    "Difference",
    "FileState",
    "JobChange",
    "JobFileReview",
    "Plan",
    "PlanHead",
    "PlannedJob",
    "Review",
    "compare_items",
    "is_plan",
    "plan_digest",
    "read_plan",
    "without_folder",
    "write_plan",
]
