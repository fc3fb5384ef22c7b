"""Every network and learner with any options works, or an error names what is wrong."""

import inspect
import json

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st

import kerasdl
from kerasdl import registry
from kerasdl.errors import InvalidInput
from tests.conformance import learners, models
from tests.properties.common import check_message, one, right, settings

SUBJECTS = {subject.name: subject for subject in (*models.SUBJECTS, *learners.SUBJECTS)}


def option_names(name):
    make = registry.entries()[name].load()
    parameters = inspect.signature(getattr(make, "create", make)).parameters
    return sorted(set(parameters) - {"self", "kwargs"})


def example(tensor, tokens):
    """Return zeros of the shape of an input; unknown sizes become `tokens` or 32 pixels."""
    least = tokens if tensor.dtype == "int32" else 32
    return np.zeros((2, *(size or least for size in tensor.shape[1:])), tensor.dtype)


@pytest.mark.parametrize("name", SUBJECTS)
@pytest.mark.slow
def test_model_works_or_names_what_is_wrong(name):
    values = {
        option: right(SUBJECTS[name], option) for option in option_names(SUBJECTS[name].registered)
    }
    option = st.sampled_from([name for name, known in values.items() if known]).flatmap(
        lambda n: st.tuples(st.just(n), one(values[n], wrong=0.3))
    )

    @settings(12)
    @hypothesis.given(st.lists(option, max_size=2).map(dict))
    def check(chosen):
        try:
            model = SUBJECTS[name].make(**chosen)
        except InvalidInput as error:
            return check_message(error)
        several = len(model.inputs) > 1
        # Keras's attention between two sequences warns of a single key
        arrays = [example(tensor, 2 if several else 1) for tensor in model.inputs]
        outputs = model(arrays if several else arrays[0])
        shapes = keras.tree.map_structure(lambda x: tuple(x.shape), outputs)
        given = [array.shape for array in arrays]
        assert shapes == model.compute_output_shape(given if several else given[0])
        assert model.get_config() == type(model).from_config(model.get_config()).get_config()

    check()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"widths": (2.5,)}, "`widths`"),
        ({"dropout": 1.0}, "`dropout`"),
        ({"num_classes": True}, "`num_classes`"),
        ({"input_shape": 8}, "`input_shape`"),
        ({"input_shape": (None, 8, 1)}, "`input_shape`"),
        ({"dtype": "flaot32"}, "`dtype`"),
    ],
)
def test_options_of_a_network_are_checked(options, message):
    with pytest.raises(InvalidInput) as caught:
        kerasdl.create_model("mlp_tiny", **options)
    (value,) = options.values()
    assert message in str(caught.value)
    assert str(caught.value).endswith(f"Received: {value!r}")


@pytest.mark.parametrize("name", SUBJECTS)
def test_model_may_have_a_name(name):
    registered = SUBJECTS[name].registered
    assert kerasdl.create_model(registered, name="mine").name == "mine"
    assert kerasdl.create_model(name=registered).name == registered


def test_options_may_be_numpy_numbers():
    options = {"num_classes": np.int64(3), "widths": (np.int32(4),), "dropout": np.float64(0.5)}
    model = kerasdl.create_model("mlp_tiny", **options)
    assert model.output_shape == (None, 3)
    assert json.loads(json.dumps(model.get_config()))["widths"] == [4]


@pytest.mark.parametrize("options", [{"name": "a/b"}, {"name": ""}, {"name": 3}])
def test_name_of_a_model_must_be_a_string(options):
    with pytest.raises(InvalidInput, match="`name`"):
        kerasdl.create_model("mlp_tiny", **options)
