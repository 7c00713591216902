"""A plan file to a run that may be sent: its manifest found, its inputs unchanged, its sensitive values rendered."""

from __future__ import annotations

import hashlib
import os.path
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dispatchfile.errors import PlanError
from dispatchfile.journal import JournalReader, find_run
from dispatchfile.planfile import Plan, PlanHead, read_plan
from dispatchfile.problems import has_errors
from dispatchfile.usecases.load import Loaded, ManifestSource, load_items
from dispatchfile.usecases.planning.staleness import check_inputs
from dispatchfile.usecases.sensitive import check_variables, restore_sensitive

COUNTER = "x"  # between a plan's run ID and the number of a run that `--again` started
MOST_AGAIN = 9_999


@dataclass(frozen=True, slots=True)
class PlanOrigin:
    """What sensitive values of a plan are rendered from, as a run's header has it."""

    head: PlanHead
    id: str

    @property
    def manifest(self) -> str:
        return self.head.manifest

    @property
    def variables(self) -> Mapping[str, str]:
        return self.head.variables

    @property
    def hidden_variables(self) -> tuple[str, ...]:
        return self.head.hidden_variables


def find_manifest(plan: str) -> str:
    """
    Return the manifest of a plan file: beside it, else in the working folder.

    Of the two, the one that the plan was made from. Raises PlanError, also for a plan that cannot be read.
    """
    head = read_plan(plan).head
    folder = os.path.dirname(plan)  # noqa: PTH120  "" is to stay ""
    found = [path for path in dict.fromkeys((os.path.join(folder, head.manifest), head.manifest)) if _is_file(path)]  # noqa: PTH118
    for path in found:
        if hashlib.sha256(Path(path).read_bytes()).hexdigest() == head.manifest_sha256:
            return path
    if not found:
        raise PlanError(
            f"{plan}: its manifest {head.manifest} is neither beside the plan nor in this folder, and `run` needs it "
            f"and its files to see that nothing has changed: restore it (`dispatchfile plan {plan}` shows the plan)"
        )
    return found[0]


def _is_file(path: str) -> bool:
    return os.path.isfile(path)  # noqa: PTH113


def load_plan(plan: Plan, source: ManifestSource, *, allow_unpinned: bool) -> Loaded:
    """
    Return the manifest's document and the plan's items, complete.

    Raises PlanError for a stale plan and one without versions, UsageError for variables that are missing or have no
    effect.
    """
    if not plan.head.is_pinned and not allow_unpinned:
        raise PlanError(
            f"plan {plan.digest[:12]} was made --offline and names no versions of its jobs: "
            "make it again with a server, or pass --allow-unpinned"
        )
    now = load_items(source)
    if now.document is None:
        raise PlanError(f"plan {plan.digest[:12]} is stale, nothing was sent: {now.problems[0]}")
    check_inputs(plan, now.document, now.files, now.items)
    origin = PlanOrigin(plan.head, f"{plan.run_id} (the plan)")
    check_variables(origin, source, plan.items)
    source = replace(source, variables={**plan.head.variables, **source.variables})
    items = restore_sensitive(plan.items, origin, source)
    warnings = () if has_errors(now.problems) else now.problems  # as without a variable that the plan does not need
    return Loaded(now.document, now.files, items, warnings)


def run_id_of(plan: Plan, folder: Path, *, again: bool) -> str:
    """Return the ID of the run that applies the plan; again: of one that no journal in the *folder* has yet."""
    if not again:
        return plan.run_id
    for number in range(2, MOST_AGAIN):
        run_id = f"{plan.run_id}{COUNTER}{number}"
        if find_run(folder, run_id) is None:
            return run_id
    raise PlanError(f"plan {plan.digest[:12]} was applied {MOST_AGAIN:,} times: make another plan")


def check_same_plan(reader: JournalReader, plan: Plan, address: str) -> None:
    """Refuse to continue a run that is not this plan's, or went elsewhere. Raises PlanError."""
    header = reader.run().header
    if header.plan != plan.digest:
        raise PlanError(f"run {header.id} in the journal is not a run of plan {plan.digest}: pass --again")
    if header.target.address != address:
        raise PlanError(
            f"plan {plan.digest[:12]} was applied to {header.target.address}: pass --again to send it to {address}, too"
        )
