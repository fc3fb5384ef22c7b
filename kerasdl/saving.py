"""Reading `.keras` files of others: what would run code that came with the file is refused.

A `.keras` file is a zip archive: a configuration, which names classes, and weights. Keras makes the
classes that it names. Lambda layers carry code themselves; others read files, or call what is not
meant to be called. So the configuration is looked through before Keras gets it.
"""

import importlib
import json
import pathlib
import re
import stat
import zipfile
import zlib

from kerasdl import errors

# Keras's public places of classes, and those that saved networks name beside them
PLACES = ("layers", "models", "activations", "initializers", "regularizers", "constraints")
PLACES += ("losses", "metrics", "optimizers", "optimizers.schedules", "random", "quantizers")
PLACES += ("dtype_policies", "ops", "src.models", "src.ops", "src.layers", "src.dtype_policies")
FUNCTIONS = ("activations", "losses", "metrics", "initializers", "regularizers", "constraints")
# these hold code, or read what lies beside
CODE = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
CODE += ("__lambda__", "__typespec__")
VALUES = ("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__")
LOOKUPS = ("StringLookup", "IntegerLookup", "TextVectorization")
OURS = ("callbacks", "compression", "layers", "learners", "metrics", "models", "schedules")
LARGEST = 100  # times the size of the file that its contents may have; pruned weights need ten
SMALL = 2**28  # bytes that any contents may have
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def load_model(path, *, trust: bool = False, compile: bool = True):
    """Read a model from a `.keras` file that may come from anyone.

    Args:
        path: The file.
        trust: Whether to run code that comes with it: Lambda layers, classes that are neither
            Keras's nor this package's. Those that a script has registered itself are its own.
        compile: Whether to restore optimizer, loss and metrics, too.
    """
    import keras

    path = pathlib.Path(path)
    config = _config(path)
    _import_ours(config)
    if not trust:
        for reason in _reasons(config):
            expected = "nothing in it that may run code (`trust=True`, --trust, allows it)"
            raise errors.InvalidInput(f"model file {path}", expected, reason)
    try:
        return keras.models.load_model(path, compile=compile, safe_mode=not trust)
    except (*UNREADABLE, TypeError) as error:
        first = str(error).strip().partition("\n")[0][:200]
        raise errors.InvalidInput(
            "model file", "one that can be read", f"{path}: {first}"
        ) from error


def check_archive(path: pathlib.Path):
    """Raise if unpacking the zip archive could write outside its folder, or fill the disk."""
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


def _config(path):
    try:
        if not (path.suffix == ".keras" and path.is_file() and zipfile.is_zipfile(path)):
            raise errors.InvalidInput("model file", "a .keras file that exists and is whole", path)
        check_archive(path)
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    except errors.InvalidInput:
        raise
    except (*UNREADABLE, RecursionError) as error:
        raise errors.InvalidInput(
            "model file", "one that can be read", f"{path}: {error}"
        ) from error


def _objects(value):
    """Every dictionary of a configuration that stands for an object."""
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
    """Import our modules that the file names: that registers their classes."""
    for value in _objects(config):
        module = str(value.get("module"))
        if re.fullmatch(rf"kerasdl\.({'|'.join(OURS)})(\.[a-z]\w*)+", module):
            try:
                importlib.import_module(module)
            except ModuleNotFoundError as error:
                expected = "a module of this kerasdl"
                raise errors.InvalidInput("class in a model file", expected, module) from error


def _reasons(config):
    """What in it may run code, in words."""
    import keras

    for value in _objects(config):
        name, module = str(value["class_name"]), value.get("module")
        called = value.get("config") if name == "function" else name
        what = f"{module}.{called}" if module else called
        if name in CODE:
            yield f"{what}, which holds or reads code"
        elif name in LOOKUPS and isinstance((value.get("config") or {}).get("vocabulary"), str):
            yield f"{what}, which reads {value['config']['vocabulary']}"
        elif not (
            name in VALUES
            or _is_builtin(name, module, value)
            or keras.saving.get_registered_object(value.get("registered_name") or name)
        ):
            yield f"{what}, which is neither Keras's nor kerasdl's"


def _is_builtin(name, module, value):
    if module is None or module == "builtins":
        # a name alone is looked up among Keras's own
        return name.isidentifier() and not name.startswith("_")
    place = str(module).removeprefix("keras.")
    if name == "function":
        return place in FUNCTIONS or place.startswith("ops")
    inside = place.startswith("src.") and place.startswith(tuple(f"{p}." for p in PLACES))
    return module == "keras" or (module.startswith("keras.") and (place in PLACES or inside))
