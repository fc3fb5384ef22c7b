"""Write captum_maps.npz: the attributions that captum computes for a small network.

Run it where torch and captum are installed (captum 0.9.0 with torch 2.14.1 wrote the file):

    python tests/reference/captum_maps.py

The file holds the network's weights in Keras's layout and order, images (number, height, width,
channels), targets, and for each method an array with the name of the function of `kerasdl.explain`.
"""

import pathlib

import captum.attr
import numpy as np
import torch

SHAPE, TARGETS = (3, 12, 12, 3), [2, 0, 3]  # number, height, width, channels
SAMPLES, NOISE, SEED = 5, 0.15, 0  # of SmoothGrad; the noise is that of `explain.smooth_grad`


def weights():
    """Kernels and biases of two convolutions and a dense layer, as Keras has them."""
    generator = np.random.default_rng(1)
    shapes = [(3, 3, 3, 8), (8,), (3, 3, 8, 6), (6,), (6 * 6 * 6, 4), (4,)]
    scales = [np.sqrt(2 / np.prod(shape[:-1])) if len(shape) > 1 else 0.1 for shape in shapes]
    pairs = zip(shapes, scales, strict=True)
    return [(generator.normal(size=s) * scale).astype("float32") for s, scale in pairs]


def network(arrays):
    """The same network for torch: channels first, which also orders the flattened maps."""
    first, second = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Conv2d(8, 6, 3, padding=1)
    head = torch.nn.Linear(6 * 6 * 6, 4)
    for layer, kernel, bias in zip((first, second), arrays[:4:2], arrays[1:4:2], strict=True):
        layer.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1))
        layer.bias.data = torch.tensor(bias)
    flattened = arrays[4].reshape(6, 6, 6, 4).transpose(3, 2, 0, 1)  # classes, channels, rows, ...
    head.weight.data = torch.tensor(flattened.reshape(4, -1))
    head.bias.data = torch.tensor(arrays[5])
    relus = torch.nn.ReLU(), torch.nn.ReLU()
    parts = [first, relus[0], torch.nn.MaxPool2d(2), second, relus[1], torch.nn.Flatten(), head]
    return torch.nn.Sequential(*parts)


def channels_last(tensor):
    """Return (number, channels, height, width) as an array (number, height, width, channels)."""
    return tensor.detach().numpy().transpose(0, 2, 3, 1)


def smooth_grad(model, images, targets):
    """NoiseTunnel with the noise of `explain.smooth_grad`: sample by sample, channels last."""
    generator, array = np.random.default_rng(SEED), channels_last(images)
    deviation = NOISE * np.ptp(array)
    noise = [generator.normal(0, deviation, SHAPE).astype("float32") for _ in range(SAMPLES)]
    by_image = np.stack(noise, 1).reshape(-1, *SHAPE[1:]).transpose(0, 3, 1, 2)
    drawn, torch.normal = torch.normal, lambda mean, std: torch.tensor(by_image)
    try:
        tunnel = captum.attr.NoiseTunnel(captum.attr.Saliency(model))
        options = {"nt_type": "smoothgrad", "nt_samples": SAMPLES, "abs": False}
        return tunnel.attribute(images, stdevs=float(deviation), target=targets, **options)
    finally:
        torch.normal = drawn


def main():
    """Compute the attributions and write them."""
    arrays = weights()
    model = network(arrays).eval()
    pixels = np.random.default_rng(2).random(SHAPE).astype("float32")
    images, targets = torch.tensor(pixels.transpose(0, 3, 1, 2)), torch.tensor(TARGETS)
    attr = captum.attr
    guided, deconvnet = attr.GuidedBackprop(model), attr.Deconvolution(model)
    windows = {"sliding_window_shapes": (3, 5, 5), "strides": (3, 3, 3), "baselines": 0.5}
    hidden = attr.Occlusion(model).attribute(images, target=targets, **windows)
    found = {
        "logits": model(images).detach().numpy(),
        "slopes": channels_last(attr.Saliency(model).attribute(images, targets, abs=False)),
        "guided": channels_last(guided.attribute(images, targets)),
        "deconvnet": channels_last(deconvnet.attribute(images, targets)),
        "integrated_gradients": channels_last(
            attr.IntegratedGradients(model).attribute(images, 0.25, targets, n_steps=20)
        ),
        "smooth_grad": channels_last(smooth_grad(model, images, targets)),
        "occlusion": channels_last(hidden)[..., 0],  # the same for each channel of a pixel
    }
    for name, layer in (("grad_cam_first", model[0]), ("grad_cam_last", model[4])):
        cam = attr.LayerGradCam(model, layer).attribute(images, targets, relu_attributions=True)
        large = attr.LayerAttribution.interpolate(cam, SHAPE[1:3], "bilinear")
        found[name] = channels_last(large)[..., 0]
    arrays = {f"weight{i}": array for i, array in enumerate(arrays)}
    file = pathlib.Path(__file__).with_suffix(".npz")
    np.savez_compressed(file, images=pixels, targets=TARGETS, **arrays, **found)


if __name__ == "__main__":
    main()
