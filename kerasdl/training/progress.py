"""Show how a training run proceeds: a bar in a terminal, a line an epoch in a pipe or log file."""

import sys
import time

import keras
import rich.console
import rich.progress

from kerasdl.utils import plain_text

BAR = 16  # characters of the bar


def shown(logs: dict[str, float]) -> dict[str, float]:
    """Return the metrics to show: the loss, and the one that says most about the validation data.

    That is the first metric besides the loss, or else the loss of the validation data. A model with
    several losses, such as a GAN, shows two of them.

    >>> shown({"accuracy": 0.8, "loss": 0.5, "val_accuracy": 0.7, "val_loss": 0.6})
    {'loss': 0.5, 'val_accuracy': 0.7}
    >>> shown({"generator_loss": 1.5, "discriminator_loss": 0.7})
    {'generator_loss': 1.5, 'discriminator_loss': 0.7}
    """
    metrics = [name for name in logs if f"val_{name}" in logs and name != "loss"]
    best = [f"val_{name}" for name in (*metrics, "loss") if f"val_{name}" in logs][:1]
    names = [name for name in ("loss", *best) if name in logs]
    names += [name for name in logs if name not in names]
    return {name: logs[name] for name in names[:2]}


class Progress(keras.callbacks.Callback):
    """Show epoch, time left and the most important metrics of a whole run on standard error."""

    def __init__(self, title: str, epochs: int):
        super().__init__()
        self.title = plain_text.for_terminal(title)
        self.epochs = epochs
        self.bar: rich.progress.Progress | None = None

    def on_train_begin(self, logs=None):
        self.first = None  # the first epoch of this process, and when its first step was done
        if not sys.stderr.isatty():
            return
        columns = rich.progress
        self.bar = columns.Progress(
            columns.TextColumn("{task.description}", markup=False),
            columns.BarColumn(bar_width=BAR),
            columns.TextColumn("{task.fields[numbers]}", markup=False),
            console=rich.console.Console(stderr=True),
        )
        tracing = "preparing the first step"
        self.task = self.bar.add_task(self.title, total=None, numbers=tracing)
        self.bar.start()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        # `batch` is the last step of an execution
        steps = self.params["steps"]
        done = self.epoch + (batch + 1) / steps if steps else float(self.epoch)
        if self.first is None:
            self.first, self.numbers = (done, time.monotonic()), ""
        if self.bar:
            text = f"epoch {self.epoch + 1}/{self.epochs}{self._left(done)}{self.numbers}"
            self.bar.update(self.task, total=self.epochs, completed=done, numbers=text)

    def on_epoch_end(self, epoch, logs=None):
        metrics = ", ".join(f"{name} {value:.4g}" for name, value in shown(logs or {}).items())
        self.numbers = plain_text.for_terminal(f", {metrics}" if metrics else "")
        if self.bar is None:
            left = self._left(epoch + 1) if epoch + 1 < self.epochs else ""
            text = f"{self.title}: epoch {epoch + 1}/{self.epochs}{left}{self.numbers}"
            plain_text.tell(text)

    def _left(self, done):
        """Return the time left, by the speed since the first step, which takes longer."""
        begun, when = self.first or (done, 0.0)
        if done <= begun:
            return ""
        left = (time.monotonic() - when) / (done - begun) * (self.epochs - done)
        return f", {plain_text.duration(left)} left"

    def stop(self) -> None:
        """Remove the bar, also after an interrupt, when Keras does not call `on_train_end`."""
        if self.bar:
            self.bar.stop()
