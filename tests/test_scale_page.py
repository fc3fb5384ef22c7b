"""The tables of docs/scale.md are those of the recorded benchmark."""

import json
import pathlib

ROOT = pathlib.Path(__file__).parents[1]
RESULT = json.loads((ROOT / "benchmarks" / "results" / "scaling.json").read_text())
PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")


def test_measured_steps_are_on_the_page():
    for step in RESULT["steps"]:
        sent, ring = (step[f"{kind}_bytes_a_worker"] / 1e3 for kind in ("sent", "ring"))
        cells = [step["network"], f"{step['parameters']:,}", step["workers"]]
        cells += [f"{step['alone_ms']:.0f}", f"{step['together_ms']:.0f}"]
        cells += [f"{step['all_reduce_fraction']:.0%}", step["reductions"]]
        cells += [f"{sent:,.0f}", f"{ring:,.0f}", f"{step['model_to_measured']:.2f}"]
        assert f"| {' | '.join(map(str, cells))} |" in PAGE


def test_predictions_for_more_workers_are_on_the_page():
    rows = [row for row in RESULT["efficiency"] if row["network"].startswith("resnet50")]
    for row in rows:
        cells = [f"{row[workers]:.0%}" for workers in ("8", "32", "128", "512", "1024")]
        assert f"| {' | '.join(cells)} |" in PAGE
    assert len(rows) == 2
