"""A local web server for the demo page. It serves a fixed set of files, read when it starts."""

import base64
import errno
import hashlib
import http.server
import json
import pathlib
import socket
import sys
from collections.abc import Sequence
from typing import Any

from kerasdl.errors import InvalidInput
from kerasdl.export.demo import litertjs
from kerasdl.export.demo.describe import describe
from kerasdl.utils import checks

LOOPBACK = "127.0.0.1"
PAGE = pathlib.Path(__file__).parent / "page"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".tflite": "application/octet-stream",
}


class Server(http.server.ThreadingHTTPServer):
    """Serve the demo page for some LiteRT files, by default to this machine only.

    All files that it can send are read when it starts, so no other file can be requested.

    Args:
        files: Paths of image classifiers, in the order in which the page shows them.
        port: int, the port; by default 0, any free one.
        litertjs_copy: Path of a copy of LiteRT.js to use in place of the cache.
        host: str, the address to listen on. By default only this machine can open the page;
            "0.0.0.0" lets every machine in the network open it.

    Attributes:
        url: str, the address of the page.
        is_public: bool, whether other machines can open it.
    """

    daemon_threads = True

    def __init__(
        self,
        files: Sequence[str | pathlib.Path],
        port: int = 0,
        litertjs_copy: pathlib.Path | None = None,
        host: str = LOOPBACK,
    ):
        checks.texts(host=host)
        self.table = contents(files, litertjs_copy)
        self.policy = policy_of(self.table["/"].decode())
        try:
            super().__init__((host, port), Handler)
        except (OSError, UnicodeError) as error:
            if getattr(error, "errno", None) not in (errno.EADDRINUSE, errno.EACCES):
                expected = "an IPv4 address of this machine, such as 0.0.0.0 for all"
                raise InvalidInput("value for `host`", expected, f"{host}: {error}") from None
            raise InvalidInput("value for `port`", "a free port", f"{port}: {error}") from None
        bound = str(self.server_address[0])
        self.is_public = not bound.startswith("127.")
        address = _address() if bound == "0.0.0.0" else bound
        # against DNS rebinding: a page of another site sends its own host name
        names = {LOOPBACK, "localhost", address}
        self.hosts = {f"{name}:{self.server_port}" for name in names}
        self.url = f"http://{address}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing when the browser closes the connection during a request or a response."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def _address() -> str:
    """Return this machine's address in its network; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # reserved for documentation: the way out is chosen
            return probe.getsockname()[0]
        except OSError:  # no network
            return LOOPBACK


class Handler(http.server.BaseHTTPRequestHandler):
    server_version, sys_version = "kerasdl", ""
    timeout = 30

    def do_GET(self):
        self.answer()

    def do_HEAD(self):
        self.answer()

    def answer(self):
        if self.headers.get("Host") not in self.server.hosts:
            return self.send_error(421)
        name = self.path.partition("?")[0]  # a key of the table, never decoded or opened as a path
        content = self.server.table.get(name)
        if content is None:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Type", TYPES[pathlib.PurePosixPath(name).suffix or ".html"])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def end_headers(self):
        self.send_header("Content-Security-Policy", self.server.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        # an isolated page has a clock of microseconds, which timing small networks needs
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        super().end_headers()

    def log_message(self, *_):
        """Print nothing: the terminal shows the address of the page."""


def contents(
    files: Sequence[str | pathlib.Path], litertjs_copy: pathlib.Path | None
) -> dict[str, bytes]:
    """Return the content for each path of a URL.

    Args:
        files: Paths of image classifiers, in the order in which the page shows them.
        litertjs_copy: Path of a copy of LiteRT.js to use in place of the cache.
    """
    paths = [pathlib.Path(file) for file in files]
    infos = [{**describe(path), "url": f"model-{i}.tflite"} for i, path in enumerate(paths)]
    table = {f"/{info['url']}": p.read_bytes() for info, p in zip(infos, paths, strict=True)}
    table |= {f"/{file.name}": file.read_bytes() for file in PAGE.iterdir() if file.is_file()}
    table["/"] = table.pop("/index.html")
    table["/models.json"] = json.dumps({"litertjs": litertjs.VERSION, "models": infos}).encode()
    folder = litertjs.folder(litertjs_copy)
    return table | {f"/litertjs/{n}": (folder / n).read_bytes() for n in litertjs.FILES}


def policy_of(page: str) -> str:
    """Return the policy that allows the page's own scripts and WebAssembly, and no other site.

    Args:
        page: str, the HTML, whose import map is allowed by its digest.
    """
    _, _, rest = page.partition('<script type="importmap">')
    import_map = rest.partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    return (
        "default-src 'none'; connect-src 'self'; style-src 'self'; img-src 'self' blob:; "
        f"script-src 'self' 'wasm-unsafe-eval' 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
