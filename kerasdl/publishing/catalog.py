"""The recipes that are published with their weights, and the limits of each model."""

import dataclasses

from kerasdl import errors, recipes
from kerasdl.recipes import Bar, Recipe

LARGEST_FILE = 1_000_000  # bytes
LARGEST_FOLDER = 10_000_000


@dataclasses.dataclass(frozen=True)
class Publication:
    """One folder of `saved_models/`.

    Args:
        name: str, a recipe, and the name of the folder.
        limits: str, what the model cannot do, for its card.
        changes: dict, values that differ from those of the recipe.
        reason: str, why they differ.
    """

    name: str
    limits: str
    changes: dict = dataclasses.field(default_factory=dict)
    reason: str = ""

    @property
    def recipe(self) -> Recipe:
        """The recipe with the changes."""
        return recipes.get(self.name).replace(**self.changes)


ONE_DIGIT = (
    "It expects one digit that fills the image, bright on black, 8x8 pixels. It calls anything "
    "else a digit too. The digits were written by 13 people before 1998; other handwriting, pens "
    "and cameras are untested."
)
CODES = (
    "It was trained on 1,437 digits of 8x8 pixels and nothing else: any image comes back as a "
    "slightly blurred digit. Some randomly drawn codes give an image between two digits."
)
SAMPLES = (
    "It generates gray images of 8x8 pixels that resemble 1,437 training digits. The digit cannot "
    "be chosen, and some images show none. The discriminator is not included."
)
ENGLISH = (
    "It was trained on one English text, half a million characters of Python's manual, and "
    "imitates its style: mostly correct spelling, no meaning. It knows no facts, no other "
    "language, and no character outside its vocabulary."
)
WINDOW = " The files read a window of 128 characters; the Keras model can generate longer texts."
SMALLER = (
    "Files of the recipe's own size would exceed the limit of one megabyte a file, ten megabytes "
    "in all. The smaller network trains longer."
)

PUBLICATIONS = (
    Publication("se_resnet_tiny", ONE_DIGIT),
    Publication("simple_cnn", ONE_DIGIT),
    Publication("lenet5", ONE_DIGIT),
    Publication("densenet_tiny", ONE_DIGIT),
    Publication("vae", CODES),
    Publication("dcgan", SAMPLES),
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
    """The names of all publications."""
    return [publication.name for publication in PUBLICATIONS]


def get(name: str) -> Publication:
    """The publication of a name."""
    errors.one_of("published model", name, names())
    return next(publication for publication in PUBLICATIONS if publication.name == name)
