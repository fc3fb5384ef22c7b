"""`synchronize` changes every batch normalization that is not synchronized yet, at any depth."""

import keras

from kerasdl import distribute


def test_only_layers_that_were_not_synchronized_change():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(name="inner")])
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.BatchNormalization(name="outer"),
            keras.layers.BatchNormalization(name="already", synchronized=True),
            keras.layers.LayerNormalization(),
            inner,
        ]
    )
    assert {layer.name for layer in distribute.synchronize(model)} == {"inner", "outer"}
    assert inner.layers[0].synchronized and model.get_layer("outer").synchronized
    assert distribute.synchronize(model) == []
