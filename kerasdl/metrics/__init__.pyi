# `make stubs` writes this file, from the names that the package imports lazily.
from kerasdl.metrics.average_precision import MeanAveragePrecision as MeanAveragePrecision
from kerasdl.metrics.average_precision import MeanAverageRecall as MeanAverageRecall
from kerasdl.metrics.bleu import BLEU as BLEU
from kerasdl.metrics.calibration import ExpectedCalibrationError as ExpectedCalibrationError
from kerasdl.metrics.frechet import FrechetDistance as FrechetDistance
from kerasdl.metrics.image_quality import PSNR as PSNR
from kerasdl.metrics.image_quality import SSIM as SSIM
from kerasdl.metrics.inception_score import InceptionScore as InceptionScore
from kerasdl.metrics.kernel_distance import KernelDistance as KernelDistance
from kerasdl.metrics.modes import ModesCovered as ModesCovered
from kerasdl.metrics.perplexity import Perplexity as Perplexity
