"""How long a LiteRT file takes for one call."""

import dataclasses
import os
import time

import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.export.litert_model import LiteRTModel


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


def benchmark(path: str | os.PathLike | LiteRTModel, *, threads: int = 1, seconds: float = 1.0):
    """Call the interpreter again and again for about `seconds`, at least 20 times.

    `litert-benchmark`, which comes with ai-edge-litert, measures the same runtime, but it rounds to
    0.01 ms, as long as a small network takes, and feeds random tokens that no embedding has.
    """
    if threads < 1:
        raise InvalidInput("value for argument `threads`", "a positive integer", threads)
    start = time.perf_counter()
    model = LiteRTModel(getattr(path, "path", path), threads)
    interpreter = model.interpreter
    init = time.perf_counter() - start
    random = np.random.default_rng(0)
    for detail in interpreter.get_input_details():
        is_float = np.issubdtype(detail["dtype"], np.floating)
        # zero is a token that every vocabulary has
        values = random.random(detail["shape"]) if is_float else np.zeros(detail["shape"])
        interpreter.set_tensor(detail["index"], values.astype(detail["dtype"]))
    for _ in range(5):
        interpreter.invoke()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 20 or time.perf_counter() < end:
        start = time.perf_counter()
        interpreter.invoke()
        times.append(time.perf_counter() - start)
    median, p95 = np.percentile(times, [50, 95])
    return Latency(1000 * init, 1000 * median, 1000 * p95, threads, len(times))
