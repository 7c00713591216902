"""How long `validate` of a big manifest takes, and how much memory: templates rendered, nothing kept."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from manifests import write_rendered
from processes import DISPATCHFILE, Measured, measure
from rows import SOURCES, write_from, write_written_out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", default="10000,100000", help="sizes, separated by commas")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rows", action="store_true", help="each source of rows beside the same items written out")
    options = parser.parse_args()
    if options.rows:
        for items in map(int, options.items.split(",")):
            compare_rows(items, options.runs)
        return
    for items in map(int, options.items.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            manifest = write_rendered(Path(folder), items)
            runs = [measure([*DISPATCHFILE, "validate", str(manifest)]) for _ in range(options.runs)]
        assert all(run.exit_code == 0 for run in runs), [run.exit_code for run in runs]
        wall = statistics.median(run.wall_s for run in runs)
        cpu = statistics.median(run.cpu_s for run in runs)
        peak = max(run.peak_mb for run in runs)
        print(f"{items} items: {wall:.2f} s, {cpu:.2f} s of CPU (medians of {len(runs)}), peak {peak:.0f} MB")


def compare_rows(items: int, runs: int) -> None:
    """Time and memory of each source, as a share of the same items written out."""
    written_out = validated(lambda folder: write_written_out(folder, items), runs)
    print(f"{items} items written out: {written_out.wall_s:.2f} s, peak {written_out.peak_mb:.0f} MB")
    for source in SOURCES:
        found = validated(lambda folder, source=source: write_from(folder, source, items), runs)
        time, memory = found.wall_s / written_out.wall_s, found.peak_mb / written_out.peak_mb
        print(f"  {source}: {found.wall_s:.2f} s ({time:.2f}), peak {found.peak_mb:.0f} MB ({memory:.2f})")


def validated(write: Callable[[Path], Path], runs: int) -> Measured:
    """The fastest of *runs*, and the highest peak among them."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = write(Path(folder))
        measured = [measure([*DISPATCHFILE, "validate", str(manifest)]) for _ in range(runs)]
    assert all(run.exit_code == 0 for run in measured), [run.exit_code for run in measured]
    return replace(min(measured, key=lambda run: run.wall_s), peak_mb=max(run.peak_mb for run in measured))


if __name__ == "__main__":
    main()
