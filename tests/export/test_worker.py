"""The converter process: its answers to failures, and what is said of its death."""

import json
import os

import keras
import numpy as np
import pytest

from kerasdl.export import quantize as quantizing
from kerasdl.export import trace, worker
from kerasdl.export.litert_model import LiteRTModel

NOT_BUILT_IN = (
    'somewhere))): error: loc(fused["Igamma:", "net/gamma/Igamma@__inference_1"]) : '
    "'tf.Igamma' op is neither a custom op nor a flex op\n"
    "error: loc(\"net/erf/Erf@__inference_1\")): 'tf.Erf' op is neither a custom op nor a flex op"
)


@pytest.mark.parametrize("given", [None, {}, {"operators": []}])
def test_a_job_goes_to_its_format_without_that_word(given, monkeypatch):
    jobs = []
    for name in ("litert", "onnx"):
        monkeypatch.setitem(
            worker.FORMATS, name, lambda name=name, **job: jobs.append((name, job)) or given
        )
    assert worker.answer({"a": 1}) == (given or {})
    assert worker.answer({"format": "onnx", "b": 2}) == (given or {})
    assert jobs == [("litert", {"a": 1}), ("onnx", {"b": 2})]


def failing(monkeypatch, message):
    def fail(**job):
        raise ValueError(message)

    monkeypatch.setitem(worker.FORMATS, "litert", fail)
    return worker.answer({})


def test_a_failure_is_its_first_line_and_where_it_was(monkeypatch):
    found = failing(monkeypatch, '\nat "net/dense/MatMul@x"((( a))): too large\nmore\n')
    assert found == {"error": "too large", "operators": [], "scope": "net/dense/MatMul"}
    found = failing(monkeypatch, "plain " + 400 * "x")
    assert found["error"] == ("plain " + 400 * "x")[:300] and found["scope"] == ""


def test_operators_that_are_not_built_in_are_named_with_their_scopes(monkeypatch):
    found = failing(monkeypatch, NOT_BUILT_IN)
    assert found["operators"] == [("Erf", "net/erf/Erf"), ("Igamma", "net/gamma/Igamma")]
    json.dumps(found)


PROGRAM = """
import sys
for line in sys.stdin:
    if "die" in line:
        print("the last words", file=sys.stderr, flush=True)
        {end}
    print('{{"pong": ' + line.strip() + "}}", flush=True)
"""


@pytest.fixture
def process(monkeypatch):
    """A function that makes a worker whose process runs a small program instead of TensorFlow."""
    made = []

    def make(end):
        popen = worker.subprocess.Popen

        def start(command, **options):
            assert command[1:3] == ["-P", "-c"] and options["start_new_session"]
            assert options["env"]["CUDA_VISIBLE_DEVICES"] == "-1"
            return popen([*command[:3], PROGRAM.format(end=end)], **options)

        monkeypatch.setattr(worker.subprocess, "Popen", start)
        made.append(worker.Worker())
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.mark.parametrize(
    ("end", "report"),
    [
        ("sys.exit(3)", r"exit status 3 (the last words)"),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV (the last words)"),
    ],
)
def test_a_process_that_ends_is_reported_and_the_next_job_starts_another(end, report, process):
    made = process(end)
    assert made.run(job=1) == {"pong": {"job": 1}}
    first = made.process
    assert made.run(job=2) == {"pong": {"job": 2}} and made.process is first
    with pytest.raises(worker.CrashError) as caught:
        made.run(job="die")
    assert str(caught.value) == report
    assert made.run(job=3) == {"pong": {"job": 3}} and made.process is not first


def test_a_stopped_worker_has_no_process_and_can_be_stopped_again(process):
    made = process("pass")
    made.stop()
    made.run(job=1)
    running = made.process
    made.stop()
    made.stop()
    assert made.process is None and running.poll() is not None
    assert running.stdin.closed and running.stdout.closed and made.log.closed


def test_an_interrupted_job_leaves_no_answer_for_the_next(process, monkeypatch):
    made = process("pass")
    made.run(job=1)
    first = made.process

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(worker.json, "dumps", interrupted)
        with pytest.raises(KeyboardInterrupt):
            made.run(job=2)
    assert first.wait(timeout=10) == -9
    assert made.run(job=3) == {"pong": {"job": 3}}


@pytest.mark.parametrize(
    ("end", "report"),
    [
        ("sys.exit(0)", "exit status 0 (the last words)"),
        ("print('\\n' + 300 * 'y' + '\\n ', file=sys.stderr); sys.exit(1)", f"({200 * 'y'})"),
        ("sys.stderr.buffer.write(b'odd \\xff'); sys.exit(2)", "exit status 2 (odd \ufffd)"),
        ("import os; os.ftruncate(2, 0); sys.exit(4)", "exit status 4 (no message)"),
    ],
)
def test_last_message_of_a_process_is_cut_and_always_text(end, report, process):
    made = process(end)
    with pytest.raises(worker.CrashError) as caught:
        made.run(job="die")
    assert str(caught.value).endswith(report)


def test_process_that_ended_before_its_job_is_reported(process):
    made = process("pass")
    made.start()
    made.process.kill()
    made.process.wait()
    made.start = lambda: None  # it ends after `start` has looked
    with pytest.raises(worker.CrashError, match=r"^SIGKILL \(no message\)$"):
        made.run(job=1)


def test_start_keeps_a_running_process_and_replaces_one_that_ended(process):
    made = process("sys.exit(0)")
    made.start()
    first, log = made.process, made.log
    made.start()
    assert made.process is first and first.poll() is None
    first.kill()
    first.wait()
    made.start()
    assert made.process is not first and first.stdin.closed and log.closed


def test_process_imports_from_the_same_paths(process, monkeypatch, tmp_path):
    monkeypatch.setattr(worker.sys, "path", ["", str(tmp_path), "/somewhere"])
    monkeypatch.setenv("KERASDL_TEST", "kept")
    made, asked = process("pass"), []
    popen = worker.subprocess.Popen

    def start(command, **options):
        asked.append(options["env"])
        return popen(command, **options)

    monkeypatch.setattr(worker.subprocess, "Popen", start)
    made.start()
    (found,) = asked
    assert found["PYTHONPATH"] == f"{tmp_path}{os.pathsep}/somewhere"
    assert found["KERASDL_TEST"] == "kept"


def test_worker_is_stopped_when_python_exits(process, monkeypatch):
    registered = []
    monkeypatch.setattr(worker.atexit, "register", registered.append)
    monkeypatch.setattr(worker.atexit, "unregister", registered.remove)
    made = process("pass")
    made.start()
    assert registered == [made.stop]
    made.stop()
    assert registered == []


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A SavedModel of a small network, its calibration data, and its outputs for them."""
    folder = tmp_path_factory.mktemp("saved")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    x = np.random.default_rng(0).random((40, 4), dtype="float32")
    np.savez(folder / "data.npz", input=x)
    trace.save(model, folder / "model", batch_size=1)
    return folder, x, np.array(model(x))


def converted(saved, tmp_path, quantize, short_scales=False):
    folder = saved[0]
    calibration = str(folder / "data.npz")
    output = tmp_path / "m.tflite"
    worker.to_litert(
        saved_model=str(folder / "model"),
        output=str(output),
        quantize=quantize,
        calibration=calibration,
        inputs=["input"],
        outputs=["output"],
        batch_size=1,
        sparse=False,
        short_scales=short_scales,
        facts={},
    )
    return LiteRTModel(output)


@pytest.mark.filterwarnings(r"ignore:\s+Warning. tf.lite.Interpreter is deprecated")
@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs were expected")
def test_int8_file_that_cannot_be_quantized_or_run_comes_from_tensorflow(
    saved, tmp_path, monkeypatch
):
    _, x, y = saved
    for quantized in (None, b"no model"):  # fails to quantize, fails to run

        def quantize(content, *_, quantized=quantized):
            if quantized is None:
                raise RuntimeError("an operator")
            return quantized

        monkeypatch.setattr(quantizing, "quantize", quantize)
        file = converted(saved, tmp_path, "int8")
        types = {np.dtype(d["dtype"]).name for d in file.interpreter.get_tensor_details()}
        assert "int8" in types and file.operators["FULLY_CONNECTED"] == 1
        assert 1e-6 < np.abs(file.predict(x) - y).max() < 0.05 * np.ptp(y)
        for method in ("int16x8", "int4"):
            with pytest.raises((RuntimeError, ValueError)):
                converted(saved, tmp_path, method)
