"""The embedded digits as a dataset of TensorFlow Datasets."""

import numpy as np
import tensorflow_datasets as tfds

from kerasdl.data.sets import digits


class Digits(tfds.core.GeneratorBasedBuilder):
    """Digits of 8x8 pixels, split in halves as an example of scikit-learn does."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First."}  # noqa: RUF012, as TensorFlow Datasets has it

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=digits.digits.__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(8, 8, 1)),
                    "label": tfds.features.ClassLabel(names=list("0123456789")),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        source = digits.digits(seed=0, validation=0)
        return {
            split: self._generate_examples(*getattr(source, split).arrays)
            for split in ("train", "test")
        }

    def _generate_examples(self, images, labels):
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield i, {"image": np.round(255 * image).astype("uint8"), "label": int(label)}
