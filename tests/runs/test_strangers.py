"""Data named in a run folder from others are read, but not downloaded unless trusted."""

import pytest
import tensorflow_datasets as tfds

from kerasdl import recipes
from kerasdl.errors import InvalidInput
from kerasdl.runs.run import Run


class Asked(Exception):
    pass


@pytest.mark.parametrize("options", [{}, {"download": True}])
def test_only_a_trusted_run_downloads_its_data(options, tmp_path, monkeypatch):
    def builder(*args, **kwargs):
        raise Asked

    monkeypatch.setattr(tfds, "builder", builder)
    options = {"data_dir": str(tmp_path), **options}
    recipe = recipes.get("mlp").replace(data="tfds:mnist", data_options=options)
    for trust, error in ((False, InvalidInput), (True, Asked)):
        run = Run(tmp_path, recipe, trust)
        run.config = {"fast": False}
        with pytest.raises(error) as raised:
            run.evaluate()
    assert raised.type is Asked
    run = Run(tmp_path, recipe)
    run.config = {"fast": False}
    with pytest.raises(InvalidInput, match=r"a prepared dataset in .*`trust=True`, --trust"):
        run.load_data()
