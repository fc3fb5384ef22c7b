"""Measure the latency of a model file."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.export.files import open_file
from kerasdl.export.model_file import MOST_THREADS, ModelFile
from kerasdl.utils import checks


@dataclasses.dataclass(frozen=True)
class Latency:
    """The latency of a model file, in milliseconds.

    Args:
        init: float, time to open the file.
        median: float, median time of one call.
        p95: float, 95th percentile of the time of one call.
        threads: int, number of threads.
        runs: int, number of measured calls.
    """

    init: float
    median: float
    p95: float
    threads: int
    runs: int

    def __str__(self):
        return f"{self.median:.3f} ms (p95 {self.p95:.3f}, init {self.init:.1f})"


def benchmark(
    path: str | os.PathLike | ModelFile, *, threads: int = 1, seconds: float = 1.0
) -> Latency:
    """Measure the latency of a LiteRT or ONNX file.

    The inputs are set before the clock starts, so only the call itself is measured. LiteRT's own
    tool, `litert_benchmark`, rounds to 0.01 ms, which is as long as a call of a small network, and
    it uses tokens outside the vocabulary.

    Args:
        path: The file, or its path.
        threads: int, number of threads, at most 1,024.
        seconds: float, how long to measure, at most 3600. The file is called at least 20 times.

    Example:
        >>> import tempfile
        >>> import keras
        >>> from kerasdl import export
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = export.to_litert(model, f"{folder}/model.tflite")
        ...     latency = benchmark(file, seconds=0.01)
        >>> bool(latency.median <= latency.p95)
        True
    """
    checks.integers(threads=threads, limit=MOST_THREADS)
    checks.numbers(at_least=0, limit=3600, seconds=seconds)
    start = time.perf_counter()
    file = path.path if isinstance(path, ModelFile) else path
    run = open_file(file, threads).runner()
    init = time.perf_counter() - start
    for _ in range(5):
        run()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 20 or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    median, p95 = np.percentile(times, [50, 95])
    return Latency(1000 * init, 1000 * median, 1000 * p95, threads, len(times))


def litert_benchmark(path: str | os.PathLike, *, threads: int = 1, runs: int = 1000) -> Latency:
    """Measure the latency of a LiteRT file with `litert-benchmark`, to 0.01 ms.

    Args:
        path: Path of the file.
        threads: int, number of threads.
        runs: int, number of calls.

    Example:
        >>> import tempfile
        >>> import keras
        >>> from kerasdl import export
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = export.to_litert(model, f"{folder}/model.tflite")
        ...     latency = litert_benchmark(file.path, runs=10)
        >>> latency.threads
        1
    """
    checks.paths(path=path)
    checks.integers(threads=threads, limit=MOST_THREADS)
    checks.integers(runs=runs, limit=checks.LARGEST)
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder) / "result.json"
        command = [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model"]
        command += ["--model", str(path), "--result_json", str(result)]
        command += ["--num_threads", str(threads)]
        command += ["--num_runs", str(runs), "--warmup_runs", str(runs // 10)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not result.exists():
            received = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise InvalidInput(f"file {path}", "one that litert-benchmark can run", received)
        found = json.loads(result.read_text(encoding="utf-8"))["latency"]
    return Latency(found["init_ms"], found["median_ms"], found["p95_ms"], threads, runs)
