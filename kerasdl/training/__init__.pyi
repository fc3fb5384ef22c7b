# `make stubs` writes this file, from the names that the package imports lazily.
from kerasdl.training import checkpoint as checkpoint
from kerasdl.training import events as events
from kerasdl.training import interrupts as interrupts
from kerasdl.training import lock as lock
from kerasdl.training import optimizer as optimizer
from kerasdl.training import progress as progress
from kerasdl.training import replicas as replicas
from kerasdl.training import trainer as trainer
