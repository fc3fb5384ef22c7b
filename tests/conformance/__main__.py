"""Run the matrix and write its table to docs/conformance.md: `make conformance`."""

import os
import pathlib
import sys

import pytest

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "conformance.md"


class Cells:
    """Collect the cells that the tests measured, also in xdist's workers."""

    def __init__(self):
        self.measured = {}

    def pytest_runtest_logreport(self, report):
        for _, (subject, name, cell) in report.user_properties if report.when == "call" else ():
            self.measured[subject, name] = cell


def main():
    os.environ["CONFORMANCE"] = "all"  # the slow cells of every subject
    cells = Cells()
    folder = str(pathlib.Path(__file__).parent)
    status = pytest.main([folder, "-n", "2", "--dist", "loadgroup"], plugins=[cells])
    if status == 0:
        from tests.conformance import table  # not before the tests' own settings

        PAGE.write_text(table.page(cells.measured), encoding="utf-8")
        print(f"Written: {PAGE}")
    return status


if __name__ == "__main__":
    sys.exit(main())
