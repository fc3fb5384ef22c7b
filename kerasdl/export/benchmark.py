"""How long a file takes for one call."""

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
from kerasdl.export.model_file import ModelFile


@dataclasses.dataclass(frozen=True)
class Latency:
    """Milliseconds: to open the file, and for one call the median and the 95th percentile."""

    init: float
    median: float
    p95: float
    threads: int
    runs: int

    def __str__(self):
        return f"{self.median:.3f} ms (p95 {self.p95:.3f}, init {self.init:.1f})"


def benchmark(path: str | os.PathLike | ModelFile, *, threads: int = 1, seconds: float = 1.0):
    """Call LiteRT's interpreter or onnxruntime again and again for about `seconds`.

    It is called at least 20 times, on inputs that lie in their place before the clock runs.
    `litert-benchmark`, which comes with ai-edge-litert, measures the same runtime, but it rounds to
    0.01 ms, as long as a small network takes, and feeds random tokens that no embedding has: see
    `litert_benchmark`.
    """
    if threads < 1:
        raise InvalidInput("value for argument `threads`", "a positive integer", threads)
    start = time.perf_counter()
    run = open_file(getattr(path, "path", path), threads).runner()
    init = time.perf_counter() - start
    for _ in range(5):
        run()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 20 or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    median, p95 = np.percentile(times, [50, 95])
    return Latency(1000 * init, 1000 * median, 1000 * p95, threads, len(times))


def litert_benchmark(path: str | os.PathLike, *, threads: int = 1, runs: int = 1000) -> Latency:
    """The same of a LiteRT file by the tool that comes with LiteRT, to 0.01 ms."""
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder) / "result.json"
        command = [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model"]
        command += ["--model", path, "--result_json", result, "--num_threads", str(threads)]
        command += ["--num_runs", str(runs), "--warmup_runs", str(runs // 10)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not result.exists():
            received = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise InvalidInput(f"file {path}", "what litert-benchmark can run", received)
        found = json.loads(result.read_text(encoding="utf-8"))["latency"]
    return Latency(found["init_ms"], found["median_ms"], found["p95_ms"], threads, runs)
