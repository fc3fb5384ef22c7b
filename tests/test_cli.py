"""The command line: fast help, one line for wrong input, and complete workflows."""

import json
import os
import resource
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import PIL.Image
import pytest

from kerasdl import cli, recipes
from kerasdl.cli import cards
from kerasdl.export import metadata


def run(capsys, *arguments):
    """Run `kerasdl ...` in this process; return its status, standard output and error."""
    sys.argv = ["kerasdl", *map(str, arguments)]
    with pytest.raises(SystemExit) as stop:
        cli.main()
    printed = capsys.readouterr()
    return stop.value.code or 0, printed.out, printed.err


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("cat", "dog"):
        (tmp_path / "broken" / name).mkdir(parents=True)
        for i in range(10):
            (tmp_path / "broken" / name / f"note{i}.png").write_text("not a picture")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n3,4\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "no_such"), "Invalid recipe name"),
        (("train", "mlp", "--epochs", "-1"), "`epochs`"),
        (("train", "mlp", "--batch-size", "0"), "`batch_size`"),
        (("train", "mlp", "--mixed-precision", "half"), "one of bfloat16, float16. Received: half"),
        (("train", "mlp", "--model", "no_such"), "Invalid model name"),
        (("train", "mlp", "--model-options", "widths"), "NAME=VALUE. Received: widths"),
        (("train", "mlp", "--augment", "much"), "one of crop_flip, light, none, standard, strong"),
        (("train", "mlp", "--class-weights", "even"), "one of balanced. Received: even"),
        (("train", "mlp", "--start", "{}/nowhere.keras"), "nowhere.keras"),
        (("train", "mlp", "--start", "{}/empty"), "the folder of a finished run, or a .keras"),
        (("train", "mlp", "--freeze", "no_such"), "Invalid layer to freeze"),
        (("train", "mlp", "--head-epochs", "150"), "Invalid value for `head_epochs`"),
        (("train", "mlp", "--epochs", "few"), "Invalid value for '--epochs'"),
        (("train", "mlp", "--data", "{}/nowhere"), "Received: "),
        (("train", "simple_cnn", "--data", "{}/empty"), "Received: "),
        (("train", "simple_cnn", "--data", "{}/broken"), "note"),
        (("train", "mlp", "--data", "{}/table.csv", "--target", "price"), "price"),
        (("train", "mlp", "--data", "tfds:no_such_set"), "no_such_set"),
        (("evaluate", "{}/empty"), "Invalid run folder"),
        (("explain", "{}/empty", "--method", "grad"), "`--method`. Expected one of attention_ro"),
        (("info", "resnet19"), "resnet18"),
        (("list", "things"), "Invalid topic"),
        (("bench", "{}/nothing.tflite"), "nothing.tflite"),
        (("bench", "{}/empty"), "at least one .tflite or .onnx file"),
        (("bench", "{}/empty", "--sort", "speed"), "Invalid column"),
        (("no_such_command",), "No such command"),
    ],
)
def test_wrong_input_gives_one_line_and_status_2(arguments, message, folders, capsys):
    status, out, err = run(
        capsys, *(a.format(folders) for a in arguments), *out_of(arguments, folders)
    )
    assert status == 2 and out == ""
    assert err.count("\n") == 1 and message in err, err


def out_of(arguments, folders):
    return ("--out", folders / "run") if arguments[0] == "train" else ()


def test_help_has_texts_even_without_docstrings():
    for command in ([], ["train"]):
        arguments = [sys.executable, "-OO", "-m", "kerasdl", *command, "--help"]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True)
        assert "Train a recipe." in done.stdout


@pytest.mark.slow
def test_run_works_without_docstrings_and_asserts(tmp_path):
    """`python -OO` removes both from this package and its dependencies."""
    for arguments in (
        ["train", "mlp", "--fast", "--out", tmp_path / "run"],
        ["evaluate", tmp_path / "run"],
        ["predict", tmp_path / "run", tmp_path / "run" / "examples" / "4.png"],
        ["export", tmp_path / "run"],
        ["doctor", tmp_path / "run"],
        ["info", "mlp"],
        ["list"],
    ):
        command = [sys.executable, "-OO", "-m", "kerasdl", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and done.stdout, (arguments, done.stderr[-2000:])


@pytest.mark.rows("DBG-26")
def test_help_list_and_info_are_fast_and_do_not_import_tensorflow():
    def seconds(code):
        """Return the processor seconds of some code, which do not depend on other processes."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    tensorflow = seconds("import tensorflow")
    expensive = {"tensorflow", "keras"}
    for arguments, unwanted in [
        (["--help"], expensive | {"numpy"}),
        (["list"], expensive | {"numpy"}),
        (["info", "resnet50"], expensive | {"numpy"}),
        (["info", "digits"], expensive | {"numpy"}),
        (["info"], expensive | {"numpy"}),
    ]:
        code = (
            "import sys; from kerasdl import cli; sys.argv[1:] = "
            f"{arguments}\ntry: cli.main()\nexcept SystemExit as stop: assert not stop.code\n"
            f"assert not {unwanted} & sys.modules.keys()"
        )
        taken = [seconds(code) for _ in range(3)]
        assert min(taken) < tensorflow / 10, (arguments, taken)


@pytest.mark.parametrize(("value", "state"), [("1", "on"), ("0", "off")])
def test_info_without_a_name_shows_versions_and_whether_onednn_is_on(
    value, state, capsys, monkeypatch
):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", value)
    status, out, _ = run(capsys, "info")
    assert status == 0 and f"\ntensorflow {version('tensorflow')}\n" in out
    assert f"\noneDNN {state} (" in out


@pytest.mark.slow
def test_onednn_is_on_unless_the_user_turns_it_off():
    code = "import kerasdl.runs.numerics as n; print(n.here()['oneDNN'])"
    for given, expected in ((None, "on"), ("0", "off")):
        environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
        environment.update({"TF_ENABLE_ONEDNN_OPTS": given} if given else {})
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected


@pytest.mark.parametrize("name", ["se_resnet_tiny", "gpt_tiny"])
def test_card_of_a_recipe_shows_its_numbers(name, capsys):
    recipe = recipes.get(name)
    assert recipe.learning_rate != recipe.weight_decay
    cards.show(name)
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("trains ")]
    assert line == (
        f"trains {recipe.model} on {recipe.data}: {recipe.epochs} epochs, batch size "
        f"{recipe.batch_size}, learning rate {recipe.learning_rate:g}, augmentation "
        f"{recipe.augment or 'none'}"
    )


def test_card_of_a_recipe_shows_its_bar_and_recorded_result(capsys):
    (bar,) = recipes.get("se_resnet_tiny").bars
    seeds = cards.result("se_resnet_tiny")["seeds"]
    cards.show("se_resnet_tiny")
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("must reach ")]
    reached = ", ".join(f"{run['test']['accuracy']:.4g}" for run in seeds.values())
    assert line == f"must reach accuracy {bar}; reached {reached} with seeds {', '.join(seeds)}"


def test_train_evaluate_predict_and_export_to_litert(tmp_path, capsys):
    folder = tmp_path / "run"
    status, out, _ = run(capsys, "train", "mlp", "--epochs", "6", "--out", folder, "--json")
    assert status == 0
    accuracy = {row["metric"]: row["test"] for row in json.loads(out)}["accuracy"]
    assert accuracy > 0.8

    _, out, _ = run(capsys, "evaluate", folder, "--json")
    assert json.loads(out)[0]["test"] == accuracy

    image = folder / "examples" / "4.png"
    _, out, _ = run(capsys, "predict", folder, image, "--json")
    row = json.loads(out)[0]
    assert row["input"] == str(image) and row["prediction"] in "0123456789"

    status, _, err = run(capsys, "predict", folder, folder / "config.json")
    assert status == 2 and "Invalid image file" in err

    _, out, _ = run(capsys, "explain", folder)
    assert str(folder / "figures" / "confusion.png") in out
    _, out, _ = run(capsys, "explain", folder, image, image, "--method", "occlusion")
    assert out.split() == [f"{folder}/figures/occlusion-4{end}.png" for end in ("", "-2")]
    status, out, err = run(capsys, "explain", folder, image, "--method", "grad_cam")
    assert status == 2 and not out and err.count("\n") == 1
    assert "a network with feature maps of convolutions. Received: none" in err
    status, out, err = run(capsys, "explain", folder, "--method", "grad_cam")
    assert status == 2 and "image files to explain by grad_cam. Received: none" in err

    _, out, _ = run(capsys, "export", folder, "--json")
    rows = json.loads(out)
    assert rows[0]["error"] < 1e-5 and rows[1]["error"] < 0.2
    assert rows[0]["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert rows[1]["kB"] < rows[0]["kB"] and rows[1]["agree"] > 0.97

    _, out, _ = run(capsys, "bench", *(row["file"] for row in rows), "--json")
    assert all(row["ms"] > 0 for row in json.loads(out))

    status, _, err = run(capsys, "export", folder, "--format", "onnx", "--quantize", "int8")
    assert status == 2 and "none for ONNX. Received: int8" in err
    status, _, err = run(capsys, "export", folder, "--format", "onx")
    assert status == 2 and "Expected one of litert, onnx" in err


@pytest.mark.slow
def test_run_is_exported_to_onnx_and_compressed(tmp_path, capsys):
    folder = tmp_path / "run"
    _, out, _ = run(capsys, "train", "mlp", "--epochs", "6", "--out", folder, "--json")
    accuracy = {row["metric"]: row["test"] for row in json.loads(out)}["accuracy"]

    run(capsys, "export", folder)
    _, out, _ = run(capsys, "export", folder, "--format", "onnx", "--json")
    (row,) = json.loads(out)
    assert row["file"].endswith("model.onnx") and row["error"] < 1e-5
    assert row["accuracy"] == pytest.approx(accuracy, abs=1e-6) and row["ms"] > 0
    _, out, _ = run(capsys, "bench", folder, "--sort", "kB", "--json")
    rows = json.loads(out)
    sizes = [row["kB"] for row in rows]
    assert len(sizes) == 3 and sizes == sorted(sizes)
    assert any(row["file"].endswith(".onnx") for row in rows)

    options = ("--method", "int8", "--method", "pqat", "--epochs", "1", "--max-drop", "0.3")
    status, out, err = run(capsys, "compress", folder, *options, "--json")
    rows = json.loads(out)
    assert status == 0 and "pqat" in err
    assert [row["method"] for row in rows] == ["float", "int8", "pqat"]
    assert sum(row["best"] for row in rows) == 1 and rows[2]["zeros"] > 0.7
    assert (folder / "compressed" / "pqat.tflite").is_file()
    assert (folder / "figures" / "compression.png").is_file()


@pytest.fixture
def houses(tmp_path):
    """Write a table in which the price is a function of two columns."""
    rows = [(area, town) for area in range(40, 140) for town in ("bonn", "rome")]
    lines = [f"{area},{town},{1000 * area + 20000 * (town == 'rome')}" for area, town in rows]
    file = tmp_path / "houses.csv"
    file.write_text("\n".join(["area,town,price", *lines]))
    return file


def test_train_on_a_table_and_predict_rows(houses, tmp_path, capsys):
    folder, asked = tmp_path / "run", tmp_path / "asked.csv"
    options = ("--data", houses, "--target", "price", "--epochs", "30", "--out", folder)
    assert run(capsys, "train", "mlp", *options, "--no-pictures")[0] == 0
    assert not (folder / "figures").exists()

    asked.write_text("town,area\nrome,60\nbonn,120\n")
    _, out, _ = run(capsys, "predict", folder, asked, "--json")
    first, second = json.loads(out)
    assert (first["input"], first["line"], second["line"]) == (str(asked), 2, 3)
    assert first["value"] == pytest.approx(80_000, rel=0.1)
    assert second["value"] == pytest.approx(120_000, rel=0.1)
    _, out, _ = run(capsys, "predict", folder, houses, "--json")
    assert len(json.loads(out)) == 200

    for text, named in [("town,area\nrome,big\n", "line 2 of"), ("town\nrome\n", "no `area`")]:
        asked.write_text(text)
        status, out, err = run(capsys, "predict", folder, asked)
        assert status == 2 and out == "" and err.count("\n") == 1
        assert "asked.csv" in err and "`area`" in err and named in err
    status, _, err = run(capsys, "predict", folder, tmp_path / "nowhere.csv")
    assert status == 2 and err.count("\n") == 1 and "which is no file" in err

    run(capsys, "export", folder, "--quantize", "none")
    (file,) = (folder / "export").glob("*.tflite")
    description = metadata.read(file).description
    places = [description.index(part) for part in ("(area - ", "(town is bonn - ", "value: output")]
    assert places == sorted(places)


NAMES = ("$\\frac{$", "[red]x", "[", "\x1b[31mred", "a$b$", "_hidden", "naïve 猫", "a|b")


@pytest.mark.slow
def test_class_names_with_markup_are_shown_unchanged(tmp_path, capsys):
    """Figures, which are drawn after the training, show them unchanged too."""
    random = np.random.default_rng(0)
    for place, name in enumerate(NAMES):
        folder = tmp_path / "[red]data" / name
        folder.mkdir(parents=True)
        for i in range(10):
            pixels = random.integers(0, 60, (8, 8, 3), "uint8") + np.uint8(20 * place)
            PIL.Image.fromarray(pixels).save(folder / f"{i}.png")
    out = tmp_path / "[/red] \x1b[31m"
    options = ("--data", tmp_path / "[red]data", "--image-size", "8", "--epochs", "1", "--out", out)
    status, printed, err = run(capsys, "train", "simple_cnn", *options)
    assert status == 0 and "No " not in err, err
    assert {"curves", "confusion", "mistakes"} <= {f.stem for f in (out / "figures").iterdir()}
    assert len([*(out / "examples").iterdir()]) == len(NAMES)
    asked = tmp_path / "[red]data" / "a|b" / "0.png"
    for arguments in (("evaluate",), ("explain",), ("explain", asked), ("doctor",)):
        command, *rest = arguments
        status, out_, err = run(capsys, command, out, *rest)
        assert status == 0, err
        printed += out_
    assert "[red]data" in printed and "[/red]" in printed
    status, shown, err = run(capsys, "predict", out, asked)
    assert status == 0 and any(name.strip("\x1b") in shown for name in NAMES), shown
    status, nothing, err = run(capsys, "predict", out, tmp_path / "\x1b[31m[/red]no.png")
    assert status == 2 and nothing == "" and "[/red]no.png" in err and err.count("\n") == 1
    assert "\x1b" not in printed + shown + err
