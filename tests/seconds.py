"""Write a table of the seconds of each test folder: `python -m tests.seconds FILE`.

A test run writes FILE if the environment variable KERASDL_SECONDS names it:

    KERASDL_SECONDS=seconds.txt make test test-slow
    python -m tests.seconds seconds.txt
"""

import collections
import os
import pathlib
import re
import sys

PAGE = pathlib.Path(__file__).parents[1] / "CONTRIBUTING.md"
TABLE = re.compile(r"(<!-- seconds -->\n).*?(<!-- /seconds -->)", re.DOTALL)


def record(report):
    """Append the seconds of a phase of a test to the file that the variable names."""
    if file := os.environ.get("KERASDL_SECONDS"):
        kind = "slow" if "slow" in report.keywords else "test"
        with open(file, "a", encoding="utf-8") as output:
            output.write(f"{kind} {report.duration:.3f} {report.nodeid.partition('::')[0]}\n")


def folder(path: str) -> str:
    """Return the folder of a test, or the package of a doctest."""
    parts = pathlib.PurePosixPath(path).parts
    return "/".join(parts[:2]) if len(parts) > 2 or parts[0] == "kerasdl" else path


def table(lines) -> str:
    """Return a row for each folder: its summed seconds in `make test` and `make test-slow`."""
    seconds = collections.defaultdict(lambda: {"test": 0.0, "slow": 0.0})
    for line in lines:
        kind, duration, path = line.split()
        place = folder(path)
        place = "doctests of kerasdl" if place.startswith("kerasdl") else place
        seconds[place][kind] += float(duration)
    rows = ["| tests | `make test` | `make test-slow` |", "|---|---|---|"]
    total = {kind: sum(row[kind] for row in seconds.values()) for kind in ("test", "slow")}
    ordered = sorted(seconds.items(), key=lambda item: -sum(item[1].values()))
    for place, row in [*ordered, ("all", total)]:
        rows.append(f"| {place} | {row['test']:,.0f} s | {row['slow']:,.0f} s |")
    return "\n".join(rows) + "\n"


def main():
    lines = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(TABLE.sub(rf"\g<1>{table(lines)}\g<2>", text), encoding="utf-8")


if __name__ == "__main__":
    main()
