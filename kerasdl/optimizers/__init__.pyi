# `make stubs` writes this file, from the names that the package imports lazily.
from kerasdl.optimizers.adam import Adam as Adam
from kerasdl.optimizers.adam import AdamW as AdamW
from kerasdl.optimizers.muon import Muon as Muon
