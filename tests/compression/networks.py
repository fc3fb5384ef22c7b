"""Small networks defined outside the package, and data to train them on."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

IMAGE = (8, 8, 1)
TOKENS = 12


def conv_bn(x, filters, size=3, strides=1, relu=True):
    x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.5)(x)
    return layers.ReLU()(x) if relu else x


def head(inputs, x, classes=3):
    x = layers.GlobalAveragePooling2D()(x) if len(x.shape) == 4 else x
    return keras.Model(inputs, layers.Dense(classes)(x))


def mlp():
    inputs = x = keras.Input(IMAGE)
    x = layers.Dense(16)(layers.Flatten()(layers.Rescaling(2.0, offset=-1)(x)))
    x = layers.Dropout(0.1)(layers.BatchNormalization(momentum=0.5)(x))
    return head(inputs, layers.Dense(16, activation="gelu")(ops.relu(x)))


def residual():
    inputs = keras.Input(IMAGE)
    x = conv_bn(layers.Normalization(mean=0.5, variance=0.1)(inputs), 8)
    x = layers.MaxPooling2D()(layers.ReLU()(layers.Add()([x, conv_bn(x, 8, relu=False)])))
    return head(inputs, ops.relu(conv_bn(x, 16, strides=2, relu=False) + conv_bn(x, 16, 1, 2)))


def squeeze():
    inputs = keras.Input(IMAGE)
    x = conv_bn(inputs, 16)
    s = layers.GlobalAveragePooling2D(keepdims=True)(x)
    s = layers.Dense(16, activation="sigmoid")(layers.Dense(8, activation="relu")(s))
    return head(inputs, layers.Multiply()([x, s]))


def mobile():
    inputs = keras.Input(IMAGE)
    x = conv_bn(inputs, 8)
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = layers.Activation("hard_silu")(layers.BatchNormalization(momentum=0.5)(y))
    x = layers.Add()([x, conv_bn(y, 8, 1, relu=False)])
    return head(inputs, layers.SeparableConv2D(16, 3, activation="relu6")(x))


def dense_net():
    inputs = keras.Input(IMAGE)
    x = layers.Conv2D(8, 3, padding="same")(inputs)
    for _ in range(2):
        y = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(x))
        x = layers.Concatenate()([x, layers.Conv2D(8, 3, padding="same")(y)])
    return head(inputs, layers.AveragePooling2D(2)(layers.LeakyReLU(0.1)(x)))


def decoder():
    inputs = keras.Input(IMAGE)
    x = conv_bn(inputs, 8, strides=2)
    x = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.GroupNormalization(4)(layers.UpSampling2D()(x))
    return head(inputs, layers.PReLU()(x))


def sequential():
    return keras.Sequential(
        [
            keras.Input(IMAGE),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


def nested():
    inputs = keras.Input(IMAGE)
    return keras.Model(inputs, layers.Dense(3)(sequential()(inputs)))


@keras.saving.register_keras_serializable(package="test")
class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = sequential()
        self.dense = layers.Dense(3)

    def call(self, inputs):
        return self.dense(ops.relu(self.inner(inputs)))


def subclassed():
    model = Subclassed()
    model(np.zeros((1, *IMAGE), "float32"))
    return model


def transformer():
    inputs = keras.Input((TOKENS,), dtype="int32")
    x = layers.Embedding(20, 8)(inputs)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))
    x = layers.Conv1D(8, 3, activation="relu")(layers.RMSNormalization()(x))
    return head(inputs, layers.GlobalAveragePooling1D()(x))


def lstm():
    inputs = keras.Input((TOKENS,), dtype="int32")
    x = layers.LSTM(16, return_sequences=True)(layers.Embedding(20, 8)(inputs))
    return head(inputs, layers.LSTM(8)(x))


def recurrent():
    inputs = keras.Input((TOKENS,), dtype="int32")
    return head(inputs, layers.GRU(64, name="gru")(layers.Embedding(20, 16)(inputs)))


def masked():
    inputs = keras.Input((TOKENS,), dtype="int32")
    x = layers.Embedding(20, 8, mask_zero=True)(inputs)
    return head(inputs, layers.Dense(8, activation="relu")(layers.GRU(8)(x)))


def images(count=192, seed=0):
    """Make images of three classes: dark, bright at the top, bright on the left."""
    random = np.random.default_rng(seed)
    x = random.random((count, *IMAGE)).astype("float32") * 0.3
    y = np.arange(count) % 3
    x[y == 1, :4] += 0.6
    x[y == 2, :, :4] += 0.6
    return x, y.astype("int32")


def tokens(count=192, seed=0):
    """Make sequences of tokens, labeled by how many of their tokens exceed 10."""
    x = np.random.default_rng(seed).integers(1, 20, (count, TOKENS)).astype("int32")
    return x, np.digitize((x > 10).sum(1), [5, 7]).astype("int32")


NETWORKS = {
    make.__name__: (make, tokens if make in (transformer, lstm, masked, recurrent) else images)
    for make in (
        *(mlp, residual, squeeze, mobile, dense_net, decoder, sequential, nested, subclassed),
        *(transformer, lstm, masked, recurrent),
    )
}

WEIGHTS = {}  # of trained networks, by name and precision


def trained(name):
    """Return a trained network and its data. Each network is trained once."""
    keras.utils.set_random_seed(0)
    make, data = NETWORKS[name]
    model, (x, y) = make(), data()
    train = tf.data.Dataset.from_tensor_slices((x, y)).batch(16)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # a metric given by its name would be built in the first step, which is then traced again
    metrics = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=metrics)
    learned = (name, keras.config.dtype_policy().name)
    if learned not in WEIGHTS:
        model.optimizer.build(model.trainable_variables)
        model.fit(train, epochs=4, verbose=0, shuffle=False)
        WEIGHTS[learned] = model.get_weights()
    model.set_weights(WEIGHTS[learned])
    return model, train, (x, y)
