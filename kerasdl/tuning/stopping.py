"""What ends a trial before its last epoch; a loss that is no number ends every training."""

import time

import keras


class Limit(keras.callbacks.Callback):
    """End training after some seconds, within an epoch if need be."""

    def __init__(self, seconds: float):
        super().__init__()
        self.seconds = seconds
        self.reached = False

    def on_train_begin(self, logs=None):
        self.end = time.monotonic() + self.seconds

    def on_train_batch_end(self, batch, logs=None):
        if time.monotonic() > self.end:
            self.reached = self.model.stop_training = True
