"""Scripts of the README do what it says."""

import pathlib
import re

README = pathlib.Path(__file__).parents[1] / "README.md"


def test_one_cycle_after_a_range_test_takes_three_lines():
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (code,) = [block for block in blocks if "OneCycle" in block]
    last = code.strip().rpartition("\n\n")[2]
    assert len(last.splitlines()) == 3 and "shuffle" not in code and "callback" not in code
    names: dict = {}
    exec(code.replace("epochs=5", "epochs=5, verbose=0"), names)
    model, splits = names["model"], names["splits"]
    assert max(model.history.history["val_accuracy"]) > 0.9
    step = int(model.optimizer.iterations)
    assert step == 5 * len(splits.train)
    assert float(model.optimizer.learning_rate) < names["found"].suggestion / 1e4
