"""Tasks: what differs between classification, reconstruction, language modeling, ...

Each file of this folder holds one subclass of `Task` and gives the task its name. The class defines
which data the task takes, how a model is compiled and evaluated, what is drawn, predicted and
exported, and by which number compressed files and tuning trials are compared. A new task needs only
a new file here.
"""

import functools
import importlib
import inspect
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from kerasdl import data, errors
from kerasdl.utils import checks, lazy

if TYPE_CHECKING:
    from kerasdl.tasks.task import Task as Task

NAMES = sorted({file.stem for file in pathlib.Path(__file__).parent.glob("[a-z]*.py")} - {"task"})
FUNCTIONS = ["check_options", "create", "get", "names"]
MODULES = {"Task": "task", "task": "task", **{name: name for name in NAMES}}

__all__ = [*FUNCTIONS, *MODULES]
__getattr__, __dir__ = lazy.names(__name__, MODULES, FUNCTIONS)

FORMER_NAMES = {"supervised": "classification", "adversarial": "generation"}


def _balanced(**values):
    for name, value in values.items():
        if value is not None:
            errors.one_of(f"value for argument `{name}`", value, ("balanced",))


# the check of each option; it is here because recipes are checked without importing TensorFlow
OPTIONS: dict[str, dict[str, Callable[..., None]]] = {
    "classification": {
        "label_smoothing": checks.fractions,
        "class_weights": _balanced,
    },
    "generation": {"discriminator_rate": checks.learning_rates},
    "tagging": {"threshold": checks.fractions},
    "text_classification": {
        "label_smoothing": checks.fractions,
        "class_weights": _balanced,
    },
    "reconstruction": {"loss": functools.partial(checks.texts, optional=True)},
}


def names() -> list[str]:
    """Return the names of all tasks without importing them.

    Example:
        >>> names()[:3]
        ['classification', 'detection', 'forecasting']
    """
    return list(NAMES)


def get(name: str) -> "type[Task]":
    """Return the task class with a name.

    >>> get("classification").kinds
    ('classification',)
    """
    errors.one_of("task", name, names())
    module = importlib.import_module(f"kerasdl.tasks.{name}")
    classes = [c for _, c in inspect.getmembers(module, inspect.isclass)]
    return next(c for c in classes if c.__module__ == module.__name__ and hasattr(c, "kinds"))


def check_options(name: str, options: dict):
    """Check the options of a task: that it has them, and their values.

    Args:
        name: str, the task.
        options: dict, values of some of its options.

    Raises:
        InvalidInput: if an option is unknown or its value is invalid.

    Example:
        >>> check_options("classification", {"label_smoothing": 0.1})
    """
    known = OPTIONS.get(name, {})
    for option, value in options.items():
        if not known:
            raise errors.InvalidInput(f"option for {name}", "none", option)
        errors.one_of(f"option for {name}", option, known)
        known[option](**{option: value})


def create(name: str, info: "data.Info", options: dict | None = None) -> "Task":
    """Make the task `name` for a dataset, or the task that takes over for data of this kind.

    Args:
        name: str, the task of a recipe.
        info: `kerasdl.data.Info`, facts of the dataset.
        options: dict, the task's own options, such as label smoothing.

    Raises:
        InvalidInput: if neither task takes such data.

    Example:
        >>> create("classification", data.load("digits").info).title
        'classification'
    """
    task_class = get(name)
    check_options(name, options or {})
    if info.task in task_class.kinds:
        return task_class(info, options)
    kinds = task_class.kinds
    for other in map(get, task_class.otherwise):
        if info.task in other.kinds:
            if (options or {}).get("class_weights"):
                received = f"{info.name}, which is {info.task} data"
                raise errors.InvalidInput("data for `class_weights`", "a class each", received)
            known = {k: v for k, v in (options or {}).items() if k in other.defaults}
            return other(info, known)
        kinds += other.kinds
    expected = f"data for {task_class.title}: {' or '.join(kinds)}"
    raise errors.InvalidInput("data", expected, f"{info.name}, which is {info.task} data")
