"""One-dimensional signals in classes."""

import functools
import random

import numpy as np

from kerasdl.data import splitting
from kerasdl.data.sets import packages
from kerasdl.data.splits import Source
from kerasdl.utils import checks

NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# values in [-1, 1] of a phase in [0, 1)
WAVEFORMS = {
    "sine": lambda phase: np.sin(2 * np.pi * phase),
    "triangle": lambda phase: 1 - 4 * abs(phase - 0.5),
    "square": lambda phase: np.where(phase < 0.5, 1.0, -1.0),
    "sawtooth": lambda phase: 2 * phase - 1,
}
CONCERT_PITCH = 440.0  # Hz, the A of octave 4


def mnist1d(seed, validation=0.1) -> Source:
    """MNIST-1D: 5,000 signals of 40 values in ten classes, shaped like the digits.

    Each is one of ten templates, padded, scaled, sheared, shifted and with noise (Greydanus, 2020).
    The package mnist1d (Apache license) generates always the same signals and splits them: 4,000
    are for training and 1,000 for testing. Needs that package: pip install 'kerasdl[data]'.

    Published test accuracies: logistic regression .32, MLP .68, GRU .91, CNN .94, humans .96.

    validation: float, fraction of the 4,000 training signals to validate on, taken from their end;
        0 for none.
    """
    packages.folder("mnist1d", "mnist1d", "mnist1d")
    train, test = _generated()
    train, validation = splitting.hold_out(train, validation)
    return Source("classification", train, validation, test, tuple("0123456789"))


@functools.cache  # drawing takes several seconds
def _generated():
    states = np.random.get_state(), random.getstate()
    try:  # the package seeds the global generators
        from mnist1d import data

        made = data.make_dataset()
    finally:
        np.random.set_state(states[0])
        random.setstate(states[1])
    return tuple(
        (made[f"x{end}"].astype("float32")[..., np.newaxis], made[f"y{end}"].astype("int32"))
        for end in ("", "_test")
    )


def tones(
    seed, count=2000, target="note", steps=1024, rate=8000, noise=0.05, validation=0.1, test=0.2
) -> Source:
    """Tones: sounds of single notes in one of four waveforms, with noise.

    Generated with the seed: the twelve notes of three octaves from C3 (131 Hz) to B5 (988 Hz), with
    a random phase, loudness and decay. Values are in [-1, 1].

    count: int, number of sounds.
    target: str, "note" for the twelve notes of any octave; or "waveform" for sine, triangle,
        square and sawtooth.
    steps: int, values of each sound.
    rate: int, values per second. At 8000 Hz, 1024 values are an eighth of a second.
    noise: float in [0, 1], standard deviation of the added noise.
    validation, test: float, fractions of the sounds, stratified by class.
    """
    checks.integers(at_least=100, count=count)
    checks.choices(("note", "waveform"), target=target)
    checks.integers(at_least=16, steps=steps)
    checks.integers(at_least=4000, rate=rate)
    checks.fractions(one=True, noise=noise)
    checks.memory(6 * 8 * count * steps, count=count, steps=steps)  # six arrays of float64
    rng = np.random.default_rng(seed)
    note, waveform, octave = (rng.integers(n, size=count) for n in (len(NOTES), len(WAVEFORMS), 3))
    # equal temperament: f = 440 * 2^((semitones above A4) / 12)
    semitones = 12 * (octave - 1) + note - NOTES.index("A")
    frequency = CONCERT_PITCH * 2.0 ** (semitones / 12)
    time = np.arange(steps) / rate
    turns = frequency[:, None] * time + rng.random((count, 1))  # periods since the start
    waves = np.empty_like(turns)
    for number, wave in enumerate(WAVEFORMS.values()):
        waves[waveform == number] = wave(turns[waveform == number] % 1.0)
    loudness, decay = rng.uniform(0.3, 0.8, (count, 1)), rng.uniform(0, 8, (count, 1))
    sounds = loudness * np.exp(-decay * time) * waves + noise * rng.standard_normal(waves.shape)
    sounds = np.clip(sounds, -1, 1).astype("float32")[..., np.newaxis]  # (count, steps, 1)
    labels = {"note": note, "waveform": waveform}[target].astype("int32")
    rows = splitting.rows_of_splits(labels, seed, validation, test)
    parts = [(sounds[part], labels[part]) if len(part) else None for part in rows]
    classes = {"note": NOTES, "waveform": tuple(WAVEFORMS)}[target]
    train, validation, test = parts
    return Source("classification", train, validation, test, classes=classes)
