"""What conversions to every format share: checks before, errors that name layers, a whole file."""

import os
import re
import shutil

from kerasdl import errors
from kerasdl.errors import InvalidInput
from kerasdl.export.process import WORKER, CrashError


def check(path, suffix, batch_size, activation):
    """Refuse what no format takes, before anything is traced."""
    if path.suffix != suffix:
        raise InvalidInput("value for argument `path`", f"a name that ends in {suffix}", path)
    if activation is not None:
        errors.one_of("value for argument `activation`", activation, ["softmax", "sigmoid"])
    if batch_size is not None and batch_size < 1:
        raise InvalidInput("value for argument `batch_size`", "a positive integer", batch_size)
    if not path.parent.is_dir():
        raise InvalidInput("value for argument `path`", "a folder that exists", path.parent)


def convert(model, name, **job):
    """Have the worker do it; say in one line what it could not, and in which layer."""
    target = f"model `{model.name}` for {name}"
    try:
        answer = WORKER.run(**job)
    except CrashError as crash:
        advice = "quantize='dynamic' or 'float16', or " if job.get("quantize") else ""
        expected = f"what the converter survives (try {advice}another layer)"
        raise InvalidInput(target, expected, f"the converter died: {crash}") from None
    names = {layer.name for layer in model._flatten_layers(include_self=False)}
    if answer.get("operators"):
        received = ", ".join(
            f"{operator}{_layer(scope, names)}" for operator, scope in answer["operators"]
        )
        raise InvalidInput(target, f"operators that are built into {name.split()[0]}", received)
    if answer.get("error"):
        received = answer["error"] + _layer(answer["scope"], names)
        raise InvalidInput(target, "what the converter accepts", received)


def _layer(scope, names):
    """The layers in a TensorFlow name scope, which adds `_1` to names it has seen before."""
    parts = [part if part in names else re.sub(r"_\d+$", "", part) for part in scope.split("/")]
    found = "/".join(part for part in parts[1:] if part in names)
    return f" in layer `{found}`" if found else ""


def move(source, path):
    """Copy beside the target, then rename: the target is whole at every moment."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            shutil.copyfile(source, temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidInput("place to write", "a writable folder with room", error) from error
