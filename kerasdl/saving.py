"""Read `.keras` files, also from unknown sources: files that could run code are refused.

A `.keras` file is a zip archive with weights and a configuration, which names classes. Keras
creates objects of these classes. Lambda layers contain code, some layers read files, and any
function may be named, even one that was never meant to be called. So the configuration is checked
before Keras gets it. It also determines the size of the weights that Keras creates: they may take
only little more memory than the weights in the file.
"""

import contextlib
import copy
import importlib
import io
import json
import math
import os
import pathlib
import re
import stat
import sys
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerasdl import errors
from kerasdl.utils import checks, patches

if TYPE_CHECKING:
    import keras

# Keras's public modules of classes, and the private ones that saved networks name
PLACES = (
    *("layers", "models", "activations", "initializers", "regularizers", "constraints"),
    *("losses", "metrics", "optimizers", "optimizers.schedules", "random", "quantizers"),
    *("dtype_policies", "ops", "src.models", "src.ops", "src.layers", "src.dtype_policies"),
)
FUNCTIONS = ("activations", "losses", "metrics", "initializers", "regularizers", "constraints")
# these contain code, or read other files
CODE = (
    *("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"),
    *("__lambda__", "__typespec__"),
)
VALUES = ("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__")
LOOKUPS = ("StringLookup", "IntegerLookup", "TextVectorization")
OURS = (
    *("callbacks", "compression", "layers", "learners", "losses", "metrics", "models"),
    *("optimizers", "schedules"),
)
LARGEST = 100  # an archive may unpack to this many times its size; pruned weights need ten
SMALL = 2**28  # bytes to which any archive may unpack
COMPRESSIONS, ENCRYPTED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED), 1
CHUNK = 2**20  # bytes that are unpacked at once
LARGEST_CONFIG = 2**24  # bytes
WEIGHTS = "model.weights.h5"
# A model may have GROWTH times the weights and the bytes in its file, because an optimizer that was
# not saved adds averages, and always MORE_WEIGHTS and MORE_BYTES. The layers and operations that
# its configuration does not list are parts of those that have weights.
GROWTH, MORE_WEIGHTS, MORE_BYTES = 4, 256, 2**24
LAYERS_A_WEIGHT, MORE_LAYERS = 16, 1000


def load_model(
    path: str | os.PathLike,
    *,
    trust: bool = False,
    compile: bool = True,
    custom_objects: dict | None = None,
) -> "keras.Model":
    """Read a model from a `.keras` file, which may come from an unknown source.

    Args:
        path: str or path, the file.
        trust: bool, whether to run code in the file, such as that of Lambda layers.
        compile: bool, whether to restore the optimizer, the loss and the metrics.
        custom_objects: dict from a name in the file to a class or function of your own, as in
            `keras.models.load_model`. Classes that your script has registered need no entry.

    Returns:
        A `keras.Model`.

    Example:
        >>> import tempfile
        >>> import kerasdl
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     kerasdl.create_model("mlp_tiny").save(f"{folder}/model.keras")
        ...     print(kerasdl.load_model(f"{folder}/model.keras").name)
        mlp_tiny
    """
    import keras

    checks.paths(path=path)
    checks.flags(trust=trust, compile=compile)
    path = pathlib.Path(path)
    config = _config(path)
    _import_ours(config)
    for value in _objects(config):
        _check(path, value, trust, custom_objects)
    try:
        stored, size = _stored(path)
        with no_larger(f"model file {path}", stored, size, sum(1 for _ in _objects(config))):
            return keras.models.load_model(
                path, custom_objects=custom_objects, compile=compile, safe_mode=not trust
            )
    except Exception as error:  # Keras and HDF5 raise any kind for a damaged file
        raise _unreadable(path, error) from error


def check_archive(path: pathlib.Path):
    """Check that unpacking a zip archive does not write outside its folder or fill disk or memory.

    The sizes stated in the archive are checked against its contents.
    """
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    for entry in entries:
        name = entry.orig_filename
        parts = re.split(r"[/\\]", name)
        is_link = stat.S_ISLNK(entry.external_attr >> 16)
        if is_link or ".." in parts or parts[0] == "" or ":" in parts[0] or "\0" in name:
            expected = "names of files inside it"
            raise errors.InvalidInput(
                f"archive {path}", expected, f"{name!r}{' (a link)' * is_link}"
            )
    size, total = path.stat().st_size, sum(entry.file_size for entry in entries)
    if total > max(SMALL, LARGEST * size):
        expected = f"at most {LARGEST} times its size"
        raise errors.InvalidInput(f"contents of {path}", expected, f"{total:,} of {size:,} bytes")
    with zipfile.ZipFile(path) as archive:
        for entry in entries:
            _check_size(path, archive, entry)


def _check_size(path, archive, entry):
    """Check that an entry unpacks to the size that it states."""
    what, expected = f"archive {path}", f"{entry.file_size:,} bytes in {entry.filename!r}"
    if entry.compress_type not in COMPRESSIONS or entry.flag_bits & ENCRYPTED:
        received = "one that is encrypted or compressed in another way"
        raise errors.InvalidInput(what, "entries that are stored or deflated", received)
    if entry.compress_type == zipfile.ZIP_STORED:
        return
    # `ZipFile.read` would unpack all of it before it cuts what is more
    whole, unpacked = copy.copy(entry), 0
    whole.file_size = sys.maxsize
    with archive.open(whole) as file:
        while part := file.read(CHUNK):
            unpacked += len(part)
            if unpacked > entry.file_size:
                raise errors.InvalidInput(what, expected, "more")


@contextlib.contextmanager
def no_larger(what: str, stored: int, size: int, listed: int = 0) -> Iterator[None]:
    """Raise an error if a model made in the `with` block is much larger than its stored weights.

    Args:
        what: str, the source of the model, for the message.
        stored: int, the number of stored weights.
        size: int, the bytes that they take.
        listed: int, the number of objects that the model's configuration lists.
    """
    import keras
    import tensorflow as tf

    most, limit = MORE_WEIGHTS + GROWTH * stored, MORE_BYTES + GROWTH * size
    check_shape, count, created = keras.Variable._validate_shape, 0, 0
    begin, layers = keras.Operation.__init__, 0
    most_layers = MORE_LAYERS + listed + LAYERS_A_WEIGHT * stored

    def counted_layer(layer, name=None):
        nonlocal layers
        layers += 1
        if layers > most_layers:
            expected = f"at most {most_layers:,} layers and operations, by those that are stored"
            raise errors.InvalidInput(what, expected, "more")
        begin(layer, name)

    def counted_weight(variable, shape):  # called before memory is taken
        nonlocal count, created
        shape = check_shape(variable, shape)
        count, created = count + 1, created + math.prod(shape) * tf.as_dtype(variable._dtype).size
        if count > most or created > limit:
            expected = f"at most {most:,} weights of {limit:,} bytes, by those that are stored"
            received = f"{count:,} of {created:,} bytes up to `{variable.path}`, {tuple(shape)}"
            raise errors.InvalidInput(what, expected, received)
        return shape

    with (
        patches.replaced(keras.Operation, "__init__", counted_layer),
        patches.replaced(keras.Variable, "_validate_shape", counted_weight),
    ):
        yield


def _stored(path):
    """How many weights a file holds, and how many bytes."""
    import h5py

    with zipfile.ZipFile(path) as archive:
        content = archive.read(WEIGHTS)
    names = []
    with h5py.File(io.BytesIO(content)) as weights:
        weights.visititems(lambda name, part: names.append(isinstance(part, h5py.Dataset)))
    return sum(names), len(content)


def _unreadable(path, error):
    """The error to raise for a file, with the reason that our own code gave if it gave one."""
    reason = error
    while reason and not isinstance(reason, errors.InvalidInput):
        reason = reason.__cause__ or reason.__context__
    if str(reason).startswith(f"Invalid model file {path}"):
        return reason
    first = str(reason or error).strip().partition("\n")[0][:200] or repr(error)
    return errors.InvalidInput("model file", "one that can be read", f"{path}: {first}")


def _config(path):
    try:
        if not (path.suffix == ".keras" and path.is_file() and zipfile.is_zipfile(path)):
            raise errors.InvalidInput("model file", "a .keras file that exists and is whole", path)
        check_archive(path)
        with zipfile.ZipFile(path) as archive:
            size = archive.getinfo("config.json").file_size  # `read` reads no more than this
            if size > LARGEST_CONFIG:
                expected = f"at most {LARGEST_CONFIG:,} bytes in config.json"
                raise errors.InvalidInput(f"model file {path}", expected, f"{size:,} bytes")
            config = json.loads(archive.read("config.json"))
        if not isinstance(config, dict):
            raise ValueError("config.json describes no model")
        return config
    except errors.InvalidInput:
        raise
    except Exception as error:  # zipfile raises any kind for a damaged archive
        raise _unreadable(path, error) from error


def _objects(value):
    """Yield every part of a configuration that describes an object."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _import_ours(config):
    """Import the modules of this package that the file names, which registers their classes."""
    for value in _objects(config):
        module = str(value.get("module"))
        if re.fullmatch(rf"kerasdl\.({'|'.join(OURS)})(\.[a-z]\w*)+", module):
            try:
                importlib.import_module(module)
            except ModuleNotFoundError as error:
                expected = "a module of this kerasdl"
                raise errors.InvalidInput("class in a model file", expected, module) from error


def _check(path, value, trust, custom_objects):
    """Check that an object of the configuration is known and, without `trust`, runs no code."""
    import keras

    name, module = str(value["class_name"]), value.get("module")
    called = str(value.get("config")) if name == "function" else name
    what = f"{module}.{called}" if module else called
    code = "nothing in it that may run code (`trust=True`, --trust, allows it)"
    if name in CODE:
        if not trust:
            raise errors.InvalidInput(
                f"model file {path}", code, f"{what}, which holds or reads code"
            )
    elif name in LOOKUPS and isinstance((value.get("config") or {}).get("vocabulary"), str):
        if not trust:
            file = value["config"]["vocabulary"]
            raise errors.InvalidInput(f"model file {path}", code, f"{what}, which reads {file}")
    elif not (
        name in VALUES
        or _is_builtin(name, module)
        or keras.saving.get_registered_object(value.get("registered_name") or name, custom_objects)
        or keras.saving.get_registered_object(called, custom_objects)
    ):
        give = f"custom_objects={{'{called}': ...}}"
        expected = f"classes that are known (import the missing one, or pass {give})"
        received = f"{what}, which is neither Keras's nor kerasdl's"
        raise errors.InvalidInput(f"model file {path}", expected, received)


def _is_builtin(name, module):
    if module is None or module == "builtins":
        # Keras looks a name without a module up among its own
        return name.isidentifier() and not name.startswith("_")
    place = str(module).removeprefix("keras.")
    if name == "function":
        return place in FUNCTIONS or place.startswith("ops")
    inside = place.startswith("src.") and place.startswith(tuple(f"{p}." for p in PLACES))
    return module == "keras" or (module.startswith("keras.") and (place in PLACES or inside))
