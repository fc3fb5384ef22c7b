"""Several processes that share a search: KerasTuner's chief, which has the oracle, and workers.

KerasTuner's chief waits forever for workers that ended, and its workers wait an hour for a chief
that ended. Here each process touches a file in the shared folder every second while it runs.
"""

import contextlib
import dataclasses
import os
import pathlib
import signal
import threading
import time
from typing import Any

import grpc
from keras_tuner.src.distribute import oracle_chief, oracle_client

from kerasdl.errors import InvalidInput

VARIABLES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")
LOST = 30.0  # seconds without a heartbeat after which a process counts as dead
WAIT = 600.0  # seconds that a chief waits for a worker, and a worker for its chief


class Heartbeats:
    """Measure the seconds since each process of a search last touched its file.

    Times are measured by this process's clock, because clocks of machines differ.
    """

    def __init__(self, folder: pathlib.Path, clock=time.monotonic):
        self.folder, self.clock = folder, clock
        self.heard: dict[str, Any] = {}

    def silent(self, name: str) -> float:
        file = self.folder / name
        beat = file.stat().st_mtime_ns if file.exists() else None
        if self.heard.get(name, (0, 0))[0] != beat or name not in self.heard:
            self.heard[name] = beat, self.clock()
        return self.clock() - self.heard[name][1]


@contextlib.contextmanager
def pulse(folder: pathlib.Path, name: str, also=lambda: None):
    """Touch this process's file every second, and call `also`, inside a `with` block."""
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
    """The role of the current process in a search: "alone", "chief" or "worker"."""

    name: str = "alone"
    tuner_id: str = "tuner0"
    address: str = ""
    listens: bool = False  # whether this worker waits for its chief
    lost: bool = False

    @classmethod
    def of_environment(cls) -> "Role":
        """Return the role given by KerasTuner's environment variables."""
        found = [os.environ.get(name, "") for name in VARIABLES]
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
        """Serve the oracle until every worker is informed that no trial is left."""
        failures = []

        def server():
            try:
                oracle_chief.start_server(oracle)
            except Exception as error:
                failures.append(error)

        # the server itself ends up to 20 seconds late, and never if a worker died
        threading.Thread(target=server, daemon=True).start()
        heartbeats, alone = Heartbeats(folder / "workers"), time.monotonic()
        with pulse(folder / "workers", self.tuner_id):
            while not (oracle.stopped or oracle.over) or oracle.ongoing_trials or oracle.tuner_ids:
                time.sleep(0.2)
                if failures:
                    raise InvalidInput("address of the chief", "a free one", self.address)
                for worker in list(oracle.tuner_ids):
                    if heartbeats.silent(worker) > LOST:
                        oracle.forget(worker)
                alone = time.monotonic() if oracle.tuner_ids else alone
                if time.monotonic() - alone > WAIT:
                    expected = f"a worker that asks {self.address} within {WAIT:.0f} s"
                    raise InvalidInput("shared search", expected, "none")
            time.sleep(1)  # the last answer is still being sent

    @contextlib.contextmanager
    def connected(self, folder: pathlib.Path):
        """Wait for the chief and work for it inside a `with` block.

        The value of the block is True if the search is finished and has no chief.
        """
        oracle_client.TIMEOUT = WAIT
        places = folder / "workers"
        heartbeats = Heartbeats(places)

        def listen():
            if heartbeats.silent("chief") > LOST and self.listens:
                self.lost = True
                # a real signal, which interrupts any wait
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

        try:
            with pulse(places, self.tuner_id, listen):
                yield self._finished(folder, places / "chief")
        except (KeyboardInterrupt, grpc.RpcError) as error:
            if isinstance(error, KeyboardInterrupt) and not self.lost:
                raise
            expected = f"one that answers at {self.address}"
            received = f"none for {LOST:.0f} s"
            if not self.lost and not isinstance(error, KeyboardInterrupt):
                received = error.code().name
            raise InvalidInput("chief of the search", expected, received) from None

    def _finished(self, folder, chief):
        """Wait until the chief has made the folder; a killed chief may have left its file."""
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
        """Run a trial inside a `with` block; meanwhile the chief may be stopped."""
        self.listens = False
        yield
        self.listens = True
