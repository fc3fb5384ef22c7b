"""Latency is measured after a warm-up, at least 20 times, and in milliseconds."""

import importlib
import itertools
import json
import pathlib
import sys
import types

import pytest

from kerasdl.errors import InvalidInput
from kerasdl.export.benchmark import Latency, benchmark, litert_benchmark
from kerasdl.export.model_file import ModelFile

module = importlib.import_module("kerasdl.export.benchmark")  # the package has the function's name


class Clock:
    """A clock that only running the file moves: the first call takes 1 s, others 2 ms and more."""

    def __init__(self):
        self.now, self.calls = 100.0, 0

    def perf_counter(self):
        return self.now

    def open_file(self, path, threads):
        self.opened = path, threads
        self.now += 0.5
        return types.SimpleNamespace(runner=lambda: self.run)

    def run(self):
        self.calls += 1
        # 5 to warm up, then one of 20 calls is slow
        self.now += 1.0 if self.calls <= 5 else 0.009 if self.calls == 10 else 0.002


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    monkeypatch.setattr(module, "open_file", made.open_file)
    return made


def test_the_clock_starts_after_opening_and_warming_up(clock):
    found = benchmark("some.tflite", threads=3, seconds=0)
    assert clock.opened == ("some.tflite", 3)
    assert found.init == pytest.approx(500) and found.median == pytest.approx(2)
    assert 2 < found.p95 < 9
    assert (found.threads, found.runs) == (3, 20) and clock.calls == 25


def test_measuring_goes_on_for_the_given_time(clock):
    assert benchmark("some.tflite", seconds=0.207).runs == pytest.approx(100, abs=1)
    assert clock.opened == ("some.tflite", 1)


def test_a_number_of_threads_is_positive():
    with pytest.raises(InvalidInput, match="`threads`"):
        benchmark("some.tflite", threads=0)


def test_a_latency_is_said_in_milliseconds():
    assert str(Latency(12.34, 0.1234, 0.5678, 1, 20)) == "0.123 ms (p95 0.568, init 12.3)"


def test_the_tool_of_litert_is_asked_and_read(monkeypatch):
    asked = []

    def run(command, **options):
        asked.append(command)
        result = {"latency": {"init_ms": 3.0, "median_ms": 1.0, "p95_ms": 2.0}}
        place = command[command.index("--result_json") + 1]
        pathlib.Path(place).write_text(json.dumps(result))
        return types.SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(module.subprocess, "run", run)
    assert litert_benchmark("m.tflite", threads=2, runs=50) == Latency(3, 1, 2, 2, 50)
    ((_, *command),) = asked
    options = dict(zip(command[2::2], command[3::2], strict=True))
    options.pop("--result_json")
    assert options == {
        "--model": "m.tflite",
        "--num_threads": "2",
        "--num_runs": "50",
        "--warmup_runs": "5",
    }


@pytest.mark.parametrize(
    ("status", "stderr", "received"),
    [(1, "first\nlast words\n", "last words"), (1, "", "nothing"), (0, "no result", "no result")],
)
def test_a_failing_tool_is_one_line(status, stderr, received, monkeypatch):
    done = types.SimpleNamespace(returncode=status, stderr=stderr)
    monkeypatch.setattr(module.subprocess, "run", lambda command, **options: done)
    message = (
        f"^Invalid file m.tflite. Expected one that litert-benchmark can run. Received: {received}$"
    )
    with pytest.raises(InvalidInput, match=message):
        litert_benchmark("m.tflite")


def test_defaults_are_one_thread_and_one_second(clock):
    found = benchmark("some.tflite")
    assert clock.opened == ("some.tflite", 1)
    assert found.runs == 497  # one call of 9 ms and 496 of 2 ms are the first to exceed 1 s


def test_p95_is_interpolated_between_calls(clock):
    # of 20 sorted times, place 0.95 * 19 = 18.05 lies between 2 ms and 9 ms
    found = benchmark("some.tflite", seconds=0)
    assert found.p95 == pytest.approx(2 + 0.05 * 7)


def test_opened_file_is_opened_again_by_its_path(clock):
    class Opened(ModelFile):
        call = runner = inputs = outputs = metadata = None

        def __init__(self):
            self.path = "opened.tflite"

    benchmark(Opened(), threads=2, seconds=0)
    assert clock.opened == ("opened.tflite", 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": -0.5}, "`seconds`. Expected a number at least 0. Received: -0.5"),
        ({"seconds": float("nan")}, "`seconds`. Expected a number at least 0. Received: nan"),
        ({"seconds": "1"}, "`seconds`. Expected a number at least 0. Received: '1'"),
        ({"seconds": 3600.5}, "`seconds`. Expected a number at least 0, at most 3600. Received"),
        ({"threads": 1025}, "`threads`. Expected a positive integer, at most 1024. Received: 1025"),
    ],
)
def test_invalid_options_raise_before_the_file_is_opened(options, message, clock):
    with pytest.raises(InvalidInput, match=message):
        benchmark("some.tflite", **options)
    assert clock.calls == 0
    assert benchmark("some.tflite", threads=1024, seconds=0).threads == 1024


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        (3, {}, "`path`. Expected a path. Received: 3"),
        ("m.tflite", {"threads": 0}, "`threads`. Expected a positive integer. Received: 0"),
        ("m.tflite", {"threads": 1025}, "`threads`. Expected a positive integer, at most 1024"),
        ("m.tflite", {"runs": 0}, "`runs`. Expected a positive integer. Received: 0"),
        ("m.tflite", {"runs": 2**31}, "`runs`. Expected a positive integer, at most 2147483647"),
    ],
)
def test_invalid_options_of_the_tool_raise(path, options, message, monkeypatch):
    monkeypatch.setattr(module.subprocess, "run", None)  # not called
    with pytest.raises(InvalidInput, match=message):
        litert_benchmark(path, **options)


def test_the_tool_runs_1000_times_in_one_thread_by_default(monkeypatch):
    asked = []

    def run(command, **options):
        asked.extend(command)
        return types.SimpleNamespace(returncode=1, stderr="")

    monkeypatch.setattr(module.subprocess, "run", run)
    with pytest.raises(InvalidInput):
        litert_benchmark("m.tflite")
    assert asked[:3] == [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model"]
    for option in (("--num_threads", "1"), ("--num_runs", "1000"), ("--warmup_runs", "100")):
        assert option in itertools.pairwise(asked)


def test_the_last_line_that_a_failing_tool_prints_is_shown_and_hidden_elsewhere(monkeypatch, capfd):
    run = module.subprocess.run
    program = (
        "import sys; print('out'); print('first', 'last', sep='\\n', file=sys.stderr); exit(3)"
    )
    monkeypatch.setattr(
        module.subprocess,
        "run",
        lambda command, **options: run([sys.executable, "-c", program], **options),
    )
    with pytest.raises(InvalidInput, match=r"Received: last$"):
        litert_benchmark("m.tflite")
    assert capfd.readouterr() == ("", "")
