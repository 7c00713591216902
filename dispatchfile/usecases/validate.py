"""`validate`: everything that can be known of manifests without a server, all problems at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dispatchfile.items import RowCount, unfollowed_keys
from dispatchfile.manifest import Document
from dispatchfile.problems import Problem, has_errors
from dispatchfile.settings import SettingError, resolve_settings
from dispatchfile.usecases.jobs.checks import ItemChecks
from dispatchfile.usecases.jobs.listed import read_declared, read_listed_jobs, wait_of
from dispatchfile.usecases.load import ManifestSource, read_entries, read_known, read_source, without_their_secrets


@dataclass(frozen=True, slots=True)
class CheckedManifest:
    """The result of checking a manifest."""

    path: str  # as shown
    items: int  # that could be read
    problems: tuple[Problem, ...]
    sources: tuple[RowCount, ...] = ()  # of rows


def validate(sources: Iterable[ManifestSource]) -> tuple[CheckedManifest, ...]:
    """Check every manifest, in the order given; what is wrong with one keeps none of the others from being checked."""
    shared = _sharing_job_variables(tuple(_sharing_variables(tuple(sources))))
    return tuple(_check(source) for source in shared)


def _sharing_variables(sources: Sequence[ManifestSource]) -> Iterator[ManifestSource]:
    """A variable is known if any of the manifests knows it; one that none does is told once, with the first."""
    if len(sources) < 2 or not sources[0].given.places:
        yield from sources
        return
    first, *others = sources
    known = [read_known(source) for source in others]
    elsewhere = None if None in known else frozenset[str]().union(*(names for names in known if names is not None))
    yield replace(first, known_elsewhere=elsewhere)
    yield from (replace(source, given=source.given.without_places()) for source in others)


def _sharing_job_variables(sources: Sequence[ManifestSource]) -> Iterator[ManifestSource]:
    """The same for the variables of job files."""
    if len(sources) < 2 or not any(source.job_values.named() for source in sources):
        yield from sources
        return
    first, *others = sources
    declared = [read_declared(source) for source in others]
    known = [names for names in declared if names is not None]
    elsewhere = frozenset[str]().union(*known) if len(known) == len(declared) else None
    yield replace(first, job_variables_elsewhere=elsewhere)
    yield from (replace(source, job_variables_elsewhere=None) for source in others)


def exit_code(checked: Iterable[CheckedManifest]) -> int:
    """1 where any manifest has an error; warnings are no errors."""
    return int(any(has_errors(manifest.problems) for manifest in checked))


def _check(source: ManifestSource) -> CheckedManifest:
    """Items are counted and forgotten, so that a large manifest takes no more memory than its problems."""
    document, files, problems = read_source(source, as_written=True)
    items, found = 0, list(problems)
    counts: list[RowCount] = []
    jobs = read_listed_jobs(source, document, files)
    checks = ItemChecks(jobs, wait_of(document))
    for entry in read_entries(source, document, files, problems, counts.append):
        if isinstance(entry, Problem):
            found.append(entry)
        else:
            items += 1
            checks.take(entry)
    found += checks.problems()
    if document is not None and not has_errors(problems):
        found += _unfollowed(document)
    return CheckedManifest(source.shown, items, without_their_secrets(document, found), tuple(counts))


def _unfollowed(document: Document) -> Iterable[Problem]:
    """Return warnings of keys without effect. A manifest that does not say how far to wait may be run with --wait."""
    written = document.data.get("settings")
    if not isinstance(written, Mapping) or "wait" not in written:
        return ()
    try:
        settings = resolve_settings({}, written)
    except SettingError:
        return ()  # a problem that is reported already
    return unfollowed_keys(document, settings)
