"""`kerasdl formulas` and docs/formulas.md: every formula, and what tests compare it with."""

import ast
import pathlib
import re
import subprocess
import sys

import pytest
import typer.testing

from kerasdl import cli, errors, formulary
from tests.formulas import uses

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "formulas.md"
CODE = re.compile(r"\bE-\d\d\b|\b(?!VGG-|GAN-)[A-Z]{3}-\d\d\b")  # codes of the course's list


def test_every_formula_is_tested_and_on_the_page():
    page = PAGE.read_text(encoding="utf-8")
    assert len(formulary.every()) > 300
    lacking = [f.name for f in formulary.every() if not f.proofs or f"`{f.name}`" not in page]
    assert not lacking, "run `make formulas`"
    assert set(formulary.recorded()) == {f.name for f in formulary.every()}, "run `make formulas`"


def test_every_formula_is_short_with_equation_types_and_example():
    for formula in formulary.every():
        words, example, _ = formula.docstring.partition("\n>>>")
        assert example, formula.name
        assert "\n\n    " in words, formula.name  # the equation, on lines of its own
        (function,) = ast.parse(formula.code).body
        assert function.end_lineno - function.body[0].lineno < 14, formula.name
        arguments = [*function.args.args, function.args.vararg, function.args.kwarg]
        typed = [argument.annotation for argument in arguments if argument]
        assert all(typed) and function.returns, formula.name
        described = re.findall(r"^    (\w+): ", words.partition("\nArgs:\n")[2], re.MULTILINE)
        assert described == [a.arg for a in arguments if a], formula.name


def test_readers_see_no_codes_of_the_course_list():
    texts = [*map(formulary.text, formulary.every()), PAGE.read_text(encoding="utf-8")]
    assert not [found for text in texts for found in CODE.findall(text)]


def test_formula_is_found_by_name_and_shown_with_its_code():
    (adam,) = formulary.find("adam")
    assert (adam.name, adam.module, adam.theme) == ("optimizers.adam", "optimizers", "optimizers")
    text = formulary.text(adam)
    for part in ("m_hat", "return w - learning_rate", "equal to keras.optimizers.Adam"):
        assert part in text
    assert [row["formula"] for row in formulary.listing()].count("optimizers.adam") == 1


def test_unknown_name_gets_suggestions():
    with pytest.raises(errors.InvalidInput, match="adam"):
        formulary.listing("adamm")
    with pytest.raises(errors.InvalidInput, match="kl_divergence"):
        formulary.listing("KL")
    with pytest.raises(errors.InvalidInput, match=r"a theme \(neurons, .*others\)"):
        formulary.listing("xyzzy")


@pytest.mark.parametrize("place", ["optimizers", "Optimizers", ""])
def test_listing_by_theme_by_module_and_of_all(place):
    assert "optimizers.adam" in [row["formula"] for row in formulary.listing(place)]


def test_every_module_belongs_to_one_theme():
    listed = {row["formula"].partition(".")[0] for row in formulary.listing("transformers")}
    assert listed == {"attention", "transformer", "transformer_counts", "patches", "language"}
    modules = [module for modules in formulary.THEMES.values() for module in modules]
    assert sorted(modules) == sorted({formula.module for formula in formulary.every()})


@pytest.mark.parametrize("name", ["Adam", "kerasdl.formulas.optimizers.adam", "Optimizers.Adam"])
def test_name_is_found_in_any_case_and_with_any_prefix(name):
    assert [formula.name for formula in formulary.find(name)] == ["optimizers.adam"]


def test_module_with_the_name_of_a_formula_is_found():
    assert formulary.find("transformer") and "feed_forward" in formulary.module("transformer")
    assert not formulary.module("adam")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["adam"], ["kerasdl.formulas.optimizers.adam", "m_hat", "equal to keras.optimizers.Adam"]),
        (["compression"], ["quantization.affine", "pruning.magnitude_mask"]),
        (["adam", "--json"], ['"equals"', '"uses"']),
    ],
)
def test_command_shows_formulas(arguments, parts):
    done = typer.testing.CliRunner().invoke(cli.app, ["formulas", *arguments])
    assert done.exit_code == 0 and all(part in done.output for part in parts)


def test_formulas_are_imported_lazily_and_found_by_tab_completion():
    script = (
        "import sys, kerasdl\n"
        "assert 'optimizers' in dir(kerasdl.formulas)\n"
        "assert 'kerasdl.formulas.optimizers' not in sys.modules\n"
        "print(float(kerasdl.formulas.optimizers.adam(0.0, 5.0)[0]))\n"
        "assert not {'tensorflow', 'keras'} & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.startswith("-0.00"), done.stderr


def test_recorded_uses_of_formulas_are_up_to_date():
    known = {f.name for f in formulary.every()}
    found = {name: where for name, where in uses.every().items() if name in known}
    recorded = {f.name: f.uses for f in formulary.every() if f.uses}
    assert recorded == found, "run `python -m tests.formulas.uses`"
    assert "tutorials/1_learning/02_backpropagation_by_hand.py" in found["optimizers.adam"]
