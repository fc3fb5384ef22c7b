# %% [markdown]
# # A broken run, and the doctor
#
# **Claim.** Seven trainings are broken in seven ways. Turning the learning rate by ten, the first
# advice of the notes, cures one. Eight measurements, asked in a fixed order, name what is wrong in
# each, and what is named, once cured, lets every one read 80 % of unseen digits, and at least five
# more of a hundred than before. They find nothing in a healthy run, nor in the cured. The library's
# doctor says the same.
#
# **The idea.** A curve says that something is wrong, rarely what: the loss of one who guesses among
# ten classes is ln 10 = 2.30, and four of our seven end near it. What says more is cheap: the size
# of inputs, gradients, dead units, a sweep of the rate, and whether one batch can be learned by
# heart. Through L layers a gradient is multiplied L times, with a slope of at most 1/4 in sigmoids:
#
# $$\frac{\partial L}{\partial a_1} = \prod_{l=2}^{L} W_l^\top \mathrm{diag}(\sigma'(z_l))
# \frac{\partial L}{\partial a_L} \qquad \sigma'(z) = \sigma(z)(1 - \sigma(z)) \le \tfrac14$$
#
# Run it: `python tutorials/1_learning/11_debugging_with_the_doctor.py` (60 seconds).
# You will see the curves
# before and after, a sweep, all measurements, each layer's gradients, and a fault no curve shows.

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl import callbacks, diagnosis

layers = keras.layers
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
GUESSING = np.log(10)
HEALTHY = "healthy"

# %% [markdown]
# ## Seven ways to break a training
# Each is the healthy one, two layers of 64 ReLUs and Adam at 0.003, with one thing changed, and
# each stands beside its cure. "Raw pixels" are counts of a 16-bit camera, up to 65535.


# %%
def network(widths=(64, 64), activation="relu", scale=None, **options):
    hidden = [layers.Dense(width, activation, **options) for width in widths]
    scaling = [layers.Rescaling(scale)] if scale else []
    flat = [keras.Input((8, 8, 1)), *scaling, layers.Flatten()]
    return keras.Sequential([*flat, *hidden, layers.Dense(10)])


def faults(x, y):
    """Name -> what is changed, what cures it; the wide and the deep want a lower rate, too."""
    random = np.random.default_rng(2)
    wrong, few = random.permutation(y), y[:80].copy()
    few[::4] = random.integers(0, 10, 20)
    deep, camera = (32,) * 12, {"x": x * 65535, "factor": 65535}
    learned_by_heart = {"x": x[:80], "y": few, "widths": (256, 256), "epochs": 30}
    return {
        "rate far too high": ({"activation": "tanh", "rate": 1.0}, {"activation": "tanh"}),
        "rate far too low": ({"rate": 3e-6}, {}),
        "raw pixels": (camera, {**camera, "scale": 1 / 65535}),
        "labels shuffled": ({"y": wrong}, {}),
        "twelve sigmoids": (
            {"widths": deep, "activation": "sigmoid"},
            {"widths": deep, "kernel_initializer": "he_normal", "rate": 1e-3},
        ),
        "dead ReLUs": ({"rate": 0.3}, {}),
        "learned by heart": (learned_by_heart, {"widths": (256, 256), "rate": 1e-3}),
    }


def train(data, x=None, y=None, rate=3e-3, epochs=10, factor=1.0, gauge=True, **options):
    """The case, and its gauge: each layer's gradients while it was trained."""
    (all_x, all_y), (unseen, answers) = data
    x, y = (all_x if x is None else x), (all_y if y is None else y)

    def fresh():
        kerasdl.set_seed(0)
        model, optimizer = network(**options), keras.optimizers.Adam(rate)
        optimizer.build(model.trainable_variables)  # else the first step is traced twice
        model.compile(optimizer, LOSS, metrics=["accuracy"])
        return model

    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=0).batch(32)
    judged = tf.data.Dataset.from_tensor_slices((unseen * factor, answers)).batch(500)
    model, health = fresh(), callbacks.GradientHealth(every=1)
    how = {"validation_data": judged, "epochs": epochs, "callbacks": [health] * gauge}
    history = model.fit(batches, verbose=0, shuffle=False, **how).history
    return diagnosis.Case(model, batches, judged, history, fresh), health


# %% [markdown]
# ## The flowchart, walked by hand
# The notes' flowchart begins with the rate and ends with the gradients; ours asks first what may
# cause the rest. `lr_find` sweeps the rate and tells where the loss falls fastest;
# `overfit_one_batch` tells whether the network can learn anything. Shuffled labels it learns by
# heart: what is broken then is not the network. The rest of the notes' checklist: a loss that is no
# number wants a lower rate or clipping, slowness a profile, no memory smaller batches, accumulated.


# %%
def measure(case, health):
    first, *_, last = [np.median(norms) for norms in health.norms.values()]
    *hidden, _ = health.dead[-1].values()
    unseen = case.validation_loss
    swept = diagnosis.lr_find(case.fresh(), case.train, low=1e-6, high=10.0, steps=80)
    how = {"steps": 300, "goal": 0.2, "learning_rate": swept.suggestion or 0.01}
    numbers = (
        np.std(case.inputs),
        first / last,
        case.loss[1:].max(),
        max(hidden),
        (swept.suggestion or 0) / float(case.model.optimizer.learning_rate),
        diagnosis.overfit_one_batch(case.fresh(), case.train, **how).final,
        unseen.min(),
        unseen[-1] / unseen.min(),
    )
    return dict(zip(QUESTIONS, map(float, numbers), strict=True)), swept


QUESTIONS = {  # in this order: what is measured -> when it is wrong, the doctor's name for it
    "inputs,\ndeviation": (lambda v: v > 20, "inputs not scaled"),
    "gradient,\nfirst / last": (lambda v: 0 < v < 1e-5, "vanishing gradients"),
    "worst loss after\nepoch 1": (lambda v: v > 2 * GUESSING, "learning rate too high"),
    "units without\ngradient": (lambda v: v > 0.5, "dead units"),
    "best rate /\nrate used": (lambda v: v > 10, "learning rate too low"),
    "one batch\nby heart, loss": (lambda v: v > 0.5, "underfitting: too little capacity"),
    "best loss,\nunseen digits": (lambda v: v > 0.9 * GUESSING, "labels unrelated to inputs"),
    "loss of unseen,\nlast / best": (lambda v: v > 1.3, "overfitting"),
}


# %% [markdown]
# ## What no curve shows
# Somebody's swish, x sigma(x), holds sigma constant where it is derived: the product rule's second
# term is missing. The network learns as well, and the doctor finds nothing. Only moving the weights
# and looking at what the loss really does tells: central differences, in 64 bits.


# %%
@keras.saving.register_keras_serializable("tutorial")
def wrong_swish(x):
    return x * tf.sigmoid(tf.stop_gradient(x))


# %%
def draw_curves(cases, cured):
    figure, axes = plt.subplots(2, 4, figsize=(14, 5.6), layout="constrained")
    for axis, (name, case) in zip(axes.flat, cases.items(), strict=False):
        lines = {"training": case.loss, "unseen": case.validation_loss}
        if name in cured:
            lines["unseen, cured"] = cured[name].validation_loss
        for (label, line), style in zip(lines.items(), ("-", "-", "--"), strict=False):
            axis.plot(np.arange(1, len(line) + 1), line, style, label=label)
        axis.axhline(GUESSING, color="grey", linestyle=":", label="guessing")
        high = case.loss.max() > 5
        axis.set(title=name, xlabel="epoch", ylabel="loss", yscale="log" if high else "linear")
        axis.set_ylim(*((None, None) if high else (0, 2.6)))
    axes.flat[min(1, len(cases) - 1)].legend(fontsize=8)
    return figure


def draw_measurements(table):
    figure, axis = plt.subplots(figsize=(14, 4.2), layout="constrained")
    wrong = [[bad(row[q]) for q, (bad, _) in QUESTIONS.items()] for row in table.values()]
    axis.imshow(np.where(wrong, 0.45, 0.0), cmap="Reds", vmin=0, vmax=1, aspect="auto")
    for y, (row, bad) in enumerate(zip(table.values(), wrong, strict=True)):
        for x, value in enumerate(row.values()):
            axis.text(x, y, f"{value:.2g}", ha="center", va="center")
            if bad[x] and not any(bad[:x]):
                axis.add_patch(plt.Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, fill=False, lw=2))
    axis.set_xticks(range(len(QUESTIONS)), QUESTIONS)
    axis.set_yticks(range(len(table)), table)
    axis.set(title="Red: wrong. Framed: the first that is wrong, which is the diagnosis")
    return figure


def draw_gradients(healths):
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.8), sharey=True, layout="constrained")
    for axis, (title, health) in zip(axes, healths.items(), strict=True):
        shades = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(health.norms)))
        for norms, shade in zip(health.norms.values(), shades, strict=True):
            axis.semilogy(health.steps, np.maximum(norms, 1e-12), color=shade)
        axis.axhline(health.vanishing, color="grey", linestyle=":")
        axis.set(title=f"{title}: {len(shades)} layers, first dark", xlabel="step")
    axes[0].set_ylabel("norm of the gradient")
    return figure


# %%
def main(fast=False, out=pathlib.Path("out/11_debugging_with_the_doctor")):
    out.mkdir(parents=True, exist_ok=True)
    splits = kerasdl.data.load("digits", validation=0)
    parts = [zip(*p.as_numpy_iterator(), strict=True) for p in (splits.train, splits.test)]
    data = [[np.concatenate(arrays) for arrays in part] for part in parts]
    ways = faults(*data[0])
    broken = {HEALTHY: {}, **{name: fault for name, (fault, _) in ways.items()}}
    if fast:
        ways, broken = {}, {"raw pixels": broken["raw pixels"]}
    found = lambda case: [f.name for f in diagnosis.doctor(case).values() if f]  # noqa: E731
    right = lambda case: round(case.history["val_accuracy"][-1], 3)  # noqa: E731
    cases, healths, table, cured = {}, {}, {}, {}
    for name, fault in broken.items():
        cases[name], healths[name] = train(data, **fault)
        table[name], swept = measure(cases[name], healths[name])
        by_hand = [said for q, (bad, said) in QUESTIONS.items() if bad(table[name][q])][:1]
        print(f"{name}: {right(cases[name]):.1%} right; by hand {by_hand}", flush=True)
        assert by_hand == found(cases[name]), (name, by_hand, found(cases[name]))
        assert bool(by_hand) == (name != HEALTHY), name
        if name == "rate far too low":
            swept.figure().savefig(out / "sweep.png", dpi=120)
    for name, (fault, cure) in ways.items():
        cured[name], healths[f"{name}, cured"] = train(data, **cure)
        turn = [{**fault, "rate": by * fault.get("rate", 3e-3)} for by in (0.1, 10)]
        turned = [right(train(data, gauge=False, **changed)[0]) for changed in turn]
        print(f"{name}: {turned} at a tenth and ten times the rate; cured {right(cured[name])}")
        assert not found(cured[name]), (name, found(cured[name]))
        assert right(cured[name]) > max(0.8, right(cases[name]) + 0.05), name
        assert (max(turned) > 0.8) == (name == "dead ReLUs"), (name, turned)

    wrong = [] if fast else [train(data, activation=a)[0] for a in (wrong_swish, "swish")]
    models, few = map(network, [(64,)] * 2, (wrong_swish, "swish")), [a[:16] for a in data[0]]
    checks = [diagnosis.gradient_check(model, *few, loss=LOSS) for model in models]
    errors = [max(check.errors.values()) for check in checks]
    print(f"wrong and right swish: errors of gradients {errors}; right: {[*map(right, wrong)]}")
    shown = HEALTHY, "twelve sigmoids", "twelve sigmoids, cured"
    draw_curves(cases, cured).savefig(out / "curves.png", dpi=120)
    draw_measurements(table).savefig(out / "measurements.png", dpi=120)
    if not fast:
        draw_gradients({n: healths[n] for n in shown}).savefig(out / "gradients.png", dpi=120)
    plt.close("all")

    assert checks[1].right and errors[0] > 0.01, errors
    if not fast:
        assert not found(wrong[0]) and right(wrong[0]) > right(wrong[1]) - 0.03, wrong
        ends = [case.loss[-1] for name, case in cases.items() if name != HEALTHY]
        assert sum(abs(end - GUESSING) < 0.35 for end in ends) == 4, ends


# %% [markdown]
# ## Exercises
# 1. Turn the rate of the run whose rate is far too low by ten again and again. When does it learn?
# 2. "Learned by heart": keep its 80 digits, and stop early, or add dropout. What is that worth?
# 3. Double the slope of a right swish. The network learns as before: why does Adam not care?

# %%
if __name__ == "__main__":
    main()
