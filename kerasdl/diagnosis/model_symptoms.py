"""Symptoms in the model: its outputs, gradients and units."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from kerasdl.callbacks.gradient_health import label
from kerasdl.diagnosis import batch_norm, introspection, temporary_training
from kerasdl.diagnosis.case import CERTAIN, TRIAL_STEPS, Case, Finding
from kerasdl.utils.patches import replaced

IDENTICAL = 1e-6  # largest relative difference between units that count as identical
MIN_EPOCHS = 3  # for a curve
DEAD, NEARLY_ALL = 0.5, 0.9  # fractions of dead units that are too many; if the model has learned
# of a layer; that of the first one before 27 batch normalizations, as in MobileNet, is about 100
EXPLODING = 1000.0
HIGH_DROPOUT = 0.6
SATURATED = 0.8  # fraction of the outputs of a layer that is too large
LIMIT = 0.98  # of an activation's range, beyond which it is saturated
BOUNDS = {  # of activations
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, np.inf),
    "softplus": (0.0, np.inf),
}


def frozen(case: Case) -> Finding | None:
    """A model without trainable weights."""
    if case.model.trainable_weights:
        return None
    advice = "`trainable = True`, then compile again"
    return Finding("nothing to train", "no weight is trainable", advice, CERTAIN)


def wrong_outputs(case: Case) -> Finding | None:
    """Probabilities for a loss that takes logits, the reverse, or two softmax in a row."""
    logits = introspection.takes_logits(case.model.loss)
    if not case.supervised or logits is None:
        return None
    if introspection.last_activations(case.model)[:2] == ["softmax", "softmax"]:
        evidence = "the last layer is a softmax of probabilities"
        return Finding("softmax twice", evidence, "only one of the two", CERTAIN)
    outputs = case.untrained(case.batches[0][0], training=False)
    if not hasattr(outputs, "shape") or not outputs.shape.rank:
        return None
    if introspection.last_activations(case.model)[:1] == ["softmax"] and outputs.shape[-1] == 1:
        evidence = "a softmax of a single unit is 1 for every input"
        return Finding("softmax of one unit", evidence, "a sigmoid, or a unit a class", CERTAIN)
    probabilities = _are_probabilities(case, np.asarray(outputs))
    if logits and probabilities:
        evidence = "the loss has from_logits=True, but the outputs are already probabilities"
        return Finding("softmax twice", evidence, "no activation after the last layer", CERTAIN)
    if not logits and not probabilities:
        largest = np.abs(outputs).max()
        evidence = f"the loss expects probabilities, but outputs reach {largest:.3g}"
        advice = "from_logits=True in the loss"
        return Finding("logits taken for probabilities", evidence, advice, CERTAIN)
    return None


def unreachable_targets(case: Case) -> Finding | None:
    """Numbers to predict that lie outside of the range of the last activation."""
    last = next(iter(introspection.last_activations(case.model)), "")
    if case.targets is None or last not in BOUNDS:
        return None
    low, high = BOUNDS[last]
    outside = float(np.mean((case.targets < low - 0.05) | (case.targets > high + 0.05)))
    if outside < 0.05:
        return None
    evidence = f"{outside:.0%} of the targets, from {case.targets.min():.3g} to "
    evidence += f"{case.targets.max():.3g}, are outside of {low:g} to {high:g}, the range of {last}"
    advice = "no activation after the last layer, or targets scaled to its range"
    return Finding("targets out of reach", evidence, advice, CERTAIN)


def _are_probabilities(case, outputs):
    inside = outputs.min() >= 0 and outputs.max() <= 1
    binary = any(word in case.loss_name for word in ("binary", "sigmoid"))
    if not binary and outputs.shape[-1] > 1:
        return inside and np.allclose(outputs.sum(axis=-1), 1, atol=1e-3)
    last = next(iter(introspection.last_activations(case.model)), "")
    if last in introspection.PROBABILITIES:
        return introspection.PROBABILITIES[last]
    # logits of an untrained model may lie in [0, 1] by chance, those of a trained one do not
    trained = np.asarray(case.model(case.batches[0][0], training=False))
    return inside and trained.min() >= 0 and trained.max() <= 1


def over_regularized(case: Case) -> Finding | None:
    """A weight penalty or weight decay that outweighs the loss of the data.

    Weight decay counts as the L2 penalty with the same gradient.
    """
    if not case.supervised or not case.fresh:
        return None
    before, start = _data_loss_and_penalty(case.untrained, case.batches[0])
    after, end = (
        _data_loss_and_penalty(case.model, case.batches[0]) if start > before else (0.0, 0.0)
    )
    if after < before / 3 or end > start / 2:
        return None
    evidence = f"the penalty of the weights was {start:.3g} at the start and is {end:.3g} now; "
    evidence += f"the loss of the data was {before:.3g} and is {after:.3g}"
    advice = "a hundredth of the penalty or weight decay"
    return Finding("too much regularization", evidence, advice)


def _data_loss_and_penalty(model, batch):
    """The loss of a batch in two parts: from its labels, and from the weights."""
    outputs = model(batch[0], training=False)
    penalty = float(sum(model.losses))
    data_loss = float(model.compute_loss(*batch[:2], outputs, training=False)) - penalty
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    decay = float(getattr(optimizer, "weight_decay", None) or 0.0)
    kernels = (weight for weight in model.trainable_weights if len(weight.shape) > 1)
    squares = sum(float(np.sum(np.square(kernel, dtype="float64"))) for kernel in kernels)
    return data_loss, penalty + decay / 2 * squares


def mostly_frozen(case: Case) -> Finding | None:
    """Most weights frozen, and either at random values or in a model that learned little."""
    trainable = {id(weight) for weight in case.model.trainable_weights}
    leaves = introspection.leaves(case.model)
    frozen = [x for x in leaves if any(id(w) not in trainable for w in x._trainable_variables)]
    every = [weight for leaf in leaves for weight in leaf._trainable_variables]
    kept = sum(int(np.prod(weight.shape)) for weight in every if id(weight) not in trainable)
    fraction = kept / max(1, sum(int(np.prod(weight.shape)) for weight in every))
    if fraction < 0.5:
        return None
    evidence = f"{fraction:.0%} of the weights are not trainable"
    advice = "`trainable = True`, or a higher learning rate if the frozen weights are pretrained"
    random = [layer for layer in frozen if _is_initial(layer)]
    kernels = [layer for layer in frozen if _kernel(layer) is not None]
    if kernels and len(random) == len(kernels):
        evidence += f", and in all {len(random)} frozen layers with kernels they are distributed "
        evidence += "as the initializer draws them, so they were never trained"
        return Finding("most weights frozen", evidence, "`trainable = True`, or trained weights")
    if not case.baseline_loss or len(case.loss) < MIN_EPOCHS:
        return None
    lowest, baseline = case.lowest_loss, case.baseline_loss
    # a fine-tuned model has frozen weights too, but learns
    if case.loss.min() - lowest < 0.5 * (baseline - lowest):
        return None
    evidence += f", and the loss stays at {case.loss.min():.3g} (guessing has {baseline:.3g})"
    return Finding("most weights frozen", evidence, advice)


def _kernel(layer):
    kernel = getattr(layer, "kernel", None)
    large = kernel is not None and hasattr(layer, "kernel_initializer") and len(kernel.shape) > 1
    return np.array(kernel, "float32") if large and np.size(kernel) >= 100 else None


def _is_initial(layer):
    """Whether a layer's kernel looks as if it had just been drawn, and its bias is 0.

    Training moves some weights beyond the bound of a uniform or truncated distribution.
    """
    kernel = _kernel(layer)
    bias = getattr(layer, "bias", None)
    if kernel is None or (bias is not None and np.any(np.array(bias))):
        return False
    config = keras.initializers.serialize(layer.kernel_initializer)
    if "Uniform" not in str(config) and "Normal" not in str(config) and "normal" not in str(config):
        return False
    with temporary_training.restored_seeds():
        drawn = np.array(keras.initializers.deserialize(config)(kernel.shape), "float32")
    spread = 3 / np.sqrt(2 * kernel.size)
    same = abs(kernel.std() / max(drawn.std(), 1e-12) - 1) < max(0.01, 2 * spread)
    return bool(same and np.abs(kernel).max() <= 1.02 * np.abs(drawn).max() + 0.1 * drawn.std())


def gradient_norms(model: keras.Model, batch) -> dict[str, float]:
    """Return the gradient norm of each layer's weights, by the layer's path, in layer order.

    Normalization uses batch statistics, as in training; dropout is off.
    """
    with batch_norm.batch_statistics(model), tf.GradientTape() as tape:
        outputs = model(batch[0], training=False)
        loss = model.compute_loss(batch[0], batch[1], outputs, training=False)
    weights = model.trainable_weights
    gradients = tape.gradient(loss, [w.value for w in weights], unconnected_gradients="zero")
    squares: dict[str, float] = {}
    for weight, gradient in zip(weights, gradients, strict=True):
        layer = weight.path.rpartition("/")[0]
        norm = float(tf.norm(tf.cast(tf.convert_to_tensor(gradient), "float32")))
        squares[layer] = squares.get(layer, 0.0) + norm**2
    return {layer: float(np.sqrt(total)) for layer, total in squares.items()}


def bad_gradients(case: Case) -> Finding | None:
    """Gradients of the untrained model that are zero, vanish or explode."""
    if not case.supervised:
        return None
    norms = gradient_norms(case.untrained, case.batches[0])
    if not norms:
        return None
    if 0 in norms.values():
        # a branch whose last scale is initialized with 0 gets its first gradient a step later
        after = gradient_norms(case.model, case.batches[0]).values()
        norms = {
            layer: norm
            for (layer, norm), later in zip(norms.items(), after, strict=True)
            if norm or not later
        }
    labels = {layer: label(norm) for layer, norm in norms.items()}
    largest = max(norms.values())
    worst = min(norms, key=norms.__getitem__)
    ratio = norms[worst] / largest if largest else 0.0
    if "zero" in labels.values():
        lost = [layer for layer, found in labels.items() if found == "zero"]
        evidence = f"{len(lost)} of {len(norms)} layers receive no gradient, such as {lost[0]}"
        advice = "to look for what blocks it: stop_gradient, argmax, dead units, zero weights"
        return Finding("no gradients", evidence, advice, CERTAIN)
    if case.learned:
        return None  # the gradients were good enough
    if "vanishing" in labels.values() or ratio < 1e-5:
        evidence = f"{case.start} the norm is {norms[worst]:.0e} in {worst}, and at most "
        evidence += f"{largest:.0e}"
        advice = "ReLU with He initialization, normalization, or skip connections"
        return Finding("vanishing gradients", evidence, advice)
    if not largest <= EXPLODING:
        layer = max(norms, key=norms.__getitem__)
        evidence = f"{case.start} the norm is {largest:.1e} in {layer}"
        advice = "smaller initial weights, normalization, or clipnorm=1.0"
        return Finding("exploding gradients", evidence, advice)
    return None


def identical_units(case: Case) -> Finding | None:
    """A layer whose units have the same weights, so that they receive the same gradients."""
    for weight in case.model.trainable_weights:
        if not weight.path.endswith("kernel") or weight.shape[-1] < 2:
            continue
        columns = np.array(weight).reshape(-1, weight.shape[-1]).T
        size = np.abs(columns).max()
        if np.abs(columns - columns[0]).max() <= IDENTICAL * size:
            layer = weight.path.rpartition("/")[0]
            evidence = f"all {len(columns)} units of {layer} have the same weights"
            advice = "random initial weights (Glorot, He) instead of constants"
            return Finding("identical units", evidence, advice, CERTAIN)
    return None


def dead_units(case: Case) -> Finding | None:
    """A layer of ReLU units of which more than half give 0 for every example."""
    fractions = _dead_fractions(case, case.model)
    if not fractions:
        return None
    worst = max(fractions, key=fractions.__getitem__)
    if fractions[worst] <= (NEARLY_ALL if case.learned else DEAD):
        return None
    evidence = f"{fractions[worst]:.0%} of the units of {worst} give 0 for every example"
    if case.fresh:
        before = [*_dead_fractions(case, case.untrained).values()]
        number = list(fractions).index(worst)
        if number < len(before):
            evidence += f", {case.start} {before[number]:.0%}"
    advice = "a lower learning rate, He initialization, biases of 0, or leaky ReLU"
    return Finding("dead units", evidence, advice, CERTAIN)


def _dead_fractions(case, model):
    """Fraction of a ReLU layer's units that are 0 for all of `case.batches`, by layer name.

    Normalization uses batch statistics, as in training: a unit that is 0 only with the moving
    averages still receives gradients.
    """
    layers = [x for x in introspection.leaves(model) if _is_relu(x)]
    # a layer without weights may be called for maps of several widths
    alive: dict[tuple[int, int], np.ndarray] = {}
    with batch_norm.batch_statistics(model):
        for inputs in case.large_inputs if layers else ():
            for call in introspection.calls(model, inputs, layers):
                output = np.asarray(call.output)
                active = (output > 0).reshape(-1, output.shape[-1]).any(axis=0)
                key = id(call.layer), len(active)
                alive[key] = alive.get(key, False) | active
    fractions = {}
    for layer in layers:
        if units := [active for (number, _), active in alive.items() if number == id(layer)]:
            fractions[layer.path] = 1 - np.concatenate(units).mean()
    return fractions


def _is_relu(layer):
    return isinstance(layer, keras.layers.ReLU) or introspection.activation_of(layer) == "relu"


def saturated_units(case: Case) -> Finding | None:
    """A hidden layer of sigmoid or tanh units that are at the ends of their range from the start.

    There the slope of the activation is nearly 0.
    """
    layers = [x for x in introspection.leaves(case.untrained) if _is_bounded(x)]
    if not layers or case.learned:
        return None
    found = introspection.calls(case.untrained, case.batches[0][0], layers)
    last = next(iter(introspection.last_activations(case.model)), "")
    found = found[:-1] if last in BOUNDS else found
    fractions = {}
    for call in found:
        low, high = BOUNDS[introspection.activation_of(call.layer)]
        place = np.abs((np.asarray(call.output, "float32") - low) / (high - low) - 0.5)
        fractions[call.layer.name] = float(np.mean(place > LIMIT / 2))
    if not fractions:
        return None
    worst = max(fractions, key=fractions.__getitem__)
    if fractions[worst] < SATURATED:
        return None
    evidence = f"{case.start}, {fractions[worst]:.0%} of the outputs of {worst} are within 1% of "
    evidence += "the ends of the activation's range"
    advice = "smaller initial weights (Glorot), inputs of variance 1, or normalization"
    return Finding("saturated units", evidence, advice, CERTAIN)


def _is_bounded(layer):
    return introspection.activation_of(layer) in ("sigmoid", "tanh", "hard_sigmoid")


def too_much_dropout(case: Case) -> Finding | None:
    """Dropout that keeps the model from learning what it can represent."""
    dropout = [
        layer
        for layer in introspection.leaves(case.model)
        if "Dropout" in type(layer).__name__ and getattr(layer, "rate", 0) >= HIGH_DROPOUT
    ]
    loss = case.losses_of_epochs
    if not dropout or case.scale is None or len(loss) < MIN_EPOCHS:
        return None
    if loss[-1] - case.lowest_loss < 0.3 * case.scale:
        return None
    evidence = f"the highest rate is {max(layer.rate for layer in dropout):g}; "
    with_, without = loss[-1], case.training_loss
    if with_ - without >= 0.15 * case.scale:
        evidence += "on the same data, the training loss is"
    elif case.fresh:
        with_, without = case.trials[1][1.0], _loss_without_dropout(case)
        evidence += f"a new model trained for {TRIAL_STEPS} steps has a loss of"
    if with_ - without < 0.15 * case.scale:
        return None
    evidence += f" {with_:.3g} with dropout and {without:.3g} without it"
    return Finding("too much dropout", evidence, "rates of 0.2 to 0.5")


def _loss_without_dropout(case):
    with contextlib.ExitStack() as stack:
        for layer in introspection.leaves(case.untrained):
            if "Dropout" in type(layer).__name__ and hasattr(layer, "rate"):
                stack.enter_context(replaced(layer, "rate", 0.0))
        return case.try_rates([1.0])[1.0]
