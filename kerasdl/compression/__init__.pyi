# `make stubs` writes this file, from the names that the package imports lazily.
from kerasdl.compression.distillation import distill as distill
from kerasdl.compression.fake_quant import quantize_aware as quantize_aware
from kerasdl.compression.fake_quant import train_aware as train_aware
from kerasdl.compression.flat_graph import flatten as flatten
from kerasdl.compression.layer_sensitivity import sensitivity as sensitivity
from kerasdl.compression.methods import Compressed as Compressed
from kerasdl.compression.methods import compress as compress
from kerasdl.compression.pruning import Prune as Prune
from kerasdl.compression.pruning import prune as prune
from kerasdl.compression.pruning import sparsity as sparsity
from kerasdl.compression.searching import search as search
