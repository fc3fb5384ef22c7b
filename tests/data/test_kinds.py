"""Kinds of data: arrays that each accepts, and errors for arrays that do not fit."""

import numpy as np
import pytest

import kerasdl.data
from kerasdl.data import kinds
from kerasdl.data.splits import Source
from kerasdl.errors import InvalidInput

IMAGES = np.zeros((5, 8, 6, 3), "float32")
LABELS = np.array([0, 1, 2, 0, 1], "int32")
TOKENS = np.ones((5, 7), "int32")
BOXES = np.full((5, 2, 4), 0.5, "float32")
GRAPH = {"nodes": np.zeros((5, 9, 4), "float32"), "adjacency": np.zeros((5, 9, 9), "float32")}
# valid (inputs, targets) of each kind
RIGHT = {
    "boxes": (IMAGES, {"boxes": BOXES, "class": np.zeros((5, 2), "int32")}),
    "captions": (IMAGES, TOKENS),
    "classification": (IMAGES, LABELS),
    "domains": ((IMAGES, IMAGES), LABELS - 1),
    "elements": (IMAGES, {"colour": LABELS, "count": LABELS}),
    "graphs": (GRAPH, np.zeros((5, 9), "int32") - 1),
    "masks": (IMAGES, np.zeros((5, 8, 6), "int32")),
    "pairs": ((IMAGES, TOKENS), np.array([0, 1, 1, 0, 1])),
    "points": (np.zeros((5, 2), "float32"), LABELS),
    "ratings": ((LABELS, LABELS), np.zeros(5, "float32")),
    "regression": (np.zeros((5, 3), "float32"), np.zeros((5, 1), "float32")),
    "sentence_pairs": (TOKENS, {"words": TOKENS - 2, "next": LABELS % 2}),
    "sequence": (TOKENS, TOKENS),
    "series": (np.zeros((5, 12, 2), "float32"), np.zeros((5, 3, 2), "float32")),
    "tags": (IMAGES, np.eye(5, dtype="float32")),
    "text": (TOKENS, TOKENS),
    "translation": ((TOKENS[:, :3], TOKENS), TOKENS),
    "views": ((IMAGES, IMAGES), LABELS - 1),
    "word_tags": (TOKENS, TOKENS - 2),
}


def check(name, train, test=None, **facts):
    facts = {"classes": ("a", "b", "c"), "vocabulary": ("", "x"), **facts}
    kinds.get(name).check("mine", Source(name, train, None, test or train, **facts))


@pytest.mark.parametrize("name", kinds.names())
def test_each_kind_accepts_its_examples_and_has_a_description(name):
    check(name, RIGHT[name])
    kind = kinds.get(name)
    assert kind.name == name and kind.describe[0].islower() and kind.describe[-1] != "."


@pytest.mark.parametrize("name", kinds.names())
def test_each_kind_refuses_inputs_of_another_rank_and_dtype(name):
    inputs, targets = RIGHT[name]
    worse = inputs
    while isinstance(worse, (tuple, dict)):
        worse = next(iter(worse.values())) if isinstance(worse, dict) else worse[0]
    for first in (worse[..., None, None, None], worse.astype(str)):
        changed = first
        if isinstance(inputs, tuple):
            changed = (first, *inputs[1:])
        elif isinstance(inputs, dict):
            changed = {**inputs, "nodes": first}
        with pytest.raises(InvalidInput, match="inputs of the train split of data `mine`"):
            check(name, (changed, targets))


@pytest.mark.parametrize(
    ("name", "train", "parts"),
    [
        ("classification", (IMAGES, LABELS.astype("float32")), ("targets", "integers", "float32")),
        ("classification", (IMAGES, LABELS + 1), ("targets", "class from 0 to 2", "from 1 to 3")),
        ("masks", (IMAGES, np.zeros((5, 6, 8), "int32")), ("targets", "height = 8", "(6, 8)")),
        ("boxes", (IMAGES, {"class": LABELS}), ("targets", "`boxes`", "class")),
        ("boxes", (IMAGES, {"boxes": BOXES, "name": LABELS}), ("only known", "boxes, name")),
        ("boxes", (IMAGES, 40 * BOXES), ("boxes from 0 to 1", "20")),
        ("translation", (TOKENS, TOKENS), ("inputs", "tuple of 2", "int32 of shape (7,)")),
        ("translation", ((TOKENS, TOKENS), TOKENS[:, :4]), ("targets", "target_steps = 7")),
        ("text", (2 * TOKENS, TOKENS), ("inputs", "tokens from 0 to 1", "2")),
        ("regression", (np.full((5, 3), np.nan, "float32"), BOXES[:, 0]), ("finite", "NaN")),
        ("ratings", ((LABELS - 1, LABELS), BOXES[:, 0, 0]), ("part 0", "user from 0 up", "-1")),
        ("graphs", ({**GRAPH, "nodes": GRAPH["nodes"][:, :5]}, LABELS), ("`adjacency`", "nodes")),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name, train, parts):
    with pytest.raises(InvalidInput) as caught:
        check(name, train)
    for part in (*parts, "train split of data `mine`"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_splits_must_have_the_same_sizes():
    with pytest.raises(InvalidInput, match=r"inputs of the test split .*steps = 7.*\(5,\)"):
        check("text", (TOKENS, TOKENS), (TOKENS[:, :5], TOKENS[:, :5]))


def test_roles_tell_augmentation_what_to_move():
    source = Source("boxes", RIGHT["boxes"], None, RIGHT["boxes"])
    roles = source.kind.roles(source.train.structure)
    assert roles == ("image", {"boxes": "boxes", "class": "class"})


def test_an_unknown_kind_is_refused_with_a_suggestion():
    with pytest.raises(InvalidInput, match="did you mean boxes"):
        kinds.get("boxs")


@pytest.mark.parametrize(
    ("elements", "kind"),
    [
        ("class", "classification"),
        ("colour", "classification"),
        ("boxes", "boxes"),
        ("class,boxes", "boxes"),
        ("mask", "masks"),
        ("caption", "captions"),
        ("class,colour", "elements"),
    ],
)
def test_elements_of_shapes_decide_the_kind(elements, kind):
    info = kerasdl.data.load("shapes", count=20, image_size=8, elements=elements).info
    assert info.task == info.kind.name == kind


def test_records_are_checked_against_their_kind(tmp_path):
    arrays = {"train": (IMAGES, LABELS), "test": (IMAGES, LABELS)}
    with pytest.raises(InvalidInput, match="kind of data"):
        kerasdl.data.write_records(arrays, tmp_path, task="clasification")
    kerasdl.data.write_records(arrays, tmp_path, task="masks", shards=1)
    for memory in (2**30, 0):
        with pytest.raises(InvalidInput, match=r"targets of the train split.*int32 of shape \(\)"):
            kerasdl.data.load(tmp_path, memory=memory, validation=0)


def test_declarations_are_written_as_messages_show_them():
    assert str(kinds.IMAGE) == "float or uint8 of shape (height, width, channels)"
    assert str(kinds.TOKENS) == "integers of shape (steps)"
    assert str(kinds.OneOf(kinds.VECTOR, kinds.TOKENS)) == (
        "floats of shape (features) or integers of shape (steps)"
    )
    both = kinds.Fields({"a": kinds.VECTOR, "b": kinds.CLASS}, {"c": kinds.MASK})
    assert str(both) == "a dictionary with `a` and `b`"
    assert repr(kinds.BOXES) == "Array('boxes', (objects, 4))"


@pytest.mark.parametrize(
    ("values", "holds"), [([0, 2], True), ([0, 3], False), ([-1, 2], False), ([], True)]
)
def test_class_numbers_are_below_the_number_of_classes(values, holds):
    declared, limits = kinds.CLASS, {"classes": ("a", "b", "c")}
    values = np.array(values, "int32")
    if holds:
        kinds._check_values(declared, "targets", values, limits)
    else:
        message = "^Invalid targets. Expected class from 0 to 2. Received: from "
        with pytest.raises(InvalidInput, match=message):
            kinds._check_values(declared, "targets", values, limits)
    # without names any class is possible
    kinds._check_values(declared, "targets", np.abs(values), {"classes": None})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_are_finite(value):
    values = np.array([0.0, value, 1.0], "float32")
    with pytest.raises(InvalidInput, match=r"Expected finite numbers. Received: NaN or infinity$"):
        kinds._check_values(kinds.VECTOR, "inputs", values, {})


def test_a_single_required_array_may_stand_without_its_dictionary():
    boxes = np.zeros((5, 2, 4), "float32")
    check("boxes", (IMAGES, boxes))
    check("boxes", (IMAGES, {"boxes": boxes, "count": LABELS}))
    message = "Expected a dictionary with `nodes` and `adjacency`. Received: float32 of shape"
    with pytest.raises(InvalidInput, match=message):
        check("graphs", (GRAPH["nodes"], LABELS))


def wrong(name, place, value):
    """Return (inputs, targets) of a kind in which one number of an array is `value`."""

    def changed(structure, path):
        if not path:
            array = np.array(structure)
            array.flat[-1] = value
            return array
        if isinstance(structure, dict):
            return {**structure, path[0]: changed(structure[path[0]], path[1:])}
        parts = list(structure)
        parts[path[0]] = changed(parts[path[0]], path[1:])
        return tuple(parts)

    return changed(RIGHT[name], place)


@pytest.mark.parametrize(
    ("name", "place", "right", "bad", "expected"),
    [
        ("boxes", (1, "boxes"), 1.0, 1.25, "boxes from 0 to 1"),
        ("boxes", (1, "boxes"), 0.0, -0.25, "boxes from 0 to 1"),
        ("boxes", (1, "class"), -1, -2, "class from -1 up"),
        ("captions", (1,), 1, 2, "tokens from 0 to 1"),
        ("captions", (1,), 0, -1, "tokens from 0 to 1"),
        ("classification", (1,), 2, 3, "class from 0 to 2"),
        ("classification", (1,), 0, -1, "class from 0 to 2"),
        ("domains", (1,), 2, 3, "class from -1 to 2"),
        ("domains", (1,), -1, -2, "class from -1 to 2"),
        ("elements", (1, "colour"), -1, -2, "class from -1 up"),
        ("elements", (1, "count"), 0, -1, "number from 0 up"),
        ("graphs", (0, "adjacency"), 7.5, -0.5, "adjacency from 0 up"),
        ("graphs", (1,), 2, 3, "class from -1 to 2"),
        ("graphs", (1,), -1, -2, "class from -1 to 2"),
        ("masks", (1,), 9, -1, "mask from 0 up"),
        ("pairs", (0, 1), 1, 2, "tokens from 0 to 1"),
        ("pairs", (0, 1), 0, -1, "tokens from 0 to 1"),
        ("pairs", (1,), 1, 2, "class from 0 to 1"),
        ("pairs", (1,), 0, -1, "class from 0 to 1"),
        ("points", (1,), 99, -1, "class from 0 up"),
        ("ratings", (0, 0), 99, -1, "user from 0 up"),
        ("ratings", (0, 1), 99, -1, "item from 0 up"),
        ("sequence", (0,), 1, 2, "tokens from 0 to 1"),
        ("sequence", (1,), 0, -1, "tokens from 0 to 1"),
        ("tags", (1,), 1.0, 1.5, "tags from 0 to 1"),
        ("tags", (1,), 0.0, -0.5, "tags from 0 to 1"),
        ("translation", (0, 0), 1, 2, "tokens from 0 to 1"),
        ("translation", (0, 0), 0, -1, "tokens from 0 to 1"),
        ("translation", (0, 1), 1, 2, "tokens from 0 to 1"),
        ("translation", (0, 1), 0, -1, "tokens from 0 to 1"),
        ("translation", (1,), 1, 2, "tokens from 0 to 1"),
        ("translation", (1,), 0, -1, "tokens from 0 to 1"),
        ("views", (1,), 2, 3, "class from -1 to 2"),
        ("views", (1,), -1, -2, "class from -1 to 2"),
    ],
)
def test_smallest_and_largest_numbers_of_each_array(name, place, right, bad, expected):
    check(name, wrong(name, place, right))
    with pytest.raises(InvalidInput, match=f"Expected {expected}. Received: from "):
        check(name, wrong(name, place, bad))


@pytest.mark.parametrize(
    ("name", "train"),
    [
        ("classification", (np.ones((5, 3), "float64"), LABELS.astype("uint8"))),
        ("classification", (np.ones((5, 4, 3), "float16"), LABELS.astype("int8"))),
        ("classification", (TOKENS.astype("uint16"), LABELS.astype("int16"))),
        ("classification", (IMAGES.astype("uint8"), LABELS.astype("int64"))),
        ("regression", (np.ones((5, 4, 3), "float32"), np.ones((5, 2), "float64"))),
        ("regression", (IMAGES, np.ones((5, 2), "float16"))),
        ("tags", (TOKENS, np.zeros((5, 4), "float32"))),
        ("tags", (np.ones((5, 3), "float32"), np.zeros((5, 4), "float32"))),
        ("pairs", ((TOKENS, TOKENS[:, :4]), LABELS % 2)),
        ("pairs", ((IMAGES, IMAGES[..., :1]), LABELS % 2)),
        ("pairs", ((np.ones((5, 3), "float32"), np.ones((5, 2), "float32")), LABELS % 2)),
        ("captions", (IMAGES, TOKENS[:, :3])),
        ("boxes", (IMAGES, {"boxes": BOXES, "class": np.zeros((5, 2), "int32")})),
        ("boxes", (IMAGES, {"boxes": BOXES[:, :1], "class": np.zeros(5, "int32")})),
        ("masks", (IMAGES, {"mask": np.zeros((5, 8, 6), "uint8"), "caption": TOKENS})),
        ("elements", (IMAGES, {"colour": LABELS})),
        ("series", (np.ones((5, 12, 2), "float32"), np.ones((5, 12, 3), "float32"))),
    ],
)
def test_other_arrays_that_a_kind_accepts(name, train):
    check(name, train)


@pytest.mark.parametrize(
    ("name", "train", "message"),
    [
        (
            "classification",
            (IMAGES, LABELS.astype("float32")),
            "targets of the train split of data `mine`. Expected integers of shape (). "
            "Received: float32 of shape ()",
        ),
        (
            "regression",
            (TOKENS, BOXES[:, 0]),
            "inputs of the train split of data `mine`. Expected floats of shape (features) or "
            "floats of shape (steps, features) or float or uint8 of shape (height, width, "
            "channels). Received: int32 of shape (7,)",
        ),
        (
            "translation",
            (TOKENS, TOKENS),
            "inputs of the train split of data `mine`. Expected a tuple of 2 arrays. "
            "Received: int32 of shape (7,)",
        ),
        (
            "views",
            ((IMAGES, IMAGES, IMAGES), LABELS),
            "inputs of the train split of data `mine`. Expected a tuple of 2 arrays. "
            "Received: a tuple of 3",
        ),
        (
            "views",
            ({"a": IMAGES, "b": IMAGES}, LABELS),
            "inputs of the train split of data `mine`. Expected a tuple of 2 arrays. "
            "Received: a dictionary with a, b",
        ),
        (
            "views",
            ((IMAGES, IMAGES[..., :1]), LABELS),
            "part 1 of the inputs of the train split of data `mine`. Expected float or uint8 of "
            "shape (height, width, channels) with height = 8, width = 6, channels = 3. "
            "Received: float32 of shape (8, 6, 1)",
        ),
        (
            "boxes",
            (IMAGES, {"class": LABELS}),
            "targets of the train split of data `mine`. Expected a dictionary with `boxes`. "
            "Received: a dictionary with class",
        ),
        (
            "boxes",
            (IMAGES, {"boxes": BOXES, "name": LABELS}),
            "targets of the train split of data `mine`. Expected a dictionary with `boxes` and "
            "only known others. Received: a dictionary with boxes, name",
        ),
        (
            "boxes",
            (IMAGES, {"boxes": BOXES, "class": np.zeros((5, 3), "int32")}),
            "`class` of the targets of the train split of data `mine`. Expected integers of shape "
            "(objects) or integers of shape () with objects = 2. Received: int32 of shape (3,)",
        ),
        (
            "boxes",
            (IMAGES, BOXES[..., :3]),
            "targets of the train split of data `mine`. Expected floats of shape (objects, 4). "
            "Received: float32 of shape (2, 3)",
        ),
        (
            "points",
            (np.zeros((5, 3), "float32"), LABELS),
            "inputs of the train split of data `mine`. Expected floats of shape (2). "
            "Received: float32 of shape (3,)",
        ),
        (
            "ratings",
            ((LABELS - 1, LABELS), BOXES[:, 0, 0]),
            "part 0 of the inputs of the train split of data `mine`. Expected user from 0 up. "
            "Received: from -1 to 1",
        ),
        (
            "graphs",
            ({**GRAPH, "adjacency": GRAPH["adjacency"][:, :, :5]}, LABELS),
            "`adjacency` of the inputs of the train split of data `mine`. Expected floats of "
            "shape (nodes, nodes) with nodes = 9. Received: float32 of shape (9, 5)",
        ),
    ],
)
def test_whole_messages(name, train, message):
    with pytest.raises(InvalidInput) as caught:
        check(name, train)
    assert str(caught.value) == f"Invalid {message}"


def test_values_of_every_split_are_checked_and_missing_splits_are_not():
    with pytest.raises(InvalidInput, match=r"^Invalid targets of the test split of data `mine`\. "):
        check("classification", (IMAGES, LABELS), (IMAGES, LABELS + 1))
    made = Source("classification", (IMAGES, LABELS), (IMAGES, LABELS + 1), None, ("a", "b", "c"))
    with pytest.raises(InvalidInput, match=r"^Invalid targets of the validation split"):
        made.kind.check("mine", made)


def test_bytes_and_empty_arrays_have_no_range():
    kinds._check_values(kinds.BOXES, "boxes", np.full((2, 4), 200, "uint8"), {})
    kinds._check_values(kinds.BOXES, "boxes", np.zeros((0, 4), "float32"), {})
