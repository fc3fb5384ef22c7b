"""QR codes can be read back, by a decoder written for the test and by OpenCV if it is there."""

import itertools

import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.export.demo import qr

URL = "http://192.168.1.7:8000/"
# by the number of the mask
FORMATS = dict(
    enumerate(
        [
            "111011111000100",
            "111001011110011",
            "111110110101010",
            "111100010011101",
            "110011000101111",
            "110001100011000",
            "110110001000001",
            "110100101110110",
        ]
    )
)


def decoded(code):
    """Read a code of the versions 1 to 5 at the lowest level; check its error correction."""
    side = len(code)
    version = (side - 17) // 4
    text = "".join("01"[int(code[8, x])] for x in (0, 1, 2, 3, 4, 5, 7, 8))
    text += "".join("01"[int(code[y, 8])] for y in (7, 5, 4, 3, 2, 1, 0))
    (mask,) = [mask for mask, word in FORMATS.items() if word == text]
    again = "".join("01"[int(code[y, 8])] for y in range(side - 1, side - 8, -1))
    assert again + "".join("01"[int(code[8, x])] for x in range(side - 8, side)) == text
    used = np.zeros_like(code)
    used[:9, :9] = used[:9, -8:] = used[-8:, :9] = used[6] = used[:, 6] = True
    if version > 1:
        used[-9:-4, -9:-4] = True
    flips = [
        lambda i, j: (i + j) % 2 == 0,
        lambda i, j: i % 2 == 0,
        lambda i, j: j % 3 == 0,
        lambda i, j: (i + j) % 3 == 0,
        lambda i, j: (i // 2 + j // 3) % 2 == 0,
        lambda i, j: (i * j) % 2 + (i * j) % 3 == 0,
        lambda i, j: ((i * j) % 3 + i * j) % 2 == 0,
        lambda i, j: ((i * j) % 3 + i + j) % 2 == 0,
    ]
    bits, column, up = [], side - 1, True
    while column > 0:
        column -= column == 6
        for step in range(side):
            row = side - 1 - step if up else step
            for x in (column, column - 1):
                if not used[row, x]:
                    bits.append(int(code[row, x]) ^ int(flips[mask](row, x)))
        column, up = column - 2, not up
    words = np.packbits(bits[: len(bits) // 8 * 8])
    total = {1: 26, 2: 44, 3: 70, 4: 100, 5: 134}[version]
    checks = {1: 7, 2: 10, 3: 15, 4: 20, 5: 26}[version]
    words = words[:total].tolist()
    powers = [1]
    for _ in range(254):
        powers.append(powers[-1] * 2 ^ (285 if powers[-1] > 127 else 0))
    logs = {value: power for power, value in enumerate(powers)}
    for root in range(checks):  # the polynomial of a whole code is 0 at these roots
        value = 0
        for word in words:
            value = word ^ (powers[(logs[value] + root) % 255] if value else 0)
        assert value == 0
    assert words[0] >> 4 == 4
    length = (words[0] & 15) << 4 | words[1] >> 4
    return bytes((a & 15) << 4 | b >> 4 for a, b in itertools.pairwise(words[1:]))[:length].decode()


@pytest.mark.parametrize(
    "text", ["", "a", URL, "http://example.com/ü", "x" * 53, "y" * 79, "z" * 106]
)
def test_codes_are_read_back(text):
    code = qr.matrix(text)
    assert decoded(code) == text
    finder = code[:7, :7]
    assert finder.all(axis=1).tolist() == [True, *[False] * 5, True] and finder[3, 3]
    np.testing.assert_array_equal(finder, code[-7:, :7])
    np.testing.assert_array_equal(finder, code[:7, -7:])
    assert code[6, 8:-8].tolist() == [i % 2 == 0 for i in range(8, len(code) - 8)]
    assert 0.35 < code.mean() < 0.65


def test_error_correction_is_that_of_a_published_example():
    """Version 1-M of HELLO WORLD, https://www.thonky.com/qr-code-tutorial."""
    data = bytes([32, 91, 11, 120, 209, 114, 220, 77, 67, 64, 236, 17, 236, 17, 236, 17])
    expected = [196, 35, 39, 119, 235, 215, 231, 226, 93, 23]
    assert list(qr.correction(data, 10)) == expected


def test_terminal_shows_every_module_on_white():
    code = np.pad(qr.matrix(URL), qr.MARGIN)
    lines = [line.removeprefix("\x1b[30;107m").removesuffix("\x1b[0m") for line in
             qr.for_terminal(URL).splitlines()]  # fmt: skip
    shown = np.zeros((2 * len(lines), len(code)), bool)
    for y, line in enumerate(lines):
        shown[2 * y] = [sign in "▀█" for sign in line]
        shown[2 * y + 1] = [sign in "▄█" for sign in line]
    np.testing.assert_array_equal(shown[: len(code)], code)
    assert len(lines[0]) <= 40 and not shown[len(code) :].any()


def test_too_long_text_is_refused():
    with pytest.raises(InvalidInput, match=r"at most 106 bytes\. Received: 107 bytes"):
        qr.matrix("z" * 107)


def test_opencv_reads_the_code():
    cv2 = pytest.importorskip("cv2")
    image = np.where(np.pad(qr.matrix(URL), 4), 0, 255).astype("uint8")
    found, _, _ = cv2.QRCodeDetector().detectAndDecode(np.kron(image, np.ones((8, 8), "uint8")))
    assert found == URL
