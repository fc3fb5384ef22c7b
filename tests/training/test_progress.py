"""Progress is a bar in a terminal of 80 columns, and a line an epoch elsewhere."""

import os
import pty
import re
import subprocess
import sys

import keras
import numpy as np
import pytest

from kerasdl.training.progress import Progress, shown

TRAIN = ("-m", "kerasdl", "train", "mlp", "--epochs", "3", "--no-pictures", "--out")


def fit(epochs, validation=True):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True), metrics=["accuracy"])
    x, y = np.ones((8, 3), "float32"), np.arange(8) % 2
    progress = Progress("net", epochs)
    data = (x, y) if validation else None
    model.fit(x, y, 2, epochs, verbose=0, validation_data=data, callbacks=[progress])
    progress.stop()


def test_in_a_pipe_each_epoch_is_a_line_with_loss_and_validation_metric(capsys):
    fit(3)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    for epoch, line in enumerate(lines, start=1):
        left = r", \d+ s left" if epoch < 3 else ""
        pattern = rf"net: epoch {epoch}/3{left}, loss \d[\d.e-]*, val_accuracy \d[\d.]*"
        assert re.fullmatch(pattern, line), line


@pytest.mark.parametrize(
    ("logs", "names"),
    [
        (("accuracy", "loss", "val_accuracy", "val_loss"), ["loss", "val_accuracy"]),
        (("loss", "val_loss"), ["loss", "val_loss"]),
        (("loss", "accuracy"), ["loss", "accuracy"]),
        (
            ("generator_loss", "discriminator_loss", "third"),
            ["generator_loss", "discriminator_loss"],
        ),
        ((), []),
    ],
)
def test_the_loss_and_the_most_important_metric_are_shown(logs, names):
    assert [*shown(dict.fromkeys(logs, 1.0))] == names


def test_without_validation_data_a_metric_of_training_is_shown(capsys):
    fit(1, validation=False)
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"net: epoch 1/1, loss \d[\d.]*, accuracy \d[\d.]*", line), line


@pytest.mark.slow
def test_in_a_terminal_of_80_columns_one_line_shows_epoch_bar_time_and_metrics(tmp_path):
    outside, inside = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    command = [sys.executable, *TRAIN, tmp_path / "run"]
    process = subprocess.Popen(command, stdout=inside, stderr=inside, env=environment)
    os.close(inside)
    text = b""
    while True:
        try:
            part = os.read(outside, 4096)
        except OSError:  # the process closed its side
            break
        if not part:
            break
        text += part
    assert process.wait() == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode())
    lines = [line for line in re.split(r"[\r\n]+", plain) if "epoch" in line]
    assert lines and max(map(len, lines)) <= 80
    assert re.search(r"mlp ━+ *epoch 3/3.*loss \d.*val_accuracy \d", plain), plain
