"""Attention: int8 projections and values, float scores."""

import math

from keras import layers, ops, tree
from keras.src import backend

from kerasdl.compression.fake_quant.weights import FakeQuantizeWeights


def is_supported(operation, args, kwargs) -> bool:
    """Return whether an operation is Keras's attention over one axis, as a layer or function."""
    if kwargs.get("bias") is not None or kwargs.get("return_attention_scores"):
        return False
    if type(operation) is layers.MultiHeadAttention:
        masked = any(backend.get_keras_mask(x) is not None for x in tree.flatten(args))
        return len(args[0].shape) == 3 and not operation._use_gate and not masked
    return type(operation).__name__ == "DotProductAttention" and (
        len(args) >= 3
        and args[0].shape[2] == args[1].shape[2]
        and operation.attn_logits_soft_cap is None
    )


def attend(graph, operation, *args, **kwargs):
    """Compute the attention of a supported operation with rounded projections and values."""
    if isinstance(operation, layers.MultiHeadAttention):
        return multi_head(graph, operation, *args, **kwargs)
    return dot_product(graph, operation, *args, **kwargs)


def multi_head(graph, layer, query, value, key=None, **masks):
    """The `call` of `MultiHeadAttention`, with rounded projections."""
    masks = {name: mask for name, mask in masks.items() if mask is not None}
    masks.pop("return_attention_scores", None)
    mask = layer._compute_attention_mask(query, value, **masks)
    if mask is not None and len(mask.shape) == 3:
        mask = mask[:, None]  # (batch, heads, time, time)

    def project(part, x):
        name = f"{layer.name}_{part}"
        twin = graph.twin(getattr(layer, f"_{part}_dense"), FakeQuantizeWeights, name)
        return graph.round(twin(x), name)

    query, value, key = (
        project("query", query),
        project("value", value),
        project("key", value if key is None else key),
    )
    dropout = layer._dropout_layer if layer.dropout else None
    y = weigh(graph, layer.name, query, key, value, mask, layer._inverse_sqrt_key_dim, dropout)
    return project("output", y)


def dot_product(graph, operation, query, key, value, bias=None, mask=None, scale=None):
    """The `call` of `keras.ops.dot_product_attention`, with rounded weights and values."""
    if operation.is_causal:
        time = ops.cumsum(ops.ones_like(query[0, :, 0, 0], dtype="int32"))  # 1, 2, 3, ...
        place = ops.cumsum(ops.ones_like(key[0, :, 0, 0], dtype="int32"))
        causal = time[:, None] >= place
        mask = causal if mask is None else ops.logical_and(mask, causal)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return weigh(graph, operation.name, query, key, value, mask, scale)


def weigh(graph, name, query, key, value, mask, scale, dropout=None):
    """softmax(scale Q K^T) V, where Q, K, V and the result are (batch, time, heads, size).

    The scores stay float: in int8 a mask would use up their resolution, and LiteRT is slower.
    """
    query, key, value = (ops.transpose(x, (0, 2, 1, 3)) for x in (query, key, value))
    scores = (query * scale) @ ops.swapaxes(key, -1, -2)  # (batch, heads, time, time)
    if mask is not None:
        scores = ops.where(mask, scores, -1e9)
    weights = graph.round(ops.softmax(scores), f"{name}_weights", "softmax")
    if dropout is not None:
        weights = layers.Dropout(dropout.rate, name=f"{name}_drop")(weights)
    return ops.transpose(graph.round(weights @ value, f"{name}_values"), (0, 2, 1, 3))
