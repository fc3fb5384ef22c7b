"""Ctrl-C, and the SIGTERM with which a cluster announces the end."""

import contextlib
import os
import signal
import socket
import sys
import threading

import keras

from kerasdl.recipes.checkpoint import Checkpoint

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE = 0.5  # seconds for Python to leave, before the process is ended


class Stopping(keras.callbacks.Callback):
    """A first signal lets the running step end, saves and stops; a second stops at once.

    Python hears of a signal only between two executions, which may take long. So a thread hears it,
    too: it answers, and ends the process if a second signal finds it still computing.

    Args:
        checkpoint: What saves.
    """

    def __init__(self, checkpoint: Checkpoint):
        super().__init__()
        self.checkpoint = checkpoint
        self.signals = []
        self.left = threading.Event()

    @contextlib.contextmanager
    def listening(self):
        """Hear signals in here; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        ear, mouth = socket.socketpair()
        mouth.setblocking(False)
        before = {number: signal.signal(number, self._hear) for number in SIGNALS}
        waking = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
        thread = threading.Thread(target=self._listen, args=(ear,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.left.set()
            signal.set_wakeup_fd(waking)
            for number, handler in before.items():
                signal.signal(number, handler)
            mouth.close()
            thread.join()
            ear.close()

    def _hear(self, number, frame):
        self.signals.append(number)
        if len(self.signals) > 1:
            raise KeyboardInterrupt

    def _listen(self, ear):
        heard = 0
        while number := ear.recv(1):
            if number[0] not in SIGNALS:
                continue
            heard += 1
            if heard == 1:
                _say("Stopping after this step; once more stops at once.")
            elif not self.left.wait(GRACE):
                _say(f"Stopped at once; {self.checkpoint.kept()} are kept.")
                os._exit(128 + number[0])

    def _stop_if_asked(self):
        if self.signals:
            self.checkpoint.save()
            raise KeyboardInterrupt

    def on_train_batch_end(self, batch, logs=None):
        self._stop_if_asked()

    def on_test_batch_end(self, batch, logs=None):
        self._stop_if_asked()

    def on_epoch_end(self, epoch, logs=None):
        self._stop_if_asked()


def _say(line):
    cursor = "\x1b[?25h" if sys.stderr.isatty() else ""  # which a progress bar hides
    os.write(2, f"{cursor}\n{line}\n".encode())
