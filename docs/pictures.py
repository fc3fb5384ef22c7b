"""Make the README's first figure from three runs: `python docs/pictures.py [RUNS]`.

Train the recipes simple_cnn_mnist, localizer and dcgan first; RUNS is the folder of their runs.
"""

import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

PANELS = [
    ("Feature maps of one digit", "simple_cnn_mnist-mnist-seed0/figures/feature_maps.png"),
    ("The most confident mistakes", "simple_cnn_mnist-mnist-seed0/figures/mistakes.png"),
    ("Localized shapes", "localizer-shapes-seed0/figures/boxes.png"),
    ("Digits that a DCGAN generated", "dcgan-digits-seed0/figures/samples.png"),
]


def main():
    runs = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "runs")
    images = [plt.imread(runs / path) for _, path in PANELS]
    widths = [image.shape[1] / image.shape[0] for image in images]
    rows = [(0, 3), (1, 2)]  # panels side by side, of about equal width together
    figure = plt.figure(figsize=(12, 7), layout="constrained")
    for part, panels in zip(figure.subfigures(len(rows), 1), rows, strict=True):
        ratios = [widths[panel] for panel in panels]
        for axis, panel in zip(
            part.subplots(1, len(panels), width_ratios=ratios), panels, strict=True
        ):
            axis.imshow(images[panel])
            axis.set_title(PANELS[panel][0], fontsize=11)
            axis.axis("off")
    out = pathlib.Path("docs/images")
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(out / "road.png", dpi=90, bbox_inches="tight")


if __name__ == "__main__":
    main()
