"""The LSTM's step: against Keras, PyTorch's numbers and those of the notes' formula."""

import pathlib

import keras
import numpy as np

from kerasdl.formulas.recurrent import lstm_step

LSTM = np.load(pathlib.Path(__file__).parents[1] / "reference" / "lstm.npz")


def run(x, h, c, *weights):
    """Every h of the sequence x (batch, time, inputs), and the last c."""
    outputs = []
    for now in np.moveaxis(x, 1, 0):
        h, c = lstm_step(now, h, c, *weights)
        outputs.append(h)
    return np.stack(outputs, axis=1), c


def test_all_weights_one_give_the_known_numbers():
    one, zero = np.ones((1, 4)), np.zeros((1, 1))
    h, c = run(np.ones((1, 2, 1)), zero, zero, one, one, np.zeros(4))
    np.testing.assert_allclose(h.ravel(), [0.369606, 0.650535], atol=1e-6)
    np.testing.assert_allclose(c, 1.144446, atol=1e-6)


def test_steps_equal_pytorch(same):
    bias = LSTM["w.bias_ih_l0"] + LSTM["w.bias_hh_l0"]
    weights = LSTM["w.weight_ih_l0"].T, LSTM["w.weight_hh_l0"].T, bias
    h, c = run(LSTM["x"], LSTM["h0"][0], LSTM["c0"][0], *weights)
    same(lstm_step, "torch.nn.LSTM (fixture)", [h, c], [LSTM["y"], LSTM["cT"][0]])


def test_steps_equal_keras_and_so_does_the_number_of_weights(same):
    layer = keras.layers.LSTM(4, return_sequences=True)
    layer.build((None, None, 5))
    generator = np.random.default_rng(0)
    layer.set_weights([generator.normal(size=w.shape) for w in layer.get_weights()])
    zero = np.zeros((3, 4))
    h, _ = run(LSTM["x"], zero, zero, *layer.get_weights())
    same(lstm_step, "keras.layers.LSTM", h, layer(LSTM["x"]))
    assert layer.count_params() == 4 * 4 * (4 + 5 + 1)
