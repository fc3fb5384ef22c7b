"""Write the demo page as a folder of files, which any web server can serve."""

import pathlib
from collections.abc import Sequence

from kerasdl.errors import InvalidInput
from kerasdl.export.demo import server
from kerasdl.utils import files as atomic_files


def write(
    folder: str | pathlib.Path,
    files: Sequence[str | pathlib.Path],
    litertjs_copy: pathlib.Path | None = None,
) -> pathlib.Path:
    """Write the page, the models and LiteRT.js into a new folder; return its path.

    The models run in the browser, so a host that serves files is enough. The page loads nothing
    from elsewhere, and its addresses are relative, so it may be in any folder of a site. A browser
    opens it from a server only, not as a file.

    Args:
        folder: Path of the folder, which must be new or empty.
        files: Paths of image classifiers, in the order in which the page shows them.
        litertjs_copy: Path of a copy of LiteRT.js to use in place of the cache.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InvalidInput("folder for the page", "a new or empty folder", folder)
    table = server.contents(files, litertjs_copy)
    page = table.pop("/").decode()
    # a page without the headers of our server states the policy itself; browsers ignore
    # `frame-ancestors` there
    policy = server.policy_of(page).rpartition("; frame-ancestors")[0]
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    table["/index.html"] = page.replace("<head>", f"<head>\n  {meta}", 1).encode()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_files.atomic(folder) as partial:
        for name, content in table.items():
            file = partial / name.removeprefix("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    return folder
