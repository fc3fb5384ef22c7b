"""`export`, `compress`, `bench` and `demo`: commands that write and run files for devices."""

import contextlib
import io
import os
import pathlib
import sys
import tempfile
from typing import Annotated, get_args

import typer

from kerasdl import errors
from kerasdl.cli.options import Json, Target, Trust, app, open_run, values
from kerasdl.utils import plain_text, tables, types

KERAS = ".keras"
METHODS = ("float16", "dynamic", "int8", "int4", "prune", "qat", "pqat", "cqat", "pcqat")
COLUMNS = ("kB", "zip_kB", "init_ms", "ms", "p95_ms")  # of `bench`
RunOrFile = Annotated[
    pathlib.Path,
    typer.Argument(metavar="RUN|FILE", help="A folder that `train` wrote, or any .keras file."),
]
Data = Annotated[
    str | None,
    typer.Option(help="Data for a .keras file: a dataset's name, a folder, a .csv, .npz, ..."),
]
Out = Annotated[
    pathlib.Path | None,
    typer.Option(help="Folder for the files of a .keras file; default: beside it."),
]
InputType = Annotated[
    str,
    typer.Option(
        help="float32; or int8: files of int8 and of methods that end in qat take and give "
        "quantized integers."
    ),
]
InputRange = Annotated[
    tuple[float, float] | None,
    typer.Option(metavar="LOW HIGH", help="Pixel values that a .keras file takes; default 0 1."),
]


def open_run_or_file(path, trust, data, out=None, input_range=None, target=None, finished=True):
    """Open a run folder, or a .keras file with the data for it."""
    if path.suffix != KERAS:
        given = {"data": data, "out": out, "input-range": input_range, "target": target}
        for name, value in given.items():
            if value is not None:
                expected = "none for a run, which has its own (a .keras file takes it)"
                raise errors.InvalidInput(f"option `--{name}`", expected, value)
        return open_run(path, trust, finished)
    from kerasdl.utils import quiet

    if path.is_file():
        quiet.import_tensorflow()
    from kerasdl.runs.keras_file import KerasFile

    options = {"target": target} if target else {}
    return KerasFile(
        path, data, out=out, input_range=input_range, trust=trust, data_options=options
    )


@app.command(help="Write LiteRT or ONNX files and compare each with the Keras model.")
def export(
    run: RunOrFile,
    quantize: Annotated[
        list[str] | None,
        typer.Option(
            help="none, float16, dynamic, int8, int16x8 or int4; may be repeated; "
            "for LiteRT, default none and int8.",
            autocompletion=values(*get_args(types.ExportQuantization)),
        ),
    ] = None,
    format: Annotated[
        str,
        typer.Option(help="litert or onnx.", autocompletion=values(*get_args(types.ExportFormat))),
    ] = "litert",
    input_type: InputType = "float32",
    data: Data = None,
    target: Target = None,
    input_range: InputRange = None,
    out: Out = None,
    trust: Trust = False,
    json: Json = False,
):
    opened = open_run_or_file(run, trust, data, out, input_range, target)
    rows = opened.export(quantize or (), format, input_type)
    notes = [] if json else [note for row in rows if (note := row.pop("note", ""))]
    title = {"litert": "LiteRT", "onnx": "ONNX"}[format]
    tables.show(_relative(rows, run, json), f"{run}: {title} against Keras", json)
    for note in notes:
        print(plain_text.for_terminal(note))
    if not json and run.suffix == KERAS:
        print(plain_text.for_terminal(f"files: {pathlib.Path(rows[0]['file']).parent}"))


@app.command(
    help="Find the smallest or fastest LiteRT file that is good enough: quantize, prune, cluster.",
)
def compress(
    run: RunOrFile,
    max_drop: Annotated[float, typer.Option(help="Largest loss of accuracy.")] = 0.005,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="float16, dynamic, int8, int4, prune, qat, pqat, cqat or pcqat.",
            autocompletion=values(*METHODS),
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs of methods that train; default a third of the run's.")
    ] = None,
    sparsity: Annotated[
        float,
        typer.Option(
            help="Fraction of zeros of methods that prune; pqat and pcqat are repeated with "
            "fewer zeros if they lose too much accuracy."
        ),
    ] = 0.8,
    prefer: Annotated[
        str,
        typer.Option(
            help="Whether the best file has the least size or latency.",
            autocompletion=values("size", "latency"),
        ),
    ] = "size",
    input_type: InputType = "float32",
    data: Data = None,
    target: Target = None,
    input_range: InputRange = None,
    out: Out = None,
    trust: Trust = False,
    json: Json = False,
):

    def progress(line):
        plain_text.tell(f"{line} ...")

    rows = open_run_or_file(run, trust, data, out, input_range, target).compress(
        max_drop=max_drop,
        methods=method,
        epochs=epochs,
        sparsity=sparsity,
        prefer=prefer,
        input_type=input_type,
        progress=progress,
        notice=plain_text.tell,
    )
    hidden = () if json else ("file", "best", "note", "slower", "faster")
    shown = [{k: v for k, v in row.items() if k not in hidden} for row in rows]
    if not json:
        shown = [{**s, "ok": _suits(row)} for s, row in zip(shown, rows, strict=True)]
    tables.show(shown, f"{run}: compressed LiteRT files", json)
    if not json:
        if any(row["slower"] for row in rows):
            print("slower: accurate enough, but slower than float on this processor")
        best = next(row for row in rows if row["best"])
        print(plain_text.for_terminal(f"best: {best['file']}"))
        if best["note"]:
            print(plain_text.for_terminal(f"{best['note']} `--prefer latency` weighs that."))
        folder = run if run.suffix != KERAS else pathlib.Path(best["file"]).parent
        print(plain_text.for_terminal(f"figure: {folder / 'figures' / 'compression.png'}"))


def _suits(row) -> str:
    return ("slower" if row["slower"] else "yes") if row["ok"] else "no"


@app.command(help="Measure size and latency of LiteRT and ONNX files.")
def bench(
    files: Annotated[
        list[pathlib.Path],
        typer.Argument(
            help=".tflite and .onnx files, folders of them, or .keras files as float LiteRT files"
        ),
    ],
    threads: int = 1,
    sort: Annotated[
        str,
        typer.Option(help="kB, zip_kB, init_ms, ms or p95_ms", autocompletion=values(*COLUMNS)),
    ] = "",
    trust: Trust = False,
    json: Json = False,
):
    from kerasdl import export as exports

    if sort:
        errors.one_of("column to sort by", sort, COLUMNS)
    groups = [exports.files_in(path) if path.is_dir() else [path] for path in files]
    found = [file for group in groups for file in group]
    if not found:
        expected = "at least one .tflite or .onnx file"
        raise errors.InvalidInput("files", expected, ", ".join(map(str, files)))
    rows = []
    for file in found:
        with _litert_file(file, trust) as path:
            model = exports.open_file(path)
            latency = exports.benchmark(model, threads=threads)
            times = (latency.init, latency.median, latency.p95)
            numbers = (model.size / 1e3, model.zipped_size / 1e3, *times)
        rows.append({"file": str(file), **dict(zip(COLUMNS, numbers, strict=True))})
    tables.show(sorted(rows, key=lambda row: row.get(sort, 0)), as_json=json)


@contextlib.contextmanager
def _litert_file(path, trust):
    """Give the path of a model file; a .keras file is converted to a temporary LiteRT file."""
    if path.suffix != KERAS:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        (row,) = open_run_or_file(path, trust, None, out=pathlib.Path(folder)).export()
        yield pathlib.Path(row["file"])


@app.command(help="Try an image classifier in the browser: draw a digit or open an image.")
def demo(
    run: Annotated[
        pathlib.Path | None,
        typer.Argument(
            metavar="[RUN]",
            help="A run, a .tflite or .keras file, or a folder of .tflite files; default: the "
            "newest run.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 0,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets a phone in the network open it.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the browser.")] = True,
    static: Annotated[
        pathlib.Path | None,
        typer.Option(
            metavar="FOLDER", help="Write the page with its models to a new folder, to host it."
        ),
    ] = None,
    litertjs: Annotated[
        pathlib.Path | None, typer.Option(metavar="FOLDER", help="A copy of LiteRT.js.")
    ] = None,
    data: Data = None,
    input_range: InputRange = None,
    trust: Trust = False,
):
    import functools
    import webbrowser

    from kerasdl.export import demo as page
    from kerasdl.runs import demo as choice

    if run is not None and run.suffix == KERAS:
        rows = open_run_or_file(run, trust, data, None, input_range).export()
        files = [pathlib.Path(row["file"]) for row in rows]
    else:
        files = choice.litert_files(run, functools.partial(open_run, trust=trust))
    if static is not None:
        folder = page.write(static, files, litertjs)
        count = f"{len(files)} model{'s' * (len(files) > 1)}"
        print(plain_text.for_terminal(f"{folder}: a page with {count} for any web server"))
        return
    server = page.Server(files, port, litertjs, host)
    print(f"{server.url} until Ctrl-C", flush=True)
    if server.is_public:
        _show_code(server.url)
        plain_text.tell(
            "Every device that reaches this machine over the network can open this page and "
            "download its models; what is drawn or opened there stays on that device."
        )
    if browser:
        webbrowser.open(server.url)
    with server, contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


def _show_code(url):
    """Show an address as a QR code for the camera of a phone, if a terminal can."""
    import segno

    if sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown"):
        drawn = io.StringIO()
        segno.make(url, micro=False).terminal(drawn, compact=True)
        # its blocks are the light modules: white on black, whatever the terminal's colors are
        lines = (f"\x1b[97;40m{line}\x1b[0m" for line in drawn.getvalue().splitlines() if line)
        code = "\n".join(lines)
        with contextlib.suppress(UnicodeEncodeError):
            code.encode(sys.stdout.encoding)
            print(code, flush=True)


def _relative(rows, run, as_json):
    """Name the files of rows relative to the run folder, which the table's title shows."""
    if as_json:
        return rows
    files = [pathlib.Path(row["file"]) for row in rows]
    bases = [run if run.suffix != KERAS else file.parent.parent for file in files]
    names = [str(file.relative_to(base)) for file, base in zip(files, bases, strict=True)]
    return [{**row, "file": name} for row, name in zip(rows, names, strict=True)]
