"""`kerasdl compress`: the methods tried, and invalid input, which writes nothing."""

import pytest

from kerasdl.errors import InvalidInput

pytestmark = pytest.mark.xdist_group("recipes")  # tests share a run


@pytest.mark.slow
def test_repeated_method_is_tried_once_and_a_second_try_is_explained(copied_run):
    lines = []
    options = {"methods": ["pqat", "int8", "pqat"], "max_drop": 0.0, "sparsity": 0.9}
    # with max_drop=0, no file may have a lower accuracy than the float file
    rows = copied_run.compress(progress=lines.append, **options)
    methods = [row["method"] for row in rows]
    assert methods[:2] == ["float", "pqat"] and methods.count("pqat") == 1 and "int8" in methods
    explained = [line for line in lines if line.startswith("pqat-")]
    assert explained == ["pqat-0.8 (fewer zeros, because pqat loses too much accuracy)"] * (
        "pqat-0.8" in methods
    )


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 0},
        {"max_drop": float("nan")},
        {"sparsity": 1.0},
        {"methods": ["no_such"]},
    ],
)
def test_invalid_options_are_refused_before_anything_is_written(options, copied_run):
    with pytest.raises(InvalidInput):
        copied_run.compress(**options)
    assert not (copied_run.path / "compressed").exists()
