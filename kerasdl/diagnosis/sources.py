"""Make the doctor's case from a model and its data."""

import contextlib
import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasdl.diagnosis import introspection, temporary_training
from kerasdl.diagnosis.case import Case
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks

DATA = "(inputs, targets), a tf.data.Dataset or PyDataset of batches, or splits with `train`"
BATCH = 32  # examples, of arrays


def case_of(model: keras.Model, data, validation=None, history=None) -> Case:
    """Return the case of a trained model.

    Args:
        model: `keras.Model`, compiled and trained.
        data: The training data: arrays (inputs, targets), a `tf.data.Dataset` or a Keras
            `PyDataset` of batches, or an object or a dictionary that has such data as `train`
            and `validation`, such as the `Splits` of `kerasdl.data.load`.
        validation: The validation data, of the same kinds; `None` for those of `data`.
        history: What `fit` returned, or its `history`; `None` if it is lost.

    Raises:
        InvalidInput: if the model is not compiled, or does not take the data.
    """
    checks.models(model=model)
    train, held_out = _splits(data)
    validation = held_out if validation is None else validation
    found = Case(
        model=model,
        train=_batches(train, "data", shuffle=True),
        validation=None if validation is None else _batches(validation, "validation"),
        history=getattr(history, "history", history) or {},
    )
    check_model(found)
    # a copy is impossible for some models, such as subclassed ones without a configuration
    fresh = UntrainedCopy(model)
    return dataclasses.replace(found, fresh=fresh) if fresh.possible() else found


def check_model(case: Case):
    """Raise `InvalidInput` unless the model is compiled and takes the data of its case."""
    if not case.model.compiled:
        expected = "a compiled one, which has a loss: model.compile(optimizer, loss)"
        raise InvalidInput("model", expected, f"`{case.model.name}`, which is not compiled")
    for name, batches in (("training", case.batches), ("validation", case.validation_batches)):
        for batch in batches[:1]:
            try:
                outputs = case.model(batch[0], training=False)
                if len(batch) > 1 and case.model.loss:
                    case.model.compute_loss(batch[0], batch[1], outputs, training=False)
            except Exception as error:  # Keras, TensorFlow and models of others raise any kind
                shapes = ", ".join(str(np.shape(x)) for x in keras.tree.flatten(batch))
                reason = " ".join(str(error).split())[:200]
                expected = f"batches that `{case.model.name}` and its loss take"
                received = f"arrays of shape {shapes} ({reason})"
                raise InvalidInput(f"{name} data", expected, received) from error


def _splits(data) -> tuple[Any, Any]:
    if isinstance(data, dict) and "train" in data:
        return data["train"], data.get("validation")
    if hasattr(data, "train") and hasattr(data, "validation"):
        return data.train, data.validation
    return data, None


def _batches(data, name: str, shuffle: bool = False) -> tf.data.Dataset:
    """Return data as a dataset of batches. Arrays are shuffled, as `fit` shuffles them."""
    if isinstance(data, keras.utils.PyDataset):
        data = _gathered(data)
    if isinstance(data, tf.data.Dataset):
        return temporary_training.batches(data)[0]
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise InvalidInput(f"argument `{name}`", DATA, checks.shown(data))
    arrays = keras.tree.map_structure(_array, temporary_training.arrays_of(tuple(data)))
    if shuffle:
        order = np.random.default_rng(0).permutation(len(keras.tree.flatten(arrays)[0]))
        arrays = keras.tree.map_structure(lambda array: array[order], arrays)
    return temporary_training.batches(arrays, BATCH)[0]


def _array(values):
    found = np.asarray(values)
    return found.astype("float32") if found.dtype == "float64" else found


def _gathered(dataset):
    """Batches of a PyDataset as a dataset; the last may be smaller."""
    first = dataset[0]
    signature = keras.tree.map_structure(
        lambda a: tf.TensorSpec((None, *np.shape(a)[1:]), np.asarray(a).dtype), tuple(first)
    )
    return tf.data.Dataset.from_generator(
        lambda: (tuple(dataset[i]) for i in range(len(dataset))), output_signature=signature
    )


class UntrainedCopy:
    """Make a model like another with new random weights; frozen layers keep their weights.

    Args:
        model: `keras.Model`, compiled.
    """

    state = "with new random weights"

    def __init__(self, model: keras.Model):
        self.model = model

    def __call__(self) -> keras.Model:
        with temporary_training.restored_seeds(), keras.utils.CustomObjectScope(self._classes()):
            if isinstance(self.model, keras.Sequential) or getattr(self.model, "inputs", None):
                copy = keras.models.clone_model(self.model)
            else:
                copy = type(self.model).from_config(self.model.get_config())
                copy.build_from_config(self.model.get_build_config())
            copy.compile_from_config(self.model.get_compile_config())
        pairs = zip(introspection.leaves(self.model), introspection.leaves(copy), strict=True)
        for layer, other in pairs:
            other.trainable = layer.trainable
            if not layer.trainable and layer.weights:
                other.set_weights(layer.get_weights())
        return copy

    def _classes(self):
        found = {type(layer) for layer in self.model._flatten_layers()}
        return {kind.__name__: kind for kind in found if not kind.__module__.startswith("keras.")}

    def possible(self) -> bool:
        """Whether such a model can be made, and has weights of the same shapes."""
        with contextlib.suppress(Exception):  # of a configuration that others wrote
            copy = self()
            shapes = [weight.shape for weight in copy.weights]
            return copy.compiled and shapes == [weight.shape for weight in self.model.weights]
        return False
