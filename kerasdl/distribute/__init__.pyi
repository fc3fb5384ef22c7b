# `make stubs` writes this file, from the names that the package imports lazily.
from kerasdl.distribute.normalization import synchronize as synchronize
from kerasdl.distribute.sharing import is_chief as is_chief
from kerasdl.distribute.sharing import pipeline as pipeline
from kerasdl.distribute.sharing import share as share
from kerasdl.distribute.sharing import worker_of as worker_of
from kerasdl.distribute.strategies import strategy as strategy
