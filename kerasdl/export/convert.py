"""From a Keras model to a LiteRT file that runs on a phone."""

import os
import pathlib
import tempfile

import numpy as np

from kerasdl import errors
from kerasdl.errors import InvalidInput
from kerasdl.export import card, converting
from kerasdl.export.litert_model import LiteRTModel
from kerasdl.export.process import WORKER

QUANTIZATIONS = (None, "float16", "dynamic", "int8", "int16x8", "int4", "aware")
CALIBRATED = ("int8", "int16x8")  # activations get fixed ranges


def to_litert(
    model,
    path: str | os.PathLike,
    *,
    quantize: str | None = None,
    calibration=None,
    batch_size: int | None = 1,
    sparse: bool = False,
    short_scales: bool | None = None,
    activation: str | None = None,
    signature: str = "serving_default",
    labels: tuple[str, ...] = (),
    description: str = "",
    input_range: tuple[float, float] | None = None,
    example=None,
) -> LiteRTModel:
    """Convert any Keras model to a LiteRT file with built-in operators only.

    The converter runs in another process, which may crash without harm. The file appears whole or
    not at all, and has been run once by the LiteRT interpreter before it appears. (The notes know
    LiteRT by its old name: `tf.lite` still converts, but its interpreter is deprecated.)

    Args:
        model: A functional, Sequential or subclassed Keras model.
        path: The file to write, ending in `.tflite`.
        quantize: `None`; "float16", half the size; "dynamic", int8 weights; "int8", int8 weights
            and activations; "int16x8", int8 weights and int16 activations, for networks that int8
            hurts; "int4", weights of 4 bits; "aware", int8 as a model says that was trained with
            fake quantisation. The file takes and gives the same float32 numbers in every case.
        calibration: For "int8" and "int16x8": an array of inputs (a tuple or dict of arrays for
            several inputs), or a `tf.data.Dataset` of batches; the first 200 examples set the
            ranges.
        batch_size: A fixed batch size, or `None` for any. Phones and browsers want 1.
        sparse: Store no zeros: for a float file of a network pruned to 0.6 or more.
        short_scales: Round a quantised file's scales to 8 binary digits, which makes a small one's
            zip a tenth smaller. By default so but for "aware", which keeps what training computed.
        activation: "softmax" or "sigmoid", appended to the network's logits.
        signature: Name under which an app finds the function.
        labels: Name of each class. Labels, description and input range travel in the file.
        description: What the model does and what its input means.
        input_range: Smallest and largest input value that the model was trained on.
        example: A batch of inputs, for a subclassed model of which Keras knows no input, and for
            sizes that the model leaves free, such as a language model's context.

    Spec: E-80
    """
    path = pathlib.Path(path)
    check(path, quantize, calibration, batch_size, sparse, activation)
    WORKER.start()  # it loads TensorFlow while this process traces
    from kerasdl.export import calibration as calibrating
    from kerasdl.export import trace

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        specs = trace.save(
            model,
            folder / "model",
            quantize=quantize,
            batch_size=batch_size,
            activation=activation,
            signature=signature,
            example=example,
        )
        job = {
            "saved_model": str(folder / "model"),
            "output": str(folder / "converted.tflite"),
            "quantize": quantize,
            "calibration": str(folder / "calibration.npz"),
            "batch_size": batch_size or 1,
            "sparse": sparse,
            "short_scales": quantize != "aware" if short_scales is None else short_scales,
        }
        if quantize in CALIBRATED:
            examples = calibrating.arrays(calibration, specs, batch_size or 1)
            np.savez(job["calibration"], **examples)
        name = f"LiteRT {quantize}" if quantize else "LiteRT"
        converting.convert(model, name, **job)
        bits = "int8" if quantize == "aware" else quantize  # which is all that a user sees
        facts = card.Card(description, tuple(labels), input_range, activation, bits)
        card.append(folder / "converted.tflite", facts)
        converting.move(folder / "converted.tflite", path)
    return LiteRTModel(path)


def check(path, quantize, calibration, batch_size, sparse, activation):
    converting.check(path, ".tflite", batch_size, activation)
    if quantize is not None:
        known = [method for method in QUANTIZATIONS if method]
        errors.one_of("value for argument `quantize`", quantize, known)
    if (quantize in CALIBRATED) != (calibration is not None):
        needs = " and ".join(CALIBRATED)
        expected = f"inputs for {quantize}" if quantize in CALIBRATED else f"none but for {needs}"
        received = None if calibration is None else type(calibration).__name__
        raise InvalidInput("value for argument `calibration`", expected, received)
    if sparse and quantize:
        raise InvalidInput("value for argument `sparse`", f"False with {quantize}", sparse)
