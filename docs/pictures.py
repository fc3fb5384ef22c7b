"""Make the README's picture from two runs: `python docs/pictures.py`, after training both."""

import pathlib

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

RUNS = pathlib.Path("runs")
PANELS = [
    ("what its layers see", RUNS / "se_resnet_tiny-digits-seed0/figures/feature_maps.png"),
    ("what it was unsure of", RUNS / "se_resnet_tiny-digits-seed0/figures/mistakes.png"),
    ("what a DCGAN made up", RUNS / "dcgan-digits-seed0/figures/samples.png"),
]


def main():
    images = [plt.imread(path) for _, path in PANELS]
    widths = [image.shape[1] / image.shape[0] for image in images]
    figure, axes = plt.subplots(1, len(images), figsize=(14, 4.6), width_ratios=widths)
    for axis, image, (title, _) in zip(axes, images, PANELS, strict=True):
        axis.imshow(image)
        axis.set_title(title)
        axis.axis("off")
    out = pathlib.Path("docs/images")
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(out / "road.png", dpi=90, bbox_inches="tight")


if __name__ == "__main__":
    main()
