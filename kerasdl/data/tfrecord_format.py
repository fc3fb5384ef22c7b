"""The TFRecord file format: where each record is, and which records are damaged.

A record is its length (8 bytes), a checksum of the length (4), the data, and a checksum of the data
(4). TensorFlow reads such files only from start to end and does not say where one is damaged.
"""

import functools
import mmap
import os
import pathlib
import struct
from typing import Any

import numpy as np

from kerasdl.data.bad_examples import Inspection

FRAME = 16  # bytes of a record besides its data
LONGEST = 2**62  # bytes, longer than any file
EXPECTED = "a whole TFRecord"
DAMAGED = "data with a wrong checksum"

# ---- where records are


def index(file: str | pathlib.Path) -> tuple[np.ndarray, np.ndarray, str | None]:
    """Find the records of a file.

    Only lengths are read. A damaged length hides all records after it; damaged data does not.

    Returns:
        The byte at which each record starts, the lengths of their data, and why the file ends
        early, or None.
    """
    size = pathlib.Path(file).stat().st_size if pathlib.Path(file).is_file() else None
    if not size:
        nothing = np.zeros(0, "int64")
        return nothing, nothing, "no such file" if size is None else "an empty file"
    with open(file, "rb") as content, mmap.mmap(content.fileno(), 0, prot=mmap.PROT_READ) as data:
        heads, starts = _heads(data, size)
    heads = np.frombuffer(heads, "u1").reshape(-1, 12)
    lengths = np.ascontiguousarray(heads[:, :8]).view("<u8")[:, 0]
    sums = np.ascontiguousarray(heads[:, 8:]).view("<u4")[:, 0]
    starts, whole = np.array(starts, "int64"), checksums_of_rows(heads[:, :8]) == sums
    good = len(whole) if whole.all() else int(whole.argmin())
    # unsigned 64-bit integers; only the last length can exceed the end of the file
    lengths = np.minimum(lengths, np.uint64(LONGEST)).astype("int64")
    if good < len(whole):
        return starts[:good], lengths[:good], "a length with a wrong checksum"
    end = starts[-1] + lengths[-1] + FRAME if good else 0
    if end > size:
        here = size - starts[-1]
        cut = f"the file's end after {here:,} of {lengths[-1] + FRAME:,} bytes"
        return starts[:-1], lengths[:-1], cut
    fault = f"the file's end after {size - end} of 12 bytes" if end < size else None
    return starts, lengths, fault


def _heads(data, size):
    """Return lengths with their checksums and positions; each length leads to the next."""
    heads, starts, position, length_at = [], [], 0, struct.Struct("<Q").unpack_from
    while position + 12 <= size:
        heads.append(data[position : position + 12])
        starts.append(position)
        position += length_at(data, position)[0] + FRAME
    return b"".join(heads), starts


def inspected_index(
    file: str | pathlib.Path, count: int | None, inspection: Inspection
) -> tuple[np.ndarray, np.ndarray]:
    """Find the records of a file, and note records that are missing at its end.

    Args:
        file: Path.
        count: int, the number of records that the file should hold, or None.
        inspection: Takes the notes.

    Returns:
        The byte at which each record starts, and the lengths of their data.
    """
    starts, lengths, fault = index(file)
    if fault or len(starts) < (count or 0):
        end = int(starts[-1] + lengths[-1]) + FRAME if len(starts) else 0
        note(inspection, file, len(starts), end, fault or "the file's end", count)
    return starts, lengths


class Reader:
    """An open file that reads records by where they start."""

    def __init__(self, file: str | pathlib.Path):
        self._file = os.open(file, os.O_RDONLY)

    def read(self, start: int, length: int) -> bytes:
        """Return the data of a record, followed by their checksum."""
        return os.pread(self._file, length + 4, start + 12)

    def __del__(self):
        if hasattr(self, "_file"):
            os.close(self._file)


def are_whole(records: list[bytes]) -> np.ndarray:
    """Return whether each record that a `Reader` returned is undamaged."""
    sums = np.array([int.from_bytes(record[-4:], "little") for record in records], "uint32")
    return checksums([record[:-4] for record in records]) == sums


def note(
    inspection: Inspection,
    file: Any,
    record: int,
    byte: int,
    received: str,
    last: int | None = None,
):
    """Note a damaged record, and the records up to `last` that it hides."""
    parts = (f"record {record} of `{file}` at byte {byte}", EXPECTED, received)
    inspection.bad((str(file), record), f"{file} record {record}", "damaged record", *parts)
    lost, following = (last or 0) - record - 1, record + 1
    if lost > 0:
        place = f"{file} record {following}"
        inspection.bad((str(file), following), place, "lost record", *parts, count=lost)


# ---- CRC-32C of many records at once
# The checksum is linear. So those of all pieces of 64 bytes are computed at once, and tables carry
# that of a piece over the pieces after it: a hundred times faster than byte by byte.

PIECE = 64
POLYNOMIAL = 0x82F63B78


def checksums_of_rows(rows: np.ndarray) -> np.ndarray:
    """Return the masked checksum of each row of bytes, as it is stored in files.

    Args:
        rows: uint8 array of (rows, bytes).

    >>> hex(int(checksums_of_rows(np.zeros((1, 8), "uint8"))[0]))
    '0x7980329'
    """
    state = np.full(len(rows), 0xFFFFFFFF, "uint32")
    for column in rows.T:
        state = _of_byte()[(state ^ column) & 0xFF] ^ (state >> 8)
    return _mask(~state)


def checksums(records: list[bytes]) -> np.ndarray:
    """Return the masked checksums of records of any lengths.

    >>> int(checksums([bytes(8)])[0]) == int(checksums_of_rows(np.zeros((1, 8), "uint8"))[0])
    True
    """
    counts = np.array([max(1, -(-len(record) // PIECE)) for record in records], int)
    sums, doublings = np.zeros(len(records), "uint32"), np.frexp(counts)[1]
    # of similar lengths at once: the shorter ones are padded to the longest
    for each in np.unique(doublings):
        rows = np.flatnonzero(doublings == each)
        sums[rows] = _checksums([records[row] for row in rows], counts[rows])
    return sums


def _checksums(records, counts):
    # leading zeros do not matter if the state starts at zero instead of all ones
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
        sums[i] = checksums_of_rows(np.frombuffer(records[i], "u1")[None])[0]
    return sums


def _flipped(record):
    """Invert the first four bytes of a record, which includes the ones of the initial state."""
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
    """Return the state that each byte of a state leads to after `width` zero bytes: (4, 256)."""
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
