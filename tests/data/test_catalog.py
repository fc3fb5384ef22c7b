"""The catalog: names, cards with their baselines, and options of embedded datasets."""

import pytest

from kerasdl.data import catalog
from kerasdl.errors import InvalidInput


def test_every_name_has_a_function_a_card_and_options():
    names = catalog.names()
    assert names == sorted(names) and {"digits", "iris", "sums"} <= set(names)
    for name in names:
        assert catalog.find(name).__name__ == name
        first = catalog.card(name).splitlines()[0]
        assert ":" in first and first == (catalog.find(name).__doc__ or "").splitlines()[0]
        assert not {"seed", "image_size"} & set(catalog.options(name))


def test_a_card_ends_with_the_measured_baselines(monkeypatch):
    measured = {"iris": {"SVM": 0.98765, "other": 0.5}}
    monkeypatch.setattr(catalog, "baselines", lambda: measured)
    assert catalog.card("iris").endswith(
        "\n\nTest accuracy with scikit-learn: SVM 0.988, other 0.500."
    )
    assert "Test accuracy" not in catalog.card("wine")


def test_a_missing_file_of_baselines_is_no_error(monkeypatch, tmp_path):
    assert 0.9 < catalog.baselines()["digits"]["logistic regression"] < 1
    monkeypatch.setattr(catalog, "BASELINES", tmp_path / "none.json")
    assert catalog.baselines() == {}


@pytest.mark.parametrize("ask", [catalog.find, catalog.card])
def test_an_unknown_name_is_refused_with_a_suggestion(ask):
    message = r"^Invalid name of a dataset. Expected .*did you mean digits.*kerasdl list data"
    with pytest.raises(InvalidInput, match=message):
        ask("digist")


@pytest.mark.parametrize(
    ("name", "images"),
    [("digits", True), ("iris", False), ("pydocs", False), ("folder", True), ("x.csv", False)],
)
def test_only_some_datasets_may_hold_images(name, images):
    assert catalog.may_hold_images(name) == images
