"""`run`: every item dispatched once, watched, and summed up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dispatchfile.api.blocking import blocking
from dispatchfile.api.errors import InvalidManifest
from dispatchfile.api.inputs import (
    FilePath,
    Variables,
    read_environ,
    read_path,
    read_run_id,
    read_selectors,
    read_settings,
    read_source,
)
from dispatchfile.api.progress import LoggedProgress, logger
from dispatchfile.clock import Clock
from dispatchfile.errors import UsageError
from dispatchfile.nomad.connection import read_connection
from dispatchfile.planfile import is_plan, read_plan
from dispatchfile.results import Summary
from dispatchfile.usecases.planning.apply import find_manifest, run_id_of
from dispatchfile.usecases.reporting import keep_ticking
from dispatchfile.usecases.run import run_or_resume
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.ends import RunEnd
from dispatchfile.usecases.running.prepare import RunOptions


async def run_async(
    manifest: FilePath,
    *,
    variables: Variables | None = None,
    only: str | Sequence[str] = (),
    skip: str | Sequence[str] = (),
    changed: str = "",
    skip_succeeded: bool = False,
    settings: Mapping[str, object] | None = None,
    run_id: str = "",
    new: bool = False,
    address: str = "",
    token: str = "",
    namespace: str = "",
    region: str = "",
    environ: Mapping[str, str] | None = None,
    state_dir: FilePath | None = None,
    allow_outside: bool = False,
) -> Summary:
    """
    Dispatch every item of a manifest, or of a plan file, and return the summary, as `dispatchfile run` does.

    manifest: the path of a manifest or plan file.
    variables: values for the manifest's `vars`, as for `load`.
    only, skip: selectors of items to take or to leave out, such as "film-*" or "tag:films".
    changed: a git ref or plan file: take only items that are new or changed since.
    skip_succeeded: leave out items that succeeded in an earlier run and have not changed since.
    settings: settings of the manifest to replace, such as {"wait": "completion", "in_flight": 100}.
    run_id: 1 to 20 characters, a-z and 0-9. A second call with the same ID continues that run and sends no item twice.
    new: start a run even if an earlier run of this manifest is unfinished.
    address, token, namespace, region: instead of NOMAD_ADDR, NOMAD_TOKEN, NOMAD_NAMESPACE and NOMAD_REGION.
    environ: the environment to use instead of `os.environ`.
    state_dir: the folder of the journals.
    allow_outside: allow files outside the manifest's folder.

    Items that fail are part of the summary: look at its `exit_code`. Raises InvalidManifest if the manifest has errors
    or the server would refuse its items, and other subclasses of DispatchfileError if nothing can be sent.

    Cancelling the task, or an exception such as KeyboardInterrupt in the thread that waits, interrupts the run: it
    sends no more items, waits for the requests in flight, and can be resumed.
    """
    environ = read_environ(environ, address=address, token=token, namespace=namespace, region=region)
    path = read_path(manifest, "the manifest's name")
    plan = path if is_plan(path) else ""
    if plan:
        _refuse_on_plans(only=only, skip=skip, changed=changed, skip_succeeded=skip_succeeded, run_id=run_id)
        path = find_manifest(plan)
    options = RunOptions(
        connection=read_connection({}, environ),
        source=read_source(path, variables, environ, allow_outside=allow_outside),
        settings=read_settings(settings),
        only=read_selectors(only),
        skip=read_selectors(skip),
        run_id=read_run_id(run_id),
        state_dir=None if state_dir is None else read_path(state_dir, "state_dir"),
        skip_succeeded=skip_succeeded,
        changed=changed,
        new=new,
    )
    end = await _run_interruptibly(_for_plan(options, plan) if plan else options)
    if end.summary is None:
        raise InvalidManifest(options.source.shown, end.problems)
    return end.summary


run = blocking("run", run_async)


def _refuse_on_plans(**given: object) -> None:
    """Refuse what would change which items a plan sends. Raises UsageError."""
    for name, value in given.items():
        if value:
            raise UsageError(f"{name} has no effect on a plan, which is sent as it was reviewed: leave it out")


def _for_plan(options: RunOptions, path: str) -> RunOptions:
    """Return the options of the run that applies the plan file."""
    plan = read_plan(path, manifest=options.source.path)
    source = replace(options.source, allow_outside=plan.head.allow_outside)
    return replace(options, source=source, plan=plan, run_id=run_id_of(plan, options.folder, again=False))


async def _run_interruptibly(options: RunOptions) -> RunEnd:
    """Run; if the caller is cancelled, end in good order first. Cancelled once more, end at once."""
    control, progress = Control(), LoggedProgress()
    task = asyncio.ensure_future(run_or_resume(options, reporter=progress, control=control, clock=Clock()))
    ticking = asyncio.ensure_future(keep_ticking(progress.tick))
    try:
        end = await asyncio.shield(task)
    except asyncio.CancelledError:
        await _interrupt(task, control)
        raise
    finally:
        ticking.cancel()
    return end.stopped_early() if control.stop_was_requested else end


async def _interrupt(task: asyncio.Future[RunEnd], control: Control) -> None:
    if not control.is_attached:  # nothing was sent yet
        task.cancel()
        await asyncio.wait([task])
        return
    control.interrupt()
    try:
        end = await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task])
    else:
        if end.summary is not None:
            logger.warning("interrupted; continue with: dispatchfile resume %s", end.summary.run)
