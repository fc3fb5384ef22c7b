"""Stop training on Ctrl-C, or on the SIGTERM that a cluster sends before it ends a job."""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator

import keras

from kerasdl.training.checkpoint import Checkpoint

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE = 0.5  # seconds that Python gets to exit after a second signal


class Interrupts(keras.callbacks.Callback):
    """Save and stop after the current step on a first signal; stop at once on a second one.

    Python handles a signal only between two executions of compiled steps, which may take long. A
    thread therefore listens as well: it prints that training will stop, and ends the process if a
    second signal comes while TensorFlow is still computing.

    Args:
        checkpoint: `Checkpoint`, which saves the state.
    """

    def __init__(self, checkpoint: Checkpoint):
        super().__init__()
        self.checkpoint = checkpoint
        self.signals: list[int] = []
        self.left = threading.Event()

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handle signals inside a `with` block; does nothing outside the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        receiver, sender = socket.socketpair()
        sender.setblocking(False)
        before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        waking = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        thread = threading.Thread(target=self._listen, args=(receiver,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.left.set()
            signal.set_wakeup_fd(waking)
            for number, handler in before.items():
                signal.signal(number, handler)
            sender.close()
            thread.join()
            receiver.close()

    def _handle(self, number, frame):
        self.signals.append(number)
        if len(self.signals) > 1:
            raise KeyboardInterrupt

    def _listen(self, receiver):
        count = 0
        while number := receiver.recv(1):
            if number[0] not in SIGNALS:
                continue
            count += 1
            if count == 1:
                _print("Stopping after this step; a second signal stops at once.")
            elif not self.left.wait(GRACE):
                _print(f"Stopped at once; {self.checkpoint.kept()} are kept.")
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


def _print(line):
    cursor = "\x1b[?25h" if sys.stderr.isatty() else ""  # show it: a progress bar hides it
    os.write(2, f"{cursor}\n{line}\n".encode())
