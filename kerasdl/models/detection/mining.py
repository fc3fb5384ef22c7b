"""Hard negative mining: let only the background that looks most like an object count in a loss."""

from keras import ops

from kerasdl.utils.types import Tensor


def hardest(losses: Tensor, positive: Tensor, times: int = 3) -> Tensor:
    """Keep the losses of objects and the largest losses of the background; the others become 0.

    Nearly all anchors are background, and most of them are easily seen to be; their many small
    losses would outweigh those of the objects.

    Args:
        losses: tensor (batch, anchors), 0 for anchors that are left out.
        positive: bool tensor (batch, anchors), whether an anchor has an object.
        times: int, number of anchors of the background for each one with an object. Images without
            an object keep as many.

    Example:
        >>> losses = ops.convert_to_tensor([[0.5, 0.1, 0.9, 0.3]])
        >>> hardest(losses, ops.convert_to_tensor([[True, False, False, False]]), times=1).numpy()
        array([[0.5, 0. , 0.9, 0. ]], dtype=float32)
    """
    count = ops.sum(ops.cast(positive, "int32"), axis=-1, keepdims=True)
    count = times * ops.maximum(count, 1)
    others = ops.stop_gradient(ops.where(positive, -1.0, losses))
    rank = ops.argsort(ops.argsort(-others, axis=-1), axis=-1)
    return ops.where(ops.logical_or(positive, rank < count), losses, 0.0)
