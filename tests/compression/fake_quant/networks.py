"""Networks with four classes, with every kind of layer that LiteRT handles differently."""

import keras
from keras import layers, ops

TOKENS, TIME = 12, 10


def plain(x):
    for filters in (8, 16):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    return layers.Dense(4)(layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(x)))


def mobile(x):
    x = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU(6)(layers.BatchNormalization(scale=False)(x))
    y = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)
    y = layers.Activation("relu6")(layers.BatchNormalization(center=False)(y))
    y = layers.BatchNormalization()(layers.Conv2D(6, 1)(y))
    x = layers.ReLU()(x + y)
    x = layers.BatchNormalization()(layers.SeparableConv2D(8, 3)(x))
    return layers.Dense(4)(layers.Flatten()(layers.Activation("hard_silu")(x)))


def squeeze(x):
    x = layers.Conv2D(8, 3, activation="silu")(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Dense(8, activation="sigmoid")(layers.Dense(4, activation="relu")(gate))
    return layers.Dense(4)(layers.GlobalAveragePooling2D()(x * gate))


def dense_net(x):
    x = layers.Conv2D(4, 3, padding="same")(x)
    y = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Concatenate()([x, layers.Conv2D(4, 3, padding="same")(y)])
    x = layers.AveragePooling2D(2)(layers.ReLU()(layers.BatchNormalization()(x)))
    x = layers.BatchNormalization()(layers.Flatten()(x))
    return layers.Dense(4)(layers.Dropout(0.1)(x))


def up_and_down(x):
    x = layers.UpSampling2D(interpolation="bilinear")(layers.Conv2D(4, 3, activation="tanh")(x))
    x = layers.Conv2DTranspose(8, 3, strides=2, use_bias=False)(x)
    x = layers.LeakyReLU()(layers.BatchNormalization()(x))
    x = layers.Dense(8, activation="gelu")(layers.GlobalMaxPooling2D()(x))
    x = layers.Concatenate()([x, layers.Softmax()(layers.Dense(4)(x))])
    return layers.Dense(4)(x)


def audio(x):
    x = layers.Reshape((16, 4))(x)
    x = layers.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="elu")(x)
    x = layers.BatchNormalization()(layers.SeparableConv1D(8, 3)(x))
    x = layers.Conv1DTranspose(8, 2, strides=2)(layers.DepthwiseConv1D(3)(x))
    return layers.Dense(4)(layers.GlobalAveragePooling1D()(x))


def recurrent(x):
    x = layers.Dense(8)(layers.Embedding(TOKENS, 8, mask_zero=True)(x))
    x = layers.LSTM(8, return_sequences=True)(x)
    return layers.Dense(4)(layers.GRU(8)(x))


def transformer(x):
    """Attention of Keras with and without a causal mask and dropout, which makes it use einsum."""
    x = layers.Embedding(TOKENS, 16)(x)
    for options in ({"use_causal_mask": True}, {}):
        x = x + layers.MultiHeadAttention(2, 8, dropout=0.1)(x, x, **options)
        x = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(2, 8)(x, x, use_causal_mask=True)
    x = layers.EinsumDense("btc,cd->btd", (None, 16), bias_axes="d", activation="relu")(x)
    return layers.Dense(4)(layers.GlobalAveragePooling1D()(x))


def by_operations(x):
    """Attention written with `keras.ops`."""
    x = layers.Embedding(TOKENS, 16)(x)
    query, key, value = ops.split(layers.Dense(48)(x), 3, axis=-1)
    time = ops.cumsum(ops.ones_like(x[0, :, 0], dtype="int32"))
    scores = query @ ops.swapaxes(key, -1, -2) / 4.0
    scores = ops.where(time[:, None] >= time, scores, -float("inf"))
    x = layers.LayerNormalization()(x + ops.softmax(scores) @ value)
    query = ops.reshape(x, (-1, TIME, 2, 8))
    x = x + ops.reshape(
        ops.dot_product_attention(query, query, query, is_causal=True), (-1, TIME, 16)
    )
    return layers.Dense(4)(ops.mean(x, axis=1))


IMAGES = {f.__name__: f for f in (plain, mobile, squeeze, dense_net, up_and_down, audio)}
TEXTS = {f.__name__: f for f in (recurrent, transformer, by_operations)}


def make(name):
    keras.utils.set_random_seed(0)
    if name in IMAGES:
        inputs = keras.Input((8, 8, 1))
        return keras.Model(inputs, IMAGES[name](inputs))
    inputs = keras.Input((TIME,), dtype="int32")
    return keras.Model(inputs, TEXTS[name](inputs))
