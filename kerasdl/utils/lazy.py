"""Names of a package that are imported when they are first used."""

import importlib
import os
from collections.abc import Callable, Iterable

TYPE_CHECKING = False  # type checkers take it for true; `typing` itself takes 7 ms to import
if TYPE_CHECKING:
    from typing import Any


def names(
    package: str, modules: dict[str, str], imported: Iterable[str] = ()
) -> "tuple[Callable[[str], Any], Callable[[], list[str]]]":
    """Return `__getattr__` and `__dir__` for a package, as in PEP 562.

    Args:
        package: Its `__name__`.
        modules: The module of the package that defines each public name; for a module, its own
            name.
        imported: Public names that the package has imported already.

    Example:

    >>> find, _ = names("kerasdl", {"seed": "seed", "set_seed": "seed"})
    >>> find("set_seed") is find("seed").set_seed
    True
    """

    def find(name):
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f"{package}.{modules[name]}")
        return module if name == modules[name] else getattr(module, name)

    public = sorted([*modules, *imported])
    return find, lambda: list(public)


def modules(package: str, path: list[str]) -> tuple[list[str], Callable, Callable]:
    """Return `__all__`, `__getattr__` and `__dir__` for a package of lazily imported modules.

    Args:
        package: Its `__name__`.
        path: Its `__path__`.

    Example:

    >>> import kerasdl.formulas
    >>> modules("kerasdl.formulas", kerasdl.formulas.__path__)[0][:2]
    ['activations', 'adversarial']
    """
    files = [file.removesuffix(".py") for file in os.listdir(path[0]) if file.endswith(".py")]
    found = sorted(file for file in files if not file.startswith("_"))
    return found, *names(package, dict(zip(found, found, strict=True)))
