"""The networks of `training.py` in PyTorch: a function for each family, and a training step.

Layers and sizes are those of kerasdl; `training.py` compares the numbers of parameters.
"""

import itertools

import torch
import torchvision
from torch import nn
from torch.nn import functional


def mlp(shape, classes=10, widths=(256, 128), dropout=0.2):
    sizes = [shape[0] * shape[1] * shape[2], *widths]
    hidden = [
        layer
        for before, after in itertools.pairwise(sizes)
        for layer in (nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout))
    ]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(sizes[-1], classes))


def simple_cnn(shape, classes=10, widths=(32, 64, 128), units=512, dropout=0.3):
    channels, layers = shape[2], []
    for width in widths:
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
        layers += [nn.MaxPool2d(2)]
        channels = width
    flat = channels * (shape[0] >> len(widths)) * (shape[1] >> len(widths))
    head = [nn.Linear(flat, units), nn.ReLU(), nn.Dropout(dropout), nn.Linear(units, classes)]
    return nn.Sequential(*layers, nn.Flatten(), *head)


def lenet5(shape, classes=10):
    enlarge = [nn.UpsamplingBilinear2d((28, 28))] if shape[0] < 28 else []
    layers = [nn.Conv2d(shape[2], 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    side = (max(shape[0], 28) // 2 - 4) // 2
    layers += [nn.Linear(16 * side**2, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()]
    return nn.Sequential(*enlarge, *layers, nn.Linear(84, classes))


def alexnet(shape, classes=1000, widths=(96, 256, 384, 384, 256), units=4096, stem="imagenet"):
    groups, pad = 2, 0 if stem == "imagenet" else 1

    def conv(before, after, size, groups=1):
        layer = nn.Conv2d(before, after, size, padding=size // 2, groups=groups)
        return [layer, nn.ReLU()]

    w = widths
    large = [nn.Conv2d(shape[2], w[0], 11, 4), nn.ReLU()]
    layers = large if stem == "imagenet" else conv(shape[2], w[0], 3)
    layers += [nn.LocalResponseNorm(5, k=2.0), nn.MaxPool2d(3, 2, pad)]
    layers += conv(w[0], w[1], 5, groups)
    layers += [nn.LocalResponseNorm(5, k=2.0), nn.MaxPool2d(3, 2, pad)]
    layers += conv(w[1], w[2], 3) + conv(w[2], w[3], 3, groups) + conv(w[3], w[4], 3, groups)
    layers += [nn.MaxPool2d(3, 2, pad), nn.Flatten(), nn.LazyLinear(units), nn.ReLU()]
    layers += [nn.Dropout(0.5), nn.Linear(units, units), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(units, classes))


def vgg(shape, classes=1000, depths=(2, 2, 3, 3, 3), widths=(64, 128, 256, 512, 512), units=4096):
    channels, layers = shape[2], []
    for depth, width in zip(depths, widths, strict=True):
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers += [nn.MaxPool2d(2)]
    head = [nn.LazyLinear(units), nn.ReLU(), nn.Dropout(0.5), nn.Linear(units, units), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), *head, nn.Dropout(0.5), nn.Linear(units, classes))


def conv_bn(before, after, size, strides=1):
    convolution = nn.Conv2d(before, after, size, strides, size // 2, bias=False)
    return [convolution, nn.BatchNorm2d(after)]


class Residual(nn.Module):
    """relu(F(x) + x), with squeeze and excitation in F if there is a ratio."""

    def __init__(self, before, width, strides, kind, se_ratio, shortcut):
        super().__init__()
        after = width * (4 if kind == "bottleneck" else 1)
        if kind == "bottleneck":
            change = [*conv_bn(before, width, 1), nn.ReLU(), *conv_bn(width, width, 3, strides)]
            change += [nn.ReLU(), *conv_bn(width, after, 1)]
        else:
            change = [*conv_bn(before, width, 3, strides), nn.ReLU(), *conv_bn(width, width, 3)]
        self.change, self.after, self.strides = nn.Sequential(*change), after, strides
        self.scale = self.project = None
        if se_ratio:
            self.scale = nn.Sequential(
                nn.AdaptiveAvgPool2d(1),
                nn.Conv2d(after, after // se_ratio, 1),
                nn.ReLU(),
                nn.Conv2d(after // se_ratio, after, 1),
                nn.Sigmoid(),
            )
        if (strides > 1 or before != after) and shortcut == "projection":
            self.project = nn.Sequential(*conv_bn(before, after, 1, strides))

    def forward(self, x):
        y = self.change(x)
        y = y if self.scale is None else y * self.scale(y)
        if self.project is not None:
            x = self.project(x)
        elif x.shape != y.shape:
            x = x[:, :, :: self.strides, :: self.strides]
            x = functional.pad(x, (0, 0, 0, 0, 0, self.after - x.shape[1]))
        return functional.relu(y + x)


def resnet(
    shape,
    classes=1000,
    depths=(2, 2, 2, 2),
    width=64,
    kind="basic",
    se_ratio=None,
    shortcut="projection",
    stem="imagenet",
):
    large = stem == "imagenet"
    layers = [*conv_bn(shape[2], width, 7 if large else 3, 2 if large else 1), nn.ReLU()]
    layers += [nn.MaxPool2d(3, 2, 1)] if large else []
    channels = width
    for stage, depth in enumerate(depths):
        for i in range(depth):
            strides = 2 if stage > 0 and i == 0 else 1
            block = Residual(channels, width << stage, strides, kind, se_ratio, shortcut)
            layers.append(block)
            channels = block.after
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)
    )


def densenet(shape, classes=1000, depths=(6, 12, 24, 16), growth_rate=32, stem="imagenet"):
    model = torchvision.models.DenseNet(growth_rate, depths, 2 * growth_rate, num_classes=classes)
    if stem == "small":
        model.features.conv0 = nn.Conv2d(shape[2], 2 * growth_rate, 3, padding=1, bias=False)
        model.features.pool0 = nn.Identity()
    return model


class Fire(nn.Module):
    def __init__(self, before, width):
        super().__init__()
        self.squeeze = nn.Conv2d(before, width, 1)
        self.ones = nn.Conv2d(width, 4 * width, 1)
        self.threes = nn.Conv2d(width, 4 * width, 3, padding=1)

    def forward(self, x):
        x = functional.relu(self.squeeze(x))
        return torch.cat([functional.relu(self.ones(x)), functional.relu(self.threes(x))], 1)


def squeezenet(
    shape,
    classes=1000,
    depths=(3, 4, 1),
    widths=(16, 16, 32, 32, 48, 48, 64, 64),
    stem="imagenet",
    dropout=0.5,
):
    def pool():
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    channels = 96 if stem == "imagenet" else 2 * widths[0]
    small = nn.Conv2d(shape[2], channels, 3, padding=1)
    first = nn.Conv2d(shape[2], channels, 7, 2) if stem == "imagenet" else small
    layers, modules = [first, nn.ReLU()], iter(widths)
    layers += [pool()] if stem == "imagenet" else []
    for stage, depth in enumerate(depths, 1):
        for _ in range(depth):
            width = next(modules)
            layers.append(Fire(channels, width))
            channels = 8 * width
        layers += [pool()] if stage < len(depths) else []
    layers += [nn.Dropout(dropout), nn.Conv2d(channels, classes, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def mobilenet_v2(shape):
    return torchvision.models.mobilenet_v2(num_classes=10)


class Localizer(nn.Module):
    def __init__(self, shape, num_classes=10, widths=(32, 64, 128, 128), units=128):
        super().__init__()
        backbone = simple_cnn(shape, widths=widths)[: 4 * len(widths)]
        flat = widths[-1] * (shape[0] >> len(widths)) * (shape[1] >> len(widths))
        self.features = nn.Sequential(*backbone, nn.Flatten(), nn.Linear(flat, units), nn.ReLU())
        self.classes, self.box = nn.Linear(units, num_classes), nn.Linear(units, 4)

    def forward(self, x):
        x = self.features(x)
        return self.classes(x), torch.sigmoid(self.box(x))


class Seq2Seq(nn.Module):
    def __init__(self, vocabulary_size, width, dropout=0.0):
        super().__init__()
        self.source, self.target = (nn.Embedding(vocabulary_size, width) for _ in range(2))
        self.encoder = nn.GRU(width, width // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.GRU(width, width, batch_first=True)
        self.keys, self.combine = nn.Linear(width, width, bias=False), nn.Linear(2 * width, width)
        self.logits, self.drop = nn.Linear(width, vocabulary_size), nn.Dropout(dropout)

    def forward(self, source, target):
        h, state = self.encoder(self.drop(self.source(source)))
        d, _ = self.decoder(self.drop(self.target(target)), torch.cat([*state], 1)[None])
        h = self.keys(h)
        c = torch.softmax(d @ h.transpose(1, 2), 2) @ h
        return self.logits(self.drop(torch.tanh(self.combine(torch.cat([d, c], 2)))))


class GPT(nn.Module):
    def __init__(self, vocabulary_size, context, width, depth, heads, dropout=0.0):
        super().__init__()
        self.token, self.position = (nn.Embedding(n, width) for n in (vocabulary_size, context))
        self.blocks = nn.ModuleList(GPTBlock(width, heads, dropout) for _ in range(depth))
        self.norm, self.drop = nn.LayerNorm(width), nn.Dropout(dropout)

    def forward(self, tokens):
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.drop(self.token(tokens) + self.position(places))
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.token.weight.T


class GPTBlock(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        gelu = nn.GELU(approximate="tanh")
        layers = [nn.Linear(width, 4 * width), gelu, nn.Linear(4 * width, width)]
        self.mlp, self.drop = nn.Sequential(*layers, nn.Dropout(dropout)), nn.Dropout(dropout)

    def forward(self, x):
        batch, time, width = x.shape
        parts = self.project(self.norm1(x)).view(batch, time, 3, self.heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        y = functional.scaled_dot_product_attention(
            query, key, value, dropout_p=dropout, is_causal=True
        )
        x = x + self.drop(self.mix(y.transpose(1, 2).reshape(batch, time, width)))
        return x + self.mlp(self.norm2(x))


class LSTM(nn.Module):
    def __init__(self, vocabulary_size, width, depth, dropout=0.0):
        super().__init__()
        self.token, self.drop = nn.Embedding(vocabulary_size, width), nn.Dropout(dropout)
        between = dropout if depth > 1 else 0.0
        self.lstm = nn.LSTM(width, width, depth, batch_first=True, dropout=between)
        self.logits = nn.Linear(width, vocabulary_size)

    def forward(self, tokens):
        return self.logits(self.drop(self.lstm(self.drop(self.token(tokens)))[0]))


def dense(sizes, activation):
    layers = [
        layer
        for before, after in itertools.pairwise(sizes)
        for layer in (nn.Linear(before, after), activation())
    ]
    return nn.Sequential(*layers[:-1])


class Coder(nn.Module):
    """An autoencoder; with `sampled`, a VAE. Its forward pass returns the loss."""

    def __init__(self, shape, latent_dim, widths, activation="relu", sampled=False):
        super().__init__()
        size = shape[0] * shape[1] * shape[2]
        kind = {"relu": nn.ReLU, "silu": nn.SiLU}[activation]
        self.sampled = sampled
        self.encoder = dense([size, *widths, latent_dim * (2 if sampled else 1)], kind)
        self.decoder = dense([latent_dim, *widths[::-1], size], kind)

    def forward(self, x):
        x = x.flatten(1)
        code = self.encoder(x)
        if not self.sampled:
            return functional.mse_loss(torch.sigmoid(self.decoder(code)), x)
        mean, log_variance = code.chunk(2, 1)
        code = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        logits = self.decoder(code)
        nats = functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
        kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1)
        return (nats + kl).mean()


class DCGAN(nn.Module):
    def __init__(self, shape, latent_dim, width, start):
        super().__init__()
        doublings = (shape[0] // start).bit_length() - 1
        self.latent_dim, channels, layers = latent_dim, latent_dim, []
        for step in range(doublings):
            filters = width << (doublings - 1 - step)
            size = (start, 1, 0) if step == 0 else (4, 2, 1)
            layers += [nn.ConvTranspose2d(channels, filters, *size, bias=False)]
            layers += [nn.BatchNorm2d(filters), nn.ReLU()]
            channels = filters
        layers += [nn.ConvTranspose2d(channels, shape[2], 4, 2, 1, bias=False), nn.Tanh()]
        self.generator, channels, layers = nn.Sequential(*layers), shape[2], []
        for step in range(doublings):
            filters = width << step
            layers += [nn.Conv2d(channels, filters, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(filters)] if step else []
            layers += [nn.LeakyReLU(0.2)]
            channels = filters
        layers += [nn.Conv2d(channels, 1, start, bias=False), nn.Flatten()]
        self.discriminator = nn.Sequential(*layers)

    def losses(self, images):
        """Yield the discriminator's loss, then the generator's for the updated discriminator."""
        real = 2 * images - 1
        fake = self.generator(torch.randn(len(real), self.latent_dim, 1, 1))
        loss = functional.binary_cross_entropy_with_logits
        one = torch.ones(len(real), 1)
        yield loss(self.discriminator(real), 0.9 * one) + loss(
            self.discriminator(fake.detach()), 0 * one
        )
        yield loss(self.discriminator(fake), one)


def adamw(parameters, **options):
    optimizer = torch.optim.AdamW(parameters, 1e-3, weight_decay=1e-4, **options)
    return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10_000)


class Step:
    """A training step of a network on one batch, as a loop of PyTorch takes it."""

    def __init__(self, network, x, y, channels_last=False, compiled=False):
        self.x = [torch.from_numpy(part) for part in (x if isinstance(x, tuple) else (x,))]
        self.y = self.box = None
        if y is not None:
            self.box = torch.from_numpy(y["box"]) if isinstance(y, dict) else None
            self.y = torch.from_numpy(y if self.box is None else y["class"]).long()
        if self.x[0].ndim == 4:
            self.x = [self.x[0].permute(0, 3, 1, 2).contiguous()]
        network(*self.x) if not isinstance(network, DCGAN) else None  # sizes of lazy layers
        if channels_last:
            network, *self.x = (
                part.to(memory_format=torch.channels_last) for part in (network, *self.x)
            )
        self.network = network.train()
        self.forward = torch.compile(network) if compiled else network
        parts = [network.generator, network.discriminator] if self.is_gan else [network]
        self.optimizers = [adamw(part.parameters()) for part in parts]

    @property
    def clips(self):
        return isinstance(self.network, (GPT, LSTM))

    @property
    def is_gan(self):
        return isinstance(self.network, DCGAN)

    @property
    def parameters(self):
        return sum(weight.numel() for weight in self.network.parameters())

    def __call__(self):
        if self.is_gan:
            losses = self.network.losses(*self.x)
            for optimizer in reversed(self.optimizers):  # the discriminator's first
                self.descend(*optimizer, next(losses))
            return
        outputs = self.forward(*self.x)
        if self.box is not None:
            loss = 50 * functional.huber_loss(outputs[1], self.box, delta=0.1)
            outputs = loss + functional.cross_entropy(outputs[0], self.y)
        elif self.y is not None:
            outputs = functional.cross_entropy(outputs.flatten(0, -2), self.y.flatten())
        self.descend(*self.optimizers[0], outputs)

    def descend(self, optimizer, schedule, loss):
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.clips:
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
