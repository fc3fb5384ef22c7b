"""A QR code for a short text, such as the address of a page, to photograph from a terminal."""

import re

import numpy as np

from kerasdl.errors import InvalidInput

# bytes of text, header and padding, and of error correction, of the versions 1 to 5: each has one
# block at the lowest level of correction, 7 % of the bytes
CAPACITY = ((19, 7), (34, 10), (55, 15), (80, 20), (108, 26))
LOWEST = 0b01  # that level
PRIMITIVE = 0x11D  # x^8 + x^4 + x^3 + x^2 + 1, which defines the field of 256 elements
FINDER = np.pad(np.pad(np.ones((3, 3), bool), 1), 1, constant_values=True)
ALIGNMENT = np.pad(np.pad(np.ones((1, 1), bool), 1), 1, constant_values=True)
MARGIN = 4  # modules of white around the code
MASKS = (  # a module of data is inverted where its function of row and column is 0
    lambda y, x: (x + y) % 2,
    lambda y, x: y % 2,
    lambda y, x: x % 3,
    lambda y, x: (x + y) % 3,
    lambda y, x: (x // 3 + y // 2) % 2,
    lambda y, x: x * y % 2 + x * y % 3,
    lambda y, x: (x * y % 2 + x * y % 3) % 2,
    lambda y, x: ((x + y) % 2 + x * y % 3) % 2,
)


def matrix(text: str) -> np.ndarray:
    """Return the modules of the code: a square array of bool, True is dark.

    Args:
        text: str, of at most 106 bytes in UTF-8.

    Example:
        >>> matrix("http://192.168.1.7:8000/").shape
        (25, 25)

    Reference: ISO/IEC 18004.
    """
    content = text.encode()
    fitting = [i for i, (size, _) in enumerate(CAPACITY) if len(content) + 2 <= size]
    if not fitting:
        most = CAPACITY[-1][0] - 2
        raise InvalidInput("text of a QR code", f"at most {most} bytes", f"{len(content)} bytes")
    version = fitting[0] + 1
    size, checks = CAPACITY[fitting[0]]
    # 4 means bytes; then their number, the bytes, and 4 bits that end them
    data = bytes.fromhex(f"4{len(content):02x}{content.hex()}0")
    data += (b"\xec\x11" * size)[: size - len(data)]
    bits = np.unpackbits(np.frombuffer(data + correction(data, checks), "uint8")).astype(bool)
    fixed, is_fixed = _patterns(version)
    codes = [_masked(fixed, is_fixed, bits, mask) for mask in range(len(MASKS))]
    return min(codes, key=_penalty)


def correction(data: bytes, count: int) -> bytes:
    """Return the Reed-Solomon code of some bytes: the remainder of a division of polynomials.

    Args:
        data: bytes.
        count: int, number of bytes to add.

    Example:
        >>> correction(bytes([1, 2, 3]), 2).hex()
        '0404'
    """
    divisor = [1]
    root = 1
    for _ in range(count):  # multiply by x - 2^i
        shifted = [*divisor, 0]
        scaled = [0, *(_times(factor, root) for factor in divisor)]
        divisor = [a ^ b for a, b in zip(shifted, scaled, strict=True)]
        root = _times(root, 2)
    rest = [*data, *[0] * count]
    for i in range(len(data)):
        first = rest[i]
        for k, factor in enumerate(divisor):
            rest[i + k] ^= _times(factor, first)
    return bytes(rest[len(data) :])


def _times(a, b):
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = a << 1 ^ (PRIMITIVE if a & 0x80 else 0)
        b >>= 1
    return product


def _patterns(version):
    """Return the modules that do not depend on the text, and which ones these are."""
    side = 17 + 4 * version
    dark, fixed = np.zeros((2, side, side), bool)
    dark[6, ::2] = dark[::2, 6] = fixed[6] = fixed[:, 6] = True  # to count rows and columns by
    for rows, columns in ((0, 0), (0, side - 7), (side - 7, 0)):
        around = slice(max(0, rows - 1), rows + 8), slice(max(0, columns - 1), columns + 8)
        dark[around], fixed[around] = False, True
        dark[rows : rows + 7, columns : columns + 7] = FINDER
    if version > 1:
        last = slice(side - 9, side - 4)
        dark[last, last], fixed[last, last] = ALIGNMENT, True
    fixed[8, :9] = fixed[:9, 8] = fixed[8, -8:] = fixed[-8:, 8] = True  # level and mask
    dark[-8, 8] = True
    return dark, fixed


def _masked(fixed, is_fixed, bits, mask):
    """Return the code with the bits in their places, inverted by a mask."""
    code, side, places = fixed.copy(), len(fixed), []
    for number, right in enumerate([*range(side - 1, 6, -2), 5, 3, 1]):
        rows = range(side) if number % 2 else reversed(range(side))  # up and down in turn
        places += [(y, x) for y in rows for x in (right, right - 1) if not is_fixed[y, x]]
    for placed, (y, x) in enumerate(places):  # a few places are left over
        bit = bool(bits[placed]) if placed < len(bits) else False
        code[y, x] = bit ^ (MASKS[mask](y, x) == 0)
    _write_format(code, mask)
    return code


def _write_format(code, mask):
    """Write level and mask with their own error correction, twice."""
    facts = LOWEST << 3 | mask
    rest = facts
    for _ in range(10):
        rest = rest << 1 ^ (rest >> 9) * 0x537
    word = (facts << 10 | rest) ^ 0x5412
    bits = [bool(word >> i & 1) for i in range(15)]
    for i, y in enumerate((0, 1, 2, 3, 4, 5, 7, 8)):
        code[y, 8] = code[8, -1 - i] = bits[i]
    for i, x in enumerate((7, 5, 4, 3, 2, 1, 0)):
        code[8, x] = code[-7 + i, 8] = bits[8 + i]


def _penalty(code):
    """Return how hard a code is to read, by the four rules of the standard."""
    total = 10 * int(abs(100 * code.mean() - 50) // 5)
    corner = code[1:, 1:]
    same = (corner == code[:-1, 1:]) & (corner == code[1:, :-1]) & (corner == code[:-1, :-1])
    total += 3 * int(same.sum())
    for line in (*code, *code.T):
        text = "".join("01"[int(module)] for module in line)
        total += sum(len(run) - 2 for run in re.findall("0{5,}|1{5,}", text))
        total += 40 * len(re.findall("(?=10111010000|00001011101)", text))  # like a finder
    return total


def for_terminal(text: str) -> str:
    """Return the code as lines for a terminal of any colors: black on white, two rows a line.

    Args:
        text: str, as in `matrix`.

    Example:
        >>> len(for_terminal("http://192.168.1.7:8000/").splitlines())
        17
    """
    code = np.pad(matrix(text), MARGIN)
    code = np.pad(code, ((0, len(code) % 2), (0, 0)))
    signs = " \N{UPPER HALF BLOCK}\N{LOWER HALF BLOCK}\N{FULL BLOCK}"
    pairs = code[::2] + 2 * code[1::2]
    lines = ("".join(signs[pair] for pair in row) for row in pairs)
    return "\n".join(f"\x1b[30;107m{line}\x1b[0m" for line in lines)
