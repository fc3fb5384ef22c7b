"""What the tutorials' headers say, as a page; and the seconds that they take.

`python -m tests.tutorials [NUMBER ...]` runs them in full, one after the other, each in a process
of its own; it writes how long each took into its header, and `tutorials/README.md`.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

FOLDER = pathlib.Path(__file__).parents[1] / "tutorials"
PAGE = FOLDER / "README.md"
LIMIT = 90  # seconds
SECONDS = re.compile(r"(`python tutorials/\S+\.py` \()(\d+)( seconds\))")

PARTS = {
    "Networks, from one neuron to a language model": range(1, 7),
    "To the phone: smaller, and still right": range(7, 12),
    "More machines, more trials, and what goes wrong with them": range(12, 16),
    "How a network learns: the notes' own questions": range(16, 31),
}
TEXT = """# Tutorials

Each is a script that states a claim, measures it, draws it and checks it; none needs a network. In
an editor that knows percent cells it is a notebook. Begin with 01, which is the package in ten
seconds of training, and go on in order: each uses what the ones before have taught. Who would
rather follow the notes begins with 16, on how a network learns, and comes back to 02.

    python tutorials/01_first_network.py        figures are saved in out/01_first_network/
    make tutorials                              all of them

Seconds are those of the full form on two cores, as measured by `python -m tests.tutorials`.
"""


def scripts():
    return sorted(FOLDER.glob("[0-9][0-9]_*.py"))


def title(path):
    return path.read_text(encoding="utf-8").splitlines()[1].removeprefix("# # ")


def seconds(path):
    return int(SECONDS.search(path.read_text(encoding="utf-8"))[2])


def page():
    """The text of `tutorials/README.md`."""
    lines = [TEXT]
    for part, numbers in PARTS.items():
        lines += [f"## {part}", "", "| | | seconds |", "|---|---|---|"]
        for path in scripts():
            if (number := int(path.name[:2])) in numbers:
                lines.append(f"| {number:02} | [{title(path)}]({path.name}) | {seconds(path)} |")
        lines.append("")
    return "\n".join(lines)


def measure(path):
    """Seconds, the start of Python included."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        environment = {**os.environ, "MPLBACKEND": "Agg"}
        subprocess.run([sys.executable, path], cwd=folder, env=environment, check=True)
        return time.perf_counter() - begin


def main():
    wanted, found = sys.argv[1:], {path.name[:2]: path for path in scripts()}
    if unknown := set(wanted) - set(found):
        sys.exit(
            f"no tutorial {', '.join(sorted(unknown))}: numbers are {min(found)} to {max(found)}"
        )
    for path in [found[number] for number in wanted or found]:
        taken = measure(path)
        print(f"{path.name}: {taken:.0f} seconds", flush=True)
        if taken > LIMIT:
            sys.exit(f"{path.name} took more than {LIMIT} seconds")
        rounded = max(5, 5 * round(taken / 5))
        text = path.read_text(encoding="utf-8")
        path.write_text(SECONDS.sub(rf"\g<1>{rounded}\g<3>", text), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
