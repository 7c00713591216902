"""
The table in docs/verdicts.md, from the cases that the tests drive.

Write it anew with `python -m tests.conformance.table`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.conformance.cases import SCENES, Case

TABLE = Path(__file__).parents[2] / "docs" / "verdicts.md"
HEAD = """\
# Verdicts

This page lists the ways in which a dispatched job can end, and the outcome that dispatchfile reports for each. It also
shows the exit code of `nomad job dispatch -wait` for comparison.

Every row is a test in `tests/conformance`. It runs on the embedded agent and on a Nomad 2.0.5 server, once with
dispatchfile and once with `nomad job dispatch -wait`. `python -m tests.conformance.table` writes this page from the
tests, and a test checks that it is up to date.

- **outcome**, **cause** and **task's exit code** are what `dispatchfile run --wait completion` reports for the item.
- **exit** is the exit code of a run with only this item.
- **-wait** is the exit code of `nomad job dispatch -wait`. It is bold if the two disagree on whether the job succeeded.
  *waits* means that the command does not end before its time limit.
- **starts** counts all starts of a task. Tasks are not restarted or rescheduled unless the row says so.
- {real_only} run only on the server, because the embedded agent lacks what they need.

| case | how it ends | outcome | cause | task's exit code | starts | exit | -wait |
|---|---|---|---|---|---|---|---|
"""
WAITS = "*waits*"
FACTS = """
## How the causes of a stop are told apart

A stopped allocation is `complete`, as one that succeeded. Its `DesiredStatus`, `DesiredDescription` and
`DesiredTransition` show what stopped it. *Observed* means on a running Nomad 2.0.5. The rest is read in Nomad's source,
in the file that is named.

| what happens | what Nomad stores | source |
|---|---|---|
| `nomad job stop` | `stop`, `alloc not needed due to job update` | observed |
| `nomad alloc stop` | `stop`, `alloc is being migrated`, `Migrate`, and `Reschedule` and `NoShutdownDelay`, each \
true or false | observed |
| `nomad alloc stop`, 1.6.0 and 1.10.5 | the same without `Reschedule` | `nomad/alloc_endpoint.go` |
| drain | `stop`, `alloc is being migrated`, `Migrate` and `MigrateDisablePlacement`; `Reschedule` and \
`NoShutdownDelay` are null | observed |
| drain, 1.6.0 and 1.10.5 | the same without `MigrateDisablePlacement` | `nomad/drainer/drainer.go` |
| either, of a sysbatch job | as above with `alloc not needed as node is tainted`, without `MigrateDisablePlacement` | \
observed |
| preemption | `evict`, `PreemptedByAllocation` | observed |

- `nomad alloc stop` asks for a reschedule of a batch job's allocation. Nomad replaces the allocation after the delay of
  `reschedule` if an attempt is left, else the job ends. (Observed; the query is in `command/alloc_stop.go`.)
- The API without `reschedule=true`, and `nomad job restart -reschedule`, replace it at once, also without an attempt.
  (Observed.)
- `nomad alloc stop` before 1.11.0 sends no such query, so it replaces the allocation at once. (`command/alloc_stop.go`)
- Nothing replaces a stopped or drained allocation of a sysbatch job on its node, nor a drained one of a batch job.
  (Observed. Before 1.11.0, a batch job's is replaced: `nomad/drainer/drainer.go`.)

## What a queued item waits for

Nomad keeps a child that no node takes as `pending`, with an evaluation that is `blocked`. `FailedTGAllocs` of the
evaluation has the reason for each group. `tests/conformance/test_waits.py` compares these on both agents.

| what no node has or meets | what Nomad stores | message |
|---|---|---|
| the driver | `ConstraintFiltered`, `missing drivers` | no node has its driver (1 filtered) |
| a device | `ConstraintFiltered`, `missing devices` | no node has its device (1 filtered) |
| a constraint | `ConstraintFiltered`, the constraint | no node meets "${meta.mars} = yes" (1 filtered) |
| the value for a `distinct_property` | `ConstraintFiltered`, `missing property` | \
missing property "${meta.mars}" (1 filtered) |
| memory or whole cores | `DimensionExhausted` | memory exhausted on 1 node |
| the datacenter | `NodesEvaluated` is 0 | no node is eligible |

- An affinity or a spread keeps no node off. (Observed.)
- Nomad replaces no variable of a dispatch, such as `${NOMAD_META_x}`, where it chooses nodes. A constraint with one on
  its right side is never met, or always if it is a negation. 1.11.2 and later refuse a job that has one on the left
  side. (Observed; `scheduler/feasible/feasible.go`, `nomad/structs/constraint.go`.)
- The `meta` block of a task overrides that of its group, and both override the metadata of a dispatch. (Observed
  of a group; `Job.CombinedTaskMeta` in `nomad/structs/structs.go`.)

## Which allocation decides

Of several allocations the worst end decides; of equal ones the first by group and index. The message names the
allocation as `GROUP[INDEX]`, from the end of the allocation's name, `JOB.GROUP[INDEX]`. (Observed;
`nomad/structs/funcs.go`.)
"""


def render_table() -> str:
    real_only = ", ".join(f"`{case.name}`" for scene in SCENES if scene.lacking for case in scene.cases)
    rows = (f"| {' | '.join(_cells(case))} |\n" for scene in SCENES for case in scene.cases)
    return HEAD.format(real_only=real_only) + "".join(rows) + FACTS


def _cells(case: Case) -> Iterator[str]:
    ending = case.ending
    ours, theirs = ending.outcome.exit_class, case.nomad_exit
    differ = theirs is not None and (ours == 0) != (theirs == 0)
    yield f"`{case.name}`"
    yield case.story
    yield ending.outcome
    yield ending.cause or ""
    yield "" if ending.exit_code is None else str(ending.exit_code)
    yield str(ending.starts)
    yield str(ours)
    yield WAITS if theirs is None else f"**{theirs}**" if differ else str(theirs)


if __name__ == "__main__":
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(render_table(), encoding="utf-8")
