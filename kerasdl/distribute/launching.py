"""Start several workers on this machine, as a cluster would, for tests and for learning."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from kerasdl.utils import checks

MOST_WORKERS = 256  # a process and a port each
GRACE_SECONDS = 10.0  # between asking a worker to stop and killing it


def launch(command: list[str], workers: int) -> int:
    """Run a command once per worker and return the exit status: 0, or that of the first to fail.

    Each process finds its number and the addresses of all workers in `TF_CONFIG`. Lines that
    worker 1 prints start with `[1]`. If one worker fails, all are stopped.

    Args:
        command: The program and its arguments.
        workers: int, number of processes, at most 256.
    """
    listed = isinstance(command, (list, tuple)) and bool(command)
    holds = listed and all(isinstance(part, (str, os.PathLike)) for part in command)
    checks.check("command", command, holds, "a list of the program and its arguments")
    checks.integers(workers=workers, limit=MOST_WORKERS)
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    running = []
    try:
        for number in range(workers):
            running.append(_start(command, number, addresses))
        return _watch(running)
    finally:
        _end(running)


def free_ports(count: int) -> list[int]:
    """Return free ports of this machine."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _start(command, number, addresses):
    task = {"type": "worker", "index": number}
    config = json.dumps({"cluster": {"worker": addresses}, "task": task})
    worker = subprocess.Popen(
        command,
        env={**os.environ, "TF_CONFIG": config, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C reaches only this process, which passes it on
    )
    worker.reader = threading.Thread(target=_prefix, args=(worker.stdout, number), daemon=True)
    worker.reader.start()
    return worker


def _prefix(lines, number):
    with lines:  # closed here, because closing it elsewhere would wait for this thread
        for line in lines:
            sys.stdout.write(f"[{number}] {line}")
            sys.stdout.flush()


def _watch(running):
    while True:
        statuses = [worker.poll() for worker in running]
        failed = [status for status in statuses if status]
        if failed:
            # a process killed by signal n has the status -n here and 128 + n in a shell
            return failed[0] if failed[0] > 0 else 128 - failed[0]
        if all(status == 0 for status in statuses):
            return 0
        time.sleep(0.05)


def _end(running):
    """Interrupt the workers, kill those that do not stop, and print their remaining output."""
    with contextlib.suppress(KeyboardInterrupt):  # a second Ctrl-C kills at once
        for worker in running:
            _signal(worker, signal.SIGINT)
        limit = time.monotonic() + GRACE_SECONDS
        while any(w.poll() is None for w in running) and time.monotonic() < limit:
            time.sleep(0.05)
    for worker in running:
        _signal(worker, signal.SIGKILL)
        worker.wait()
        worker.reader.join(timeout=1)  # a process that the worker started may keep it open


def _signal(worker, number):
    if worker.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, number)
