"""What the demo page is told of a model, which headers it gets, and how npm is called."""

import base64
import hashlib
import importlib
import json
import pathlib
import re
import types

import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.export.demo import litertjs, server
from kerasdl.export.metadata import Metadata
from kerasdl.export.model_file import ModelFile

describing = importlib.import_module(
    "kerasdl.export.demo.describe"
)  # `demo.describe` is a function
FLOAT = np.dtype("float32")


class Fake(ModelFile):
    """A file of given shapes whose outputs are always the same."""

    inputs = outputs = metadata = None
    size, zipped_size = 5000, 4000
    call = runner = None

    def __init__(self, shape, classes, row=None, kind=FLOAT, **facts):
        self.path = pathlib.Path("models/some.tflite")
        self.inputs, self.outputs = {"x": (shape, kind)}, {"y": ((1, classes), FLOAT)}
        self.row, self.asked, self.metadata = row, [], Metadata(**facts)

    def predict(self, x):
        self.asked.append(x)
        return np.stack([self.row] * len(x))


@pytest.fixture
def described(monkeypatch):
    """A function that makes a fake file and describes it."""

    def describe(*arguments, **options):
        file = Fake(*arguments, **options)
        monkeypatch.setattr(describing, "LiteRTModel", lambda path: file)
        return describing.describe(file.path), file

    return describe


def test_facts_of_a_model_with_metadata(described):
    facts = {"labels": ("no", "yes"), "description": "A model", "input_range": (-1.0, 1.0)}
    info, file = described((1, 8, 6, 3), 2, activation="softmax", quantize="int8", **facts)
    assert info == {
        "name": "some",
        "description": "A model",
        "labels": ["no", "yes"],
        "shape": [8, 6, 3],
        "range": (-1.0, 1.0),
        "digits": False,
        "mnist": False,
        "logits": False,
        "quantize": "int8",
        "size": 5000,
        "zipped_size": 4000,
    }
    assert file.asked == []


def test_facts_of_a_model_without_metadata(described):
    info, file = described((1, 8, 6, 1), 3, row=[2.0, -1.0, 0.0])
    assert info["description"] == "some.tflite" and info["labels"] == ["0", "1", "2"]
    assert info["range"] == (0, 1) and info["logits"] is True and info["quantize"] is None
    (asked,) = file.asked
    assert asked.shape == (4, 8, 6, 1) and asked.dtype == "float32"
    assert asked.min() >= 0 and 0.9 < asked.max() <= 1 and asked.std() > 0.2


def test_labels_of_another_number_of_classes_are_not_used(described):
    info, _ = described((1, 8, 6, 1), 2, row=[1.0, 0.0], labels=("a", "b", "c"))
    assert info["labels"] == ["0", "1"]


@pytest.mark.parametrize(
    ("description", "channels", "digits"),
    [
        ("trained on digits", 1, True),
        ("digits", 1, True),
        ("trained on digits", 3, False),
        ("trained on digitsum", 1, False),
        ("24digits", 1, False),
        ("Digits", 1, False),
    ],
)
def test_models_of_gray_digits_are_recognized_by_a_word(description, channels, digits, described):
    info, _ = described((1, 8, 8, channels), 10, activation="softmax", description=description)
    assert info["digits"] is digits
    description = description.replace("digits", "mnist")
    info, _ = described((1, 8, 8, channels), 10, activation="softmax", description=description)
    assert info["mnist"] is digits and not info["digits"]


@pytest.mark.parametrize(
    ("row", "logits"),
    [
        ([0.25, 0.75], False),
        ([1.0, 0.0], False),
        ([0.25, 0.75 + 2 / 512 + 9e-4], False),  # half a step of 1/256 for each of two outputs
        ([0.25, 0.75 - 2 / 512 - 9e-4], False),
        ([0.25, 0.75 + 2 / 512 + 11e-4], True),
        ([0.25, 0.75 - 2 / 512 - 11e-4], True),
        ([1.001, -0.001], True),
    ],
)
def test_probabilities_are_positive_and_have_the_sum_one(row, logits, described):
    info, _ = described((1, 8, 8, 1), 2, row=row)
    assert info["logits"] is logits


@pytest.mark.parametrize(
    ("shape", "classes", "kind", "received"),
    [
        ((1, 0, 8, 1), 3, FLOAT, "float32 (1, 0, 8, 1) to float32 (1, 3)"),
        ((1, 8, -1, 1), 3, FLOAT, "float32 (1, 8, -1, 1) to float32 (1, 3)"),
        ((1, 8, 8, 4), 3, FLOAT, "float32 (1, 8, 8, 4) to float32 (1, 3)"),
        ((2, 8, 8, 1), 3, FLOAT, "float32 (2, 8, 8, 1) to float32 (1, 3)"),
        ((1, 8, 8, 1), 1, FLOAT, "float32 (1, 8, 8, 1) to float32 (1, 1)"),
        ((1, 8, 8), 3, FLOAT, "float32 (1, 8, 8) to float32 (1, 3)"),
        ((1, 8, 8, 1), 3, np.dtype("int8"), "int8 (1, 8, 8, 1) to float32 (1, 3)"),
    ],
)
def test_other_models_are_named_with_their_shapes(shape, classes, kind, received, described):
    with pytest.raises(InvalidInput) as raised:
        described(shape, classes, kind=kind)
    assert str(raised.value) == (
        "Invalid model models/some.tflite. Expected an image classifier, float32 (1, height, "
        f"width, 1 or 3) to (1, classes). Received: {received}"
    )


@pytest.mark.parametrize("which", ["inputs", "outputs"])
def test_models_of_several_inputs_or_outputs_are_refused(which, monkeypatch):
    file = Fake((1, 8, 8, 1), 3)
    getattr(file, which)["z"] = (1, 5), FLOAT
    monkeypatch.setattr(describing, "LiteRTModel", lambda path: file)
    shown = {"inputs": "(1, 8, 8, 1), float32 (1, 5) to", "outputs": "(1, 3), float32 (1, 5)"}
    with pytest.raises(InvalidInput) as raised:
        describing.describe(file.path)
    assert shown[which] in str(raised.value)


@pytest.fixture
def copy(tmp_path):
    for name in litertjs.FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.fixture
def table(copy, monkeypatch):
    """The content of each path, for two models whose files are not read as models."""
    files = []
    for number in range(2):
        files.append(copy / f"file{number}.tflite")
        files[-1].write_text(f"content {number}")
    monkeypatch.setattr(server, "describe", lambda path: {"name": path.stem})
    return server.contents(list(map(str, files)), copy)


def test_models_are_listed_in_order_with_the_paths_of_their_files(table):
    assert json.loads(table["/models.json"]) == {
        "litertjs": "2.5.3",
        "models": [
            {"name": "file0", "url": "model-0.tflite"},
            {"name": "file1", "url": "model-1.tflite"},
        ],
    }
    assert table["/model-0.tflite"] == b"content 0" and table["/model-1.tflite"] == b"content 1"
    assert "/index.html" not in table and b"<html" in table["/"]
    for name in litertjs.FILES:
        assert table[f"/litertjs/{name}"] == name.encode()
    pages = {f"/{path.name}" for path in server.PAGE.iterdir()} - {"/index.html"}
    scripts = {f"/litertjs/{name}" for name in litertjs.FILES}
    others = {"/", "/models.json", "/model-0.tflite", "/model-1.tflite"}
    assert set(table) == pages | scripts | others


def test_policy_allows_only_this_server_and_the_import_map():
    import_map = '{"imports": {"ä": "./a.js"}}\n'
    page = f'<p><script type="importmap">{import_map}</script><script>more</script>'
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    assert server.policy_of(page).split("; ") == [
        "default-src 'none'",
        "connect-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        f"script-src 'self' 'wasm-unsafe-eval' 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]


def test_headers_of_every_response():
    sent = {}
    handler = server.Handler.__new__(server.Handler)
    handler.server = types.SimpleNamespace(policy="the policy")
    handler.request_version = "HTTP/1.0"
    handler._headers_buffer = []
    handler.send_header = sent.__setitem__
    handler.wfile = types.SimpleNamespace(write=lambda content: None)
    handler.end_headers()
    assert sent == {
        "Content-Security-Policy": "the policy",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    assert handler.version_string().strip() == "kerasdl"  # not the version of Python
    assert server.Handler.timeout == 30 and server.Server.daemon_threads


def test_cache_is_in_the_folder_of_the_system_or_at_home(monkeypatch, tmp_path):
    name = pathlib.Path("kerasdl", "litertjs-2.5.3")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert litertjs.cache() == tmp_path / name
    monkeypatch.setenv("HOME", "/home/someone")
    for set_empty in (True, False):
        if set_empty:
            monkeypatch.setenv("XDG_CACHE_HOME", "")
        else:
            monkeypatch.delenv("XDG_CACHE_HOME")
        assert litertjs.cache() == pathlib.Path("/home/someone/.cache") / name


def test_npm_installs_both_packages_into_the_folder(monkeypatch):
    asked = []

    def run(command, **options):
        asked.append((command, options["cwd"]))
        return types.SimpleNamespace(returncode=0)

    monkeypatch.setattr(litertjs.subprocess, "run", run)
    litertjs._install("/bin/npm", "/some/folder")
    options = ["--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--fetch-retries=0"]
    packages = ["@litertjs/core@2.5.3", "@litertjs/wasm-utils@2.5.3"]
    command = ["/bin/npm", "install", "--prefix", "/some/folder", *options, *packages]
    assert asked == [(command, "/some/folder")]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("npm warn old\nnpm error code E404\nnpm error more\n", "npm error code E404"),
        ("something\nelse\n", "else"),
        ("", "nothing"),
    ],
)
def test_failure_of_npm_is_one_line(lines, reason, monkeypatch, tmp_path, capfd):
    npm = tmp_path / "npm"
    npm.write_text(f"#!/bin/sh\necho out\nprintf '{lines}' >&2\nexit 7\n")
    npm.chmod(0o755)
    with pytest.raises(InvalidInput) as raised:
        litertjs._install(str(npm), str(tmp_path))
    assert str(raised.value) == (
        "Invalid download of LiteRT.js. Expected a network on which npm finds @litertjs/core "
        "2.5.3, or `--litertjs FOLDER` with the folder node_modules/@litertjs of another machine. "
        f"Received: {reason}"
    )
    assert capfd.readouterr() == ("", "")


def test_missing_npm_and_missing_files_are_named(monkeypatch, tmp_path, copy):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InvalidInput) as raised:
        litertjs._download(tmp_path / "cache")
    assert str(raised.value) == (
        "Invalid PATH. Expected one with npm, which downloads LiteRT.js, or `--litertjs FOLDER` "
        "with the folder node_modules/@litertjs of another machine. Received: /nowhere"
    )
    assert litertjs.folder(copy) == copy
    (copy / "core/wasm/litert_wasm_internal.js").unlink()
    (copy / "wasm-utils/dist/index.js").unlink()
    with pytest.raises(InvalidInput) as raised:
        litertjs.folder(copy)
    assert str(raised.value) == (
        "Invalid folder of LiteRT.js. Expected core and wasm-utils of @litertjs 2.5.3. "
        f"Received: {copy} without core/wasm/litert_wasm_internal.js"
    )


def install(npm, folder):
    (pathlib.Path(folder) / "node_modules" / "@litertjs").mkdir(parents=True)


def test_download_tells_where_and_moves_the_packages(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(litertjs.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(litertjs, "_install", install)
    target = tmp_path / "new" / "cache"
    litertjs._download(target)
    assert list(target.parent.iterdir()) == [target]
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"Downloading LiteRT.js 2.5.3 into {target}\n")


def test_cache_that_another_process_filled_is_used(monkeypatch, tmp_path):
    monkeypatch.setattr(litertjs.shutil, "which", lambda name: "/bin/npm")
    target = tmp_path / "cache"

    def install_after_another(npm, folder):
        install(npm, folder)
        target.mkdir()
        (target / "file").touch()

    monkeypatch.setattr(litertjs, "_install", install_after_another)
    litertjs._download(target)
    assert [path.name for path in target.iterdir()] == ["file"]


def test_port_in_use_is_named_with_the_reason(copy, monkeypatch):
    def fail(*_):
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(server.http.server.ThreadingHTTPServer, "__init__", fail)
    with pytest.raises(InvalidInput) as raised:
        server.Server([], 80, copy)
    assert str(raised.value) == (
        "Invalid value for `port`. Expected a free port. "
        "Received: 80: [Errno 98] Address already in use"
    )


def test_import_map_of_the_page_names_a_file_that_is_served():
    page = (server.PAGE / "index.html").read_text()
    (found,) = re.findall(r'"\./litertjs/([^"]+)"', page)
    assert found in litertjs.FILES
