"""`plan`: what a run would send, checked against the server; nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dispatchfile.api.blocking import blocking
from dispatchfile.api.errors import InvalidManifest
from dispatchfile.api.inputs import FilePath, Variables, read_environ, read_path, read_selectors, read_source
from dispatchfile.api.manifests import ManifestItem, shown_item
from dispatchfile.nomad.connection import Connection, read_connection
from dispatchfile.planfile import Change, Review
from dispatchfile.problems import Problem
from dispatchfile.usecases.plan import PlanOptions, make_plan
from dispatchfile.usecases.running.prepare import RunOptions


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """The items that a run would send."""

    manifest: str
    digest: str  # 64 hex digits: the name of the plan in output, journals and reports
    items: tuple[ManifestItem, ...] = field(repr=False)  # to send, in the order of the file
    left_out: int  # items of the manifest that the plan does not send
    changes: Mapping[str, Change] = field(repr=False)  # by item ID, if the plan was compared; else empty
    removed: tuple[str, ...]  # IDs of items that only the plan or git ref had that this one was compared with
    problems: tuple[Problem, ...]  # warnings


async def plan_async(
    manifest: FilePath,
    *,
    variables: Variables | None = None,
    only: str | Sequence[str] = (),
    skip: str | Sequence[str] = (),
    changed: str = "",
    against: str = "",
    skip_succeeded: bool = False,
    offline: bool = False,
    out: FilePath | None = None,
    address: str = "",
    token: str = "",
    namespace: str = "",
    region: str = "",
    environ: Mapping[str, str] | None = None,
    state_dir: FilePath | None = None,
    allow_outside: bool = False,
) -> PlannedRun:
    """
    Return what a run would send, as `dispatchfile plan` does. Nothing is sent.

    manifest: the path of a file.
    variables: values for the manifest's `vars`, as for `load`.
    only, skip: selectors of items to take or to leave out, such as "film-*" or "tag:films".
    changed: a git ref or plan file: take only items that are new or changed since.
    against: a git ref or plan file to compare with; the items stay the same.
    skip_succeeded: leave out items that succeeded in an earlier run and have not changed since.
    offline: do not ask the server.
    out: the path of a plan file to write, for review and for `run`.
    address, token, namespace, region: instead of NOMAD_ADDR, NOMAD_TOKEN, NOMAD_NAMESPACE and NOMAD_REGION.
    environ: the environment to use instead of `os.environ`.
    state_dir: the folder of the journals.
    allow_outside: allow files outside the manifest's folder.

    Raises InvalidManifest for a manifest with errors, and other subclasses of DispatchfileError if the arguments
    cannot be used, the server cannot be asked, or a plan or git ref cannot be read.
    """
    environ = read_environ(environ, address=address, token=token, namespace=namespace, region=region)
    source = read_source(manifest, variables, environ, allow_outside=allow_outside)
    options = RunOptions(
        connection=Connection() if offline else read_connection({}, environ),
        source=source,
        only=read_selectors(only),
        skip=read_selectors(skip),
        changed=changed,
        state_dir=None if state_dir is None else read_path(state_dir, "state_dir"),
        skip_succeeded=skip_succeeded,
    )
    path = None if out is None else read_path(out, "out")
    end = await make_plan(PlanOptions(run=options, offline=offline, against=against, out=path))
    if end.review is None:
        raise InvalidManifest(source.shown, end.problems)
    return _shown_plan(end.review, end.problems)


plan = blocking("plan", plan_async)


def _shown_plan(review: Review, problems: tuple[Problem, ...]) -> PlannedRun:
    found = review.comparison
    return PlannedRun(
        manifest=review.manifest,
        digest=review.digest,
        items=tuple(map(shown_item, review.items)),
        left_out=review.head.left_out,
        changes={} if found is None else {item: difference.change for item, difference in found.differences.items()},
        removed=() if found is None else tuple(item.id for item in found.removed),
        problems=problems,
    )
