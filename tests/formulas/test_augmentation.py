"""Augmentation, compared with Keras, TensorFlow, scikit-learn and `kerasdl.data`."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn import decomposition

from kerasdl.data import augment, mixup
from kerasdl.formulas import augmentation

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((4, 11, 11, 3)).astype("float32")
SIZE = (11, 11)


@pytest.mark.rows("E-82")
@pytest.mark.parametrize("degrees", [20.0, 10.0, 36.0])
def test_keras_rotates_by_fractions_of_a_full_turn(degrees, same):
    factor = augmentation.rotation_factor(degrees)
    layer = keras.layers.RandomRotation((factor, factor), fill_mode="constant")
    theirs = layer(IMAGES, training=True)[0]
    ours = augmentation.warp(IMAGES[0], augmentation.affine(SIZE, degrees))
    back = augmentation.warp(IMAGES[0], augmentation.affine(SIZE, -degrees))
    turned = min(ours, back, key=lambda image: np.abs(image - theirs).max())
    name = "keras.layers.RandomRotation"
    same(augmentation.rotation_factor, name, turned, theirs, at_most=1e-5)
    np.testing.assert_array_equal(layer(IMAGES, training=False), IMAGES)
    assert not hasattr(keras.preprocessing.image, "ImageDataGenerator")


def test_center_crop(same):
    ours = augmentation.center_crop(IMAGES[0], 7, 4)
    theirs = keras.layers.CenterCrop(7, 4)(IMAGES[:1])[0]
    same(augmentation.center_crop, "keras.layers.CenterCrop", ours, theirs)


@pytest.fixture(scope="module")
def drawn():
    """A policy, its random numbers, and the transforms that the package makes from them."""
    policy = augment.Policy(shift=0.2, rotate=30, zoom=0.2, flip=True)
    draws = augment.uniform(2, 1, tf.range(4), 10)
    return policy, draws.numpy(), augment._transforms(policy, draws, SIZE)


def ours_of(policy, draws):
    signed = 2 * draws - 1
    shift = signed[4] * policy.shift * SIZE[0], signed[3] * policy.shift * SIZE[1]
    angle, scale = signed[0] * policy.rotate, 1 + signed[1] * policy.zoom
    return augmentation.affine(SIZE, angle, scale, draws[2] < 0.5, shift)


def test_affine_transforms_and_warping(drawn, same):
    policy, draws, transforms = drawn
    ours = [ours_of(policy, row) for row in draws]
    theirs = transforms.numpy()[:, :6].reshape(-1, 2, 3)
    same(augmentation.affine, "kerasdl.data.augment", ours, list(theirs))
    assert len({matrix[0, 0] > 0 for matrix in ours}) == 2  # some are flipped, some not
    warped = [augmentation.warp(*pair) for pair in zip(IMAGES, ours, strict=True)]
    theirs = augment._warp(IMAGES, transforms)
    name = "tf.raw_ops.ImageProjectiveTransformV3"
    same(augmentation.warp, name, warped, list(theirs), at_most=1e-5)
    flipped = augmentation.warp(IMAGES[0], augmentation.affine(SIZE, flip=True))
    same(
        augmentation.warp, "tf.image.flip_left_right", flipped, tf.image.flip_left_right(IMAGES[0])
    )


def test_boxes_move_with_the_image(drawn, same):
    policy, draws, transforms = drawn
    boxes = np.array([[0.2, 0.3, 0.5, 0.6], [0.4, 0.4, 0.9, 0.7]], "float32")
    theirs = augment._move_boxes(np.repeat(boxes[None], 4, axis=0), transforms, SIZE)
    moved = [augmentation.move_boxes(boxes * 11, ours_of(policy, row)) / 11 for row in draws]
    ours = [np.clip(part, 0, 1) for part in moved]
    same(augmentation.move_boxes, "kerasdl.data.augment", ours, list(theirs))
    layer = keras.layers.RandomFlip("horizontal", data_format="channels_last")
    boxed = {"boxes": boxes[None] * 11, "labels": np.zeros((1, 2))}
    flip = {"flips": np.ones((1, 1, 1, 1), bool), "input_shape": IMAGES[:1].shape}
    layer.bounding_box_format = "xyxy"
    theirs = layer.transform_bounding_boxes(boxed, flip)["boxes"][0]
    ours = augmentation.move_boxes(boxes * 11, augmentation.affine(SIZE, flip=True))
    same(augmentation.move_boxes, "keras.layers.RandomFlip", ours, theirs)


def test_brightness_contrast_and_saturation(same):
    image, formula = IMAGES[0], augmentation.jitter_color
    draws = np.array([[0.9, 0.2, 0.7]], "float32")
    policy = augment.Policy(brightness=0.4, contrast=0.3, saturation=0.5)
    amounts = 1 + (2 * draws[0] - 1) * [0.4, 0.3, 0.5]
    theirs = augment._change_colors(image[None], policy, tf.constant(draws))[0]
    same(formula, "kerasdl.data.augment", formula(image, *amounts), theirs)
    theirs = tf.clip_by_value(tf.image.adjust_saturation(image, 0.0), 0, 1)
    grey = formula(image, saturation=0.0)
    same(
        formula, "tf.image.rgb_to_grayscale", grey[..., :1], tf.image.rgb_to_grayscale(image), 1e-3
    )
    one = image[..., :1] * np.ones(3, "float32")  # a gray image
    theirs = tf.clip_by_value(tf.image.adjust_contrast(one, 0.7), 0, 1)
    same(formula, "tf.image.adjust_contrast", formula(one, contrast=0.7), theirs)


def test_pca_color_augmentation(same):
    images = RANDOM.normal(size=(50, 3)) @ RANDOM.normal(size=(3, 3))
    images = images.reshape(5, 10, 3)
    alpha = np.array([0.1, -0.2, 0.05])
    pca = decomposition.PCA().fit(images.reshape(-1, 3))
    ours = augmentation.pca_color(images, alpha) - images
    # the sign of a principal axis is arbitrary
    along = pca.components_ @ ours[0, 0]
    theirs = alpha * pca.explained_variance_
    name = "sklearn.decomposition.PCA"
    same(augmentation.pca_color, name, np.abs(along), np.abs(theirs))
    np.testing.assert_array_equal(augmentation.pca_color(images, np.zeros(3)), images)


def seeds():
    return mixup.EpochSeed(3, 1, tf.range(4, dtype="int64"))


def test_mixup(same):
    labels = np.eye(4, dtype="float32")
    layer = keras.layers.MixUp(alpha=0.4)
    drawn = layer.get_random_transformation({"images": IMAGES}, seed=seeds())
    other, shares = np.array(drawn["permutation_order"]), np.array(drawn["mix_weight"])
    x, y = mixup.mixer(0.4, 0.0, 3)(tf.constant(IMAGES), labels, 1, tf.range(4, dtype="int64"))
    for i, share in enumerate(shares):
        pair = IMAGES[i], labels[i], IMAGES[other[i]], labels[other[i]]
        ours = list(augmentation.mixup(*pair, share))
        same(augmentation.mixup, "keras.layers.MixUp and kerasdl.data", ours, [x[i], y[i]])


def test_cutmix(same):
    labels = np.eye(4, dtype="float32")
    boxes = [(2, 3, 7, 9), (0, 0, 11, 4), (5, 5, 6, 6), (1, 0, 4, 11)]
    layer = keras.layers.CutMix()
    corners = tuple(tf.constant(np.array(boxes, "float32")[:, i]) for i in (0, 2, 1, 3))
    masks, weights = layer._generate_batch_mask(IMAGES.shape, corners)
    drawn = {"batch_masks": masks, "mix_weight": weights, "permutation_order": [1, 2, 3, 0]}
    x, y = layer.transform_images(IMAGES, drawn), layer.transform_labels(labels, drawn)
    for i, box in enumerate(boxes):
        other = (i + 1) % 4
        ours = augmentation.cutmix(IMAGES[i], labels[i], IMAGES[other], labels[other], box)
        same(augmentation.cutmix, "keras.layers.CutMix", list(ours), [x[i], y[i]])
