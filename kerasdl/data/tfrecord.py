"""TFRecord files: where each record is, and which are damaged.

A record is its length (8 bytes), a checksum of that (4), the data, and a checksum of those (4).
"""

import mmap
import os
import pathlib
import struct

import numpy as np

from kerasdl.data import checksums

FRAME = 16  # bytes of a record besides its data
EXPECTED = "a whole TFRecord"
DAMAGED = "data with a wrong checksum"


def index(file: str | pathlib.Path) -> tuple[np.ndarray, np.ndarray, str | None]:
    """Where the records begin, the lengths of their data, and why the file ends early or `None`.

    Only lengths are read: a damaged length hides all that follows it, damaged data only itself.
    """
    size = pathlib.Path(file).stat().st_size
    if not size:
        return np.zeros(0, "int64"), np.zeros(0, "int64"), "an empty file"
    with open(file, "rb") as content, mmap.mmap(content.fileno(), 0, prot=mmap.PROT_READ) as data:
        heads, starts = _heads(data, size)
    heads = np.frombuffer(heads, "u1").reshape(-1, 12)
    lengths = np.ascontiguousarray(heads[:, :8]).view("<u8")[:, 0]
    sums = np.ascontiguousarray(heads[:, 8:]).view("<u4")[:, 0]
    starts, whole = np.array(starts, "int64"), checksums.masked(heads[:, :8]) == sums
    good = len(whole) if whole.all() else int(whole.argmin())
    if good < len(whole):
        return starts[:good], lengths[:good].astype("int64"), "a length with a wrong checksum"
    lengths = lengths.astype("int64")
    end = starts[-1] + lengths[-1] + FRAME if good else 0
    if end > size:
        here = size - starts[-1]
        fault = f"the file's end after {here:,} of {lengths[-1] + FRAME:,} bytes"
        return starts[:-1], lengths[:-1], fault
    fault = f"the file's end after {size - end} of 12 bytes" if end < size else None
    return starts, lengths, fault


def _heads(data, size):
    """Lengths with their checksums, and where they are, as far as the lengths lead."""
    heads, starts, position, length_at = [], [], 0, struct.Struct("<Q").unpack_from
    while position + 12 <= size:
        heads.append(data[position : position + 12])
        starts.append(position)
        position += length_at(data, position)[0] + FRAME
    return b"".join(heads), starts


class Reader:
    """A file, open to read records by where they begin."""

    def __init__(self, file: str):
        self._file = os.open(file, os.O_RDONLY)

    def read(self, start: int, length: int) -> bytes:
        """The data, with their checksum behind them."""
        return os.pread(self._file, length + 4, start + 12)

    def __del__(self):
        if hasattr(self, "_file"):
            os.close(self._file)


def are_whole(records: list[bytes]) -> np.ndarray:
    """Which of the records that a `Reader` gave have the data that were written."""
    sums = np.array([int.from_bytes(record[-4:], "little") for record in records], "uint32")
    return checksums.masked_of([record[:-4] for record in records]) == sums


def note(inspection, file, record: int, byte: int, received: str, last: int | None = None):
    """Note a damaged record, and what it hides up to the record `last`."""
    for number in range(record, max(record + 1, last or 0)):
        place = f"{file} record {number}"
        reason = "lost record" if number > record else "damaged record"
        subject = f"record {record} of `{file}` at byte {byte}"
        inspection.bad((str(file), number), place, reason, subject, EXPECTED, received)
