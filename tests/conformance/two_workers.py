"""Two worker processes that train any subject together, started once for all subjects."""

import atexit
import functools
import json
import os
import pathlib
import pickle
import select
import subprocess
import sys

from kerasdl.distribute import launching

PATIENCE = 300  # seconds to wait for the workers' answers


def history(subject, folder):
    """Return `training.history` of a subject from both workers."""
    workers = start()
    for number, worker in enumerate(workers):
        print(subject.name, folder / f"{number}.pickle", file=worker.stdin, flush=True)
    waiting = {worker.stdout: worker for worker in workers}
    while waiting:
        ready, _, _ = select.select(list(waiting), [], [], PATIENCE)
        answers = [stream.readline().strip() for stream in ready]
        if not ready or set(answers) != {"done"}:
            stop()  # the other worker would wait for ever
            start.cache_clear()
            raise AssertionError(" ".join(filter(None, answers)) or "no answer from the workers")
        for stream in ready:
            del waiting[stream]
    return [pickle.loads((folder / f"{n}.pickle").read_bytes()) for n in range(len(workers))]


@functools.cache
def start():
    addresses = [f"127.0.0.1:{port}" for port in launching.free_ports(2)]
    workers = [_worker(number, addresses) for number in range(2)]
    atexit.register(stop)
    return workers


def _worker(number, addresses):
    task = {"type": "worker", "index": number}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.conformance.two_workers"],
        cwd=pathlib.Path(__file__).parents[2],
        env={
            **os.environ,
            "TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task}),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def stop():
    for process in start() if start.cache_info().currsize else ():
        process.kill()
        process.communicate()  # avoids a ResourceWarning at exit


def serve():
    from kerasdl import distribute

    strategy = distribute.strategy("multiworker")  # before anything is computed
    from tests.conformance import training
    from tests.conformance.declared import SUBJECTS

    subjects = {subject.name: subject for subject in SUBJECTS}
    for line in sys.stdin:
        name, file = line.split()
        try:
            subject = subjects[name]
            own = training.normalizes_alone(subject.make())
            given = training.history(subject, strategy, subject.still, own, own)
            pathlib.Path(file).write_bytes(pickle.dumps(given))
            print("done", flush=True)
        except Exception as error:
            print(f"{type(error).__name__}: {error}".splitlines()[0], flush=True)


if __name__ == "__main__":
    serve()
