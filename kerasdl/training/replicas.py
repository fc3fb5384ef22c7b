"""The devices or workers that a run trains on."""

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

from kerasdl import distribute, saving
from kerasdl.errors import InvalidInput
from kerasdl.utils import files, quiet


class Replicas:
    """A `tf.distribute` strategy as a training run uses it.

    With one replica, training is the same as without a strategy.

    Attributes:
        several: bool, whether there is more than one replica.
        workers: int, the number of processes.
        chief: bool, whether this process is the one that writes files.
        share: The part of each batch that this process reads; `None` with one replica.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self.strategy = strategy
        self.several = strategy.num_replicas_in_sync > 1
        self.workers = distribute.worker_of(strategy)[1]
        self.chief = distribute.is_chief(strategy)
        self.share = distribute.share(strategy) if self.several else None

    @classmethod
    def of(cls, spec: str) -> "Replicas":
        """Make them from a strategy's name: see `kerasdl.distribute.strategy`."""
        with quiet.native_stderr():
            return cls(distribute.strategy(spec))

    def scope(self) -> contextlib.AbstractContextManager:
        return self.strategy.scope() if self.several else contextlib.nullcontext()

    def pipeline(
        self,
        dataset: tf.data.Dataset,
        count: int,
        batch_size: int,
        counts: Sequence[int] | None = None,
    ) -> tf.data.Dataset:
        return distribute.pipeline(dataset, self.strategy, count, batch_size, counts)

    @contextlib.contextmanager
    def synchronized(self, model: keras.Model) -> Iterator[None]:
        """Synchronize batch normalization over the replicas inside a `with` block."""
        changed = distribute.synchronize(model) if self.several else []
        yield
        for layer in changed:
            layer.synchronized = False

    def agree(self, number: float, what: str):
        """Raise if workers have different numbers."""
        if self.workers > 1:
            mean = float(self.strategy.reduce("MEAN", tf.constant(float(number)), axis=None))
            if mean != number:
                expected = "the same everywhere (the run's folder must be shared by all workers)"
                raise InvalidInput(what, expected, f"{number} here, {mean:g} on average")

    def save(self, model: keras.Model, path: pathlib.Path) -> keras.Model | None:
        """Save the model once; return to the chief a copy without a strategy."""
        with tempfile.TemporaryDirectory() as folder:
            # reading the variables needs all workers
            place = path if self.chief else pathlib.Path(folder) / "model.keras"
            with files.atomic(place) as partial:
                model.save(partial)
        if not self.several:
            return model
        return saving.load_model(path) if self.chief else None

    def wait(self) -> None:
        """Wait for the other workers, which would fail if this one ended first."""
        self.agree(0, "end of training")
