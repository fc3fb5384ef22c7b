# `make stubs` writes this file, from the names that the package imports lazily.
from kerasdl.runs import train as train
from kerasdl.runs.folder import is_finished as is_finished
from kerasdl.runs.run import Run as Run
