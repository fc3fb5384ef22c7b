"""`export`, `compress`, `bench` and `demo`: commands that write and run files for devices."""

import contextlib
import pathlib
from typing import Annotated

import typer

from kerasdl import errors
from kerasdl.cli.options import Json, RunFolder, Trust, app, open_run
from kerasdl.utils import plain_text, tables


@app.command(help="Write LiteRT or ONNX files and compare each with the Keras model.")
def export(
    run: RunFolder,
    quantize: Annotated[
        list[str] | None,
        typer.Option(
            help="none, float16, dynamic, int8, int16x8 or int4; may be repeated; "
            "for LiteRT, default none and int8."
        ),
    ] = None,
    format: Annotated[str, typer.Option(help="litert or onnx.")] = "litert",
    trust: Trust = False,
    json: Json = False,
):
    rows = open_run(run, trust).export(quantize or (), format)
    title = {"litert": "LiteRT", "onnx": "ONNX"}[format]
    tables.show(_relative(rows, run, json), f"{run}: {title} against Keras", json)


@app.command(
    help="Find the smallest LiteRT file that is good enough: quantize, prune, cluster, combine.",
)
def compress(
    run: RunFolder,
    max_drop: Annotated[float, typer.Option(help="Largest loss of accuracy.")] = 0.005,
    method: Annotated[
        list[str] | None,
        typer.Option(help="float16, dynamic, int8, int4, prune, qat, pqat, cqat or pcqat."),
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
    trust: Trust = False,
    json: Json = False,
):

    def progress(line):
        plain_text.tell(f"{line} ...")

    rows = open_run(run, trust).compress(
        max_drop=max_drop, methods=method, epochs=epochs, sparsity=sparsity, progress=progress
    )
    hidden = () if json else ("file", "best")
    shown = [{k: v for k, v in row.items() if k not in hidden} for row in rows]
    tables.show(shown, f"{run}: compressed LiteRT files", json)
    if not json:
        best = next(row for row in rows if row["best"])
        print(plain_text.for_terminal(f"best: {best['file']}"))
        print(plain_text.for_terminal(f"figure: {run / 'figures' / 'compression.png'}"))


@app.command(help="Measure size and latency of LiteRT and ONNX files.")
def bench(
    files: Annotated[
        list[pathlib.Path], typer.Argument(help=".tflite and .onnx files, or folders of them")
    ],
    threads: int = 1,
    sort: Annotated[str, typer.Option(help="kB, zip_kB, init_ms, ms or p95_ms")] = "",
    json: Json = False,
):
    from kerasdl import export as exports

    columns = ["kB", "zip_kB", "init_ms", "ms", "p95_ms"]
    if sort:
        errors.one_of("column to sort by", sort, columns)
    groups = [exports.files_in(path) if path.is_dir() else [path] for path in files]
    found = [file for group in groups for file in group]
    if not found:
        expected = "at least one .tflite or .onnx file"
        raise errors.InvalidInput("files", expected, ", ".join(map(str, files)))
    rows = []
    for file in found:
        model = exports.open_file(file)
        latency = exports.benchmark(model, threads=threads)
        times = (latency.init, latency.median, latency.p95)
        numbers = (model.size / 1e3, model.zipped_size / 1e3, *times)
        rows.append({"file": str(file), **dict(zip(columns, numbers, strict=True))})
    tables.show(sorted(rows, key=lambda row: row.get(sort, 0)), as_json=json)


@app.command(help="Try an image classifier in the browser: draw a digit or open an image.")
def demo(
    run: Annotated[
        pathlib.Path | None,
        typer.Argument(
            metavar="[RUN]",
            help="A run, a .tflite file or a folder of them; default: the newest run.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 0,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the browser.")] = True,
    litertjs: Annotated[
        pathlib.Path | None, typer.Option(metavar="FOLDER", help="A copy of LiteRT.js.")
    ] = None,
    trust: Trust = False,
):
    import functools
    import webbrowser

    from kerasdl.export import demo as page
    from kerasdl.runs import demo as choice

    files = choice.litert_files(run, functools.partial(open_run, trust=trust))
    server = page.Server(files, port, litertjs)
    print(f"{server.url} until Ctrl-C", flush=True)
    if browser:
        webbrowser.open(server.url)
    with server, contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


def _relative(rows, run, as_json):
    """Name the files of rows relative to the run folder, which the table's title shows."""
    if as_json:
        return rows
    return [{**row, "file": str(pathlib.Path(row["file"]).relative_to(run))} for row in rows]
