"""How long `validate` of a big manifest takes, and how much memory: templates rendered, nothing kept."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from manifests import write_rendered
from processes import DISPATCHFILE, measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", default="10000,100000", help="sizes, separated by commas")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    for items in map(int, options.items.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            manifest = write_rendered(Path(folder), items)
            runs = [measure([*DISPATCHFILE, "validate", str(manifest)]) for _ in range(options.runs)]
        assert all(run.exit_code == 0 for run in runs), [run.exit_code for run in runs]
        wall = statistics.median(run.wall_s for run in runs)
        cpu = statistics.median(run.cpu_s for run in runs)
        peak = max(run.peak_mb for run in runs)
        print(f"{items} items: {wall:.2f} s, {cpu:.2f} s of CPU (medians of {len(runs)}), peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
