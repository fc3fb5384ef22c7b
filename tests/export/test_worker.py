"""The converter process: its answers to failures, and what is said of its death."""

import json

import pytest

from kerasdl.export import worker

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
