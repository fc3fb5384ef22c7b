"""The base of layers that are made of layers."""

import functools

from keras import layers

from kerasdl.arguments import Arguments, after_build, set_trainable


class Block(Arguments, layers.Layer):
    """A layer made of other layers, some of which may be frozen.

    `get_config` holds the constructor's arguments and the frozen layers. A block that is not
    trainable freezes also the layers that its `build` makes, which Keras would leave trainable.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        if not self.trainable:
            after_build(self, functools.partial(set_trainable, False, ()))

    def get_config(self) -> dict:
        return {**Arguments.get_config(self), **layers.Layer.get_config(self)}
