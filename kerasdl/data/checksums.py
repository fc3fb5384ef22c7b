"""CRC-32C, as TFRecord files have it, of many records at once.

The checksum is linear, so that all pieces of 64 bytes are summed side by side, and a piece's sum is
carried over what follows it by tables: a hundred times faster than byte by byte.
"""

import functools

import numpy as np

PIECE = 64
POLYNOMIAL = 0x82F63B78


def masked(rows: np.ndarray) -> np.ndarray:
    """Of each row of bytes, (rows, bytes): turned and shifted, as the files hold it.

    >>> hex(int(masked(np.zeros((1, 8), "uint8"))[0]))
    '0x7980329'
    """
    state = np.full(len(rows), 0xFFFFFFFF, "uint32")
    for column in rows.T:
        state = _of_byte()[(state ^ column) & 0xFF] ^ (state >> 8)
    return _mask(~state)


def masked_of(records: list[bytes]) -> np.ndarray:
    """Of records of any lengths.

    >>> int(masked_of([bytes(8)])[0]) == int(masked(np.zeros((1, 8), "uint8"))[0])
    True
    """
    counts = np.array([max(1, -(-len(record) // PIECE)) for record in records])
    # zeros in front change nothing, where the state starts at zero in place of all ones
    buffer = b"".join(
        _flipped(record).rjust(count * PIECE, b"\0")
        for record, count in zip(records, counts.tolist(), strict=True)
    )
    pieces = np.frombuffer(buffer, "<u2").reshape(-1, PIECE // 2)
    state = np.zeros(len(pieces), "uint32")
    for column in np.ascontiguousarray(pieces.T):
        state = _of_two_bytes()[(state ^ column) & 0xFFFF] ^ (state >> 16)
    states = np.zeros((len(records), counts.max(initial=1)), "uint32")
    states[np.arange(states.shape[1]) >= states.shape[1] - counts[:, None]] = state
    width = PIECE
    while states.shape[1] > 1:
        states = np.pad(states, ((0, 0), (states.shape[1] % 2, 0)))
        states = _carried(states[:, 0::2], _over(width)) ^ states[:, 1::2]
        width *= 2
    sums = _mask(~states[:, 0])
    for i in [i for i, record in enumerate(records) if len(record) < 4]:
        sums[i] = masked(np.frombuffer(records[i], "u1")[None])[0]
    return sums


def _flipped(record):
    """With all ones, the state before the first byte, in the first four bytes."""
    return bytes(byte ^ 0xFF for byte in record[:4]) + record[4:]


def _mask(sums):
    return ((sums >> 15) | (sums << 17)) + np.uint32(0xA282EAD8)


@functools.cache
def _of_byte():
    table = np.arange(256, dtype="uint32")
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(POLYNOMIAL), table >> 1)
    return table


@functools.cache
def _of_two_bytes():
    table = np.arange(65536, dtype="uint32")
    for _ in range(2):
        table = _of_byte()[table & 0xFF] ^ (table >> 8)
    return table


@functools.cache
def _over(width):
    """What each of a state's four bytes becomes over `width` zero bytes: (4, 256)."""
    if width > PIECE:
        half = _over(width // 2)
        return _carried(half, half)
    table = np.arange(256, dtype="uint32") << np.uint32([[0], [8], [16], [24]])
    for _ in range(width):
        table = _of_byte()[table & 0xFF] ^ (table >> 8)
    return table


def _carried(states, over):
    parts = [over[i][(states >> (8 * i)) & 0xFF] for i in range(4)]
    return parts[0] ^ parts[1] ^ parts[2] ^ parts[3]
