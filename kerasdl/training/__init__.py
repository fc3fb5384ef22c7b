"""Training: Keras's `fit` with checkpoints, interrupts, replicas and progress.

It trains any Keras model on any splits and does not use recipes.
"""
