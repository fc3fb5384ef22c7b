"""A recurrent network that forecasts series, all steps at once."""

import keras
from keras import layers

from kerasdl import optimizers
from kerasdl.models.network import Network
from kerasdl.models.sequence.bilstm_tagger import recurrent_stack
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

VARIANTS = {
    "Forecaster": {
        "forecaster": {"width": 128, "depth": 2},
        "forecaster_tiny": {},
    }
}
CELLS = {"lstm": layers.LSTM, "gru": layers.GRU}


@keras.saving.register_keras_serializable(package="kerasdl")
class Forecaster(Network):
    """Forecast the next values of series from a window of their last values.

    Everything is relative to the last value x_T, so that a trend may leave the range of the
    training data. A linear part, the same for each series, and a recurrent part, which also reads
    the calendar and other series, are added to it:

        z_t = x_t - x_T        h = LSTM(z_1, c_1, ..., z_T, c_T)
        y_k = x_T + sum_t A_{kt} z_t + W_k h + b_k        for k = 1, ..., horizon

    Each step has its own weights (a direct forecast), so no error of one step enters the next.

    Args:
        outputs: int, number of series to forecast: the first features of the input.
        horizon: int, number of steps to forecast.
        width: int, units of each recurrent layer.
        depth: int, number of recurrent layers.
        cell: str, "lstm" or "gru", the kind of the recurrent layers.
        patch: int, consecutive steps that the recurrent layers read as one, which makes them faster
            by about this factor; the window is padded in front to a multiple of it.
        dropout: float, fraction of the inputs of each recurrent layer that training drops, in
            [0, 1).
        input_shape: tuple (window, features).

    Input shape: (batch, window, features)
    Output shape: (batch, horizon, outputs)

    Reference: Zeng et al. (2023), Are Transformers Effective for Time Series Forecasting?, for the
    linear part relative to the last value; Wen et al. (2017), A Multi-Horizon Quantile Recurrent
    Forecaster, for direct forecasts of a recurrent network; Nie et al. (2023), A Time Series is
    Worth 64 Words, for patches.
    """

    def __init__(
        self,
        outputs: int = 1,
        horizon: int = 24,
        width: int = 32,
        depth: int = 1,
        cell: str = "lstm",
        patch: int = 1,
        dropout: float = 0.0,
        input_shape: tuple[int, int] = (168, 1),
        **kwargs,
    ):
        checks.integers(outputs=outputs, horizon=horizon, width=width, depth=depth, patch=patch)
        checks.shapes(rank=2, known=True, input_shape=input_shape)
        checks.choices(list(CELLS), cell=cell)
        checks.fractions(dropout=dropout)
        window, features = input_shape
        holds = outputs <= features
        checks.check("outputs", outputs, holds, f"at most {features}, the features of the input")
        x = keras.Input(input_shape, name="series")
        last = layers.Cropping1D((window - 1, 0), name="last")(x)  # (batch, 1, features)
        last = _first(last, outputs, "last_of_series")  # (batch, 1, outputs)
        # z is 0 at the end of the window; calendar and other series stay as they are
        zeros = layers.ZeroPadding1D((0, features - outputs), name="pad_features")
        shift = layers.Permute((2, 1))(zeros(layers.Permute((2, 1))(last)))
        z = layers.Subtract(name="relative")([x, shift])

        linear = layers.Permute((2, 1))(_first(z, outputs, "series_alone"))
        linear = layers.Dense(horizon, use_bias=False, name="linear")(linear)
        linear = layers.Permute((2, 1))(linear)  # (batch, horizon, outputs)

        steps = -(-window // patch)
        h = layers.ZeroPadding1D((steps * patch - window, 0), name="pad_steps")(z)
        h = layers.Reshape((steps, patch * features), name="patches")(h)
        h = recurrent_stack(h, CELLS[cell], width, depth, False, dropout, False)
        h = layers.Dense(horizon * outputs, name="head")(h)
        h = layers.Reshape((horizon, outputs), name="steps")(h)
        super().__init__(x, layers.Add(name="forecast")([linear, h, last]), **kwargs)

    def training_defaults(self) -> dict:
        return {"optimizer": optimizers.AdamW(1e-3), "loss": keras.losses.MeanAbsoluteError()}


def _first(x: Tensor, outputs: int, name: str) -> Tensor:
    """Return the first features of (batch, steps, features)."""
    others = x.shape[2] - outputs
    if not others:
        return x
    x = layers.Cropping1D((0, others), name=name)(layers.Permute((2, 1))(x))
    return layers.Permute((2, 1))(x)
