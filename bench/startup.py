"""How long a command or an import of the package takes to start, beside a Python that does nothing."""

from __future__ import annotations

import argparse
import statistics
import sys

from processes import DISPATCHFILE, measure, root


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11)
    options = parser.parse_args()
    small = root() / "examples" / "quickstart" / "dispatchfile.yaml"
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import dispatchfile": [sys.executable, "-c", "import dispatchfile"],
        "--version": [*DISPATCHFILE, "--version"],
        "--help": [*DISPATCHFILE, "--help"],
        "validate of a small file": [*DISPATCHFILE, "validate", str(small)],
    }
    walls: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.runs):
        for name, command in commands.items():
            walls[name].append(measure(command).wall_s)
    floor = statistics.median(walls["python -c pass"])
    for name, times in walls.items():
        median = statistics.median(times)
        print(f"{name}: {median * 1000:.0f} ms (median of {len(times)}), {median / floor:.1f} x python -c pass")


if __name__ == "__main__":
    main()
