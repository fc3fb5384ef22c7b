# %% [markdown]
# # Twenty questions, one to ten: how a network learns
#
# **Claim.** Ten questions that an interview asks about learning each have an answer of one
# sentence, and an experiment of a few lines that could refute it. All numbers are measured while
# you wait, and each answer is asserted. The next tutorial has ten more, on layers and networks.
#
# **The idea.** Who has seen the number need not learn the sentence. One of the notes ends in twenty
# questions; these are ours, after the notes' topics, and so are the answers. The first one's
# formula: the error of models that are fitted to many noisy samples of one truth f has two parts.
#
# $$\mathbb E[(\hat f - f)^2] = (\mathbb E[\hat f] - f)^2 + \mathrm{Var}[\hat f]
# = \text{bias}^2 + \text{variance}$$
#
# Run it: `python tutorials/1_learning/14_questions_on_training.py` (15 seconds).
# You will see a table of ten
# questions, numbers and answers, and the numbers as bars.

# %%
import itertools
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
from numpy.polynomial import chebyshev
from sklearn import linear_model

import kerasdl
from kerasdl.formulas import activations, basics, optimizers

FIRST = 1
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
layers = keras.layers

# %% [markdown]
# ## Learning from examples
# A generator yields for each question: the question, the numbers, the answer, whether it holds.


# %%
def about_data(random):
    def fit(degree, count, penalty=0.0):
        """Bias squared and variance of polynomials fitted to many noisy samples of a sine."""
        x = np.linspace(-1, 1, count)
        features = chebyshev.chebvander(x, degree)
        squares = features.T @ features + penalty * np.eye(degree + 1)
        y = np.sin(3 * x) + random.normal(scale=0.3, size=(500, count))
        fitted = y @ features @ np.linalg.inv(squares) @ features.T
        return np.mean((fitted.mean(axis=0) - np.sin(3 * x)) ** 2), fitted.var(axis=0).mean()

    n = {}
    for degree in (1, 15):
        n[f"degree {degree}\nbias²"], n[f"degree {degree}\nvariance"] = fit(degree, 25)
    biased, calm, true, wild = n.values()
    holds = biased > 10 * true and wild > 5 * calm and sum(fit(5, 25)) < min(biased, wild)
    yield "Bias or variance?", n, "A simple model errs alike each time, a rich one anew.", holds

    n = {
        "none": fit(15, 25),
        "weight\ndecay": fit(15, 25, 1.0),
        "ten times\nthe data": fit(15, 250),
    }
    (bias, variance), (more_bias, less_variance), _ = n.values()
    n = {name: sum(error) for name, error in n.items()}
    answer = "More data helps most; a penalty on weights trades a little bias for much variance."
    holds = [*n.values()] == sorted(n.values())[::-1]
    holds = holds and 0 < 4 * (more_bias - bias) < variance - less_variance
    yield "What helps against overfitting?", n, answer, holds

    x, w = random.normal(size=(100, 30)), np.r_[np.full(5, 2.0), np.zeros(25)]
    y = x @ w + random.normal(size=100)
    models = {"L1": linear_model.Lasso(0.3), "L2": linear_model.Ridge(30.0)}
    n = {f"{k}, zeros\nof 25": int(np.sum(m.fit(x, y).coef_[5:] == 0)) for k, m in models.items()}
    answer = "L1 makes weights exactly 0, L2 only small."
    yield "L1 or L2?", n, answer, n["L1, zeros\nof 25"] > 15 > n["L2, zeros\nof 25"] == 0

    sick = np.arange(10_000) < 100
    score, n = random.normal(size=10_000) + 2.5 * sick, {"right,\nall `no`": np.mean(~sick)}
    for limit in (1, 3):
        said = score > limit
        n[f"precision\nat {limit}"] = sick[said].mean()
        n[f"recall\nat {limit}"] = said[sick].mean()
    _, low, much, high, few = n.values()
    answer = "One who says no to all is 99 % right; what is said, and what is found, trade off."
    yield "Why precision and recall?", n, answer, low < 0.2 < 0.5 < high and much > 0.8 > 0.5 > few

    p = activations.sigmoid(-8.0)  # of the right class: sure, and wrong
    n = {"cross-entropy": 1 - p, "squared error": 2 * (1 - p) * p * (1 - p)}
    answer = "When it is sure and wrong, a sigmoid is flat, and the squared error's slope with it."
    yield "Cross-entropy or squared error?", n, answer, 1 - p > 1000 * n["squared error"]


# %% [markdown]
# ## Making it learn


# %%
def through(depth, activation, slope, deviation, width=128):
    """Deviation after many layers, and how much of the gradient comes back through them."""
    random = np.random.default_rng(0)
    a, passed = random.normal(size=(64, width)), []
    for _ in range(depth):
        w = random.normal(scale=deviation, size=(width, width))
        z = a @ w
        a, passed = activation(z), [*passed, (w, slope(z))]
    gradient = start = random.normal(size=a.shape)
    for w, factor in reversed(passed):
        gradient = (gradient * factor) @ w.T
    return a.std(), np.linalg.norm(gradient) / np.linalg.norm(start)


def learn(data, model, optimizer="adam", epochs=8):
    """The last training loss, and the share of unseen digits that are read right."""
    (x, y), (unseen, answers) = data
    model.compile(optimizer, LOSS, metrics=["accuracy"])
    loss = model.fit(x, y, epochs=epochs, verbose=0).history["loss"][-1]
    return loss, float(np.mean(model.predict_on_batch(unseen).argmax(axis=-1) == answers))


def network(*hidden):
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), *hidden, layers.Dense(10)])


def about_optimization(data, fast):
    epochs = 1 if fast else 10
    he, xavier = np.sqrt(2 / 128), np.sqrt(1 / 128)
    relu = activations.relu, activations.relu_slope
    n = {"sigmoid": through(15, activations.sigmoid, activations.sigmoid_slope, xavier)[1]}
    n |= {"bound\n0.25^15": 0.25**15, "ReLU": through(15, *relu, he)[1]}
    answer = (
        "Each sigmoid multiplies it by at most 1/4, besides the weights; ReLU with He keeps it."
    )
    yield "Why do gradients vanish?", n, answer, n["sigmoid"] < 1e-7 < 0.1 < n["ReLU"] < 10

    n = {}
    for name in ("sigmoid", "relu"):
        n[name] = learn(data, network(*[layers.Dense(32, name) for _ in range(6)]), epochs=epochs)[
            1
        ]
    answer = "Its slope is 1 wherever it is open: six layers learn with it, and not with sigmoids."
    yield "Why ReLU?", n, answer, fast or n["sigmoid"] < 0.3 < 0.75 < n["relu"]

    n = {"0.01": 0.01, "Xavier": xavier, "He": he, "0.2": 0.2}
    n = {name: through(30, *relu, deviation)[0] for name, deviation in n.items()}
    answer = "Thirty ReLU layers keep the deviation of 1 only if a weight's variance is 2 / n."
    holds = n["0.01"] < 1e-20 and n["Xavier"] < 1e-3 and 0.2 < n["He"] < 2 and n["0.2"] > 100
    yield "Why does the initialisation matter?", n, answer, holds

    n = {}
    for rate in (0.0003, 0.1, 100.0):
        model, sgd = network(layers.Dense(32, "relu")), keras.optimizers.SGD(rate)
        n[f"{rate:g}"] = learn(data, model, sgd, epochs)[0]
    answer = (
        "Too low and it hardly moves, too high and it jumps out of every valley: 2.3 is a guess."
    )
    holds = n["0.1"] < 0.5 < 2 < min(n["0.0003"], n["100"])
    yield "What does the learning rate do?", n, answer, fast or holds

    steep, n = np.array([1.0, 1000.0]), {}
    w, m, v = np.ones(2), 0.0, 0.0
    for t in itertools.count(1):
        w, m, v = optimizers.adam(w, steep * w, m, v, t, learning_rate=0.1)
        if np.sum(steep * w**2) < 1e-2:
            break
    n["Adam"], w = t, np.ones(2)
    for steps in itertools.count(1):  # noqa: B007
        w = basics.gradient_descent(w, steep * w, learning_rate=1.9 / 1000)
        if np.sum(steep * w**2) < 1e-2:
            break
    n["SGD"] = steps
    answer = (
        "Adam gives each weight its own step: a valley that lies along the axes is no ravine, "
        "1000 times steeper or not."
    )
    yield "Adam or SGD?", n, answer, n["SGD"] > 5 * n["Adam"]


# %% [markdown]
# ## The pictures


# %%
WHAT = (
    "part of the error",
    "error",
    "zeros among 25 useless weights",
    "share",
    "slope of the loss",
    "first gradient / last",
    "unseen digits read right",
    "deviation after 30 layers",
    "loss, by rate",
    "steps",
)


def draw(rows):
    figure, axes = plt.subplots(2, 5, figsize=(17, 6.4), layout="constrained")
    for number, (axis, (question, numbers, *_)) in enumerate(zip(axes.flat, rows, strict=True)):
        values = [*numbers.values()]
        bars = axis.bar(range(len(values)), values)
        axis.bar_label(bars, [f"{value:.2g}" for value in values], fontsize=8)
        if min(values) > 0 and max(values) > 100 * min(values):
            axis.set_yscale("log")
        axis.margins(y=0.15)
        axis.set_ylabel(WHAT[number])
        axis.set_xticks(range(len(values)), numbers, fontsize=8)
        axis.set_title(f"{FIRST + number}. {question}", fontsize=10)
    return figure


def main(fast=False, out=pathlib.Path("out/14_questions_on_training")):
    kerasdl.set_seed(0)
    out.mkdir(parents=True, exist_ok=True)
    splits, random = kerasdl.data.load("digits", validation=0), np.random.default_rng(0)
    parts = [zip(*p.as_numpy_iterator(), strict=True) for p in (splits.train, splits.test)]
    data = [[np.concatenate(arrays) for arrays in part] for part in parts]
    themes = about_data(random), about_optimization(data, fast)
    rows = [*itertools.chain(*themes)]
    for number, (question, numbers, answer, holds) in enumerate(rows, start=FIRST):
        said = ", ".join(f"{k} {v:.3g}".replace("\n", " ") for k, v in numbers.items())
        print(f"{number:2}. {question}\n    {said}\n    {answer}")
        assert holds, (question, numbers)  # the claim
    assert len(rows) == 10
    draw(rows).savefig(out / "numbers.png", dpi=120)
    plt.close("all")


# %% [markdown]
# ## Exercises
# 1. Pick the answer that you believe least, and change its experiment so that it would fail.
# 2. Early stopping is missing under question 2. Write it: descent from zero, stopped half-way.
# 3. Give Adam's rival momentum (`optimizers.momentum`). How many steps are left of SGD's?

# %%
if __name__ == "__main__":
    main()
