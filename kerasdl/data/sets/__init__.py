"""The embedded datasets: a function of a seed for each. Its docstring is the dataset's card."""
