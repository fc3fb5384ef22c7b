"""The base of every network: a functional model that is a class and knows its arguments."""

import keras

from kerasdl.arguments import Arguments


class Network(Arguments, keras.Model):
    """A network whose `__init__` wires layers from `keras.Input` to its outputs.

    It ends with `super().__init__(inputs, outputs, **kwargs)`, so the network is built from birth:
    summaries, shapes, weights, feature extraction, saving and distribution all work.
    """
