"""What is wrong inside the model: what it gives to its loss, its gradients, its units."""

import keras
import numpy as np
import tensorflow as tf

from kerasdl.callbacks.gradient_health import label
from kerasdl.diagnosis import insides
from kerasdl.diagnosis.case import Finding

ALIKE = 1e-6  # of two units' weights, of their size
LEAST = 3  # epochs that make a curve


def frozen(case):
    if case.model.trainable_weights:
        return None
    advice = "`trainable = True`, and to compile again"
    return Finding("nothing to train", "no weight is trainable", advice)


def wrong_outputs(case):
    """A loss that takes logits got probabilities, or the other way round; or a softmax of one."""
    logits = insides.takes_logits(case.model.loss)
    if not case.supervised or logits is None:
        return None
    if insides.activations(case.model)[:2] == ["softmax", "softmax"]:
        evidence = "the last layer is a softmax of probabilities"
        return Finding("softmax twice", evidence, "one of the two only")
    outputs = case.newborn(case.batches[0][0], training=False)
    if not hasattr(outputs, "shape") or not outputs.shape.rank:
        return None
    right = _are_probabilities(case, np.asarray(outputs))
    if logits and right:
        evidence = "the loss has from_logits=True, and the outputs are probabilities already"
        return Finding("softmax twice", evidence, "no activation after the last layer")
    if not logits and not right:
        evidence = f"the loss takes probabilities, and outputs reach {np.abs(outputs).max():.3g}"
        return Finding("logits taken for probabilities", evidence, "from_logits=True in the loss")
    return None


def _are_probabilities(case, outputs):
    inside = outputs.min() >= 0 and outputs.max() <= 1
    binary = any(word in case.loss_name for word in ("binary", "sigmoid"))
    if not binary and outputs.shape[-1] > 1:
        return inside and np.allclose(outputs.sum(axis=-1), 1, atol=1e-3)
    last = next(iter(insides.activations(case.model)), "")
    if last in insides.PROBABLE:
        return insides.PROBABLE[last]
    after = np.asarray(case.model(case.batches[0][0], training=False))
    return inside and after.min() >= 0 and after.max() <= 1  # logits may be so by chance


def penalised(case):
    """A penalty, or the decay, of weights outweighs the data: they shrink and nothing is learned.

    Decay counts as the penalty whose gradient it is.
    """
    if not case.supervised or not case.fresh:
        return None
    before, start = _parts(case.newborn, case.batches[0])
    after, end = _parts(case.model, case.batches[0]) if start > before else (0.0, 0.0)
    if after < before / 3 or end > start / 2:
        return None
    evidence = f"weights cost {start:.3g} at the start and {end:.3g} after training, "
    evidence += f"errors {before:.3g} and {after:.3g}"
    return Finding("too much regularisation", evidence, "a hundredth of the penalty, or of decay")


def _parts(model, batch):
    """The loss of a batch: what its labels have in it, and what its weights have."""
    outputs = model(batch[0], training=False)
    penalty = float(sum(model.losses))
    errors = float(model.compute_loss(*batch[:2], outputs, training=False)) - penalty
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    decay = float(getattr(optimizer, "weight_decay", None) or 0.0)
    kernels = (weight for weight in model.trainable_weights if len(weight.shape) > 1)
    squares = sum(float(np.sum(np.square(kernel, dtype="float64"))) for kernel in kernels)
    return errors, penalty + decay / 2 * squares


def mostly_frozen(case):
    """A classifier that learned little, and of whose weights few could; not a fine-tuned one."""
    if not case.guessing or len(case.loss) < LEAST:
        return None
    moved = {id(weight) for weight in case.model.trainable_weights}
    every = [weight for leaf in insides.leaves(case.model) for weight in leaf._trainable_variables]
    kept = sum(int(np.prod(weight.shape)) for weight in every if id(weight) not in moved)
    share = kept / max(1, sum(int(np.prod(weight.shape)) for weight in every))
    least, guessing = case.least_loss, case.guessing
    if share < 0.5 or case.loss.min() - least < 0.5 * (guessing - least):
        return None
    evidence = f"{share:.0%} of the weights are not trainable, and the loss stays at "
    evidence += f"{case.loss.min():.3g} (guessing: {guessing:.3g})"
    advice = "`trainable = True` for them, or, if they were trained before, a higher rate"
    return Finding("most weights frozen", evidence, advice)


def gradient_norms(model, batch):
    """Path of a layer -> norm of the gradient of its weights, in the order of the layers."""
    with tf.GradientTape() as tape:
        outputs = model(batch[0], training=False)
        loss = model.compute_loss(batch[0], batch[1], outputs, training=False)
    weights = model.trainable_weights
    gradients = tape.gradient(loss, [w.value for w in weights], unconnected_gradients="zero")
    squares = {}
    for weight, gradient in zip(weights, gradients, strict=True):
        layer = weight.path.rpartition("/")[0]
        norm = float(tf.norm(tf.cast(tf.convert_to_tensor(gradient), "float32")))
        squares[layer] = squares.get(layer, 0.0) + norm**2
    return {layer: float(np.sqrt(total)) for layer, total in squares.items()}


def bad_gradients(case):
    if not case.supervised:
        return None
    norms = gradient_norms(case.newborn, case.batches[0])
    labels = {layer: label(norm) for layer, norm in norms.items()}
    largest = max(norms.values())
    worst = min(norms, key=norms.get)
    ratio = norms[worst] / largest if largest else 0.0
    if "zero" in labels.values():
        lost = [layer for layer, said in labels.items() if said == "zero"]
        evidence = f"{len(lost)} of {len(norms)} layers receive none, among them {lost[0]}"
        advice = "to look for what cuts them off: stop_gradient, argmax, dead or zero weights"
        return Finding("no gradients", evidence, advice)
    if "vanishing" in labels.values() or ratio < 1e-5:
        evidence = f"at the start {norms[worst]:.0e} in {worst}, {largest:.0e} where it is largest"
        advice = "ReLU and He initialisation, normalisation, or skip connections"
        return Finding("vanishing gradients", evidence, advice)
    if "exploding" in labels.values():
        layer = max(norms, key=norms.get)
        advice = "smaller initial weights, normalisation, or clipnorm=1.0"
        return Finding("exploding gradients", f"at the start {largest:.1e} in {layer}", advice)
    return None


def alike_units(case):
    """Units that begin alike remain alike: the layer has one."""
    for weight in case.model.trainable_weights:
        if not weight.path.endswith("kernel") or weight.shape[-1] < 2:
            continue
        columns = np.array(weight).reshape(-1, weight.shape[-1]).T
        size = np.abs(columns).max()
        if np.abs(columns - columns[0]).max() <= ALIKE * size:
            evidence = f"all {len(columns)} units of {weight.path.rpartition('/')[0]} are the same"
            advice = "random initial weights (Glorot, He), not constants"
            return Finding("units all alike", evidence, advice)
    return None


def dead_units(case):
    """Of ReLUs: never positive, for no example."""
    shares = _dead(case, case.model)
    if not shares:
        return None
    worst = max(shares, key=shares.get)
    if shares[worst] > 0.5:
        evidence = f"{shares[worst]:.0%} of the units of {worst} give 0 for every example"
        if case.fresh:
            before = list(_dead(case, case.newborn).values())[list(shares).index(worst)]
            evidence += f", before training {before:.0%}"
        advice = "a lower rate, He initialisation, biases of 0, or leaky ReLU"
        return Finding("dead units", evidence, advice)
    return None


def _dead(case, model):
    """Name of a layer -> the share of its units that are never positive."""
    layers = [layer for layer in model.layers if _is_relu(layer)]
    if not getattr(model, "inputs", None) or not layers or case.inputs is None:
        return {}
    seen = keras.Model(model.inputs[0], [layer.output for layer in layers])
    alive = [np.zeros(layer.output.shape[-1], bool) for layer in layers]
    for inputs, *_ in case.batches:
        outputs = keras.tree.flatten(seen(inputs, training=False))
        for mask, output in zip(alive, outputs, strict=True):
            mask |= (np.asarray(output) > 0).reshape(-1, output.shape[-1]).any(axis=0)
    return {layer.name: 1 - mask.mean() for layer, mask in zip(layers, alive, strict=True)}


def _is_relu(layer):
    activation = getattr(layer, "activation", None)
    return isinstance(layer, keras.layers.ReLU) or activation is keras.activations.relu
