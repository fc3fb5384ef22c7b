"""Data: `load` gives any set, embedded or the user's own, as three tf.data pipelines.

    splits = kerasdl.data.load("digits", batch_size=64, augment="light", seed=0)
    model.fit(splits.train, validation_data=splits.validation,
              callbacks=[splits.order_callback()])

What a set gives, by `splits.info.task`; everything comes in batches:

    classification   (image in [0, 1] or vector, int32 class)
    regression       (vector or series, float32 (1,)), both standardised
    points           (float32 (2,), int32 mode)
    text             (int32 (context,), the same one token later)
    translation      ((source, target delayed by one), target), int32 each
    sequence         (int32 (steps,), int32 (steps,))
    elements         (image, a dictionary of what `shapes` was asked for)

`names`, `card` and `options` import no TensorFlow; it is imported when something is loaded.
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
    "write_records": "writing",
}

__all__ = ["card", "names", "options", *MODULES]
__getattr__, _ = lazy.names(__name__, MODULES)
