"""The embedded sets: one function each, from a seed to NumPy arrays; its docstring is its card."""
