"""Types that several signatures name and that Python cannot state more precisely."""

from typing import Any

# of TensorFlow, or a symbolic keras.KerasTensor
Tensor = Any

# an array or a tensor; or a list, tuple or dict of them, as a model with several inputs takes
Arrays = Any
