"""From a Keras model to a SavedModel, which servers and converters read without Keras."""

import os
import pathlib
import shutil
import tempfile

from kerasdl.errors import InvalidInput


def to_saved_model(
    model,
    path: str | os.PathLike,
    *,
    batch_size: int | None = None,
    activation: str | None = None,
    signature: str = "serving_default",
    example=None,
) -> pathlib.Path:
    """Write a folder that `tf.saved_model.load` and TensorFlow Serving open; it appears whole.

    Args:
        model: A functional, Sequential or subclassed Keras model.
        path: The folder to make; it must not exist yet.
        batch_size, activation, signature, example: As in `to_litert`; any batch size by default.

    Spec: CMP-11
    """
    from kerasdl.export import trace

    path = pathlib.Path(path)
    if path.exists():
        raise InvalidInput("value for argument `path`", "a folder that does not exist yet", path)
    if not path.parent.is_dir():
        raise InvalidInput("value for argument `path`", "a folder that exists", path.parent)
    try:
        partial = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            trace.save(
                model,
                partial / "model",
                quantize=None,
                batch_size=batch_size,
                activation=activation,
                signature=signature,
                example=example,
            )
            os.replace(partial / "model", path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise InvalidInput("place to write", "a writable folder with room", error) from error
    return path
