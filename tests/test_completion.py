"""Shells complete commands, options and names by the scripts of `kerasdl completion`."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time

import pytest

from kerasdl import recipes
from kerasdl.cli import completion, shipping
from kerasdl.compression import searching
from kerasdl.errors import InvalidInput
from tests.test_cli import run

needs_bash = pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    file = tmp_path_factory.mktemp("completion") / "bash"
    file.write_text(completion.bash())
    return file


@pytest.fixture
def complete(script, tmp_path):
    """A function from a command line to what bash offers for its last word, besides files."""

    def offered(line):
        words = line.split(" ")
        code = (
            f'source {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kerasdl; '
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        command = ["bash", "--norc", "--noprofile", "-c", code, "bash", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        assert done.stderr == ""
        return done.stdout.split()

    return offered


@needs_bash
@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("kerasdl tra", ["train"]),
        ("kerasdl com", ["compare", "compress", "completion"]),
        ("kerasdl --", ["--help", "--version"]),
        ("kerasdl train simple_cnn_", ["simple_cnn_mnist"]),
        ("kerasdl train mlp --strat", ["--strategy"]),
        ("kerasdl train --strategy mi", ["mirrored"]),
        ("kerasdl train --data ", []),
        ("kerasdl predict ", []),
        ("kerasdl predict run photo.jpg --no-p", ["--no-pictures"]),
        ("kerasdl info resnet1", ["resnet18", "resnet101", "resnet152"]),
        ("kerasdl export run --quantize int1", ["int16x8"]),
        ("kerasdl launch --workers 2 -- tra", ["train"]),
        ("kerasdl launch -- train mlp --epo", ["--epochs"]),
        ("kerasdl completion f", ["fish"]),
    ],
)
def test_bash_is_offered_commands_options_and_names(line, some, complete):
    assert set(complete(line)) == set(some)


@needs_bash
def test_recipes_are_offered_for_train(complete):
    assert set(complete("kerasdl train ")) == set(recipes.names())


@needs_bash
def test_tab_completes_in_an_interactive_bash(script, tmp_path):
    (tmp_path / "photo.jpg").touch()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.environ.update(TERM="dumb", PS1="> ")
        os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
    shown = b""

    def wait_for(text, seconds=20):
        nonlocal shown
        end = time.monotonic() + seconds
        while text not in shown and time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                shown += os.read(terminal, 4096)
        assert text in shown, shown
        shown = b""

    try:
        wait_for(b"> ")
        os.write(terminal, f"source {script}; echo rea''dy\n".encode())
        wait_for(b"ready")
        os.write(terminal, b"kerasdl pred\t")
        wait_for(b"kerasdl predict ")
        os.write(terminal, b"pho\t")  # the name of a file
        wait_for(b"photo.jpg ")
        os.write(terminal, b"--no-p\t")
        wait_for(b"--no-pictures ")
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)


def test_every_command_and_option_is_in_every_script():
    for command in completion.commands():
        for text in (completion.bash(), completion.fish()):
            assert command.name in text
            for option in command.options:
                assert all(name.removeprefix("--") in text for name in option.names)
    assert completion.bash() in completion.zsh()


@pytest.mark.skipif(not shutil.which("zsh"), reason="needs zsh")
def test_script_for_zsh_is_valid():
    subprocess.run(["zsh", "-n"], input=completion.zsh(), text=True, check=True)


@pytest.mark.skipif(not shutil.which("fish"), reason="needs fish")
def test_fish_is_offered_commands_and_names():
    code = f"{completion.fish()}\ncomplete -C 'kerasdl train simple_cnn_'"
    done = subprocess.run(["fish", "-c", code], capture_output=True, text=True, check=True)
    assert "simple_cnn_mnist" in done.stdout


def test_quotes_are_escaped_for_fish():
    assert completion._quoted("a run's \\") == "'a run\\'s \\\\'"


def test_scripts_are_printed_without_importing_tensorflow(capsys):
    code = (
        "import sys; from kerasdl import cli; sys.argv[1:] = ['completion', 'bash']\n"
        "try: cli.main()\nexcept SystemExit as stop: assert not stop.code\n"
        "assert not {'tensorflow', 'keras', 'numpy'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == completion.bash()
    status, out, err = run(capsys, "completion", "csh")
    assert status == 2 and out == "" and "one of bash, fish, zsh. Received: csh" in err
    with pytest.raises(InvalidInput, match="shell"):
        completion.script("csh")


def test_methods_are_those_of_compression():
    assert set(shipping.METHODS) <= searching.KNOWN
