# %% [markdown]
# # Gates: why an LSTM can remember, and when it does not
#
# **Claim.** LSTM, GRU and peephole LSTM, written in a few lines of NumPy, equal the layers of Keras
# and of this library to rounding. Textbooks and Keras mean opposite things by a GRU's gate z; the
# weights of one convention become those of the other by a change of sign. Fifty steps back, an
# untrained LSTM or GRU whose keeping gate has a bias of 4 has more than a tenth of its gradient
# left; as Keras starts them, less than a thousandth, as a plain network. After the same training,
# those with the bias name the first of 30 symbols in nine of ten sequences; the others guess, and
# the plain network does better than these. A trained LSTM lets more than one and a half times as
# much into its memory at the steps that matter as at the others.
#
# **The idea.** A plain network writes over its whole state in each step. An LSTM has a cell state c
# that is added to: the forget gate f decides how much of c stays, the input gate i how much of the
# candidate g comes in, and the output gate o how much of it is shown. Where f is 1 and i is 0,
# nothing is lost, neither of the memory nor, on the way back, of the gradient.
#
# $$c_t = f_t\, c_{t-1} + i_t\, g_t \qquad h_t = o_t \tanh c_t \qquad
# \frac{\partial c_T}{\partial c_t} \approx \prod_{k=t+1}^{T} f_k$$
#
# Run it: `python tutorials/3_sequences/04_gates_and_memory.py` (70 seconds).
# You will see three cells by hand, how far gradients reach, how long networks remember, and the
# gates of a trained LSTM at work.

# %%
import pathlib

import keras
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl.formulas import recurrent
from kerasdl.utils import tutorial

# %% [markdown]
# ## The cells by hand
# Each cell is a function of one step; a loop over the steps makes the layer. The weights are those
# of a Keras layer, so the outputs must be the same.
#
# In the paper of the GRU and in Keras, $h' = z h + (1 - z)\tilde h$: z is what is *kept*. Many
# texts write $h' = (1 - z) h + z \tilde h$: z is what is *new*. The formula here is the second one.
# Since $\sigma(-a) = 1 - \sigma(a)$, a change of sign of all weights of z turns one into the other.


# %%
def by_hand(fast=False):
    kerasdl.set_seed(0)
    units = 5
    x = np.random.default_rng(0).normal(size=(3, 12, 4)).astype("float32")

    def steps(step, *states):
        """Run a step over the sequence; the first state is the output."""
        for t in range(x.shape[1]):
            found = step(x[:, t], *states)
            states = found if isinstance(found, tuple) else (found,)
        return states[0]

    zeros = np.zeros((3, units))

    def lstm(w, u, b):
        return steps(lambda x, h, c: recurrent.lstm_step(x, h, c, w, u, b), zeros, zeros)

    def gru(w, u, biases):
        sign = np.repeat([-1, 1, 1], units)  # z is new here, kept in Keras
        w, u, (b, c) = sign * w, sign * u, sign * biases
        return steps(lambda x, h: recurrent.gru_step(x, h, w, u, b, c), zeros)

    def peephole(w, u, b, v):
        step = recurrent.peephole_lstm_step
        return steps(lambda x, h, c: step(x, h, c, w, u, b, v), zeros, zeros)

    layers = {
        "LSTM": (keras.layers.LSTM(units), lstm),
        "GRU": (keras.layers.GRU(units), gru),
        "peephole LSTM": (kerasdl.layers.PeepholeLSTM(units), peephole),
    }
    for name, (layer, own) in layers.items():
        layer.build(x.shape)
        random = np.random.default_rng(1)
        layer.set_weights([random.normal(scale=0.5, size=w.shape) for w in layer.get_weights()])
        difference = float(np.abs(own(*layer.get_weights()) - layer(x)).max())
        print(f"{name}: {layer.count_params()} weights, largest difference {difference:.1e}")
        assert difference < 1e-6


# %%
tutorial.show(by_hand)

# %% [markdown]
# ## How far does a gradient reach?
# The norm of the gradient of the last output with respect to each input before it, in untrained
# networks of 64 units, relative to that of the last input. Keras starts forget gates with a bias
# of 1, so that $f \approx 0.73$; $0.73^{50}$ is a ten-millionth, and what is left of the gradient
# after 50 steps has come through h. A bias of 4 gives $f \approx 0.98$. A GRU starts with z of 1/2;
# here its z gets a bias, too. In a plain network tanh makes the gradient smaller in each step, even
# with Keras's orthogonal matrix U, which changes no length.


# %%
def biased(layer, value):
    """Give the gate that keeps a bias: f of an LSTM, z of a GRU."""
    weights, n = layer.get_weights(), layer.units
    if isinstance(layer, keras.layers.LSTM):
        weights[2][n : 2 * n] = value  # i, f, g, o
    else:
        weights[2][0, :n] = value  # z, r, candidate; the second row belongs to h
    layer.set_weights(weights)


def gradients_back(fast=False):
    x = tf.constant(np.random.default_rng(0).normal(size=(64, 80, 8)), "float32")
    kerasdl.set_seed(0)
    networks = {
        "plain, Glorot": keras.layers.SimpleRNN(64, recurrent_initializer="glorot_uniform"),
        "plain, orthogonal": keras.layers.SimpleRNN(64),
        "GRU": keras.layers.GRU(64),
        "GRU, bias 4": keras.layers.GRU(64),
        "LSTM": keras.layers.LSTM(64),
        "LSTM, bias 4": keras.layers.LSTM(64),
    }
    reach = {}
    for name, layer in networks.items():
        layer.build(x.shape)
        if "bias" in name:
            biased(layer, 4)
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = tf.reduce_sum(layer(x))
        norms = tf.norm(tape.gradient(output, x), axis=-1).numpy().mean(axis=0)[::-1]
        reach[name] = np.maximum(norms / norms[0], 1e-12)
        print(f"{name}: {reach[name][50]:.1e} of the gradient, 50 steps back")
    figure, axes = tutorial.panels(size=(6, 4))
    names = {"xlabel": "steps back", "ylabel": "gradient, relative to the last step"}
    tutorial.lines(axes, reach, title="How far a gradient reaches", **names)
    axes.set(yscale="log", ylim=(1e-12, 10))
    far = {name: float(curve[50]) for name, curve in reach.items()}
    assert min(far["LSTM, bias 4"], far["GRU, bias 4"]) > 0.1
    assert max(far["LSTM"], far["GRU"], far["plain, Glorot"]) < 1e-3
    return figure


# %%
tutorial.show(gradients_back)

# %% [markdown]
# ## How long do they remember?
# Sequences of random symbols out of eight; the answer is the first one. Every network has 32 units
# and the same 200 steps of training. The curve is the accuracy on new sequences, for two
# lengths. Numbers such as "LSTMs remember a thousand steps" are of one task, one start and one
# training: here the start decides.


# %%
def first_symbol(seed, count, length):
    symbols = np.random.default_rng(seed).integers(0, 8, (count, length))
    return np.eye(8, dtype="float32")[symbols], symbols[:, 0]


def remember(cell, bias, length, steps):
    kerasdl.set_seed(0)
    network = kerasdl.create_model(
        "series_lstm", cell=cell, width=32, num_classes=8, input_shape=(length, 8)
    )
    if bias is not None:
        biased(next(each for each in network.layers if isinstance(each, keras.layers.RNN)), bias)
    network.compile(
        keras.optimizers.Adam(0.01, clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=10,
    )
    network.fit(*first_symbol(0, 64 * steps, length), batch_size=64, epochs=1, verbose=0)
    return network.evaluate(*first_symbol(1, 1000, length), batch_size=500, verbose=0)[1]


STARTS = {
    "plain, orthogonal": ("rnn", None),
    "GRU": ("gru", None),
    "GRU, bias 4": ("gru", 4),
    "LSTM": ("lstm", None),
    "LSTM, bias 4": ("lstm", 4),
}


def memory(fast=False):
    lengths, steps = ((4,), 20) if fast else ((10, 30), 200)
    found = {
        name: [remember(*start, length, steps) for length in lengths]
        for name, start in STARTS.items()
    }
    figure, axes = tutorial.panels(size=(6, 4))
    names = {"xlabel": "length of the sequence", "ylabel": "accuracy"}
    tutorial.lines(axes, found, lengths, title="Naming the first symbol", marker="o", **names)
    axes.axhline(1 / 8, color="gray", linestyle=":")
    for name, accuracies in found.items():
        row = dict(zip(lengths, accuracies, strict=True))
        print(f"{name}:", ", ".join(f"{length} steps {a:.2f}" for length, a in row.items()))
    if not fast:
        last = {name: accuracies[-1] for name, accuracies in found.items()}
        assert min(last["GRU, bias 4"], last["LSTM, bias 4"]) > 0.9
        assert max(last["GRU"], last["LSTM"]) < 0.3 < last["plain, orthogonal"]
    return figure


# %%
tutorial.show(memory)

# %% [markdown]
# ## The gates at work
# The adding problem: numbers, two of them marked; the answer is their sum. After training, the
# formula of the gates, with the network's own weights, shows what happens in each step. What comes
# into the memory is $i\,g$: more of it at the marked steps. The recipes `adding_lstm`
# and `adding_gru` train the same task with 50 steps to the end.


# %%
def gates(fast=False):
    kerasdl.set_seed(0)
    splits = kerasdl.data.load("adding", count=2000 if fast else 5000, steps=20, batch_size=64)
    network = kerasdl.create_model("series_lstm", width=32, input_shape=(20, 2))
    network.compile(keras.optimizers.Adam(0.01, clipnorm=1.0), "mse", steps_per_execution=10)
    network.fit(splits.train, epochs=1 if fast else 5, verbose=0)
    error = network.evaluate(splits.test, verbose=0)
    x, _ = tutorial.arrays(splits.test)
    layer = next(each for each in network.layers if isinstance(each, keras.layers.LSTM))
    w, u, b = layer.get_weights()
    h = c = np.zeros((len(x), 32))
    entering, keeping = [], []
    for t in range(x.shape[1]):
        i, f, g, o = recurrent.lstm_gates(x[:, t], h, w, u, b)
        c = f * c + i * g
        h = o * np.tanh(c)
        entering.append(np.abs(i * g).mean(axis=-1))
        keeping.append(f.mean(axis=-1))
    entering, keeping = np.stack(entering, 1), np.stack(keeping, 1)
    marked = x[..., 1] > 0
    ratio = float(entering[marked].mean() / entering[~marked].mean())
    print(f"error {error:.4f} (guessing 0.167); at marked steps {ratio:.1f} times as much enters")
    figure, (above, below) = tutorial.panels(2, 1, size=(7, 2.6))
    steps = np.arange(x.shape[1])
    above.bar(steps, entering[0], color=np.where(marked[0], "tab:orange", "tab:blue"))
    above.set(title="What enters the memory (orange: marked)", ylabel="mean |i g|")
    below.plot(steps, keeping[0], marker="o")
    below.set(title="What is kept", ylabel="mean forget gate", ylim=(0, 1.05))
    for axes in (above, below):
        axes.set(xlabel="step", xticks=steps)
    if not fast:
        assert error < 0.02 and ratio > 1.5
    return figure


# %%
tutorial.show(gates)

# %% [markdown]
# ## Exercises
# 1. Which forget bias keeps half of the gradient over 50 steps, if only c carries it? Check it.
# 2. Train the LSTM without the bias for 2,000 steps. Does it learn to name the first of 30 symbols?
# 3. A GRU has no output gate. Write the step of an LSTM without one, and compare the errors.
# 4. Count the weights of an LSTM and a GRU of 32 units for 8 inputs. Why has Keras's GRU 96 more
#    than $3 n (n + m + 1)$?


# %%
def main(fast=False, out=pathlib.Path("out/04_gates_and_memory")):
    tutorial.run(by_hand, gradients_back, memory, gates, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
