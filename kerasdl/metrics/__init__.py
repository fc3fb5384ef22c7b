"""Metrics that Keras lacks. Each accumulates sums over batches and replicas."""

from kerasdl.utils import lazy

MODULES = {
    "BLEU": "bleu",
    "ExpectedCalibrationError": "calibration",
    "FrechetDistance": "frechet",
    "InceptionScore": "inception_score",
    "KernelDistance": "kernel_distance",
    "MeanAveragePrecision": "average_precision",
    "MeanAverageRecall": "average_precision",
    "ModesCovered": "modes",
    "PSNR": "image_quality",
    "Perplexity": "perplexity",
    "SSIM": "image_quality",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
