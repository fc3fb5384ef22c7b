"""Networks for segmentation: the sizes that were published, and what a pixel sees."""

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl.errors import InvalidInput
from kerasdl.models.segmentation.deeplab import AtrousPyramid
from kerasdl.models.vision.resnet import ResNet


def test_unet_has_the_published_sizes():
    with keras.StatelessScope(initialize_variables=False):
        unet = kerasdl.create_model("unet")
        same = kerasdl.create_model("unet_same")
    assert unet.count_params() == 31_030_658
    assert unet.output_shape == (None, 388, 388, 2)
    assert same.output_shape == (None, 256, 256, 2)
    assert same.count_params() == unet.count_params()


@pytest.mark.parametrize(("padding", "shape"), [("valid", (570, 572, 1)), ("same", (60, 64, 3))])
def test_a_size_that_does_not_halve_evenly_is_refused(padding, shape):
    with pytest.raises(InvalidInput, match="halves an even map"):
        kerasdl.create_model("unet", padding=padding, input_shape=shape)


@pytest.mark.rows("DET-23")
def test_dilation_keeps_the_size_and_the_receptive_field():
    options = {"block": "basic", "depths": (1, 1, 1), "width": 4, "stem": "small"}
    shrinking = ResNet(**options, num_classes=None, input_shape=(64, 64, 1))
    dilated = ResNet(**options, num_classes=None, input_shape=(64, 64, 1), output_stride=1)
    assert shrinking.output_shape[1:3] == (16, 16)
    assert dilated.output_shape[1:3] == (64, 64)
    # the first convolution, and two in each stage: 2 pixels more for each, times its dilation
    assert seen_by_the_middle(dilated) == 1 + 2 * (1 + 2 * 1 + 2 * 1 + 2 * 2)


def seen_by_the_middle(network):
    """The width of the square of pixels on which the middle of the output depends."""
    import tensorflow as tf

    image = tf.Variable(np.random.default_rng(0).random((1, 64, 64, 1), "float32"))
    with tf.GradientTape() as tape:
        middle = tf.reduce_sum(tf.abs(network(image)[0, 32, 32]))
    columns = np.flatnonzero(np.abs(tape.gradient(middle, image)[0, :, :, 0]).sum(0) > 0)
    return columns[-1] - columns[0] + 1


def test_the_atrous_pyramid_knows_the_mean_of_the_map():
    pyramid = AtrousPyramid(32, rates=(1, 2))
    image = np.zeros((1, 16, 16, 2), "float32")
    far = image.copy()
    far[0, 15, 15] = 100.0
    assert np.abs(np.asarray(pyramid(image) - pyramid(far)))[0, 0, 0].max() > 0


def test_all_segmenters_compile_by_themselves():
    images = np.random.default_rng(0).random((4, 32, 32, 3)).astype("float32")
    masks = (images[..., 0] > 0.5).astype("int32")
    for name in ("unet_tiny", "segformer_tiny"):
        model = kerasdl.create_model(name, input_shape=(32, 32, 3), num_classes=2)
        model.compile(run_eagerly=True)
        history = model.fit(images, masks, verbose=0)
        assert set(history.history) == {"loss", "accuracy", "iou"}
