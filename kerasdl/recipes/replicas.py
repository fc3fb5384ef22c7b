"""On what a run trains: this device, several, or several workers of which the chief writes."""

import contextlib
import pathlib
import tempfile

import tensorflow as tf

from kerasdl import distribute, saving
from kerasdl.errors import InvalidInput
from kerasdl.utils import files, quiet


class Replicas:
    """A strategy, as training needs it; with one replica everything is as without any."""

    def __init__(self, strategy: tf.distribute.Strategy):
        self.strategy = strategy
        self.several = strategy.num_replicas_in_sync > 1
        self.workers = distribute.worker_of(strategy)[1]
        self.chief = distribute.is_chief(strategy)
        self.share = distribute.share(strategy) if self.several else None

    @classmethod
    def of(cls, spec: str):
        with quiet.native_stderr():
            return cls(distribute.strategy(spec))

    def scope(self):
        return self.strategy.scope() if self.several else contextlib.nullcontext()

    def pipeline(self, dataset, count, batch_size, counts=None):
        return distribute.pipeline(dataset, self.strategy, count, batch_size, counts)

    @contextlib.contextmanager
    def synchronized(self, model):
        """Batch normalisation sees the global batch; the saved model is what it always is."""
        changed = distribute.synchronize(model) if self.several else []
        yield
        for layer in changed:
            layer.synchronized = False

    def agree(self, number, what):
        """Refuse to go on when workers have different numbers."""
        if self.workers > 1:
            mean = float(self.strategy.reduce("MEAN", tf.constant(float(number)), axis=None))
            if mean != number:
                expected = "the same everywhere (the run's folder must be shared by all workers)"
                raise InvalidInput(what, expected, f"{number} here, {mean:g} on average")

    def save(self, model, path):
        """Write the model once; the chief gets one that needs no other replica."""
        with tempfile.TemporaryDirectory() as folder:
            # all read the variables, which is something that workers do together
            place = path if self.chief else pathlib.Path(folder) / "model.keras"
            with files.atomic(place) as partial:
                model.save(partial)
        if not self.several:
            return model
        return saving.load_model(path) if self.chief else None

    def wait(self):
        """For the others: who leaves early is taken for lost."""
        self.agree(0, "end of training")
