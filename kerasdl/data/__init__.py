"""Datasets as tf.data pipelines: `load` reads embedded datasets and the user's own files.

    splits = kerasdl.data.load("digits", batch_size=64, augment="light", seed=0)
    model.fit(splits.train, validation_data=splits.validation)

The kind of data, `splits.info.task`, defines the contents of a batch. The most common kinds:

    classification   (float32 image in [0, 1] or vector, int32 class)
    regression       (vector or series, float32 (1,)); tables are standardized
    points           (float32 (2,), int32 mode)
    text             (int32 (context,), the same one token later)
    translation      ((source, target delayed by one), target), int32 each
    sequence         (int32 (steps,), int32 (steps,))
    boxes, masks, captions, elements: (image, the elements that `shapes` was called with)

`kerasdl.data.kinds` declares all of them. `names`, `card` and `options` import no TensorFlow; it
is imported when something is loaded.
"""

from kerasdl.data.catalog import card, names, options
from kerasdl.utils import lazy

# these need NumPy or TensorFlow
MODULES = {
    "Curriculum": "curriculum",
    "Info": "splits",
    "Splits": "splits",
    "load": "loading",
    "throughput": "profiling",
    "write_records": "readers.tfrecords",
}

__all__ = ["card", "names", "options", *MODULES]
__getattr__, __dir__ = lazy.names(__name__, MODULES, ["card", "names", "options"])
