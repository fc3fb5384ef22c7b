"""A progress bar for a whole training run."""

import keras
import rich.console
import rich.progress

from kerasdl.utils import plain_text


class ProgressBar(keras.callbacks.Callback):
    """Show epoch, time and the latest metrics of a whole run in one line."""

    def __init__(self, title: str, epochs: int):
        super().__init__()
        self.title = title
        self.epochs = epochs
        self.numbers = ""

    def on_train_begin(self, logs=None):
        columns = rich.progress
        self.bar = columns.Progress(
            columns.TextColumn("{task.description}", markup=False),
            columns.BarColumn(bar_width=24),
            columns.TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            columns.TimeElapsedColumn(),
            columns.TextColumn("{task.fields[numbers]}", markup=False),
            console=rich.console.Console(stderr=True),
        )
        self.task = self.bar.add_task(
            plain_text.for_terminal(self.title), total=None, epoch=0, epochs=self.epochs, numbers=""
        )
        self.bar.start()

    def on_epoch_begin(self, epoch, logs=None):
        steps = self.params["steps"]
        self.epoch = epoch
        total = steps * self.epochs if steps else None
        self.bar.update(self.task, total=total, completed=(steps or 0) * epoch, epoch=epoch + 1)

    def on_train_batch_end(self, batch, logs=None):
        # `batch` is the last step of an execution
        self.bar.update(self.task, completed=(self.params["steps"] or 0) * self.epoch + batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        numbers = "  ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        self.bar.update(self.task, numbers=plain_text.for_terminal(numbers))

    def stop(self) -> None:
        """Remove the bar, also after an interrupt, when Keras does not call `on_train_end`."""
        if getattr(self, "bar", None):
            self.bar.stop()
