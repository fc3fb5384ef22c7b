"""Reconstruction: autoencoders, which learn to rebuild an image from a short code."""

from types import MappingProxyType

import keras
import numpy as np

from kerasdl import errors, explain
from kerasdl.tasks import task

USAGE = """\
The encoder takes a `float32` image of shape {input_shape}, gray from 0 (paper) to 1 (ink), and
gives the means and the log variances of a code, side by side. The decoder takes a code, such as one
drawn from the standard normal distribution, and gives an image in [0, 1].

```python
import kerasdl
import numpy as np

encoder = kerasdl.export.LiteRTModel("{folder}/encoder-{best}.tflite")
decoder = kerasdl.export.LiteRTModel("{folder}/decoder-{best}.tflite")
splits = kerasdl.data.load("{data}", split="1437", validation=0)
images, labels = next(splits.test.as_numpy_iterator())
means, log_variances = np.split(encoder.predict(images), 2, axis=-1)
again = decoder.predict(means)  # (64, 8, 8, 1)
new = decoder.predict(np.random.default_rng(0).normal(size=(5, 10)).astype("float32"))
print("mean error of a pixel:", np.abs(again - images).mean())
```
"""


class Reconstruction(task.Task):
    """Learn to rebuild images from codes that are too short to copy them.

    The option `loss` is that of a plain autoencoder; a variational autoencoder has its own loss,
    the negative ELBO.
    """

    title = "reconstruction of images"
    kinds = ("classification",)
    defaults = MappingProxyType({"loss": None})
    metrics = (
        task.Metric(
            "negative_elbo", "min", "upper bound of an image's negative log-likelihood, in nats"
        ),
        task.Metric("mse", "min", "mean squared error of a pixel"),
        task.Metric(
            "reconstruction",
            "min",
            "cross-entropy of an image rebuilt from a random code of it, in nats",
        ),
        task.Metric("kl", "min", "KL divergence of the codes from N(0, I), in nats"),
        task.Metric(
            "mean_reconstruction",
            "min",
            "cross-entropy of an image rebuilt from the mean of its codes, in nats",
        ),
    )
    criterion = task.Criterion(
        "mean_reconstruction",
        "at most 1 % more reconstruction loss than the float files",
        lambda file, whole: file <= 1.01 * whole,
    )
    drawn = "reconstruction"
    usage = USAGE
    keras_usage = "images = model.generate(5, seed=0)  # (5, 8, 8, 1)"

    def check_data(self):
        self.require_images()

    @property
    def objective(self):
        name = "mse" if self.options["loss"] else "negative_elbo"
        return next(metric for metric in self.metrics if metric.name == name)

    def model_options(self):
        return {"input_shape": self.info.shape}

    def check_model(self, model):
        self.check_shape(self.part_of(model, "encoder").input_shape)

    def prepare(self, dataset):
        return dataset.map(lambda inputs, target: inputs, name="inputs")

    def compile(self, model, optimizer, **settings):
        loss = self.options["loss"]
        try:
            keras.losses.get(loss)
        except ValueError:
            expected = "the name of a loss of Keras"
            raise errors.InvalidInput("value for option `loss`", expected, loss) from None
        task.compile_and_build(
            model,
            optimizer(),
            loss=loss,
            **settings,
        )

    def evaluate(self, model, dataset):
        numbers = model.evaluate(self.prepare(dataset), verbose=0, return_dict=True)
        if "kl" in numbers:
            parts = {name: float(numbers[name]) for name in ("reconstruction", "kl")}
            return {"negative_elbo": sum(parts.values()), **parts}
        inputs, _ = task.gather(dataset)
        return {"mse": float(np.mean((model.reconstruct(inputs) - inputs) ** 2))}

    def figures(self, model, splits, history):
        def reconstructions():
            inputs, _ = task.gather(splits.test, 10)
            return explain.reconstructions(inputs, np.asarray(model.reconstruct(inputs)))

        def latent():
            inputs, labels = task.gather(splits.test)
            return explain.latent(np.asarray(model.encode(inputs)), labels, self.info.classes)

        def interpolation():
            first, last = task.gather(splits.test, 2)[0]
            return explain.interpolation(np.asarray(model.interpolate(first, last)))

        drawn = {
            "curves": lambda: explain.curves(history),
            "reconstructions": reconstructions,
            "latent": latent,
            "interpolation": interpolation,
        }
        if hasattr(model, "generate"):
            drawn["samples"] = lambda: explain.samples(np.asarray(model.generate(64, seed=0)))
        return drawn

    def write_examples(self, model, splits, folder):
        task.save_images(splits, folder)

    def outputs(self, model, inputs):
        return {"code": model.encode(inputs), "again": model.reconstruct(inputs)}

    def predict(self, model, inputs, folder):
        rows = []
        for places, images, outputs in self.predict_files(model, inputs):
            mse = np.mean((outputs["again"] - images) ** 2, axis=(1, 2, 3))
            for place, error, code in zip(places, mse, outputs["code"], strict=True):
                numbers = " ".join(f"{number:.2f}" for number in code)
                rows.append({**place, "mse": float(error), "code": numbers})
        return rows

    def explain(self, model, inputs):
        images = self.read_images(inputs)
        return {
            "reconstructed_inputs": lambda: explain.reconstructions(
                images, np.asarray(model.reconstruct(images))
            )
        }

    def exports(self, model, splits):
        inputs, _ = task.gather(splits.test)
        codes = np.asarray(model.encode(inputs))
        return {
            "encoder": task.Export(model.encoder, inputs),
            "decoder": task.Export(model.decoder, codes, activation="sigmoid"),
        }

    def measure(self, parts, model, splits):
        images, _ = task.gather(splits.test)
        means, _ = np.split(parts["encoder"](images), 2, axis=-1)
        again = parts["decoder"](means)
        loss = keras.losses.binary_crossentropy(images, again)  # probabilities away from 0 and 1
        return {
            "mean_reconstruction": float(np.mean(loss) * np.prod(images.shape[1:])),
            "mse": float(np.mean((again - images) ** 2)),
        }
