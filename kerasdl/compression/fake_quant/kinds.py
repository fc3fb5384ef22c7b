"""What LiteRT does with each kind of operation, by the names of Keras's classes."""

import keras
from keras import layers, ops

from kerasdl.compression.fake_quant import normalization, operations
from kerasdl.compression.fake_quant.activations import PROBABILITY, TANH


def _names(text):
    return frozenset(text.split())


# what moves values, or chooses among them, keeps their scale
MOVES = _names("""
    ActivityRegularization AlphaDropout BroadcastTo Cast ConvertToTensor Cropping1D Cropping2D
    Dropout ExpandDims Flatten Flip GaussianDropout GaussianNoise GetItem GlobalMaxPooling1D
    GlobalMaxPooling2D Identity Masking Max MaxPool MaxPooling1D MaxPooling2D Moveaxis Pad Permute
    Ravel Repeat RepeatVector Reshape Slice SpatialDropout1D SpatialDropout2D Split Squeeze
    StopGradient Swapaxes Tile Transpose UpSampling1D ZeroPadding1D ZeroPadding2D
""")
# results are on the scale of the input; augmentation does nothing at inference
SAME_SCALE = _names("""
    AveragePool AveragePooling1D AveragePooling2D RandomBrightness RandomContrast RandomCrop
    RandomFlip RandomRotation RandomTranslation RandomZoom UpSampling2D
""")
# a ReLU is applied inside of these before they round
FUSE = _names("Add Subtract Multiply")
# these stay float where only float operations read them
FREE = MOVES | FUSE | _names("Divide Einsum Matmul TrueDivide Where")
# results are in ranges that no data change
RANGES = {"softmax": PROBABILITY, "sigmoid": PROBABILITY, "tanh": TANH}


def name(operation) -> str:
    """The class of an operation; the function of a layer that is an activation."""
    if isinstance(operation, layers.Activation):
        return getattr(operation.activation, "__name__", "")
    return type(operation).__name__


def is_relu(operation) -> bool:
    if isinstance(operation, layers.ReLU):
        plain = not operation.negative_slope and not operation.threshold
        return bool(plain and operation.max_value in (None, 6))
    if isinstance(operation, layers.Activation):
        return operation.activation in (*operations.FUSED[1:], ops.relu, ops.relu6)
    return name(operation) in ("Relu", "Relu6")


def left_float(nodes, readers) -> set[int]:
    """The nodes whose results stay float, as only such read them that compute in float anyway.

    So the sums between the layer normalizations of a transformer lose nothing, and neither do the
    scores in front of a softmax: int8 has no room for both them and a mask.

    Args:
        nodes: A graph's nodes in the order of computing.
        readers: A function that gives the nodes that read a node's results.
    """
    free, computing = set(), set()
    for node in reversed(nodes):
        if name(node.operation) in FREE and all(id(r) in computing for r in readers(node)):
            free.add(id(node))
        elif not _computes_in_float(node):
            continue
        computing.add(id(node))
    return free


def _computes_in_float(node):
    x = node.input_tensors[0]
    if name(node.operation).lower() == "softmax":
        return not operations.is_supported(x._keras_history.operation, len(x.shape))
    return normalization.is_supported(node.operation, len(x.shape))


def is_saved(function) -> bool:
    """Whether a `.keras` file can name a function."""
    try:
        keras.saving.serialize_keras_object(function)
    except TypeError:
        return False
    return True
