"""Unrolled recurrences, compared with Keras, PyTorch and GradientTape."""

import functools
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import gradients, recurrent, unrolling

STACK = np.load(pathlib.Path(__file__).parents[1] / "reference" / "bilstm2.npz")
X = STACK["x"]
ZERO = np.zeros((3, 4))


def lstm(w, u, b):
    def run(x, state=(ZERO, ZERO)):
        return unrolling.unroll(lambda *now: recurrent.lstm_step(*now, w, u, b), x, *state)[0]

    return run


def test_unrolled_steps_equal_keras_with_and_without_unrolling(same):
    rolled = keras.layers.LSTM(4, return_sequences=True)
    theirs = rolled(X)
    ours = lstm(*rolled.get_weights())(X)
    same(unrolling.unroll, "keras.layers.LSTM", ours, theirs)
    unfolded = keras.layers.LSTM(4, return_sequences=True, unroll=True)
    unfolded.build(X.shape)
    unfolded.set_weights(rolled.get_weights())
    same(unrolling.unroll, "keras.layers.LSTM(unroll=True)", ours, unfolded(X))


def test_only_bidirectional_outputs_depend_on_later_steps():
    weights = keras.layers.LSTM(4)
    weights.build(X.shape)
    one_way = lstm(*weights.get_weights())
    changed = X.copy()
    changed[:, 4] += 1
    np.testing.assert_array_equal(one_way(changed)[:, :4], one_way(X)[:, :4])
    assert np.all(one_way(changed)[:, 4:] != one_way(X)[:, 4:])
    both = unrolling.bidirectional(one_way, one_way, changed)
    assert np.all(both[:, :4, 4:] != unrolling.bidirectional(one_way, one_way, X)[:, :4, 4:])


def test_bidirectional_equals_keras(same):
    layer = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True))
    theirs = layer(X)
    forward, backward = (
        lstm(*way.get_weights()) for way in (layer.forward_layer, layer.backward_layer)
    )
    ours = unrolling.bidirectional(forward, backward, X)
    same(unrolling.bidirectional, "keras.layers.Bidirectional", ours, theirs)
    counted = 2 * recurrent.recurrent_parameters(5, 4, gates=4)
    assert layer.count_params() == counted
    assert 2 * recurrent.recurrent_parameters(128, 128, gates=4) == 263_168


def test_two_bidirectional_layers_equal_pytorch(same):
    x = X
    for i in (0, 1):
        ways = []
        for j, way in enumerate(("", "_reverse")):
            w, u = (STACK[f"w.weight_{part}_l{i}{way}"].T for part in ("ih", "hh"))
            b = STACK[f"w.bias_ih_l{i}{way}"] + STACK[f"w.bias_hh_l{i}{way}"]
            state = STACK["h0"][2 * i + j], STACK["c0"][2 * i + j]
            ways.append(functools.partial(lstm(w, u, b), state=state))
        x = unrolling.bidirectional(*ways, x)
    same(unrolling.bidirectional, "torch.nn.LSTM of two layers (fixture)", x, STACK["y"])


@pytest.mark.rows("DAT-21", "E-88")
def test_masked_steps_keep_the_state_as_in_keras(same):
    tokens = np.array([[3, 1, 2, 0, 0], [2, 2, 1, 3, 1]])
    embed, layer = keras.layers.Embedding(4, 5, mask_zero=True), keras.layers.LSTM(4)
    theirs = layer(embed(tokens))
    table, weights = embed.get_weights()[0], layer.get_weights()
    state = np.zeros((2, 2, 4))
    for t in range(5):
        new = recurrent.lstm_step(table[tokens[:, t]], *state, *weights)
        state = [
            unrolling.carry_over_padding(a, b, tokens[:, t] != 0)
            for a, b in zip(new, state, strict=True)
        ]
    same(unrolling.carry_over_padding, "keras.layers.Embedding(mask_zero=True)", state[0], theirs)
    zeroed = table * (np.arange(4) != 0)[:, None]  # a zero embedding for padding
    zero = np.zeros((2, 4))
    step = lambda *now: recurrent.lstm_step(*now, *weights)  # noqa: E731
    found = unrolling.unroll(step, zeroed[tokens], zero, zero)[0][:, -1]
    assert np.abs(found - state[0])[0].max() > 1e-3
    np.testing.assert_allclose(found[1], state[0][1])


@pytest.mark.parametrize("every", [1, 3, 4, 12])
def test_truncated_backpropagation_equals_gradient_tape_with_stop_gradient(every, same):
    generator = np.random.default_rng(0)
    x, upstream = generator.normal(size=(12, 3)), generator.normal(size=(12, 4))
    w, u, b = generator.normal(size=(3, 4)), generator.normal(size=(4, 4)), np.zeros(4)
    h, _ = unrolling.unroll(lambda *now: recurrent.rnn_step(*now, w, u, b), x, np.zeros(4))
    variables = [tf.Variable(value) for value in (x, w, u, b)]
    with tf.GradientTape() as tape:
        state, loss = tf.zeros((1, 4), "float64"), 0.0
        for t in range(12):
            if t % every == 0:
                state = tf.stop_gradient(state)
            state = tf.tanh(
                variables[0][t : t + 1] @ variables[1] + state @ variables[2] + variables[3]
            )
            loss += tf.reduce_sum(state * upstream[t])
    states = np.concatenate([np.zeros((1, 4)), h])
    formula = unrolling.truncated_backpropagation_through_time
    ours = formula(x, states, w, u, upstream, every)
    theirs = [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]
    same(formula, "tf.GradientTape with tf.stop_gradient", ours, theirs, at_most=1e-9)
    late = np.zeros_like(upstream)
    late[-1] = 1
    assert np.count_nonzero(formula(x, states, w, u, late, every)[0]) == 3 * min(every, 12)


@pytest.mark.rows("E-54")
def test_cell_state_gradient_equals_gradient_tape(same):
    generator = np.random.default_rng(0)
    f, taken = generator.random((2, 50, 4))
    memory = start = tf.Variable(np.ones(4))
    with tf.GradientTape() as tape:
        for t in range(50):
            memory = f[t] * memory + taken[t]
        loss = tf.reduce_sum(memory)
    formula = unrolling.cell_state_gradient
    same(formula, "tf.GradientTape", formula(f), tape.gradient(loss, start), at_most=1e-12)
    plain = gradients.recurrent_jacobian(np.zeros(1), np.array([[0.5]]))
    assert np.linalg.matrix_power(plain, 100) < 1e-30 < formula(np.full(100, 0.99))


def test_a_recursive_step_equals_keras_dense(same):
    left, right = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    layer = keras.layers.Dense(4, "tanh")
    theirs = layer(np.concatenate([left, right], axis=-1))
    ours = unrolling.recursive_step(left, right, *layer.get_weights())
    same(unrolling.recursive_step, "keras.layers.Dense", ours, theirs)
    swapped = unrolling.recursive_step(right, left, *layer.get_weights())
    assert np.abs(swapped - ours).max() > 0.1
    assert layer.kernel.shape == (8, 4)


def test_a_tree_of_left_branches_equals_keras_simple_rnn(same):
    words = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    layer = keras.layers.SimpleRNN(4)
    theirs = layer(words[None, 1:], initial_state=words[:1])
    kernel, recurrent_kernel, b = layer.get_weights()
    w = np.concatenate([recurrent_kernel, kernel])
    tree = words[0]
    for word in words[1:]:
        tree = (tree, word)
    ours = unrolling.compose(tree, w, b)
    same(unrolling.compose, "keras.layers.SimpleRNN", ours, theirs[0])


def test_a_tree_of_nine_words_takes_eight_steps(monkeypatch):
    the, brown, fox, jumps, over, lazy, dog, and_, so = np.eye(9)
    tree = ((the, (brown, fox)), ((jumps, (over, (and_, (lazy, dog)))), so))
    counted = []
    step = unrolling.recursive_step
    monkeypatch.setattr(
        unrolling, "recursive_step", lambda *parts: counted.append(1) or step(*parts)
    )
    unrolling.compose(tree, np.ones((18, 9)) / 9, 0)
    assert len(counted) == 8
