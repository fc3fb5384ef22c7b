"""Run the code and commands of the README: `python -m tests.readme [--update]`.

A ```console block holds commands after `$` and, below them, what they print; a ```python block is a
script. Checking runs them all, in order, in one fresh folder. `--update` also writes what the
commands printed into the README, so that no output there is typed by hand.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]
BLOCK = re.compile(r"```(console|python)\n(.*?)```", re.DOTALL)
# commands that run this check or train for many minutes; only their existence is checked
DRY = ("make test", "make tutorials", "make conformance", "make results")


def execute(command: list[str] | str, folder: pathlib.Path) -> str:
    """Return what a command prints to a pipe; raise an error if it fails."""
    path = f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "80", "TF_CPP_MIN_LOG_LEVEL": "2"}
    result = subprocess.run(
        command, cwd=folder, env=environment, shell=isinstance(command, str),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if result.returncode:
        sys.exit(f"README: {command} ended with {result.returncode}\n{result.stderr}")
    return result.stdout


def run_console(block: str, folder: pathlib.Path) -> str:
    """Return the block with the present output of its commands."""
    lines = []
    for command in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
        print("README:", command, flush=True)
        if command.startswith(("git ", "cd ")):
            output = ""
        elif command.startswith("make "):
            dry = ["make", "-n", *command.split()[1:]] if command in DRY else command.split()
            output = "" if command in DRY and execute(dry, ROOT) else execute(dry, ROOT)
        else:
            output = execute(command, folder)
        lines += [f"$ {command}", *([output.rstrip()] if output else [])]
    return "\n".join(lines) + "\n"


def main():
    file = ROOT / "README.md"
    text = file.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        def run(match):
            kind, block = match.groups()
            if kind == "python":
                print("README: a script of", len(block.splitlines()), "lines", flush=True)
                execute([sys.executable, "-c", block], folder)
                return match[0]
            return f"```{kind}\n{run_console(block, folder)}```"

        updated = BLOCK.sub(run, text)
    if "--update" in sys.argv:
        file.write_text(updated, encoding="utf-8")


if __name__ == "__main__":
    main()
