"""List the tutorials, measure their seconds and write `tutorials/README.md`.

`python -m tests.tutorials [WORD ...]` runs the tutorials whose path contains a word (by default
all) in full, one after the other, each in a new process. It writes the seconds of each into its
header, and writes the page.
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
    "1_learning": "How a network learns",
    "2_vision": "Vision",
    "3_sequences": "Sequences",
    "4_generative": "Generative models",
    "6_to_the_phone": "To the phone: smaller and faster networks",
    "7_scale": "Scale: many devices, machines and trials",
}
TEXT = """# Tutorials

Each tutorial is a script that explains one idea, writes it out in code, draws it and checks what it
claims. None needs a network connection. Run one from any folder:

    python tutorials/1_learning/01_perceptron_and_xor.py    # figures: out/01_perceptron_and_xor/
    make tutorials                                          # all of them

Or open it in an editor that knows percent cells (VS Code, PyCharm, Spyder, Jupyter with Jupytext):
there each section shows its figures below its cell.

**New here?** Start with [the perceptron](1_learning/01_perceptron_and_xor.py) and go on in order:
each tutorial uses what the ones before it have taught. After the first seven, any part can follow.

Seconds are those of a full run on two cores, as measured by `python -m tests.tutorials`.
"""


def scripts() -> list[pathlib.Path]:
    """Return the paths of all tutorials, in the order of learning."""
    return sorted(FOLDER.glob("[0-9]_*/[0-9][0-9]_*.py"))


def title(path: pathlib.Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[1].removeprefix("# # ")


def seconds(path: pathlib.Path) -> int:
    return int(SECONDS.search(path.read_text(encoding="utf-8"))[2])


def page() -> str:
    """Return the text of `tutorials/README.md`."""
    lines = [TEXT]
    for part, name in PARTS.items():
        lines += [f"## {name}", "", "| | | seconds |", "|---|---|---|"]
        for path in scripts():
            if path.parent.name == part:
                link = f"[{title(path)}]({part}/{path.name})"
                lines.append(f"| {path.name[:2]} | {link} | {seconds(path)} |")
        lines.append("")
    return "\n".join(lines)


def measure(path: pathlib.Path) -> float:
    """Return the seconds of a full run, including the start of Python."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        environment = {**os.environ, "MPLBACKEND": "Agg"}
        subprocess.run([sys.executable, path], cwd=folder, env=environment, check=True)
        return time.perf_counter() - begin


def main():
    words = sys.argv[1:]
    names = {path: path.relative_to(FOLDER).as_posix() for path in scripts()}
    if unknown := [word for word in words if not any(word in name for name in names.values())]:
        sys.exit(f"no tutorial's path contains {', '.join(unknown)}")
    for path, name in names.items():
        if words and not any(word in name for word in words):
            continue
        taken = measure(path)
        print(f"{name}: {taken:.0f} seconds", flush=True)
        if taken > LIMIT:
            sys.exit(f"{name} took more than {LIMIT} seconds")
        rounded = max(5, 5 * round(taken / 5))
        text = path.read_text(encoding="utf-8")
        path.write_text(SECONDS.sub(rf"\g<1>{rounded}\g<3>", text), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
