"""Names of a package that are imported when they are first used."""

import importlib


def names(package: str, modules: dict[str, str]):
    """Return `__getattr__` and `__dir__` for a package, as in PEP 562.

    Args:
        package: Its `__name__`.
        modules: The module of the package that defines each public name; for a module, its own
            name.

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

    return find, lambda: sorted(modules)
