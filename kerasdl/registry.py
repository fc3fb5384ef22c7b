"""The registry of models: the folders `models` and `learners`, read without importing them.

A family's file holds a literal table beside its class, and that table is the registration:

    VARIANTS = {"ResNet": {"resnet18": {"block": "basic", "depths": (2, 2, 2, 2)}, ...}}
"""

import dataclasses
import functools
import importlib
import inspect
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerasdl import errors
from kerasdl.utils import checks, precision, variants

if TYPE_CHECKING:
    import keras


PACKAGE = pathlib.Path(__file__).parent
APPLICATIONS = "keras.applications."  # begins the names of Keras's own networks
# options of other libraries' models, and how to get here what they do there
FOREIGN = {
    **dict.fromkeys(
        ("pretrained", "weights"),
        "no such option: kerasdl has no pretrained weights; train with `kerasdl train`, or read "
        "weights of your own with `model.load_weights`",
    ),
    **dict.fromkeys(
        ("include_top", "num_labels", "features_only"),
        "no such option: `num_classes` is the number of classes, and None leaves out the "
        "classifier (`network.pyramid` has the feature maps of all strides)",
    ),
}


@dataclasses.dataclass(frozen=True)
class Entry:
    """What is known of a model before TensorFlow is imported.

    Args:
        name: str, the registered name.
        topic: str, the folder: "vision", "sequence", "generative", "composite" or "learners".
        module: str, the module of its class.
        class_name: str, the name of its class.
        options: dict, the arguments that make this variant of the class.
    """

    name: str
    topic: str
    module: str
    class_name: str
    options: dict

    @property
    def docstring(self) -> str:
        """The docstring of its class."""
        file = PACKAGE.parent.joinpath(*self.module.split(".")).with_suffix(".py")
        return variants.docstring(file, self.class_name)

    def load(self) -> type:
        """Import the class."""
        return getattr(importlib.import_module(self.module), self.class_name)


@functools.cache
def entries() -> dict[str, Entry]:
    """Return every registered model and learner by name."""
    found: dict[str, Entry] = {}
    for file in sorted([*PACKAGE.glob("models/*/*.py"), *PACKAGE.glob("learners/*.py")]):
        for entry in _read(file):
            if entry.name in found:
                modules = f"{found[entry.name].module} and {entry.module}"
                raise errors.InvalidInput(f"model name `{entry.name}`", "one table", modules)
            found[entry.name] = entry
    return found


def _read(file: pathlib.Path) -> Iterator[Entry]:
    module = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
    for class_name, table in variants.read(file):
        for name, options in table.items():
            yield Entry(name, file.parent.name, module, class_name, options)


def list_models(topic: str | None = None) -> list[str]:
    """Return the names that `create_model` takes.

    Args:
        topic: str, such as "vision" or "learners"; by default the names of all topics.

    Example:
        >>> list_models("composite")
        ['ensemble', 'ensemble_tiny']
    """
    if topic is not None:
        errors.one_of("topic", topic, sorted({entry.topic for entry in entries().values()}))
    return sorted(n for n, entry in entries().items() if topic in (None, entry.topic))


def check_name(name: object):
    """Raise `InvalidInput` unless `create_model` takes a name; those of Keras are not looked up.

    >>> check_name("keras.applications.MobileNetV2")
    """
    if not (isinstance(name, str) and name.startswith(APPLICATIONS)):
        errors.one_of("model name", name, list_models(), lister="kerasdl list models")


def options_of(name: str) -> list[str]:
    """Return the names of the options that a registered model has.

    >>> options_of("lenet5")
    ['num_classes', 'input_shape']
    """
    return list(_arguments_of(entries()[name].load()))


def _arguments_of(kind):
    # a learner is made of networks: its `create` takes sizes where its constructor takes networks
    parameters = inspect.signature(getattr(kind, "create", kind)).parameters
    return [name for name in parameters if name not in ("self", "kwargs")]


def create_model(model: str | None = None, /, **options) -> "keras.Model":
    """Create a network or a learner by its registered name.

    Args:
        model: str, one of `list_models()`, or a network of Keras's such as
            "keras.applications.MobileNetV2", which takes images in [0, 1] and gives logits; its
            option `weights` is None by default. Without it, the option `name` is the registered
            name.
        **options: Arguments of its class, such as `num_classes` and `input_shape`, in place of the
            variant's own; `name`; and `dtype`, the policy of all layers, such as "mixed_bfloat16".

    Returns:
        A built `keras.Model`.

    Example:
        >>> create_model("resnet20", num_classes=5).output_shape
        (None, 5)
    """
    name = options.pop("name", None) if model is None else model
    check_name(name)
    if name.startswith(APPLICATIONS):
        checks.model_options(**options)
        from kerasdl.models import applications  # imports TensorFlow

        with precision.under(options.pop("dtype", None)):
            return applications.create(name, **checks.plain(options))
    entry = entries()[name]
    kind = entry.load()
    make, known = getattr(kind, "create", kind), _arguments_of(kind)
    for option, value in options.items():
        if option in FOREIGN and option not in known:
            subject = f"option `{option}` for model `{name}`"
            raise errors.InvalidInput(subject, FOREIGN[option], repr(value))
        if option not in ("name", "dtype"):
            errors.one_of(f"option for model `{name}`", option, known)
    checks.model_options(**options)
    with precision.under(options.get("dtype")):
        return make(**{"name": name, **entry.options, **checks.plain(options)})
