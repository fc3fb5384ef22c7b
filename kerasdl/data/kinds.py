"""Kinds of data: the contents of an example, declared once and checked when a dataset is loaded.

`info.task` of a dataset is its kind; a training task lists the kinds that it takes.

>>> get("boxes").describe
'images with a box around each object'
>>> get("boxes").targets.required
{'boxes': Array('boxes', (objects, 4))}

A new kind is one more `Kind` in `KINDS`.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasdl import errors

if TYPE_CHECKING:  # it imports this module
    from kerasdl.data.splits import Source

INTEGERS = ("uint8", "int8", "int16", "uint16", "int32", "int64")
FLOATS = ("float16", "float32", "float64")


@dataclasses.dataclass(frozen=True)
class Stored:
    """Shape and dtype of one array of an example.

    Args:
        shape: tuple of int, without the dimension of examples.
        dtype: str, name of the NumPy dtype.
    """

    shape: tuple
    dtype: str

    def __str__(self):
        return f"{self.dtype} of shape {self.shape}"


@dataclasses.dataclass(frozen=True)
class Array:
    """One array of an example, as a kind of data declares it.

    Args:
        role: str, what the numbers mean: "image", "vector", "series", "tokens", "class", "boxes",
            "mask", ... Augmentation moves images, masks and boxes together by their roles.
        dims: tuple, names of the dimensions, or sizes that are fixed. Dimensions of one name have
            one size in all arrays of all splits.
        dtypes: tuple of str, the dtypes it may have.
        lowest: float, the smallest value allowed, or None for any finite number.
        highest: The largest value allowed: a float; "classes" or "vocabulary" for one less than
            the number of these; or None.
    """

    role: str
    dims: tuple = ()
    dtypes: tuple = INTEGERS
    lowest: float | None = None
    highest: float | str | None = None

    def __str__(self):
        dtype = "integers" if self.dtypes == INTEGERS else "floats"
        if self.role == "image":
            dtype = "float or uint8"
        return f"{dtype} of shape ({', '.join(map(str, self.dims))})"

    def __repr__(self):
        return f"Array({self.role!r}, ({', '.join(map(str, self.dims))}))"


@dataclasses.dataclass(frozen=True)
class OneOf:
    """An array that may be declared in several ways, such as an image or a vector."""

    arrays: tuple

    def __init__(self, *arrays: Array):
        object.__setattr__(self, "arrays", arrays)

    def __str__(self):
        return " or ".join(map(str, self.arrays))


@dataclasses.dataclass(frozen=True)
class Fields:
    """A dictionary of arrays. A single required array may also be given without the dictionary.

    Args:
        required: dict, arrays that every example has, by name.
        optional: dict, arrays that it may have.
    """

    required: dict
    optional: dict = dataclasses.field(default_factory=dict)

    def __str__(self):
        return f"a dictionary with {' and '.join(f'`{name}`' for name in self.required)}"


@dataclasses.dataclass(frozen=True)
class Kind:
    """The contents of one example of a dataset.

    Args:
        name: str, the kind's name, `info.task`.
        describe: str, an example in a few words.
        inputs: The structure of the inputs: an `Array`, `OneOf`, `Fields` or a tuple of them.
        targets: The structure of the targets.
    """

    name: str
    describe: str
    inputs: Any
    targets: Any

    def roles(self, structure: tuple) -> tuple:
        """Return the roles of the arrays of an example, nested as the arrays are.

        Args:
            structure: (inputs, targets), nested `Stored`.
        """
        found = []
        self._walk("data", structure, {}, lambda declared, *_: found.append(declared.role))
        return _nested(structure, iter(found))

    def check(self, name: str, source: "Source"):
        """Check that the arrays of all splits fit the declarations of this kind.

        Shapes and dtypes are checked for every dataset, values for arrays in memory.

        Args:
            name: str, the dataset's name for error messages.
            source: `kerasdl.data.splits.Source`.

        Raises:
            InvalidInput: if an array is missing or different; the error names it, what is expected
                and what was received.
        """
        sizes: dict[str, Any] = {}
        limits = {"classes": source.classes, "vocabulary": source.vocabulary}

        def check_values(declared, path, values):
            if values is not None:
                _check_values(declared, path, values, limits)

        for split, examples in source.splits().items():
            if examples:
                title = f"{split} split of data `{name}`"
                self._walk(title, examples.structure, sizes, check_values, examples.arrays)

    def _walk(self, title, structure, sizes, visit, arrays=None):
        """Match both parts of an example with their declarations; visit every array."""
        for i, (part, declared) in enumerate((("inputs", self.inputs), ("targets", self.targets))):
            values = None if arrays is None else arrays[i]
            _match(f"{part} of the {title}", declared, structure[i], values, sizes, visit)


def _match(path, declared, received, values, sizes, visit):
    if isinstance(declared, Fields):
        _match_fields(path, declared, received, values, sizes, visit)
    elif isinstance(declared, tuple):
        if not isinstance(received, tuple) or len(received) != len(declared):
            raise errors.InvalidInput(path, f"a tuple of {len(declared)} arrays", _said(received))
        for i, (one, part) in enumerate(zip(declared, received, strict=True)):
            value = None if values is None else values[i]
            _match(f"part {i} of the {path}", one, part, value, sizes, visit)
    else:
        options = declared.arrays if isinstance(declared, OneOf) else (declared,)
        fitting = [array for array in options if _fits(array, received, sizes)]
        if not fitting:
            known = [f"{n} = {sizes[n]}" for array in options for n in array.dims if n in sizes]
            hint = f" with {', '.join(dict.fromkeys(known))}" if known else ""
            raise errors.InvalidInput(path, f"{declared}{hint}", _said(received))
        sizes.update(zip(fitting[0].dims, received.shape, strict=True))
        visit(fitting[0], path, values)


def _match_fields(path, declared, received, values, sizes, visit):
    if not isinstance(received, dict):
        if len(declared.required) > 1:
            raise errors.InvalidInput(path, declared, _said(received))
        (only,) = declared.required.values()
        return _match(path, only, received, values, sizes, visit)
    known = {**declared.required, **declared.optional}
    missing = [name for name in declared.required if name not in received]
    unknown = [name for name in received if name not in known]
    if missing or unknown:
        expected = f"{declared}{' and only known others' if unknown else ''}"
        raise errors.InvalidInput(path, expected, f"a dictionary with {', '.join(received)}")
    for name, part in received.items():
        value = None if values is None else values[name]
        _match(f"`{name}` of the {path}", known[name], part, value, sizes, visit)


def _fits(array, received, sizes):
    if isinstance(received, (dict, tuple)) or received.dtype not in array.dtypes:
        return False
    bound = [sizes.get(dim, dim) for dim in array.dims]
    return len(bound) == len(received.shape) and all(
        isinstance(dim, str) or dim == size for dim, size in zip(bound, received.shape, strict=True)
    )


def _said(received):
    if isinstance(received, dict):
        return f"a dictionary with {', '.join(received)}"
    return f"a tuple of {len(received)}" if isinstance(received, tuple) else str(received)


def _check_values(declared, path, values, limits):
    """Check the range of an array of examples, and that floats are finite."""
    lowest, highest = declared.lowest, declared.highest
    if not values.size or values.dtype == np.uint8:
        return
    if isinstance(highest, str):
        names = limits[highest]
        highest = None if names is None else len(names) - 1
    smallest, largest = float(values.min()), float(values.max())
    if not np.isfinite([smallest, largest]).all():
        raise errors.InvalidInput(path, "finite numbers", "NaN or infinity")
    if (lowest is not None and smallest < lowest) or (highest is not None and largest > highest):
        top = "up" if highest is None else f"to {highest:g}"
        received = f"from {smallest:g} to {largest:g}"
        raise errors.InvalidInput(path, f"{declared.role} from {lowest:g} {top}", received)


def _nested(structure, leaves):
    if isinstance(structure, dict):
        return {name: _nested(part, leaves) for name, part in structure.items()}
    if isinstance(structure, tuple):
        return tuple(_nested(part, leaves) for part in structure)
    return next(leaves)


# dimensions of one name have one size, so a mask is as large as its image
IMAGE = Array("image", ("height", "width", "channels"), ("uint8", *FLOATS))
VECTOR = Array("vector", ("features",), FLOATS)
SERIES = Array("series", ("steps", "features"), FLOATS)
TOKENS = Array("tokens", ("steps",), INTEGERS, 0, "vocabulary")
CLASS = Array("class", (), INTEGERS, 0, "classes")
CLASS_OR_NONE = Array("class", (), INTEGERS, -1, "classes")
BOXES = Array("boxes", ("objects", 4), FLOATS, 0, 1)
MASK = Array("mask", ("height", "width"), INTEGERS, 0)
CAPTION = Array("tokens", ("words",), INTEGERS, 0, "vocabulary")
# of each object, -1 where an image has fewer objects; a single number for images of one object
OF_OBJECTS = OneOf(Array("class", ("objects",), INTEGERS, -1), Array("class", (), INTEGERS, -1))
COUNT = Array("number", (), INTEGERS, 0)
FACTS = {
    "boxes": BOXES,
    "mask": MASK,
    "instances": MASK,  # for each pixel the number of its object, from 1
    "caption": CAPTION,
    "class": OF_OBJECTS,
    "colour": OF_OBJECTS,
    "count": COUNT,
}


def _facts(*required):
    return Fields({name: FACTS[name] for name in required}, FACTS)


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "classification",
            "images, vectors, series or texts with a class each",
            OneOf(IMAGE, VECTOR, SERIES, TOKENS),
            CLASS,
        ),
        Kind(
            "regression",
            "vectors or series with numbers to predict",
            OneOf(VECTOR, SERIES, IMAGE),
            Array("vector", ("outputs",), FLOATS),
        ),
        Kind(
            "points",
            "points in the plane with the number of the mode that each comes from",
            Array("vector", (2,), FLOATS),
            Array("class", (), INTEGERS, 0),
        ),
        Kind("text", "windows of a text, and the same one token later", TOKENS, TOKENS),
        Kind(
            "translation",
            "sequences with their translations, which are also an input, delayed by one token",
            (
                Array("tokens", ("source_steps",), INTEGERS, 0, "vocabulary"),
                Array("tokens", ("target_steps",), INTEGERS, 0, "vocabulary"),
            ),
            Array("tokens", ("target_steps",), INTEGERS, 0, "vocabulary"),
        ),
        Kind("sequence", "sequences with a token to answer at each step", TOKENS, TOKENS),
        Kind(
            "word_tags",
            "sentences, padded with token 0, with a tag for each word, -1 for padding",
            TOKENS,
            Array("class", ("steps",), INTEGERS, -1, "classes"),
        ),
        Kind(
            "sentence_pairs",
            "two sentences with masked words, the true words, -1 where they are not asked for, and "
            "1 if the second follows the first",
            TOKENS,
            Fields(
                {
                    "words": Array("tokens", ("steps",), INTEGERS, -1, "vocabulary"),
                    "next": Array("class", (), INTEGERS, 0, 1),
                }
            ),
        ),
        Kind(
            "pairs",
            "pairs of inputs, with 1 if the two belong together and 0 if not",
            (
                OneOf(IMAGE, VECTOR, TOKENS),
                OneOf(
                    Array("image", ("height", "width", "channels_2"), IMAGE.dtypes),
                    Array("vector", ("features_2",), FLOATS),
                    Array("tokens", ("steps_2",), INTEGERS, 0, "vocabulary"),
                ),
            ),
            Array("class", (), INTEGERS, 0, 1),
        ),
        Kind(
            "views",
            "two views of the same image, with its class, -1 where that is unknown",
            (IMAGE, IMAGE),
            CLASS_OR_NONE,
        ),
        Kind(
            "domains",
            "an image of each of two domains, which do not belong together, with the class of the "
            "first, -1 where that is unknown",
            (IMAGE, IMAGE),
            CLASS_OR_NONE,
        ),
        Kind("boxes", "images with a box around each object", IMAGE, _facts("boxes")),
        Kind("masks", "images with the class of each pixel", IMAGE, _facts("mask")),
        Kind(
            "tags",
            "images, vectors or texts with any number of tags each, as zeros and ones",
            OneOf(IMAGE, VECTOR, TOKENS),
            Array("tags", ("tags",), FLOATS, 0, 1),
        ),
        Kind("captions", "images with a sentence each", IMAGE, _facts("caption")),
        Kind("elements", "images with facts about their objects", IMAGE, Fields({}, FACTS)),
        Kind(
            "graphs",
            "graphs with features and a class of each node, -1 where that is unknown",
            Fields(
                {
                    "nodes": Array("nodes", ("nodes", "features"), FLOATS),
                    "adjacency": Array("adjacency", ("nodes", "nodes"), FLOATS, 0),
                }
            ),
            Array("class", ("nodes",), INTEGERS, -1, "classes"),
        ),
        Kind(
            "ratings",
            "a user and an item, by number, with the user's rating of it",
            (Array("user", (), INTEGERS, 0), Array("item", (), INTEGERS, 0)),
            Array("number", (), FLOATS),
        ),
        Kind(
            "series",
            "windows of a series with the values that follow",
            SERIES,
            Array("series", ("horizon", "outputs"), FLOATS),
        ),
    )
}


def names() -> list[str]:
    """Return the names of all kinds of data."""
    return sorted(KINDS)


def get(name: str) -> Kind:
    """Return the kind of data of a name.

    >>> get("ratings").describe
    "a user and an item, by number, with the user's rating of it"
    """
    errors.one_of("kind of data", name, names(), "kerasdl.data.kinds.names()")
    return KINDS[name]
