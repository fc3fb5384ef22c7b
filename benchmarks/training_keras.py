"""The networks of `training.py` in plain Keras 3 or tf_keras; `lib` is either of the two modules.

Vision networks are kerasdl's own, flattened to Keras's layers, so they need no function here.
"""

import tensorflow as tf


def gpt(lib, vocabulary_size, context, width, depth, heads, dropout=0.0):
    layers = lib.layers

    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = (layers.LayerNormalization(epsilon=1e-5) for _ in range(2))
            self.attention = layers.MultiHeadAttention(heads, width // heads, dropout=dropout)
            self.expand = layers.Dense(4 * width, lambda x: tf.nn.gelu(x, approximate=True))
            self.contract, self.drop = layers.Dense(width), layers.Dropout(dropout)

        def call(self, x):
            y = self.norm1(x)
            x = x + self.drop(self.attention(y, y, use_causal_mask=True))
            return x + self.drop(self.contract(self.expand(self.norm2(x))))

    class GPT(lib.Model):
        def __init__(self):
            super().__init__()
            self.token = layers.Embedding(vocabulary_size, width)
            self.place = layers.Embedding(context, width)
            self.blocks, self.drop = [Block() for _ in range(depth)], layers.Dropout(dropout)
            self.norm = layers.LayerNormalization(epsilon=1e-5)

        def call(self, tokens):
            x = self.drop(self.token(tokens) + self.place(tf.range(context)))
            for block in self.blocks:
                x = block(x)
            embeddings = tf.convert_to_tensor(self.token.embeddings)
            return tf.matmul(self.norm(x), embeddings, transpose_b=True)

    return GPT()


def lstm(lib, vocabulary_size, context, width, depth, dropout=0.0):
    layers = lib.layers
    tokens = lib.Input((context,), dtype="int32")
    x = layers.Embedding(vocabulary_size, width)(tokens)
    for _ in range(depth):
        x = layers.LSTM(width, return_sequences=True)(layers.Dropout(dropout)(x))
    return lib.Model(tokens, layers.Dense(vocabulary_size)(layers.Dropout(dropout)(x)))


def seq2seq(lib, vocabulary_size, width, dropout=0.0):
    layers = lib.layers
    source, target = (lib.Input((None,), dtype="int32") for _ in range(2))
    x = layers.Dropout(dropout)(layers.Embedding(vocabulary_size, width, mask_zero=True)(source))
    encoder = layers.GRU(width // 2, return_sequences=True, return_state=True)
    h, forward, backward = layers.Bidirectional(encoder)(x)
    y = layers.Dropout(dropout)(layers.Embedding(vocabulary_size, width)(target))
    state = layers.Concatenate()([forward, backward])
    d = layers.GRU(width, return_sequences=True)(y, initial_state=state)
    c = layers.Attention()([d, layers.Dense(width, use_bias=False)(h)])
    d = layers.Dense(width, "tanh")(layers.Concatenate()([d, c]))
    logits = layers.Dense(vocabulary_size)(layers.Dropout(dropout)(d))
    return lib.Model([source, target], logits)


def dense(lib, sizes, activation):
    layers = [lib.layers.Dense(size, activation) for size in sizes[1:-1]]
    return lib.Sequential([lib.Input((sizes[0],)), *layers, lib.layers.Dense(sizes[-1])])


def autoencoder(lib, shape, latent_dim, widths, activation="relu"):
    size, layers = shape[0] * shape[1] * shape[2], lib.layers
    x = inputs = lib.Input(shape)
    x = dense(lib, [size, *widths, latent_dim], activation)(layers.Flatten()(x))
    x = dense(lib, [latent_dim, *widths[::-1], size], activation)(x)
    return lib.Model(inputs, layers.Reshape(shape)(layers.Activation("sigmoid")(x)))


def vae(lib, shape, latent_dim, widths, activation="relu"):
    size = shape[0] * shape[1] * shape[2]

    class VAE(lib.Model):
        def __init__(self):
            super().__init__()
            self.encoder = dense(lib, [size, *widths, 2 * latent_dim], activation)
            self.decoder = dense(lib, [latent_dim, *widths[::-1], size], activation)
            self.loss_tracker = lib.metrics.Mean(name="loss")

        def train_step(self, x):
            x = tf.reshape(x, (-1, size))
            with tf.GradientTape() as tape:
                mean, log_variance = tf.split(self.encoder(x), 2, axis=-1)
                code = mean + tf.exp(0.5 * log_variance) * tf.random.normal(tf.shape(mean))
                logits = self.decoder(code)
                nats = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)
                kl = -0.5 * tf.reduce_sum(
                    1 + log_variance - mean**2 - tf.exp(log_variance), axis=-1
                )
                loss = tf.reduce_mean(tf.reduce_sum(nats, axis=-1) + kl)
            gradients = tape.gradient(loss, self.trainable_weights)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
            self.loss_tracker.update_state(loss)
            return {"loss": self.loss_tracker.result()}

    return VAE()


def dcgan(lib, shape, latent_dim, width, start, optimizer):
    layers, doublings = lib.layers, (shape[0] // start).bit_length() - 1
    noise = x = lib.Input((latent_dim,))
    x = layers.Reshape((1, 1, latent_dim))(x)
    for step in range(doublings):
        kernel = (start, 1, "valid") if step == 0 else (4, 2, "same")
        filters = width << (doublings - 1 - step)
        x = layers.Conv2DTranspose(filters, *kernel, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))
    x = layers.Conv2DTranspose(shape[2], 4, 2, "same", use_bias=False, activation="tanh")(x)
    images, generator = lib.Input(shape), lib.Model(noise, x)
    x = images
    for step in range(doublings):
        x = layers.Conv2D(width << step, 4, 2, "same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x) if step else x
        x = layers.LeakyReLU(0.2)(x)
    x = layers.Flatten()(layers.Conv2D(1, start, use_bias=False)(x))
    discriminator = lib.Model(images, x)

    def loss(label, logits):
        labels = tf.fill(tf.shape(logits), label)
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))

    class DCGAN(lib.Model):
        def __init__(self):
            super().__init__()
            self.generator, self.discriminator = generator, discriminator
            self.of_generator, self.of_discriminator = optimizer(), optimizer()
            for each, network in self.pairs():
                each.build(network.trainable_weights)

        def pairs(self):
            yield self.of_discriminator, self.discriminator
            yield self.of_generator, self.generator

        def train_step(self, images):
            real = 2 * images - 1
            with tf.GradientTape() as of_fake:
                noise = tf.random.normal((tf.shape(real)[0], latent_dim))
                fake = self.generator(noise, training=True)
            with tf.GradientTape() as tape:
                found = loss(0.9, self.discriminator(real, training=True))
                found += loss(0.0, self.discriminator(tf.stop_gradient(fake), training=True))
            self.descend(tape, found, self.of_discriminator, self.discriminator)
            with of_fake:
                of_generator = loss(1.0, self.discriminator(fake, training=True))
            self.descend(of_fake, of_generator, self.of_generator, self.generator)
            return {"loss": found, "generator_loss": of_generator}

        def descend(self, tape, loss, optimizer, network):
            weights = network.trainable_weights
            gradients = tape.gradient(loss, weights)
            optimizer.apply_gradients(zip(gradients, weights, strict=True))

    return DCGAN()
