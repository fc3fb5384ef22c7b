"""Every network and learner, of any options, works as it says or says what is wrong."""

import inspect

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


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_model_works_or_says_what_is_wrong(name):
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
        least = 1 if model.inputs[0].dtype == "int32" else 32  # tokens, or pixels
        shape = (2, *(n or least for n in model.input_shape[1:]))
        outputs = model(np.zeros(shape, model.inputs[0].dtype))
        shapes = keras.tree.map_structure(lambda x: tuple(x.shape), outputs)
        assert shapes == model.compute_output_shape(shape)
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
