"""Which recipes are published with their weights, and what each model must not be used for."""

import dataclasses

from kerasdl import errors, recipes
from kerasdl.recipes import Bar, Recipe

LARGEST_FILE = 1_000_000  # bytes
LARGEST_FOLDER = 10_000_000


@dataclasses.dataclass(frozen=True)
class Publication:
    """One folder of `saved_models/`.

    Args:
        name: A recipe, and the folder.
        limits: What the model cannot do, as its card says it.
        changes: What differs from the recipe of that name.
        reason: Why.
    """

    name: str
    limits: str
    changes: dict = dataclasses.field(default_factory=dict)
    reason: str = ""

    @property
    def recipe(self) -> Recipe:
        return recipes.get(self.name).replace(**self.changes)


ONE_DIGIT = (
    "One digit fills the picture, bright on black, 8x8 pixels. What is no digit is called one, "
    "too. Thirteen people wrote the set, before 1998; other hands, pens and cameras are untested."
)
CODES = (
    "It has seen 1,437 digits of 8x8 pixels and nothing else: whatever is encoded comes back as a "
    "digit, a little blurred. Of codes drawn at random some give a picture between two digits."
)
FORGERIES = (
    "Grey pictures of 8x8 pixels in the manner of 1,437 digits. Nothing asks for a certain digit, "
    "and some pictures are none. The discriminator is not kept."
)
ENGLISH = (
    "It has read one English text, Python's manual of half a million characters, and continues in "
    "its manner: spelling mostly right, sense none. It knows no facts, no other language, and "
    "no character that is not in its vocabulary."
)
WINDOW = " The files read a window of 128 characters; the Keras model carries on from there."
SMALLER = (
    "Files of the recipe's own size exceed the megabyte that one may have here, ten megabytes in "
    "all; the smaller network trains longer."
)

PUBLICATIONS = (
    Publication("se_resnet_tiny", ONE_DIGIT),
    Publication("simple_cnn", ONE_DIGIT),
    Publication("lenet5", ONE_DIGIT),
    Publication("densenet_tiny", ONE_DIGIT),
    Publication("vae", CODES),
    Publication("dcgan", FORGERIES),
    Publication(
        "gpt_tiny",
        ENGLISH + WINDOW,
        {
            "model_options": {"width": 64, "depth": 4, "heads": 4},
            "epochs": 8,
            "bars": (Bar("nats", at_most=1.5),),
        },
        SMALLER,
    ),
    Publication(
        "lstm_lm", ENGLISH + WINDOW, {"model_options": {"width": 88}, "epochs": 8}, SMALLER
    ),
)


def names() -> list[str]:
    return [publication.name for publication in PUBLICATIONS]


def get(name: str) -> Publication:
    errors.one_of("published model", name, names())
    return next(publication for publication in PUBLICATIONS if publication.name == name)
