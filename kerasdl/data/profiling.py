"""Find the slow stage of an input pipeline."""

import time

import tensorflow as tf

from kerasdl.utils import checks


def throughput(dataset: tf.data.Dataset, seconds: float = 1.0) -> dict[str, float]:
    """Measure examples per second after each named stage of a pipeline.

    Each number is for the pipeline up to that stage, without the first batch. The stage at which
    the number falls is the slow one. A pass over a training pipeline adds one to its epoch.

    Args:
        dataset: tf.data.Dataset of `load`, or any whose operations have names.
        seconds: float, how long each stage is measured, at most 3600.

    Example:
        >>> import kerasdl.data
        >>> splits = kerasdl.data.load("digits", augment="light")
        >>> list(throughput(splits.train, seconds=0.05))
        ['order', 'gather', 'augment', 'prefetch']
    """
    checks.datasets(dataset=dataset)
    checks.numbers(above=0, limit=3600, seconds=seconds)
    rates = {}
    for name, stage in _stages(dataset).items():
        rates[name] = _rate(stage.with_options(dataset.options()), seconds)
    return rates


def _stages(dataset):
    """The last operation of each name, upstream first."""
    stages = {}
    while True:
        name = getattr(dataset, "_name", None)
        if name:
            stages.setdefault(name, dataset)
        inputs = dataset._inputs()
        if len(inputs) != 1:
            return dict(reversed(stages.items()))
        dataset = inputs[0]


def _rate(dataset, seconds):
    examples, batches, start = 0, iter(dataset.repeat()), None
    while start is None or time.perf_counter() - start < seconds:
        size = _size(next(batches))
        if start is None:
            start = time.perf_counter()
        else:
            examples += size
    return examples / (time.perf_counter() - start)


def _size(element):
    """The number of examples in a batch: the first dimension of an array that has one."""
    parts = [part for part in tf.nest.flatten(element) if part.shape.rank]
    return int(tf.shape(parts[0])[0]) if parts else 1
