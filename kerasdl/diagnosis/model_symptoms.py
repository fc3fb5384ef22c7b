"""Symptoms in the model: its outputs, gradients and units."""

import keras
import numpy as np
import tensorflow as tf

from kerasdl.callbacks.gradient_health import label
from kerasdl.diagnosis import batch_norm, introspection
from kerasdl.diagnosis.case import Case, Finding

IDENTICAL = 1e-6  # largest relative difference between units that count as identical
MIN_EPOCHS = 3  # for a curve


def frozen(case: Case) -> Finding | None:
    """A model without trainable weights."""
    if case.model.trainable_weights:
        return None
    advice = "`trainable = True`, then compile again"
    return Finding("nothing to train", "no weight is trainable", advice)


def wrong_outputs(case: Case) -> Finding | None:
    """Probabilities for a loss that takes logits, the reverse, or two softmax in a row."""
    logits = introspection.takes_logits(case.model.loss)
    if not case.supervised or logits is None:
        return None
    if introspection.last_activations(case.model)[:2] == ["softmax", "softmax"]:
        evidence = "the last layer is a softmax of probabilities"
        return Finding("softmax twice", evidence, "only one of the two")
    outputs = case.untrained(case.batches[0][0], training=False)
    if not hasattr(outputs, "shape") or not outputs.shape.rank:
        return None
    probabilities = _are_probabilities(case, np.asarray(outputs))
    if logits and probabilities:
        evidence = "the loss has from_logits=True, but the outputs are already probabilities"
        return Finding("softmax twice", evidence, "no activation after the last layer")
    if not logits and not probabilities:
        largest = np.abs(outputs).max()
        evidence = f"the loss expects probabilities, but outputs reach {largest:.3g}"
        return Finding("logits taken for probabilities", evidence, "from_logits=True in the loss")
    return None


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
    """A classifier that learned little while most of its weights were frozen."""
    if not case.baseline_loss or len(case.loss) < MIN_EPOCHS:
        return None
    trainable = {id(weight) for weight in case.model.trainable_weights}
    leaves = introspection.leaves(case.model)
    every = [weight for leaf in leaves for weight in leaf._trainable_variables]
    kept = sum(int(np.prod(weight.shape)) for weight in every if id(weight) not in trainable)
    fraction = kept / max(1, sum(int(np.prod(weight.shape)) for weight in every))
    lowest, baseline = case.lowest_loss, case.baseline_loss
    # a fine-tuned model has frozen weights too, but learns
    if fraction < 0.5 or case.loss.min() - lowest < 0.5 * (baseline - lowest):
        return None
    evidence = f"{fraction:.0%} of the weights are not trainable, and the loss stays at "
    evidence += f"{case.loss.min():.3g} (guessing has {baseline:.3g})"
    advice = "`trainable = True`, or a higher learning rate if the frozen weights are pretrained"
    return Finding("most weights frozen", evidence, advice)


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
        return Finding("no gradients", evidence, advice)
    if "vanishing" in labels.values() or ratio < 1e-5:
        evidence = f"before training the norm is {norms[worst]:.0e} in {worst}, and at most "
        evidence += f"{largest:.0e}"
        advice = "ReLU with He initialization, normalization, or skip connections"
        return Finding("vanishing gradients", evidence, advice)
    if "exploding" in labels.values():
        layer = max(norms, key=norms.__getitem__)
        evidence = f"before training the norm is {largest:.1e} in {layer}"
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
            return Finding("identical units", evidence, advice)
    return None


def dead_units(case: Case) -> Finding | None:
    """A layer of ReLU units of which more than half give 0 for every example."""
    fractions = _dead_fractions(case, case.model)
    if not fractions:
        return None
    worst = max(fractions, key=fractions.get)
    if fractions[worst] <= 0.5:
        return None
    evidence = f"{fractions[worst]:.0%} of the units of {worst} give 0 for every example"
    if case.fresh:
        before = _dead_fractions(case, case.untrained)
        evidence += f", before training {list(before.values())[list(fractions).index(worst)]:.0%}"
    advice = "a lower learning rate, He initialization, biases of 0, or leaky ReLU"
    return Finding("dead units", evidence, advice)


def _dead_fractions(case, model):
    """Fraction of a ReLU layer's units that are 0 for all of `case.batches`, by layer name.

    Normalization uses batch statistics, as in training: a unit that is 0 only with the moving
    averages still receives gradients.
    """
    layers = [layer for layer in model.layers if _is_relu(layer)]
    if not getattr(model, "inputs", None) or not layers or case.inputs is None:
        return {}
    activations = keras.Model(model.inputs[0], [layer.output for layer in layers])
    alive = [np.zeros(layer.output.shape[-1], bool) for layer in layers]
    with batch_norm.batch_statistics(model):
        for inputs, *_ in case.batches:
            outputs = keras.tree.flatten(activations(inputs, training=False))
            for mask, output in zip(alive, outputs, strict=True):
                mask |= (np.asarray(output) > 0).reshape(-1, output.shape[-1]).any(axis=0)
    return {layer.name: 1 - mask.mean() for layer, mask in zip(layers, alive, strict=True)}


def _is_relu(layer):
    activation = getattr(layer, "activation", None)
    return isinstance(layer, keras.layers.ReLU) or activation is keras.activations.relu
