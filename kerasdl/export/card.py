"""What a file says of itself: a zip archive behind the flatbuffer, as LiteRT metadata has it.

A LiteRT interpreter ignores what follows the flatbuffer, and zip readers look at the end of a
file, so one file is both: `unzip -l model.tflite` lists `labels.txt` and `model.json`.
"""

import dataclasses
import json
import pathlib
import zipfile


@dataclasses.dataclass(frozen=True)
class Card:
    """What a phone needs to know beside the numbers.

    Args:
        description: What the model does and what its input means.
        labels: Name of each class, in the order of the outputs.
        input_range: Smallest and largest input value that the model was trained on.
        activation: What was appended to the network's logits, or `None`.
        quantize: How the file is quantised, or `None`.
    """

    description: str = ""
    labels: tuple[str, ...] = ()
    input_range: tuple[float, float] | None = None
    activation: str | None = None
    quantize: str | None = None


def texts(card: Card) -> dict[str, str]:
    """A card as texts by name, which any format can carry."""
    fields = dataclasses.asdict(card)
    labels = fields.pop("labels")
    return {"model.json": json.dumps(fields), "labels.txt": "\n".join(labels)}


def parse(texts: dict[str, str]) -> Card:
    """The card of such texts; an empty one where they are none of ours."""
    fields = json.loads(texts.get("model.json", "{}"))
    if fields.get("input_range"):
        fields["input_range"] = tuple(fields["input_range"])
    return Card(labels=tuple(texts.get("labels.txt", "").splitlines()), **fields)


def append(path: pathlib.Path, card: Card):
    """Append a card to a LiteRT file that has none."""
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in texts(card).items():
            # ZipInfo's fixed date: the same model gives the same bytes
            archive.writestr(zipfile.ZipInfo(name), text)


def read(path: pathlib.Path) -> Card:
    """The card of a LiteRT file."""
    if not zipfile.is_zipfile(path):
        return Card()
    with zipfile.ZipFile(path) as archive:
        names = {"model.json", "labels.txt"}.intersection(archive.namelist())
        return parse({name: archive.read(name).decode() for name in names})
