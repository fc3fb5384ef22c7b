"""The base class of layers that consist of other layers."""

import functools
from typing import Any

from keras import layers

from kerasdl.arguments import Arguments, after_build, set_trainable


class Block(Arguments, layers.Layer):
    """A layer that consists of other layers, some of which may be frozen.

    `get_config` holds the constructor's arguments and the frozen layers. A frozen block also
    freezes the layers that its `build` creates, which Keras would leave trainable.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not self.trainable:
            after_build(self, functools.partial(set_trainable, False, ()))

    def get_config(self) -> dict:
        return {**Arguments.get_config(self), **layers.Layer.get_config(self)}
