"""What differs from task to task: one file each, all with the same functions.

model_options(info)             sizes of the model, from the data
prepare(dataset, info)          a dataset as the model's `fit` takes it
compile(model, recipe, steps)   loss, optimizers, metrics
evaluate(model, test)           {metric: number} on the test split
figures(model, splits, history) {name: matplotlib figure}
examples(model, splits, folder) inputs as files, for `kerasdl predict`
predict(run, inputs)            rows to show for what the user gave
explain_inputs(run, inputs)     {name: figure} of what the model does with them
exports(model, splits)          {name: Export}, what goes to a phone
"""

import dataclasses

import keras
import numpy as np

from kerasdl.utils import files


@dataclasses.dataclass(frozen=True)
class Export:
    """One network to convert, and real inputs to calibrate and verify it with."""

    model: keras.Model
    inputs: np.ndarray
    labels: np.ndarray | None = None
    activation: str | None = None


def gather(dataset, count: int | None = None) -> tuple[np.ndarray, ...]:
    """The first `count` examples of a batched dataset as arrays, or all of them."""
    batches, seen = [], 0
    for batch in dataset.as_numpy_iterator():
        batches.append(batch if isinstance(batch, tuple) else (batch,))
        seen += len(batches[-1][0])
        if count and seen >= count:
            break
    return tuple(np.concatenate(parts)[:count] for parts in zip(*batches, strict=True))


def save_images(splits, folder):
    """One test image of each class as a file named after it."""
    if not splits.info.classes or len(splits.info.shape) != 3:
        return
    folder.mkdir(exist_ok=True)
    images, labels = gather(splits.test)
    for label, name in enumerate(splits.info.classes):
        for image in images[labels == label][:1]:
            with files.atomic(folder / f"{files.safe_name(name)}.png") as partial:
                keras.utils.save_img(partial, image * 255, scale=False)
