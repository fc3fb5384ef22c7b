"""What benchmarks/doctor.py recorded on the trainings that no threshold was chosen on."""

import json
import pathlib

ROOT = pathlib.Path(__file__).parents[2]
RESULT = ROOT / "benchmarks" / "results" / "doctor.json"


def test_no_healthy_training_is_accused_and_nine_of_ten_broken_ones_are_named():
    found = json.loads(RESULT.read_text(encoding="utf-8"))["held_out"]
    assert found["healthy"] >= 30 and found["broken"] >= 30
    assert found["healthy_accused"] == 0
    assert found["broken_named"] >= 0.9 * found["broken"]
    said = (
        f"accuses {found['healthy_accused']} of {found['healthy']} healthy trainings and names the "
        f"fault of {found['broken_named']} of {found['broken']} broken ones"
    )
    assert said in (ROOT / "README.md").read_text(encoding="utf-8")
