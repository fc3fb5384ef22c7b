"""Tones: waveforms, frequencies of notes and limits of options."""

import numpy as np
import pytest

from kerasdl.data.sets import signals
from kerasdl.errors import InvalidInput


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sine", [0, 1, 0, -1]),
        ("triangle", [-1, 0, 1, 0]),
        ("square", [1, 1, -1, -1]),
        ("sawtooth", [-1, -0.5, 0, 0.5]),
    ],
)
def test_waveforms_at_quarters_of_a_period(name, values):
    found = signals.WAVEFORMS[name](np.array([0, 0.25, 0.5, 0.75]))
    np.testing.assert_allclose(found, values, atol=1e-12)
    assert list(signals.WAVEFORMS) == ["sine", "triangle", "square", "sawtooth"]


def test_notes_are_twelve_semitones_from_c():
    assert " ".join(signals.NOTES) == "C C# D D# E F F# G G# A A# B"
    assert signals.CONCERT_PITCH == 440


def test_frequencies_cover_three_octaves_and_values_lie_between_minus_one_and_one():
    source = signals.tones(0, count=300, steps=8000, noise=0.0, target="note")
    spectrum = abs(np.fft.rfft(source.train.inputs[..., 0]))  # of a second: 1 Hz per bin
    loudest = spectrum[:, :1200].argmax(axis=1)
    assert 129 <= loudest.min() <= 132 and 985 <= loudest.max() <= 990  # C3 and B5
    octaves = np.floor(np.log2(loudest / 128))
    assert set(octaves) == {0, 1, 2} and source.classes == signals.NOTES
    largest = abs(source.train.inputs).max(axis=(1, 2))
    assert 0.26 < largest.min() < 0.33 and 0.75 < largest.max() < 0.81  # loudness 0.3 to 0.8
    ends = abs(source.train.inputs[:, -800:]).max(axis=(1, 2)) / largest
    assert ends.min() < 0.01 and ends.max() > 0.7  # it decays by up to exp(-8) in a second


def test_noise_is_added_and_clipped():
    loud = signals.tones(0, count=100, steps=200, noise=1.0)
    plain = signals.tones(0, count=100, steps=200, noise=0.0)
    assert loud.train.inputs.min() == -1 and loud.train.inputs.max() == 1
    assert plain.train.inputs.dtype == "float32"
    little = signals.tones(0, count=100, steps=200, noise=0.1)
    difference = (little.train.inputs - plain.train.inputs)[abs(plain.train.inputs) < 0.5]
    assert difference.std() == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 99}, r"`count`. Expected an integer of at least 100. Received: 99"),
        ({"target": "octave"}, r"`target`. Expected one of note, waveform. Received: octave"),
        ({"steps": 15}, r"`steps`. Expected an integer of at least 16. Received: 15"),
        ({"rate": 3999}, r"`rate`. Expected an integer of at least 4000. Received: 3999"),
        ({"noise": 1.5}, r"`noise`. Expected a fraction in \[0, 1\]. Received: 1.5"),
        ({"test": 1.0}, r"`test`. Expected a fraction in \[0, 1\). Received: 1.0"),
    ],
)
def test_invalid_options_raise(options, message):
    with pytest.raises(InvalidInput, match=message):
        signals.tones(0, **{"count": 100, "steps": 16, **options})


def test_options_at_their_limits():
    options = {"steps": 16, "rate": 4000, "noise": 1.0, "validation": 0, "test": 0.5}
    source = signals.tones(0, count=100, target="waveform", **options)
    assert source.validation is None and source.train.inputs.shape[1:] == (16, 1)
    assert source.classes == ("sine", "triangle", "square", "sawtooth")
    assert source.train.targets.dtype == "int32"
