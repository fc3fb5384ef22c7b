"""Recurrent networks that read a series and answer with numbers or classes."""

import keras
from keras import layers

from kerasdl.models.network import Classifier
from kerasdl.models.sequence.bilstm_tagger import recurrent_stack
from kerasdl.utils import checks

VARIANTS = {
    "SeriesNetwork": {
        "series_lstm": {},
        "series_lstm_tiny": {"width": 32},
        "series_gru": {"cell": "gru"},
        "series_rnn": {"cell": "rnn"},
    }
}
CELLS = {"lstm": layers.LSTM, "gru": layers.GRU, "rnn": layers.SimpleRNN}


@keras.saving.register_keras_serializable(package="kerasdl")
class SeriesNetwork(Classifier):
    """Answer a question about a series from the last output of recurrent layers.

        h_t = LSTM(x_t, h_{t-1}), stacked        y = W h_T + b

    Args:
        width: int, units of each layer; even if `bidirectional`.
        depth: int, number of layers.
        cell: str, "lstm", "gru" or "rnn", the kind of the layers.
        bidirectional: bool, whether they read in both directions, with half of the units each.
        dropout: float, fraction of the inputs of each layer that training drops, in [0, 1).
        num_classes: int, number of logits, or of numbers to predict; `None` for the last output of
            the recurrent layers.
        input_shape: tuple (steps, features); `None` for steps of any number.

    Input shape: (batch, steps, features)
    Output shape: (batch, num_classes)

    Reference: Hochreiter, Schmidhuber (1997), Long Short-Term Memory; Cho et al. (2014), Learning
    Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation.
    """

    def __init__(
        self,
        width: int = 64,
        depth: int = 1,
        cell: str = "lstm",
        bidirectional: bool = False,
        dropout: float = 0.0,
        num_classes: int | None = 1,
        input_shape: tuple[int | None, int] = (50, 1),
        **kwargs,
    ):
        checks.integers(optional=True, num_classes=num_classes)
        checks.shapes(rank=2, input_shape=input_shape)
        features = input_shape[1]
        checks.check("input_shape", input_shape, features is not None, "known features")
        checks.integers(width=width, depth=depth)
        checks.choices(list(CELLS), cell=cell)
        checks.flags(bidirectional=bidirectional)
        expected = "an even number: half for each direction"
        checks.check("width", width, width % 2 == 0 or not bidirectional, expected)
        checks.fractions(dropout=dropout)
        series = keras.Input(input_shape, name="series")
        x = recurrent_stack(series, CELLS[cell], width, depth, bidirectional, dropout, False)
        if num_classes is not None:
            x = layers.Dropout(dropout, name="drop")(x)
            x = layers.Dense(num_classes, name="logits")(x)
        super().__init__(series, x, **kwargs)
        self.pyramid: dict[int, keras.KerasTensor] = {}
