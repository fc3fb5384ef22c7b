"""The embedded datasets: one function of a seed for each, whose docstring is its card."""
