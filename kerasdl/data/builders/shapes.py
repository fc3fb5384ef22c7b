"""The embedded shapes as a dataset of TensorFlow Datasets."""

import tensorflow_datasets as tfds

from kerasdl.data.sets import shapes


class Shapes(tfds.core.GeneratorBasedBuilder):
    """Images of 64x64 pixels, each of one colored shape, with its class, color and box."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First."}  # noqa: RUF012, as TensorFlow Datasets has it

    def __init__(self, count=1000, **kwargs):
        self.count = count
        super().__init__(**kwargs)

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=shapes.shapes.__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(64, 64, 3)),
                    "label": tfds.features.ClassLabel(names=list(shapes.SHAPES)),
                    "colour": tfds.features.ClassLabel(names=list(shapes.COLORS)),
                    "box": tfds.features.BBoxFeature(),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        elements = ("class", "colour", "boxes")
        source = shapes.shapes(seed=0, count=self.count, elements=elements)
        return {
            split: self._generate_examples(*getattr(source, split).arrays)
            for split in ("train", "validation", "test")
        }

    def _generate_examples(self, images, known):
        for i, image in enumerate(images):
            left, top, right, bottom = map(float, known["boxes"][i, 0])
            yield (
                i,
                {
                    "image": image,
                    "label": int(known["class"][i]),
                    "colour": int(known["colour"][i]),
                    "box": tfds.features.BBox(top, left, bottom, right),
                },
            )
