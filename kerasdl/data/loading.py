"""`load`: any set, embedded or the user's own, by one call."""

import pathlib

import tensorflow as tf

from kerasdl import errors
from kerasdl.data import catalogue, cutting, pipeline
from kerasdl.data.splits import Info, Splits


def load(
    name: str,
    *,
    batch_size: int = 64,
    image_size: int | tuple | None = None,
    augment: bool | str = False,
    seed: int = 0,
    **options,
) -> Splits:
    """Load a data set as three tf.data pipelines.

    Args:
        name: One of `kerasdl.data.names()`.
        batch_size: Size of a batch; the last one of an epoch may be smaller.
        image_size: Side of the images, or (height, width); by default, as the set has them.
        augment: False, or a policy's name; True is "standard". Only for the training images.
        seed: Decides on the splits, the order, the augmentation and on what is generated.
        **options: The set's own, see `kerasdl.data.card(name)`.

    Example:
        >>> splits = load("digits", batch_size=32)
        >>> splits.train.element_spec[0].shape
        TensorShape([None, 8, 8, 1])
    """
    _check_integer("batch_size", batch_size, 1)
    _check_integer("seed", seed, 0)
    source = _embedded(name, seed, options)
    card = catalogue.card(name)
    return to_splits(name, card, source, batch_size, seed)


def to_splits(name, card, source, batch_size, seed):
    epoch = pipeline.epoch_counter()
    parts = {"train": source.train, "validation": source.validation, "test": source.test}
    counts = {split: cutting.count(part) if part else 0 for split, part in parts.items()}
    order = pipeline.shuffled(counts["train"], batch_size, seed, epoch)
    datasets = {"train": pipeline.to_elements(order, source.train, batch_size, source.decode)}
    for split in ("validation", "test"):
        order = pipeline.in_order(counts[split], batch_size) if counts[split] else None
        datasets[split] = order and pipeline.to_elements(
            order, parts[split], batch_size, source.decode
        )
    spec = datasets["train"].element_spec[0]
    shape = tf.nest.map_structure(lambda part: tuple(part.shape[1:]), spec)
    info = Info(
        name, source.task, source.classes, shape, counts, card,
        source.vocabulary, source.target_scale, source.files,
    )  # fmt: skip
    return Splits(**datasets, info=info, epoch=epoch)


def _embedded(name, seed, options):
    for option in options:
        errors.one_of(f"option for data set `{name}`", option, list(catalogue.options(name)))
    return catalogue.find(name)(seed, **options)


def _check_integer(name, value, smallest):
    if not isinstance(value, int) or isinstance(value, bool) or value < smallest:
        expected = f"an integer of at least {smallest}"
        raise errors.InvalidInput(f"value for argument `{name}`", expected, value)
