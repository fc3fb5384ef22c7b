"""Generation: GANs, which learn to generate images from noise."""

import functools
import pathlib
from collections.abc import Sequence
from types import MappingProxyType

import keras
import numpy as np
import tensorflow as tf

from kerasdl import errors, explain, saving
from kerasdl.tasks import task

CLASSIFIERS = pathlib.Path(__file__).parent / "classifiers"  # recorded, one for each dataset
SAMPLES = 2000  # images that are generated to be evaluated

USAGE = """\
The input is noise, `float32` of shape (1, 32), drawn from the standard normal distribution. The
output is an image of shape {output_shape} in [-1, 1], where -1 is paper and 1 is ink.

```python
import kerasdl
import numpy as np

generator = kerasdl.export.LiteRTModel("{folder}/{best}.tflite")
codes = np.random.default_rng(0).normal(size=(5, 32)).astype("float32")
images = (generator.predict(codes) + 1) / 2  # (5, 8, 8, 1)
for row in images[0, ..., 0]:
    print("".join(" .+#@"[round(4 * float(pixel))] for pixel in row))
```
"""


class Generation(task.Task):
    """Learn to generate images like those of the dataset, by two networks that compete.

    If a classifier of the same dataset is recorded, it evaluates the samples: how certain it is of
    each image, and how evenly the classes appear.
    """

    title = "generation of images"
    kinds = ("classification",)
    defaults = MappingProxyType({"discriminator_rate": 2e-4})
    metrics = (
        task.Metric("smallest_class", "max", "fraction of the class that is generated least"),
        task.Metric("largest_class", "min", "fraction of the class that is generated most"),
        task.Metric("certainty", "max", "mean probability of the class that the classifier sees"),
        task.Metric(
            "same_class", "max", "fraction of images in which the classifier sees Keras's class"
        ),
        task.Metric(
            "largest_pixel_error", "min", "largest difference of a pixel in [0, 1] from Keras's"
        ),
        task.Metric("discriminator_loss", "min", "loss of the discriminator"),
        task.Metric("generator_loss", "min", "loss of the generator"),
    )
    criterion = task.Criterion(
        "same_class",
        f"a classifier sees the same class in at least 99.5 % of {SAMPLES:,} images as in those "
        "that the Keras model generates from the same noise",
        lambda file, whole: file >= 0.995,
    )
    early_stopping = False  # both losses rise and fall
    takes_files = False
    usage = USAGE
    keras_usage = "model.summary()  # noise in, images in [-1, 1] out"

    def check_data(self):
        self.require_images()

    @property
    def objective(self):
        if not self.has_classifier(self.info.shape):
            known = ", ".join(sorted(file.stem for file in CLASSIFIERS.glob("*.keras")))
            expected = f"data with a recorded classifier, which judges the samples: {known}"
            raise errors.InvalidInput("data to tune on", expected, self.info.name)
        return self.metrics[0]

    def has_classifier(self, shape: Sequence[int]) -> bool:
        """Return whether generated images of this shape can be classified."""
        known = [file.stem for file in CLASSIFIERS.glob("*.keras")]
        return self.info.name in known and tuple(shape) == self._classifier.input_shape[1:]

    def classify(self, images: np.ndarray) -> np.ndarray:
        """Return the recorded classifier's probabilities, (images, classes)."""
        batches = [images[start : start + 500] for start in range(0, len(images), 500)]
        logits = np.concatenate([self._classifier.predict_on_batch(batch) for batch in batches])
        return tf.nn.softmax(logits).numpy()

    @functools.cached_property
    def _classifier(self):
        return saving.load_model(CLASSIFIERS / f"{self.info.name}.keras", compile=False)

    def model_options(self):
        return {"input_shape": self.info.shape}

    def check_model(self, model):
        self.check_shape(self.part_of(model, "generator").output_shape)

    def prepare(self, dataset):
        return dataset.map(lambda inputs, target: inputs, name="inputs")

    def compile(self, model, optimizer, **settings):
        # with Adam's usual beta_1 of 0.9 the two networks oscillate
        model.compile(
            generator_optimizer=optimizer(beta_1=0.5),
            discriminator_optimizer=optimizer(self.options["discriminator_rate"], beta_1=0.5),
            **settings,
        )

    def evaluate(self, model, dataset):
        numbers = model.evaluate(self.prepare(dataset), verbose=0, return_dict=True)
        metrics = {name: float(value) for name, value in numbers.items()}
        if self.has_classifier(model.generator.output_shape[1:]):
            metrics.update(self._judge(np.asarray(model.generate(SAMPLES, seed=0))))
        return metrics

    def _judge(self, images):
        probabilities = self.classify(images)
        counts = np.bincount(probabilities.argmax(-1), minlength=probabilities.shape[-1])
        fractions = counts / len(images)
        return {
            "smallest_class": float(fractions.min()),
            "largest_class": float(fractions.max()),
            "certainty": float(probabilities.max(-1).mean()),
        }

    def figures(self, model, splits, history):
        def interpolation():
            codes = np.random.default_rng(0).normal(size=(2, model.generator.input_shape[-1]))
            between = model.interpolate(*codes.astype("float32"))
            return explain.interpolation(np.asarray(between))

        return {
            "curves": lambda: explain.curves(history),
            "samples": lambda: explain.samples(np.asarray(model.generate(64, seed=0))),
            "interpolation": interpolation,
        }

    def predict(self, model, inputs, folder):
        rows = []
        for seed in inputs:
            if not seed.isdecimal() or len(seed) > 10 or int(seed) >= 2**31:
                expected = "a seed for a new image, such as 7, of at most 2147483647"
                raise errors.InvalidInput("input", expected, seed)
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"sample-{seed}.png"
            image = np.asarray(model.generate(1, seed=int(seed)))[0]
            keras.utils.save_img(file, image * 255, scale=False)
            rows.append({"input": seed, "file": str(file)})
        return rows

    def exports(self, model, splits):
        width = model.generator.input_shape[-1]
        codes = np.random.default_rng(0).normal(size=(256, width)).astype("float32")
        return {"generator": task.Export(model.generator, codes)}

    def measure(self, parts, model, splits):
        width = model.generator.input_shape[-1]
        codes = np.random.default_rng(1).normal(size=(SAMPLES, width)).astype("float32")
        images = (parts["generator"](codes) + 1) / 2
        batches = [model.decode(codes[i : i + 100]) for i in range(0, SAMPLES, 100)]
        expected = np.concatenate(batches)
        same = self.classify(images).argmax(-1) == self.classify(expected).argmax(-1)
        return {
            "same_class": float(same.mean()),
            **self._judge(images),
            "largest_pixel_error": float(np.abs(images - expected).max()),
        }
