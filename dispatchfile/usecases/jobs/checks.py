"""Items against the jobs of a manifest's job files: what Nomad would refuse, told without a server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from dispatchfile.items import Item
from dispatchfile.names import JobKey
from dispatchfile.nomad.decode import parse_job
from dispatchfile.nomad.models import Job
from dispatchfile.preflight import ParentState, cap_problems, check_items
from dispatchfile.problems import Problem
from dispatchfile.settings import Wait
from dispatchfile.usecases.jobs.files import ELSEWHERE, ListedFile, ManifestJobs

NOT_REGISTERED = "DF100"
ITEMS_AT_ONCE = 1_000
OF_THE_BLOCK = frozenset({"DF103", "DF104", "DF105"})  # parameterized
OF_THE_JOB = frozenset({"DF101", "DF109", "DF112", "DF113"})  # told once, at the first item


class ItemChecks:
    """Checks items as they come, and keeps none of them."""

    def __init__(self, jobs: ManifestJobs, wait: Wait) -> None:
        self._jobs, self._wait = jobs, wait
        self._files: dict[JobKey, ListedFile] = {}
        self._states: dict[JobKey, ParentState] = {}
        self._waiting: list[Item] = []
        self._problems: list[Problem] = []
        self._told: set[tuple[str, str]] = set()
        self._used: dict[JobKey, str] = {}  # the jobs of the items, with the ID of the first one

    def take(self, item: Item) -> None:
        """Check the item, now or with the next ones."""
        key = item.request.job_key
        if key not in self._used:
            self._used[key] = item.id
            self._find(key, item)
        if key in self._states:
            self._waiting.append(item)
            if len(self._waiting) >= ITEMS_AT_ONCE:
                self._check()

    def problems(self) -> tuple[Problem, ...]:
        """Return everything that is wrong with the items, and with the job files that they use."""
        self._check()
        return (*cap_problems(self._problems), *self._jobs.problems, *self._jobs.problems_of(self._used))

    def _find(self, key: JobKey, item: Item) -> None:
        if (listed := self._jobs.find(key)) is not None:
            self._files[key], self._states[key] = listed, ParentState(job=job_of(listed))
        elif other := next((file for file in self._jobs.files if file.file and file.job == key.job), None):
            self._problems.append(_elsewhere(item, other))

    def _check(self) -> None:
        items, self._waiting = self._waiting, []
        jobs = {item.id: item.request.job_key for item in items}
        for problem in check_items(items, self._states, wait=self._wait, version=None):
            file = self._files[jobs[problem.item]] if problem.item in jobs else None
            key = problem.code, problem.found
            if file is None or (problem.code in OF_THE_JOB and key in self._told):
                continue
            self._told.add(key)
            place = file.position("parameterized" if problem.code in OF_THE_BLOCK else "job")
            self._problems.append(replace(problem, found=f"{problem.found} ({place.file}:{place.line})"))


def check_against_files(items: Iterable[Item], jobs: ManifestJobs, wait: Wait) -> tuple[Problem, ...]:
    """Return everything that is wrong with the *items*, and with the job files that they use."""
    checks = ItemChecks(jobs, wait)
    for item in items:
        checks.take(item)
    return checks.problems()


def name_files(problems: Iterable[Problem], items: Iterable[Item], jobs: ManifestJobs) -> tuple[Problem, ...]:
    """Return the *problems*; one of a job that Nomad does not have names the job file that would register it."""
    keys = {item.id: item.request.job_key for item in items}
    return tuple(
        _naming_file(problem, jobs, keys) if problem.code == NOT_REGISTERED else problem for problem in problems
    )


def _naming_file(problem: Problem, jobs: ManifestJobs, keys: Mapping[str, JobKey]) -> Problem:
    key = keys.get(problem.item or "")
    listed = None if key is None else jobs.find(key)
    return problem if listed is None else replace(problem, hint=f"register it with `nomad job run {listed.shown}`")


def job_of(listed: ListedFile) -> Job:
    """Return the job of a file that could be read, as a server would show it."""
    assert listed.file is not None  # noqa: S101  the caller has looked
    return parse_job(listed.file.job)


def _elsewhere(item: Item, listed: ListedFile) -> Problem:
    namespace, region, job = item.request.job_key
    file = listed.file
    is_region = file is not None and file.namespace in ("", namespace)
    key, own, other = (
        ("region", region, file and file.region) if is_region else ("namespace", namespace, file and file.namespace)
    )
    found = f"job {job!r} has {key} {other!r} in {listed.position()}, but the item dispatches it in {key} {own!r}"
    return Problem(
        ELSEWHERE,
        item.row or item.position,
        found,
        f"use the same {key} in both, or remove it from the job file",
        item=item.id,
    )
