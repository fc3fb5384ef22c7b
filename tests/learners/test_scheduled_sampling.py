"""Scheduled sampling equals a loop over time, and teacher forcing at a true fraction of 1."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasdl.errors import InvalidInput
from kerasdl.formulas.activations import softmax
from kerasdl.formulas.training import scheduled_sampling
from kerasdl.learners.scheduled_sampling import ScheduledSampling
from kerasdl.models.sequence.gpt import GPT
from kerasdl.models.sequence.lstm_lm import LSTMLanguageModel
from kerasdl.schedules import InverseSigmoid

WORDS, TIME = 7, 6


def networks():
    return {
        "lstm": LSTMLanguageModel(WORDS, TIME, width=8, depth=1, dropout=0.0),
        "gpt": GPT(WORDS, TIME, width=8, depth=1, heads=2, dropout=0.0),
    }


@pytest.fixture
def tokens():
    return np.random.default_rng(0).integers(WORDS, size=(5, TIME)).astype("int32")


@pytest.fixture
def noise():
    return np.random.default_rng(1).random((5, TIME, 2), "float32")


@pytest.mark.rows("TRN-02", "E-84")
@pytest.mark.parametrize("kind", ["lstm", "gpt"])
def test_with_as_many_passes_as_tokens_it_equals_a_loop_over_time(kind, tokens, noise):
    keras.utils.set_random_seed(0)
    network = networks()[kind]
    model = ScheduledSampling(network, truth=0.4, passes=TIME)
    expected = tokens.copy()
    for t in range(1, TIME):
        cumulative = np.cumsum(softmax(np.array(network(expected))[:, t - 1] * 1.0), axis=-1)
        own = (cumulative <= noise[:, t, 1:]).sum(axis=-1)
        expected[:, t] = np.where(noise[:, t, 0] >= 0.4, own, tokens[:, t])
    found = np.array(model.read(tokens, noise, 0.4))
    np.testing.assert_array_equal(found, expected)
    assert (found[:, 0] == tokens[:, 0]).all()
    assert 0.2 < (found != tokens).mean() < 0.7


def test_one_pass_samples_from_the_true_prefix(tokens, noise):
    network = networks()["lstm"]
    found = ScheduledSampling(network, truth=0.0).read(tokens, noise, 0.0)
    cumulative = np.cumsum(softmax(np.array(network(tokens))), axis=-1)
    own = (cumulative[:, :-1] <= noise[:, 1:, 1:]).sum(axis=-1)
    np.testing.assert_array_equal(found[:, 1:], own)


def test_sampled_tokens_follow_the_probabilities_of_the_network(tokens):
    model = ScheduledSampling(networks()["lstm"], truth=0.0)
    text = np.repeat(tokens[:1], 20_000, axis=0)
    noise = np.random.default_rng(2).random((*text.shape, 2), "float32")
    found = np.array(model.read(text, noise, 0.0))
    counts = [np.bincount(found[:, t], minlength=WORDS) / len(found) for t in range(1, TIME)]
    np.testing.assert_allclose(counts, softmax(np.array(model(text[:1])))[0, :-1], atol=0.012)


@pytest.mark.rows("TRN-01", "TRN-02")
@pytest.mark.parametrize("kind", ["lstm", "gpt"])
def test_a_true_fraction_of_1_is_teacher_forcing(kind, tokens):
    network = networks()[kind]
    model = ScheduledSampling(keras.models.clone_model(network), truth=1.0)
    model.network.set_weights(network.get_weights())
    histories = []
    for learner in (network, model):
        learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        histories.append(learner.fit(tokens, tokens, 5, epochs=3, verbose=0).history["loss"])
    np.testing.assert_allclose(*histories, rtol=1e-6)
    for one, other in zip(network.weights, model.network.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_true_fraction_follows_the_steps_of_the_optimizer(tokens):
    model = ScheduledSampling(networks()["lstm"], InverseSigmoid(3))
    assert float(model.true_fraction()) == pytest.approx(scheduled_sampling(0, 3))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=1.0)
    for optimizer in ("sgd", scaled):
        model.compile(optimizer, loss)
        model.fit(tokens, tokens, 1, epochs=2, verbose=0)
        assert float(model.true_fraction()) == pytest.approx(scheduled_sampling(10, 3), rel=1e-5)


def test_sampled_tokens_are_read_only_in_training(tokens):
    model = ScheduledSampling(networks()["lstm"], truth=0.0, seed=0)
    expected = model.network(tokens)
    np.testing.assert_array_equal(model(tokens), expected)
    np.testing.assert_array_equal(model.predict(tokens, verbose=0), expected)
    assert (ops.abs(model(tokens, training=True) - expected) > 1e-6).numpy().any()


def test_generate_equals_that_of_its_network(tokens):
    model = ScheduledSampling.create(WORDS, width=8, depth=1)
    written = model.generate(tokens[0], 4, seed=3)
    np.testing.assert_array_equal(written, model.network.generate(tokens[0], 4, seed=3))


@pytest.mark.parametrize("truth", [-0.1, 1.5, "a", None, InverseSigmoid])
def test_truth_must_be_a_fraction_or_a_schedule(truth):
    with pytest.raises(InvalidInput, match=r"`truth`\. Expected a fraction in"):
        ScheduledSampling(networks()["lstm"], truth)


@pytest.mark.parametrize("passes", ["a", 1.5, 0])
def test_passes_must_be_a_positive_integer(passes):
    with pytest.raises(InvalidInput, match=r"`passes`\. Expected a positive integer"):
        ScheduledSampling(networks()["lstm"], passes=passes)


def test_a_network_of_several_inputs_is_refused():
    two = [keras.Input((TIME,)), keras.Input((TIME,))]
    for network in (None, keras.Model(two, keras.layers.Add()(two))):
        with pytest.raises(InvalidInput, match=r"`network`\. Expected a built network of one"):
            ScheduledSampling(network)
