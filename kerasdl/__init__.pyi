# `make stubs` writes this file, from the names that the package imports lazily.
from kerasdl import boxes as boxes
from kerasdl import callbacks as callbacks
from kerasdl import compression as compression
from kerasdl import data as data
from kerasdl import diagnosis as diagnosis
from kerasdl import distribute as distribute
from kerasdl import explain as explain
from kerasdl import export as export
from kerasdl import formulas as formulas
from kerasdl import guide as guide
from kerasdl import layers as layers
from kerasdl import learners as learners
from kerasdl import losses as losses
from kerasdl import metrics as metrics
from kerasdl import models as models
from kerasdl import optimizers as optimizers
from kerasdl import recipes as recipes
from kerasdl import runs as runs
from kerasdl import schedules as schedules
from kerasdl import tasks as tasks
from kerasdl import training as training
from kerasdl import tuning as tuning
from kerasdl.registry import create_model as create_model
from kerasdl.registry import list_models as list_models
from kerasdl.saving import load_model as load_model
from kerasdl.seed import set_seed as set_seed

__version__: str
