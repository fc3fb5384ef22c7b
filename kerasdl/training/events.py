"""Write the metrics of every epoch for TensorBoard."""

import os
import pathlib

import keras
from tensorboard import summary


class Events(keras.callbacks.Callback):
    """Write the metrics and the learning rate of each epoch, for TensorBoard.

    The names are those of Keras's callback, which takes longer because it runs TensorFlow
    operations.

    Args:
        folder: path. Training metrics go to files in its folder `train`, others to `validation`.
    """

    def __init__(self, folder: str | os.PathLike):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.writers: dict[str, summary.Writer] = {}

    def on_epoch_end(self, epoch, logs=None):
        values: dict[str, dict[str, float]] = {"train": {}, "validation": {}}
        for name, value in (logs or {}).items():
            split = "validation" if name.startswith("val_") else "train"
            values[split][name.removeprefix("val_")] = value
        values["train"].update(self._learning_rates())
        for split, numbers in values.items():
            if numbers:
                self._write(split, epoch, numbers)

    def _learning_rates(self):
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        if hasattr(optimizer, "optimizers"):
            return {f"learning_rate_{o.name}": float(o.learning_rate) for o in optimizer.optimizers}
        return {"learning_rate": float(optimizer.learning_rate)} if optimizer else {}

    def _write(self, split, epoch, numbers):
        if split not in self.writers:
            self.writers[split] = summary.Writer(str(self.folder / split))
        for name, value in numbers.items():
            self.writers[split].add_scalar(f"epoch_{name}", float(value), epoch)
        self.writers[split].flush()

    def on_train_end(self, logs=None):
        for writer in self.writers.values():
            writer.close()
        self.writers = {}
