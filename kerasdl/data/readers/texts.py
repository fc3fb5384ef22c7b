"""Read texts with a class each: a folder of .txt files for each class, or rows of a table."""

import pathlib
from collections.abc import Sequence

import numpy as np

from kerasdl import errors
from kerasdl.data import bad_examples, splitting, text
from kerasdl.data.splits import NAMES, Source
from kerasdl.utils import checks

ENDING = ".txt"
LOOKED_AT = 100  # files of a folder


def is_folder(path: pathlib.Path) -> bool:
    """Return whether the subfolders of a folder, one for each class, hold .txt files."""
    for root in (path / "train", path):
        folders = (
            sorted(place for place in root.iterdir() if place.is_dir()) if root.is_dir() else ()
        )
        for folder in folders:
            files = zip(folder.iterdir(), range(LOOKED_AT), strict=False)
            if suffixes := {file.suffix.lower() for file, _ in files if file.is_file()}:
                return suffixes == {ENDING}
    return False


def read(path, seed, words=20_000, context=256, validation=0.1, test=0.1, skip_bad=False) -> Source:
    """A folder of .txt files for each class, named after it.

    The class folders may also be in folders `train`, `validation` and `test`; a missing validation
    or test split is cut from the training split. Texts are divided into words, numbers and
    punctuation marks in lower case.

    words: int, largest size of the vocabulary.
    context: int, words of a text that are used: its first ones.
    validation, test: float, fractions of the texts, drawn with the seed and stratified by class.
    skip_bad: bool, leave out files that are empty or not UTF-8.
    """
    folder, inspection = pathlib.Path(path), bad_examples.Inspection(skip_bad)
    given = {split: folder / split for split in NAMES if (folder / split).is_dir()}
    roots = given if "train" in given else {"train": folder}
    classes = sorted(p.name for p in roots["train"].iterdir() if p.is_dir() and p.name[0] != ".")
    found = {}
    for split, root in roots.items():
        pairs = [
            (_words(file, inspection), place.name)
            for place in sorted(root.iterdir())
            if place.is_dir() and place.name in classes
            for file in sorted(place.glob(f"*{ENDING}"))
        ]
        found[split] = pairs
    total = sum(map(len, found.values()))
    skipped = inspection.done(total, f"folder `{path}`")
    good = {split: [pair for pair in pairs if pair[0]] for split, pairs in found.items()}
    return source(f"folder `{path}`", good, seed, words, context, validation, test, skipped=skipped)


def _words(file, inspection):
    """Return the words of a file; note a file that has none."""
    content = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        words, fault = text.words_of(content.decode("utf-8")), "empty file"
    except UnicodeDecodeError:
        words, fault = [], "not UTF-8"
    if not words:
        expected = "a text of at least one word in UTF-8"
        inspection.bad(str(file), str(file), fault, f"file `{file}`", expected, fault)
    return words


def source(
    subject: str,
    found: dict[str, list[tuple[Sequence[str], str]]],
    seed: int,
    words: int,
    context: int,
    validation: float,
    test: float,
    **facts,
) -> Source:
    """Return texts with a class each as a dataset.

    Args:
        subject: str, the data, for errors.
        found: dict from "train", and perhaps the other splits, to the words and the class of texts.
        seed: int, the missing splits are drawn with it.
        words: int, largest size of the vocabulary.
        context: int, words of a text that are used.
        validation, test: float, fractions of the training texts for missing splits.
        **facts: Further arguments of `Source`.
    """
    checks.integers(at_least=3, words=words)
    checks.integers(context=context)
    classes = tuple(sorted({label for _, label in found["train"]}))
    if len(classes) < 2:
        received = ", ".join(classes) or "none"
        raise errors.InvalidInput(f"texts of {subject}", "at least two classes", received)
    for split, pairs in found.items():
        if strange := [label for _, label in pairs if label not in classes]:
            expected = f"classes of the training texts: {', '.join(classes)}"
            raise errors.InvalidInput(f"{split} texts of {subject}", expected, strange[0])
    labels = np.array([classes.index(label) for _, label in found["train"]])
    fractions = (
        0 if split in found else part
        for split, part in zip(NAMES[1:], (validation, test), strict=True)
    )
    rows = splitting.rows_of_splits(labels, seed, *fractions)
    cut = {s: [found["train"][row] for row in r] for s, r in zip(NAMES, rows, strict=True)}
    parts = cut | {split: pairs for split, pairs in found.items() if split != "train"}
    splitting.check_enough(subject, parts, "texts")
    vocabulary = text.vocabulary_of((tokens for tokens, _ in parts["train"]), words)
    length = min(context, max(len(tokens) for pairs in parts.values() for tokens, _ in pairs))

    def arrays(pairs):
        if not pairs:
            return None
        inputs = text.encoded([tokens for tokens, _ in pairs], vocabulary, context)
        targets = np.array([classes.index(label) for _, label in pairs], "int32")
        return np.pad(inputs, [(0, 0), (0, length - inputs.shape[1])]), targets

    train, validated, tested = (arrays(parts[split]) for split in NAMES)
    facts |= {"classes": classes, "vocabulary": vocabulary}
    return Source("classification", train, validated, tested, **facts)
