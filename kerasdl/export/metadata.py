"""The metadata in a LiteRT file: a zip archive after the flatbuffer, as LiteRT defines it.

A LiteRT interpreter ignores what follows the flatbuffer, and zip readers look at the end of a
file, so one file is both: `unzip -l model.tflite` lists `labels.txt` and `model.json`, and
`vocabulary.txt` for a model of texts.
"""

import dataclasses
import json
import pathlib
import re
import zipfile
from typing import Any

from kerasdl.errors import InvalidInput
from kerasdl.utils import checks

NAMES = {"model.json", "labels.txt", "vocabulary.txt"}
ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}  # in a line of vocabulary.txt
LARGEST = 1 << 20  # bytes of an entry; a crafted zip of a few kB can unpack to gigabytes


@dataclasses.dataclass(frozen=True)
class Metadata:
    """Facts about a model file for apps that use it.

    Args:
        description: str, what the model does and what its input means.
        labels: tuple of str, the name of each class, in the order of the outputs.
        input_range: The smallest and largest input value that the model was trained on, or `None`.
        activation: The activation that was appended to the network's logits, or `None`.
        quantize: How the file is quantized, or `None`.
        vocabulary: tuple of str, the text of each token, for a model of texts.
    """

    description: str = ""
    labels: tuple[str, ...] = ()
    input_range: tuple[float, float] | None = None
    activation: str | None = None
    quantize: str | None = None
    vocabulary: tuple[str, ...] = ()


def to_texts(metadata: Metadata) -> dict[str, str]:
    """Return the metadata as texts by name, which any file format can hold."""
    fields = dataclasses.asdict(metadata)
    # a label is a line
    labels = [" ".join(label.splitlines()) for label in fields.pop("labels")]
    words = [_escaped(word) for word in fields.pop("vocabulary")]
    texts = {"model.json": json.dumps(fields), "labels.txt": "\n".join(labels)}
    return {**texts, "vocabulary.txt": "\n".join(words)} if words else texts


def _escaped(word):
    r"""Return a token as one line: a line break as \n, a backslash as \\."""
    return re.sub(r"[\\\n\r]", lambda found: ESCAPES[found[0]], word)


def _unescaped(line):
    plain = {escape: character for character, escape in ESCAPES.items()}
    return re.sub(r"\\[\\nr]", lambda found: plain[found[0]], line)


def from_texts(texts: dict[str, str]) -> Metadata:
    """Return the metadata that `to_texts` wrote.

    Missing texts, and texts that another program wrote, give the defaults.
    """
    try:
        found = json.loads(texts.get("model.json", "{}"))
    except (ValueError, RecursionError):
        found = {}
    found = found if isinstance(found, dict) else {}
    words = ("description", "activation", "quantize")
    fields: dict[str, Any] = {key: found[key] for key in words if isinstance(found.get(key), str)}
    limits = found.get("input_range")
    if isinstance(limits, list) and len(limits) == 2 and all(map(checks.is_number, limits)):
        fields["input_range"] = tuple(limits)
    if text := texts.get("vocabulary.txt"):
        fields["vocabulary"] = tuple(map(_unescaped, text.split("\n")))
    return Metadata(labels=tuple(texts.get("labels.txt", "").splitlines()), **fields)


def append(path: pathlib.Path, metadata: Metadata):
    """Append metadata to a LiteRT file that has none."""
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in to_texts(metadata).items():
            # ZipInfo has a fixed date: the same model gives the same bytes
            archive.writestr(zipfile.ZipInfo(name), text)


def read(path: pathlib.Path) -> Metadata:
    """Read the metadata of a LiteRT file, which need not be trusted."""
    if not zipfile.is_zipfile(path):
        return Metadata()
    texts = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in NAMES.intersection(archive.namelist()):
                entry = archive.getinfo(name)
                if entry.file_size > LARGEST:
                    expected = f"at most {LARGEST:,} bytes in {name}"
                    raise InvalidInput(
                        f"metadata of {path}", expected, f"{entry.file_size:,} bytes"
                    )
                if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    expected = "entries that are stored or deflated"
                    raise InvalidInput(f"metadata of {path}", expected, f"{name}, which is not")
                with archive.open(entry) as file:
                    # without a size, it would unpack more than the entry states
                    texts[name] = file.read(LARGEST).decode(errors="replace")
    except InvalidInput:
        raise
    except Exception as error:  # zipfile raises any kind for a damaged archive
        raise InvalidInput(f"metadata of {path}", "an intact zip archive", error) from error
    return from_texts(texts)
