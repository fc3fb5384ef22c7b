"""docs/speed.md shows what the benchmarks' result files hold."""

import importlib.util
import pathlib

ROOT = pathlib.Path(__file__).parents[1]


def page():
    spec = importlib.util.spec_from_file_location("page", ROOT / "benchmarks" / "page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_written_from_the_results():
    module = page()
    message = "run `python benchmarks/page.py`"
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), message


def test_each_library_and_case_of_the_results_has_a_cell(monkeypatch):
    module = page()
    row = {"step_ms": 2.0, "to_kerasdl": 1.0, "quartiles": [1, 1], "first_s": 3.0, "version": "1"}
    other = {**row, "to_kerasdl": 1.26, "first_s": 7.0}
    libraries = dict.fromkeys(module.LIBRARIES, other)
    found = {
        "about": {"processor": "P", "cores": 2, "python": "3"},
        "steps": {"net": {"batch": 64, "kerasdl": row, **libraries}},
        "growth": {"net with the batch": {"exponents": {"kerasdl": 0.8}}},
    }
    monkeypatch.setattr(module, "read", lambda name: found if name == "training" else {})
    text = module.page()
    assert "| net, 64 | 2 |" + " 1.26 |" * len(module.LIBRARIES) in text
    assert "| net | 3.0 |" + " 7.0 |" * len(module.LIBRARIES) in text
    assert "grows with the exponent: kerasdl 0.80" in text
