"""The demo server serves only its own files, only to this machine; errors are one line."""

import contextlib
import http.client
import io
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import threading

import keras
import pytest
from keras import layers

from kerasdl import export
from kerasdl.cli import shipping
from kerasdl.errors import InvalidInput
from kerasdl.export import demo
from kerasdl.export.demo import litertjs
from kerasdl.export.demo import server as page_server
from kerasdl.export.demo.server import PAGE
from tests.test_cli import run


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3)])
    path = tmp_path_factory.mktemp("model") / "model.tflite"
    info = {"labels": ("a", "b", "ü"), "description": "A model, trained on digits"}
    return export.to_litert(model, path, activation="softmax", **info)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A folder with the file names of LiteRT.js; the server does not read their content."""
    folder = tmp_path_factory.mktemp("copy")
    for name in (*litertjs.FILES, "core/package.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")
    return folder


@contextlib.contextmanager
def serving(server):
    """Run a server inside a `with` block."""
    with server:
        # it looks every 10 ms whether it is shut down; by default every 500
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def server(file, copy):
    with serving(demo.Server([file.path], litertjs_copy=copy)) as server:
        yield server


def ask(server, path, method="GET", host=None):
    """Send a raw request, so that no client normalizes its path."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    connection.endheaders()
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/?again", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/models.json", "application/json"),
        ("/model-0.tflite", "application/octet-stream"),
        ("/litertjs/core/dist/index.js", "text/javascript; charset=utf-8"),
        ("/litertjs/core/wasm/litert_wasm_internal.wasm", "application/wasm"),
    ],
)
def test_files_of_the_page_are_served_with_their_type(path, kind, server, file, copy):
    response, body = ask(server, path)
    assert response.status == 200
    assert response.headers["Content-Type"] == kind
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy
    if path == "/model-0.tflite":
        assert body == file.path.read_bytes()
    if path.startswith("/litertjs"):
        assert body == (copy / path.removeprefix("/litertjs/")).read_bytes()
    head, nothing = ask(server, path, "HEAD")
    assert head.headers["Content-Length"] == str(len(body)) and nothing == b""


def test_every_module_that_the_page_imports_is_served(server):
    for script in PAGE.glob("*.js"):
        for line in script.read_text().splitlines():
            if line.startswith("import "):
                assert ask(server, "/" + line.split('"./')[1].rstrip('";'))[0].status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../server.py",
        "/../../../../../../../../etc/passwd",
        "/%2e%2e/server.py",
        "/..%2fserver.py",
        "/..%5cserver.py",
        "/%252e%252e/server.py",
        "//etc/passwd",
        "/litertjs/../models.json",
        "/litertjs/core/package.json",
        "/litertjs/core/secret.js",
        "/litertjs",
        "/litertjs/",
        "/page/",
        "/model-1.tflite",
        "/model.tflite",
        "/style%2ecss",
        "/style.css/",
        "/style.css%00.js",
        "/app.js/../style.css",
        "/.",
        "http://127.0.0.1/models.json",
        "file:///etc/passwd",
        "*",
    ],
)
def test_other_paths_are_not_found(path, server, copy, tmp_path):
    link = copy / "core" / "secret.js"
    link.unlink(missing_ok=True)
    link.symlink_to("/etc/passwd")
    response, body = ask(server, path)
    assert response.status == 404
    assert b"root:" not in body and b"import" not in body
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_later_changes_on_disk_are_not_served(file, copy, tmp_path):
    model = tmp_path / "model.tflite"
    model.write_bytes(file.path.read_bytes())
    with serving(demo.Server([model], litertjs_copy=copy)) as server:
        model.unlink()
        model.symlink_to("/etc/passwd")
        assert ask(server, "/model-0.tflite")[1] == file.path.read_bytes()


@pytest.mark.parametrize("host", ["", "example.com", "127.0.0.1", "127.0.0.1:1", "localhost.evil"])
def test_only_requests_for_the_loopback_host_are_answered(host, server):
    response, body = ask(server, "/models.json", host=host)
    assert response.status == 421 and b"labels" not in body
    assert ask(server, "/models.json", host=f"localhost:{server.server_port}")[0].status == 200
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_methods_that_write_are_not_implemented(method, server):
    assert ask(server, "/", method)[0].status == 501


def send(server, request, answers=True):
    """Send raw bytes; return the response, or reset the connection like a closed browser."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as client:
        client.sendall(request)
        if not answers:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return b""
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_closed_connections_and_invalid_requests_print_nothing(server, capfd):
    host = f"Host: 127.0.0.1:{server.server_port}".encode()
    whole = b"GET /model-0.tflite HTTP/1.1\r\n" + host + b"\r\n\r\n"
    for request in (whole, whole[:9], whole[:-4], b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
        for _ in range(5):
            send(server, request, answers=False)
    for line, status in [
        (b"GET /%s HTTP/1.1" % (b"a" * 70_000), b"414"),
        (b"GET /a\0b HTTP/1.1", b"404"),
        (b"GET /\xff\xfe HTTP/1.1", b"404"),
        (b"GET /model--1.tflite HTTP/1.1", b"404"),
        (b"BREW / HTTP/1.1", b"501"),
        (b"GET / HTTP/9.9", b"505"),
        (b"GET", b"400"),
        (b"\x16\x03\x01\x02\0", b"400"),
    ]:
        answer = send(server, line + b"\r\n" + host + b"\r\n\r\n")
        assert status in answer[:300], (line[:30], answer[:300])
    for length in (b"9" * 30, b"-1", b"x"):
        request = whole[:-2] + b"Content-Length: " + length + b"\r\n\r\n"
        assert b" 200 " in send(server, request)[:30]
    many = b"".join(b"X-%d: y\r\n" % i for i in range(200))
    assert b"431" in send(server, whole[:-2] + many + b"\r\n")[:300]
    assert ask(server, "/")[0].status == 200
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""


def test_error_of_the_server_is_printed(server, monkeypatch, capfd):
    monkeypatch.setattr(server, "table", None)
    send(server, b"GET / HTTP/1.0\r\nHost: 127.0.0.1:%d\r\n\r\n" % server.server_port)
    assert "AttributeError" in capfd.readouterr().err


def test_describe_returns_the_metadata_of_a_file(file):
    info = demo.describe(file.path)
    assert info["labels"] == ["a", "b", "ü"] and info["shape"] == [8, 8, 1]
    assert info["digits"] and not info["mnist"] and not info["logits"] and info["quantize"] is None
    assert info["size"] == file.size and info["zipped_size"] < file.size
    json.dumps(info)


@pytest.mark.parametrize(("activation", "logits"), [(None, True), ("softmax", False)])
def test_logits_are_recognized_by_outputs_in_a_file_without_metadata(activation, logits, tmp_path):
    model = keras.Sequential([keras.Input((9, 8, 3)), layers.Flatten(), layers.Dense(4)])
    path = export.to_litert(model, tmp_path / "model.tflite", activation=activation).path
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"PK\x03\x04")])
    info = demo.describe(path)
    assert info["logits"] is logits and not info["digits"]
    assert info["labels"] == ["0", "1", "2", "3"] and info["shape"] == [9, 8, 3]


@pytest.mark.parametrize(
    ("shape", "units", "batch_size", "received"),
    [
        ((4,), 3, 1, r"float32 \(1, 4\) to float32 \(1, 3\)"),
        ((8, 8, 2), 3, 1, r"\(1, 8, 8, 2\)"),
        ((8, 8, 1), 1, 1, r"to float32 \(1, 1\)"),
        ((8, 8, 1), 3, None, r"\(-1, 8, 8, 1\)"),
    ],
)
def test_other_models_are_refused(shape, units, batch_size, received, tmp_path):
    model = keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(units)])
    path = export.to_litert(model, tmp_path / "model.tflite", batch_size=batch_size).path
    with pytest.raises(InvalidInput, match=rf"an image classifier.* Received: .*{received}"):
        demo.describe(path)


def test_other_devices_open_the_page_only_with_a_public_host(file, copy, monkeypatch):
    monkeypatch.setattr(page_server, "_address", lambda: "192.168.1.7")
    with serving(demo.Server([file.path], litertjs_copy=copy, host="0.0.0.0")) as server:
        port = server.server_port
        assert server.is_public and server.url == f"http://192.168.1.7:{port}/"
        assert ask(server, "/", host=f"192.168.1.7:{port}")[0].status == 200
        assert ask(server, "/", host=f"evil.example:{port}")[0].status == 421
    with demo.Server([file.path], litertjs_copy=copy) as server:
        assert not server.is_public and server.server_address[0] == "127.0.0.1"
    for host in ("203.0.113.9", "no such host"):
        with pytest.raises(InvalidInput, match=rf"`host`. Expected an IPv4 address.*: {host}: "):
            demo.Server([file.path], litertjs_copy=copy, host=host)


def test_a_port_in_use_is_refused(file, copy):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInput, match=rf"a free port\. Received: {port}"):
            demo.Server([file.path], port, copy)


NPM = """#!/bin/sh
echo run >> "$(dirname "$0")/runs"
test -e "$(dirname "$0")/offline" && { echo "npm error code ENOTFOUND" >&2; exit 1; }
while test "$1" != --prefix; do shift; done
for name in FILES; do
  mkdir -p "$2/node_modules/@litertjs/$(dirname $name)"
  echo "$name" > "$2/node_modules/@litertjs/$name"
done
""".replace("FILES", " ".join(litertjs.FILES))


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """A fake npm that does not use the network, and an empty cache."""
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(NPM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return program.parent


def test_litertjs_is_downloaded_once_and_a_failure_leaves_nothing(npm, tmp_path, capsys):
    (npm / "offline").touch()
    with pytest.raises(InvalidInput, match=r"--litertjs FOLDER.* Received: .*ENOTFOUND"):
        litertjs.folder()
    assert list((tmp_path / "cache" / "kerasdl").iterdir()) == []
    (npm / "offline").unlink()
    folder = litertjs.folder()
    assert folder == tmp_path / "cache" / "kerasdl" / f"litertjs-{litertjs.VERSION}"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert "LiteRT.js" in capsys.readouterr().err
    assert litertjs.folder() == folder
    assert (npm / "runs").read_text().count("run") == 2
    assert capsys.readouterr().err == ""


def test_without_npm_the_error_names_the_option_litertjs(npm, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(InvalidInput, match=r"one with npm.*--litertjs FOLDER"):
        litertjs.folder()


def test_a_cache_that_cannot_be_written_and_a_wrong_copy_are_refused(npm, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(InvalidInput, match="Invalid cache"):
        litertjs.folder()
    with pytest.raises(InvalidInput, match=r"without core/dist/index\.js"):
        litertjs.folder(tmp_path)


def test_the_command_serves_until_it_is_interrupted(file, copy):
    program = pathlib.Path(sys.executable).with_name("kerasdl")
    command = [program, "demo", file.path, "--litertjs", copy, "--no-open"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        url = run.stdout.readline().split()[0]
        connection = http.client.HTTPConnection(url.split("/")[2], timeout=10)
        connection.request("GET", "/models.json")
        info = json.loads(connection.getresponse().read())["models"][0]
        connection.close()
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=20)
    assert info == json.loads(json.dumps({**demo.describe(file.path), "url": "model-0.tflite"}))
    assert run.returncode == 0 and errors == ""


def test_page_is_written_as_files_for_any_server(file, copy, tmp_path):
    folder = demo.write(tmp_path / "site" / "demo", [file.path, file.path], copy)
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"index.html", "app.js", "models.json", "model-0.tflite", "model-1.tflite"} <= written
    assert {f"litertjs/{name}" for name in litertjs.FILES} <= written
    assert (folder / "model-1.tflite").read_bytes() == file.path.read_bytes()
    page = (folder / "index.html").read_text()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="(.*)">', page)
    with demo.Server([file.path], litertjs_copy=copy) as server:
        assert server.policy == f"{policy}; frame-ancestors 'none'"
    for text in (page, *((folder / name).read_text() for name in ("app.js", "model.js"))):
        assert not re.search(r"""["'(](/|https?:)""", text.replace("'self'", ""))
    with pytest.raises(InvalidInput, match="a new or empty folder"):
        demo.write(folder, [file.path], copy)
    assert [path.name for path in folder.parent.iterdir()] == ["demo"]


def test_command_writes_the_page(file, copy, tmp_path, capsys):
    options = ("--litertjs", copy, "--static", tmp_path / "page")
    status, out, err = run(capsys, "demo", file.path, *options)
    assert (status, err) == (0, "")
    assert out == f"{tmp_path / 'page'}: a page with 1 model for any web server\n"
    assert (tmp_path / "page" / "index.html").is_file()


@pytest.mark.parametrize(
    ("terminal", "encoding", "shown"),
    [("xterm", "utf-8", True), ("dumb", "utf-8", False), ("xterm", "ascii", False)],
)
def test_address_is_shown_as_a_code_in_a_terminal(terminal, encoding, shown, monkeypatch):
    class Terminal(io.TextIOWrapper):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", terminal)
    written = io.BytesIO()
    with Terminal(written, encoding=encoding) as out:
        monkeypatch.setattr(sys, "stdout", out)
        shipping._show_code("http://192.168.1.7:8000/")
        assert ("\N{FULL BLOCK}" in written.getvalue().decode(encoding)) == shown
        assert bool(written.getvalue()) == shown
