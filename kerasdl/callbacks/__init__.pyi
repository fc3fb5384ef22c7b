# `make stubs` writes this file, from the names that the package imports lazily.
from kerasdl.callbacks.confusion import ConfusionByEpoch as ConfusionByEpoch
from kerasdl.callbacks.data_time import DataTime as DataTime
from kerasdl.callbacks.gradient_health import GradientHealth as GradientHealth
from kerasdl.callbacks.histograms import Histograms as Histograms
from kerasdl.callbacks.nonfinite import NonFinite as NonFinite
from kerasdl.callbacks.nonfinite import NonFiniteLoss as NonFiniteLoss
from kerasdl.callbacks.rate_log import RateLog as RateLog
from kerasdl.callbacks.sample_grids import SampleGrids as SampleGrids
