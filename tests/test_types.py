"""Every public function and method states the types of its arguments and of what it returns."""

import inspect

import pytest

import kerasdl

MODULES = sorted(kerasdl.MODULES)


def public(module):
    """Functions and classes that a module exports, by their names."""
    found = {}
    for name in getattr(module, "__all__", ()):
        thing = getattr(module, name)
        typed = inspect.isfunction(thing) or inspect.isclass(thing)
        if typed and thing.__module__.startswith("kerasdl."):
            found[name] = thing
    return found


def signatures(thing):
    """A function; or the methods of a class that override none of its bases."""
    if inspect.isfunction(thing):
        yield thing.__name__, thing
        return
    others = [base for base in thing.__mro__[1:] if base is not object]
    for name, value in vars(thing).items():
        function = getattr(value, "__func__", value)
        function = value.fget if isinstance(value, property) else function
        if not inspect.isfunction(function) or (name.startswith("_") and name != "__init__"):
            continue
        if name != "__init__" and any(hasattr(base, name) for base in others):
            continue
        if function.__code__.co_filename != "<string>":  # made by a dataclass
            yield f"{thing.__name__}.{name}", function


def untyped(function):
    signature = inspect.signature(function)
    names = [
        p.name
        for p in signature.parameters.values()
        if p.annotation is p.empty
        and p.name not in ("self", "cls")
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    source = inspect.getsource(function)
    gives = " return " in source or "yield" in source
    if signature.return_annotation is signature.empty and gives and "__init__" not in source:
        names.append("return")
    return names


@pytest.mark.parametrize("name", MODULES)
def test_public_signatures_have_types(name):
    thing = getattr(kerasdl, name)
    exported = public(thing) if inspect.ismodule(thing) else {name: thing}
    missing = {
        label: names
        for each in exported.values()
        for label, function in signatures(each)
        if (names := untyped(function))
    }
    assert not missing
