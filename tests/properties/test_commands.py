"""Any arguments of any command give a result or one line of error, never a traceback."""

import sys
import typing

import hypothesis
import pytest
from hypothesis import strategies as st

from kerasdl import cli, recipes
from tests.properties.common import settings

WRONG = {int: ["x", "1.5", "", "1e3"], float: ["x", "", "1,5"]}
# values that only the command itself can refuse
KNOWN = {
    ("train", "--epochs"): ["0", "-1", "9" * 30],
    ("train", "--batch-size"): ["0", "-3", "9" * 30],
    ("train", "--learning-rate"): ["0", "-1", "nan", "inf", "1e300"],
    ("train", "--seed"): ["-1", str(2**40)],
    ("train", "--image-size"): ["0", "-8", "100000", "9" * 30],
    ("train", "--data"): ["", "nowhere", "nowhere/", "x.csv", "tfds:", "tfds:no_such", "nul\0"],
    ("train", "--strategy"): ["", "cpu", "cpu:0", "cpu:x", "one:2", "tpu:", "three"],
    ("train", "--save-seconds"): ["nan", "-1", "inf"],
    ("train", "--on-nan"): ["", "go on"],
    ("tune", "--trials"): ["0", "-1", "9" * 30],
    ("tune", "--epochs"): ["0", "-1", "9" * 30],
    ("tune", "--patience"): ["0", "-1"],
    ("tune", "--validation"): ["0", "1", "-0.1", "nan", "inf", "0.99999"],
    ("tune", "--seed"): ["-1", "9" * 30],
    ("tune", "--time"): ["0s", "-1s", "nan", "1d", "9" * 400 + "h"],
    ("tune", "--image-size"): ["0", "100000"],
    ("launch", "--workers"): ["0", "-1", "100000"],
    ("compress", "--max-drop"): ["nan", "inf", "-1", "1.5"],
    ("compress", "--epochs"): ["0", "-1", "9" * 30],
    ("compress", "--sparsity"): ["0", "1", "nan", "-1"],
    ("compress", "--method"): ["", "no_such"],
    ("export", "--quantize"): ["", "int3"],
    ("export", "--format"): ["", "pdf"],
    ("bench", "--threads"): ["0", "-1", "9" * 30],
    ("demo", "--port"): ["-1", "70000"],
    ("list", ""): ["no_such"],
    ("info", ""): ["no_such", "/", "\0"],  # without a name, it shows versions
}
REQUIRED = {"train": ["mlp"], "info": ["mlp"], "tune": ["mlp"], "launch": ["list"]}
OF_A_RUN = ("compress", "export", "bench", "demo")
RUN_COMMANDS = ("evaluate", "predict", "explain", "export", "compress", "bench", "demo")


def run(capsys, arguments):
    sys.argv = ["kerasdl", *arguments]
    with pytest.raises(SystemExit) as stop:
        cli.main()
    printed = capsys.readouterr()
    return stop.value.code or 0, printed.out, printed.err


def refuses(capsys, arguments):
    status, out, err = run(capsys, arguments)
    assert status == 2 and out == "", (arguments, status, out, err)
    assert err.startswith("kerasdl: ") and err.count("\n") == 1, (arguments, err)


def typed_options():
    for command in cli.app.registered_commands:
        name = command.name or command.callback.__name__
        for option, kind in typing.get_type_hints(command.callback).items():
            kinds = {kind, *typing.get_args(kind)} & set(WRONG)
            for value in (value for kind in kinds for value in WRONG[kind]):
                yield name, f"--{option.replace('_', '-')}", value


@pytest.mark.parametrize("name", sorted({name for name, _, _ in typed_options()}))
def test_value_of_another_type_is_refused(name, tmp_path, capsys):
    rest = REQUIRED.get(name, [str(tmp_path)])
    for command, option, value in typed_options():
        if command == name:
            refuses(capsys, [name, f"{option}={value}", *rest])


@pytest.fixture(scope="session")
def a_run(tmp_path_factory):
    """Return the folder of a finished run with an exported file."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    run = recipes.get("mlp").run(folder, fast=True, progress=False)
    run.export(["none"])
    return str(folder)


@pytest.mark.parametrize(("name", "option"), KNOWN, ids=map(" ".join, KNOWN))
@pytest.mark.slow
def test_wrong_value_is_refused(name, option, tmp_path, capsys, monkeypatch, a_run):
    monkeypatch.chdir(tmp_path)
    required = [a_run] if name in OF_A_RUN else REQUIRED.get(name, [])
    for value in KNOWN[name, option]:
        given = [f"{option}={value}"] if option else [value]
        refuses(capsys, [name, *(required if option else []), *given])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", RUN_COMMANDS)
def test_folder_that_is_not_a_run_is_refused(name, tmp_path, capsys):
    broken = {
        "empty": {},
        "no_json": {"config.json": "no JSON", "metrics.json": "{}"},
        "no_recipe": {"config.json": "{}", "metrics.json": "{}"},
        "list": {"config.json": "[]", "metrics.json": "[]"},
    }
    for folder, files in broken.items():
        (tmp_path / folder).mkdir()
        for file, text in files.items():
            (tmp_path / folder / file).write_text(text)
    (tmp_path / "file").write_text("a file")
    (tmp_path / "file.tflite").write_bytes(b"no model")
    (tmp_path / "file.onnx").write_bytes(b"")
    rest = ["x.png"] if name == "predict" else []
    rest += ["--no-open"] if name == "demo" else []
    for place in (*broken, "file", "file.tflite", "file.onnx", "nowhere"):
        refuses(capsys, [name, str(tmp_path / place), *rest])


WORDS = ["list", "info", "bench", "evaluate", "mlp", "digits", "--json", "--help", "--", "-x", ""]
WORDS += [
    "--epochs",
    "-1",
    "nowhere",
    "--sort",
    "kB",
    "--threads",
    "0",
    "recipes",
    "--no-such",
    "é",
]


@pytest.mark.slow
def test_random_arguments_give_a_result_or_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    @settings(40)
    @hypothesis.given(st.lists(st.sampled_from(WORDS), max_size=4))
    def check(words):
        status, out, err = run(capsys, words)
        assert (status == 0 and out) or (status == 2 and err.count("\n") == 1), (words, out, err)

    check()
