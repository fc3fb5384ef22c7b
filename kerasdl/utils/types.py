"""Types of several signatures that Python's type system cannot express more precisely."""

from typing import Any

# of TensorFlow, or a symbolic keras.KerasTensor
Tensor = Any

# an array or a tensor; or a list, tuple or dict of them, for a model with several inputs
Arrays = Any
