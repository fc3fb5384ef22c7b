"""Layers and models have the same outputs after conversion to tf_keras."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from kerasdl.compression.bridge import graph, opaque
from kerasdl.errors import InvalidInput

LINE, IMAGE, CLIP, TOKENS, SIGNAL = (12,), (8, 8, 4), (4, 4, 4, 2), "tokens", (10, 4)
ACTIVATIONS = (
    *("celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu"),
    *("hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6"),
    *("selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus"),
    *("squareplus", "tanh", "tanh_shrink"),
)


@keras.saving.register_keras_serializable(package="test")
class Scale(layers.Layer):
    """A custom layer with a weight and a moving average that training updates."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="random_normal", name="scale")
        self.mean = self.add_weight(shape=(shape[-1],), trainable=False, name="mean")

    def call(self, x, training=False):
        if training:
            self.mean.assign(ops.mean(x, axis=tuple(range(x.ndim - 1))))
        return x * self.scale + self.mean


def stacked():
    cells = [layers.LSTMCell(6), layers.GRUCell(5)]
    return layers.RNN(layers.StackedRNNCells(cells))


def chain(*steps):
    """Make a network from a list of layers and functions."""

    def apply(x):
        for step in steps:
            x = step(x)
        return x

    return apply


def residual(x):
    y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", use_bias=False)(x))
    return layers.ReLU()(layers.Add()([x, y]))


def attention(x):
    return layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))


def shared(x):
    dense = layers.Dense(12, activation="tanh")
    return layers.Concatenate()([dense(x), dense(dense(x))])


def shared_opaque(x):
    scale = Scale()
    return scale(scale(x))


LAYERS = {
    **{f"dense_{name}": (LINE, lambda name=name: layers.Dense(6, name)) for name in ACTIVATIONS},
    **{f"activation_{name}": (LINE, lambda n=name: layers.Activation(n)) for name in ACTIVATIONS},
    "dense_custom": (LINE, lambda: layers.Dense(6, activation=lambda x: x * x)),
    "dense_no_bias": (LINE, lambda: layers.Dense(6, use_bias=False)),
    "dense_regularized": (LINE, lambda: layers.Dense(6, kernel_regularizer="l2")),
    "dense_constrained": (LINE, lambda: layers.Dense(6, kernel_constraint="non_neg")),
    "dense_on_sequence": (SIGNAL, lambda: layers.Dense(6)),
    "dense_active": (LINE, lambda: layers.Dense(6, activity_regularizer="l2")),
    "einsum_dense": (SIGNAL, lambda: layers.EinsumDense("abc,cd->abd", (None, 6))),
    "conv1d": (SIGNAL, lambda: layers.Conv1D(6, 3, dilation_rate=2)),
    "conv1d_causal": (SIGNAL, lambda: layers.Conv1D(6, 3, padding="causal")),
    "conv1d_transpose": (SIGNAL, lambda: layers.Conv1DTranspose(6, 3, strides=2)),
    "conv2d": (IMAGE, lambda: layers.Conv2D(6, (3, 2), strides=2, padding="same")),
    "conv2d_relu6": (IMAGE, lambda: layers.Conv2D(6, 3, activation="relu6")),
    "conv2d_grouped": (IMAGE, lambda: layers.Conv2D(6, 3, groups=2)),
    "conv2d_transpose": (IMAGE, lambda: layers.Conv2DTranspose(6, 3, 2, padding="same")),
    "conv2d_transpose_crop": (
        IMAGE,
        lambda: layers.Conv2DTranspose(6, 3, strides=2, output_padding=1),
    ),
    "conv3d": (CLIP, lambda: layers.Conv3D(3, 2)),
    "conv3d_transpose": (CLIP, lambda: layers.Conv3DTranspose(3, 2, strides=2)),
    "depthwise": (IMAGE, lambda: layers.DepthwiseConv2D(3, depth_multiplier=2)),
    "depthwise_1d": (SIGNAL, lambda: layers.DepthwiseConv1D(3)),
    "separable": (IMAGE, lambda: layers.SeparableConv2D(6, 3, activation="silu")),
    "separable_strided": (IMAGE, lambda: layers.SeparableConv2D(6, 3, strides=2, dilation_rate=1)),
    "separable_1d": (SIGNAL, lambda: layers.SeparableConv1D(6, 3)),
    "batch_norm": (IMAGE, lambda: layers.BatchNormalization(epsilon=1e-2, scale=False)),
    "batch_norm_axis": (IMAGE, lambda: layers.BatchNormalization(axis=1)),
    "batch_renorm": (IMAGE, lambda: layers.BatchNormalization(renorm=True)),
    "layer_norm": (IMAGE, lambda: layers.LayerNormalization(axis=[1, 3], center=False)),
    "group_norm": (IMAGE, lambda: layers.GroupNormalization(2)),
    "rms_norm": (SIGNAL, layers.RMSNormalization),
    "unit_norm": (SIGNAL, layers.UnitNormalization),
    "spectral_norm": (IMAGE, lambda: layers.SpectralNormalization(layers.Conv2D(3, 3))),
    "rescaling": (IMAGE, lambda: layers.Rescaling(1 / 127.5, offset=-1)),
    "normalization": (LINE, lambda: layers.Normalization(mean=0.4, variance=2.0)),
    "normalization_scales": (IMAGE, lambda: layers.Rescaling([1.0, 2.0, 3.0, 4.0])),
    "dropout": (IMAGE, lambda: layers.Dropout(0.5, seed=3)),
    "spatial_dropout": (IMAGE, lambda: layers.SpatialDropout2D(0.5)),
    "alpha_dropout": (LINE, lambda: layers.AlphaDropout(0.5)),
    "gaussian_noise": (LINE, lambda: layers.GaussianNoise(0.5)),
    "relu_options": (LINE, lambda: layers.ReLU(3.0, negative_slope=0.1, threshold=0.2)),
    "leaky_relu": (LINE, lambda: layers.LeakyReLU(negative_slope=0.07)),
    "prelu": (IMAGE, lambda: layers.PReLU("random_normal", shared_axes=[1, 2])),
    "elu": (LINE, lambda: layers.ELU(0.5)),
    "softmax_axis": (IMAGE, lambda: layers.Softmax(axis=1)),
    **{
        f"{kind.lower()}_{rank}d": (shape, lambda name=f"{kind}{rank}D": getattr(layers, name)(2))
        for rank, shape in ((1, SIGNAL), (2, IMAGE), (3, CLIP))
        for kind in ("MaxPooling", "AveragePooling", "UpSampling")
    },
    **{
        f"global_{kind.lower()}_{rank}d_{keepdims}": (
            shape,
            lambda name=f"Global{kind}Pooling{rank}D", k=keepdims: getattr(layers, name)(
                keepdims=k
            ),
        )
        for rank, shape in ((1, SIGNAL), (2, IMAGE), (3, CLIP))
        for kind in ("Max", "Average")
        for keepdims in (False, True)
    },
    **{
        f"{kind.lower()}_{rank}d": (shape, lambda name=f"{kind}{rank}D": getattr(layers, name)(1))
        for rank, shape in ((1, SIGNAL), (2, IMAGE), (3, CLIP))
        for kind in ("ZeroPadding", "Cropping")
    },
    "adaptive_pooling": (IMAGE, lambda: layers.AdaptiveAveragePooling2D(2)),
    "upsampling_bilinear": (
        IMAGE,
        lambda: layers.UpSampling2D(2, interpolation="bilinear"),
    ),
    "resizing": (IMAGE, lambda: layers.Resizing(5, 6)),
    "flatten": (IMAGE, layers.Flatten),
    "reshape": (IMAGE, lambda: layers.Reshape((16, -1))),
    "permute": (IMAGE, lambda: layers.Permute((3, 1, 2))),
    "repeat": (LINE, lambda: layers.RepeatVector(3)),
    "identity": (LINE, layers.Identity),
    "lambda": (LINE, lambda: layers.Lambda(lambda x: ops.sin(x))),
    "embedding": (TOKENS, lambda: layers.Embedding(20, 6)),
    "lstm": (SIGNAL, lambda: layers.LSTM(6, return_sequences=True)),
    "lstm_options": (SIGNAL, lambda: layers.LSTM(6, go_backwards=True, unit_forget_bias=False)),
    "lstm_hard": (SIGNAL, lambda: layers.LSTM(6, recurrent_activation="hard_sigmoid")),
    "lstm_unrolled": (SIGNAL, lambda: layers.LSTM(6, unroll=True)),
    "gru": (SIGNAL, lambda: layers.GRU(6)),
    "gru_before": (SIGNAL, lambda: layers.GRU(6, reset_after=False)),
    "simple_rnn": (SIGNAL, lambda: layers.SimpleRNN(6)),
    "bidirectional": (SIGNAL, lambda: layers.Bidirectional(layers.LSTM(6, return_sequences=True))),
    "bidirectional_sum": (SIGNAL, lambda: layers.Bidirectional(layers.GRU(6), merge_mode="sum")),
    "stacked_rnn": (SIGNAL, stacked),
    "time_distributed": (SIGNAL, lambda: layers.TimeDistributed(layers.Dense(6))),
    "conv_lstm": (CLIP, lambda: layers.ConvLSTM2D(3, 2)),
    "custom": (SIGNAL, Scale),
    "custom_shared": (SIGNAL, lambda: shared_opaque),
    "residual": (IMAGE, lambda: residual),
    "attention": (SIGNAL, lambda: attention),
    "attention_causal": (
        SIGNAL,
        lambda: lambda x: layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True),
    ),
    "grouped_attention": (
        SIGNAL,
        lambda: lambda x: layers.GroupQueryAttention(4, 4, 2)(x, x),
    ),
    "dot_attention": (SIGNAL, lambda: lambda x: layers.Attention()([x, x])),
    "shared": (LINE, lambda: shared),
    "dot": (LINE, lambda: lambda x: layers.Dot(1)([x, x * 2.0])),
    **{
        f"merge_{name.lower()}": (
            IMAGE,
            lambda name=name: lambda x: getattr(layers, name)()([x, layers.Conv2D(4, 1)(x)]),
        )
        for name in ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
    },
    "op_add": (IMAGE, lambda: lambda x: x + layers.Conv2D(4, 1)(x)),
    "op_broadcast": (IMAGE, lambda: lambda x: x * layers.GlobalMaxPooling2D(keepdims=True)(x)),
    "op_constant": (IMAGE, lambda: lambda x: 2.0 - x / 3.0),
    "op_concatenate": (IMAGE, lambda: lambda x: ops.concatenate([x, x], axis=-1)),
    "op_slice": (IMAGE, lambda: lambda x: x[:, ::2, 1:]),
    "op_mean": (IMAGE, lambda: lambda x: ops.mean(x, axis=(1, 2))),
    "op_relu": (IMAGE, lambda: lambda x: ops.relu6(ops.relu(x) * 9.0)),
    "op_split": (IMAGE, lambda: lambda x: ops.add(*ops.split(x, 2, axis=-1))),
    "op_einsum": (SIGNAL, lambda: lambda x: ops.einsum("abc,adc->abd", x, x)),
    "op_transpose": (SIGNAL, lambda: lambda x: ops.transpose(x, (0, 2, 1))),
    "masked_lstm": (
        TOKENS,
        lambda: chain(layers.Embedding(20, 6, mask_zero=True), layers.LSTM(5)),
    ),
    "masked_custom": (
        TOKENS,
        lambda: chain(
            layers.Embedding(20, 6, mask_zero=True), layers.LayerNormalization(), layers.GRU(5)
        ),
    ),
    "masked_attention": (
        TOKENS,
        lambda: chain(
            layers.Embedding(20, 6, mask_zero=True), attention, layers.GlobalAveragePooling1D()
        ),
    ),
    "masking": (SIGNAL, lambda: chain(layers.Masking(), layers.LSTM(5))),
}


def network(shape, make, seed=0):
    """Make a network of one layer with random weights, also for biases and scales."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((9,), dtype="int32") if shape == TOKENS else keras.Input(shape)
    model = keras.Model(inputs, make()(inputs))
    random = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(random.uniform(0.1, 0.9, weight.shape))
    return model


def example(shape, seed=0):
    random = np.random.default_rng(seed)
    if shape == TOKENS:
        return random.integers(0, 20, (3, 9)) * (np.arange(9) < [[9], [4], [6]])
    return random.normal(size=(3, *shape)).astype("float32")


@pytest.mark.parametrize("name", LAYERS)
def test_outputs_are_equal_in_tf_keras(name):
    shape, make = LAYERS[name]
    model, x = network(shape, make), example(shape)
    twin = graph.to_tf_keras(model)
    np.testing.assert_allclose(np.asarray(twin(x)), np.asarray(model(x)), atol=1e-5, rtol=1e-5)


def test_every_layer_that_is_converted_is_tested():
    seen = set()
    for shape, make in LAYERS.values():
        seen |= {type(layer).__name__ for layer in network(shape, make).layers}
    assert graph.EQUAL - {"SpatialDropout1D", "SpatialDropout3D"} <= seen


@pytest.mark.parametrize("name", ["residual", "custom", "separable", "bidirectional", "attention"])
def test_weights_are_copied_back(name):
    shape, make = LAYERS[name]
    model, x = network(shape, make), example(shape)
    twin = graph.to_tf_keras(model)
    twin.set_weights([weight * 0.7 for weight in twin.get_weights()])
    graph.copy_weights(twin, model)
    np.testing.assert_allclose(np.asarray(twin(x)), np.asarray(model(x)), atol=1e-5, rtol=1e-5)


def test_an_opaque_layer_trains_its_own_copy_of_the_weights():
    model, x = network(SIGNAL, Scale), example(SIGNAL)
    scale, mean = (w.numpy() for w in model.weights)
    twin = graph.to_tf_keras(model)
    twin.compile("sgd", "mse")
    twin.fit(x, x, epochs=2, verbose=0)
    layer = next(layer for layer in twin.layers if isinstance(layer, opaque.Opaque))
    assert np.abs(layer.own[0].numpy() - scale).max() > 1e-4
    np.testing.assert_allclose(layer.own[1].numpy(), x.mean((0, 1)), atol=1e-6)
    np.testing.assert_array_equal(model.weights[0].numpy(), scale)
    np.testing.assert_array_equal(model.weights[1].numpy(), mean)


def test_several_inputs_and_outputs():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    model = keras.Model({"a": a, "b": b}, {"sum": a + b, "dense": layers.Dense(2)(a)})
    x = {"a": np.ones((2, 3), "float32"), "b": 2 * np.ones((2, 3), "float32")}
    expected = keras.tree.flatten(model(x))
    received = graph.to_tf_keras(model)([x["a"], x["b"]])
    for left, right in zip(received, expected, strict=True):
        np.testing.assert_allclose(np.asarray(left), np.asarray(right), atol=1e-6)


def test_a_fixed_batch():
    assert graph.to_tf_keras(network(LINE, lambda: layers.Dense(2)), 1).input_shape[0] == 1


def test_a_subclassed_model_is_refused_in_one_line():
    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(InvalidInput, match=r"Expected a functional .* Received: Subclassed"):
        graph.to_tf_keras(Subclassed())


def test_a_shared_layer_with_changing_arguments_is_refused():
    inputs = keras.Input(SIGNAL)
    attention = layers.MultiHeadAttention(2, 4, name="attend")
    x = attention(attention(inputs, inputs), inputs, use_causal_mask=True)
    with pytest.raises(InvalidInput, match=r"Invalid layer `attend`. Expected the same arguments"):
        graph.to_tf_keras(keras.Model(inputs, x))
