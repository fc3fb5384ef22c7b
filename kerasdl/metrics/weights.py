"""Keras hands weights to every metric; some of ours have no meaning for them."""

from kerasdl.errors import InvalidInput


def refuse(metric, sample_weight):
    if sample_weight is not None:
        expected = "none: compile it under `metrics`, not `weighted_metrics`"
        raise InvalidInput(f"sample weights for {type(metric).__name__}", expected, "some")
