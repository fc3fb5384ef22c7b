"""The caller's end of the converting process, which is started once and kept for the next call."""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading


class CrashError(Exception):
    """The process ended without an answer; the message says how."""


class Worker:
    """Runs `kerasdl.export.worker`, starts it again after a crash, and ends with this process."""

    def __init__(self):
        self.process = None
        self.lock = threading.Lock()

    def start(self):
        """Begin loading TensorFlow in the background, unless a process is there already."""
        if self.process is not None and self.process.poll() is None:
            return
        self.stop()
        # the same modules as here are found there; a GPU stays free for training
        paths = os.pathsep.join(path for path in sys.path if path)
        # `stop` closes it
        self.log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kerasdl.export.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env={**os.environ, "PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "-1"},
            text=True,
            start_new_session=True,  # Ctrl-C belongs to the caller alone
        )
        atexit.register(self.stop)

    def run(self, **job) -> dict:
        """The process's answer to one job."""
        with self.lock:
            self.start()
            try:
                print(json.dumps(job), file=self.process.stdin, flush=True)
                line = self.process.stdout.readline()
            except BrokenPipeError:
                line = ""
            except BaseException:  # interrupted: the answer would be taken for the next job's
                self.process.kill()
                raise
            if not line:
                raise CrashError(self.obituary())
            return json.loads(line)

    def obituary(self):
        status = self.process.wait()
        self.log.seek(0)
        last = (self.log.read().strip().splitlines() or ["no message"])[-1][:200]
        return f"{signal.Signals(-status).name if status < 0 else f'exit status {status}'} ({last})"

    def stop(self):
        if self.process is None:
            return
        atexit.unregister(self.stop)
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.log):
            with contextlib.suppress(BrokenPipeError):  # what was left to write
                stream.close()
        self.process = None


WORKER = Worker()
