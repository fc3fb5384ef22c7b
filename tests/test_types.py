"""Public functions and methods have types for their arguments and results."""

import ast
import functools
import importlib
import inspect
import json
import os
import pathlib
import pkgutil
import subprocess
import sys
import textwrap
import typing

import pytest

import kerasdl
from kerasdl.compression import methods
from kerasdl.explain import methods as explained
from kerasdl.export import convert
from kerasdl.runs import export
from kerasdl.tuning import oracles
from kerasdl.utils import types
from tests import stubs, typed_jobs

WRAPPERS = (staticmethod, classmethod)


def public(module):
    """Yield the functions and classes that a module exports, and those of exported modules.

    A module without `__all__` exports what it defines, and a package all of its modules.
    """
    exports = getattr(module, "__all__", None)
    if not exports:
        for file in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{module.__name__}."):
            yield from public(importlib.import_module(file.name))
    for name in exports or [name for name in vars(module) if not name.startswith("_")]:
        thing = inspect.unwrap(getattr(module, name))
        callable_ = inspect.isfunction(thing) or inspect.isclass(thing)
        if inspect.ismodule(thing) and exports:
            yield from public(thing)
        elif callable_ and (exports or thing.__module__ == module.__name__):
            yield thing


def functions(thing, package="kerasdl."):
    """Yield a function, or the methods of a class and of its bases in this package, by name.

    Methods that override one of a base are left out: the base has the types.
    """
    if inspect.isfunction(thing):
        yield thing.__qualname__, thing
        return
    for place, owner in enumerate(thing.__mro__):
        bases = [base for base in thing.__mro__[place + 1 :] if base is not object]
        for name, value in vars(owner).items() if owner.__module__.startswith(package) else ():
            overrides = name != "__init__" and any(hasattr(base, name) for base in bases)
            function = function_of(value)
            if overrides or function is None or (name.startswith("_") and name != "__init__"):
                continue
            written = function.__code__.co_filename != "<string>"  # not made by a dataclass
            if written and function.__module__.startswith(package):
                yield f"{owner.__qualname__}.{name}", function


def function_of(value):
    """Return the function of a method or a property, if there is one."""
    value = value.__func__ if isinstance(value, WRAPPERS) else value
    value = value.fget if isinstance(value, property) else value
    value = value.func if isinstance(value, functools.cached_property) else value
    value = inspect.unwrap(value) if callable(value) else value
    return value if inspect.isfunction(value) else None


def untyped(function):
    """Return the arguments without a type, and "return" if the result has none.

    A function without arguments needs the type of its result too, or a type checker takes it for
    an untyped one.
    """
    signature = inspect.signature(function)
    names = [
        p.name
        for p in signature.parameters.values()
        if p.annotation is p.empty
        and p.name not in ("self", "cls")
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    typed = set(function.__annotations__) | set(names)
    if signature.return_annotation is signature.empty and (returns(function) or not typed):
        names.append("return")
    return names


def returns(function):
    """Return whether a function returns or yields a value, apart from functions inside it."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    if isinstance(definition, ast.Assign):  # a lambda
        return True
    waiting = list(definition.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if isinstance(node, ast.Return) and node.value is not None:
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))
    return False


@pytest.mark.parametrize("name", sorted(kerasdl.MODULES))
def test_public_signatures_have_types(name):
    thing = getattr(kerasdl, name)
    exported = list(public(thing)) if inspect.ismodule(thing) else [thing]
    checked = [found for each in exported for found in functions(each)]
    assert checked
    assert {label: names for label, function in checked if (names := untyped(function))} == {}


def test_missing_types_are_found():
    def example(typed: int, left, *args, **kwargs):
        def inner() -> int:
            return 1

        return inner() + typed

    class Example:
        @functools.cached_property
        def size(self):
            return 1

        def sets(self, value: int):
            self.value = value

    assert untyped(example) == ["left", "return"]
    found = {
        label.rpartition(".")[2]: untyped(function)
        for label, function in functions(Example, __name__)
    }
    assert found == {"size": ["return"], "sets": []}


JOBS = pathlib.Path(__file__).with_name("typed_jobs.py")
ROOT = JOBS.parents[1]


@pytest.mark.slow
def test_mypy_accepts_usual_jobs(tmp_path):
    """`silent` reports the errors of the script alone, as for an installed package."""
    options = ["--strict", "--follow-imports=silent", f"--cache-dir={tmp_path}", str(JOBS)]
    command = [sys.executable, "-m", "mypy", "--config-file=", *options]
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_pyright_accepts_usual_jobs(tmp_path):
    """basedpyright is pyright with its own node, so that it needs no download when it runs."""
    pytest.importorskip("basedpyright", reason="basedpyright is not installed")
    config = {
        "include": [str(JOBS)],
        "extraPaths": [str(ROOT)],
        "typeCheckingMode": "standard",
        "reportUnnecessaryTypeIgnoreComment": "error",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    options = ["--project", str(tmp_path), "--pythonpath", sys.executable]
    command = [sys.executable, "-m", "basedpyright", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_usual_jobs_run(tmp_path):
    typed_jobs.main(tmp_path)


@pytest.mark.parametrize(
    ("literal", "accepted"),
    [
        (types.Method, methods.METHODS),
        (types.Engine, methods.ENGINES),
        (types.Quantization, convert.QUANTIZATIONS),
        (types.ExportFormat, export.FORMATS),
        (types.ExportQuantization, export.METHODS),
        (types.Tuner, oracles.NAMES),
        (types.ExplainMethod, explained.METHODS),
    ],
)
def test_literal_types_are_the_accepted_values(literal, accepted):
    assert set(typing.get_args(literal)) == set(accepted)


def test_stubs_are_up_to_date():
    for package in stubs.packages():
        text = stubs.file_of(package).read_text(encoding="utf-8")
        assert text == stubs.stub(package), "`make stubs` renews it"
    written = set(ROOT.glob("kerasdl/**/*.pyi"))
    assert written == {stubs.file_of(package) for package in stubs.packages()}
