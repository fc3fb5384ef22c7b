"""Write the stubs of packages that import their public names lazily: `make stubs`.

A type checker and an editor see `__getattr__` of such a package, which says nothing; its
`__init__.pyi` lists where each name is defined.
"""

import inspect
import pathlib

import kerasdl

HEAD = "# `make stubs` writes this file, from the names that the package imports lazily.\n"
VERSION = "\n__version__: str\n"


def packages():
    """Yield each package whose `__init__` defines nothing but lazy names."""
    yield kerasdl
    for name in kerasdl.__all__:
        package = getattr(kerasdl, name)
        if hasattr(package, "__path__"):
            own = [t for t in vars(package).values() if inspect.isfunction(t)]
            own = [function for function in own if function.__module__ == package.__name__]
            if "__getattr__" in vars(package) and not own:
                yield package


def stub(package):
    """Return the text of a package's stub."""
    modules, lines = getattr(package, "MODULES", {}), []
    for name in package.__all__:
        module = modules.get(name, name)
        place = package.__name__ if module == name else f"{package.__name__}.{module}"
        if name in vars(package) and not inspect.ismodule(vars(package)[name]):
            place = vars(package)[name].__module__  # imported by the package itself
        lines.append(f"from {place} import {name} as {name}\n")
    lines.sort(key=_order)
    return "".join([HEAD, *lines, VERSION if package is kerasdl else ""])


def _order(line):
    """Sort as ruff does: by module, names in capitals before the others."""
    place, _, name = line.partition(" import ")
    return place, not name.split()[0].isupper(), line


def file_of(package):
    return pathlib.Path(package.__file__).with_suffix(".pyi")


def main():
    for package in packages():
        file_of(package).write_text(stub(package), encoding="utf-8")


if __name__ == "__main__":
    main()
