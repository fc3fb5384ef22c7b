"""Several processes that share a search: KerasTuner's chief, who asks the oracle, and workers.

KerasTuner's chief waits for workers that died and its workers wait an hour for a chief that did.
Here each lets a file in the shared folder grow older by no more than a second while it lives.
"""

import contextlib
import dataclasses
import os
import pathlib
import signal
import threading
import time

import grpc
from keras_tuner.src.distribute import oracle_chief, oracle_client

from kerasdl.errors import InvalidInput

VARIABLES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")
LOST = 30.0  # seconds of silence after which a process is taken for dead
WAIT = 600.0  # seconds that a chief waits for a worker, and a worker for its chief


class Listener:
    """For how long each process of a search has been silent, by this process's own clock."""

    def __init__(self, folder: pathlib.Path, clock=time.monotonic):
        self.folder, self.clock, self.heard = folder, clock, {}

    def silent(self, name: str) -> float:
        file = self.folder / name
        beat = file.stat().st_mtime_ns if file.exists() else None
        if self.heard.get(name, (0, 0))[0] != beat or name not in self.heard:
            self.heard[name] = beat, self.clock()
        return self.clock() - self.heard[name][1]


@contextlib.contextmanager
def pulse(folder: pathlib.Path, name: str, also=lambda: None):
    """Touch this process's file, and do something else, every second."""
    folder.mkdir(parents=True, exist_ok=True)
    end = threading.Event()

    def beat():
        while not end.is_set():
            (folder / name).touch()
            also()
            end.wait(1)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
        (folder / name).unlink(missing_ok=True)


@dataclasses.dataclass
class Role:
    """Who this process is: "alone", the "chief", or a "worker"."""

    name: str = "alone"
    tuner_id: str = "tuner0"
    address: str = ""
    listens: bool = False  # a worker that has heard of its chief and waits for it
    lost: bool = False

    @classmethod
    def of_environment(cls) -> "Role":
        found = [os.environ.get(name) for name in VARIABLES]
        if not any(found[1:]):
            return cls()
        for name, value in zip(VARIABLES, found, strict=True):
            if not value:
                expected = f"all of {', '.join(VARIABLES)}"
                raise InvalidInput("environment of a shared search", expected, f"no {name}")
        tuner_id, address, port = found
        name = "chief" if "chief" in tuner_id else "worker"
        return cls(name, tuner_id, f"{address}:{port}")

    def serve(self, oracle, folder: pathlib.Path):
        """Be the chief until every worker was told that nothing is left to do."""
        failures = []

        def server():
            try:
                oracle_chief.start_server(oracle)
            except Exception as error:
                failures.append(error)

        # its own end comes up to 20 seconds late, and never where a worker died
        threading.Thread(target=server, daemon=True).start()
        listener, alone = Listener(folder / "workers"), time.monotonic()
        with pulse(folder / "workers", self.tuner_id):
            while not (oracle.stopped or oracle.over) or oracle.ongoing_trials or oracle.tuner_ids:
                time.sleep(0.2)
                if failures:
                    raise InvalidInput("address of the chief", "a free one", self.address)
                for worker in list(oracle.tuner_ids):
                    if listener.silent(worker) > LOST:
                        oracle.forget(worker)
                alone = time.monotonic() if oracle.tuner_ids else alone
                if time.monotonic() - alone > WAIT:
                    expected = f"a worker that asks {self.address} within {WAIT:.0f} s"
                    raise InvalidInput("shared search", expected, "none")
            time.sleep(1)  # the last answer is on its way

    @contextlib.contextmanager
    def connected(self, folder: pathlib.Path):
        """Be a worker of the chief, once there is one.

        Gives whether the search is finished and has no chief any more.
        """
        oracle_client.TIMEOUT = WAIT
        places = folder / "workers"
        listener = Listener(places)

        def listen():
            if listener.silent("chief") > LOST and self.listens:
                self.lost = True
                # a real signal, which wakes whatever waits
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

        try:
            with pulse(places, self.tuner_id, listen):
                yield self._finished(folder, places / "chief")
        except (KeyboardInterrupt, grpc.RpcError) as error:
            if isinstance(error, KeyboardInterrupt) and not self.lost:
                raise
            expected = f"one that answers at {self.address}"
            received = f"none for {LOST:.0f} s" if self.lost else error.code().name
            raise InvalidInput("chief of the search", expected, received) from None

    def _finished(self, folder, chief):
        """Wait for the chief, who makes the folder; one that was killed may have left its file."""
        limit = time.monotonic() + WAIT
        while not chief.exists():
            if (folder / "best").is_dir():
                return True
            if time.monotonic() > limit:
                expected = f"one that is started, with the folder {folder}, within {WAIT:.0f} s"
                raise InvalidInput("chief of the search", expected, "none")
            time.sleep(0.2)
        return False

    @contextlib.contextmanager
    def busy(self):
        """While a trial runs, the chief may be away."""
        self.listens = False
        yield
        self.listens = True
