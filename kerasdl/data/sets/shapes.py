"""Images of colored shapes with their classes, boxes, masks and captions."""

import numpy as np

from kerasdl import errors
from kerasdl.data.sets import outlines
from kerasdl.data.splits import Source
from kerasdl.utils import checks

COLORS = {
    "red": (0.85, 0.15, 0.15),
    "green": (0.15, 0.65, 0.2),
    "blue": (0.15, 0.25, 0.85),
    "yellow": (0.95, 0.85, 0.15),
    "purple": (0.6, 0.2, 0.7),
    "cyan": (0.1, 0.75, 0.8),
}
SHAPES = tuple(outlines.DISTANCES)
PAIRS = tuple(f"{colour} {shape}" for colour in COLORS for shape in SHAPES)
ELEMENTS = ("class", "colour", "count", "boxes", "mask", "instances", "caption")
CAPTION = ("", "a", "and", *COLORS, *SHAPES)


def shapes(
    seed,
    count=2500,
    image_size=64,
    elements="class",
    objects=1,
    clutter=0,
    noise=0.02,
    held_out=(),
    touching=False,
) -> Source:
    """Shapes: images of colored circles, squares, triangles, stars and crosses.

    Drawn with the seed, with smooth edges, at any size. Objects do not overlap.

    count: int, number of images; a tenth is for validation, a tenth for testing.
    elements: str or list, what the target is. "class", "colour" or "count" makes this a
        classification. "boxes" holds x1, y1, x2, y2 of each object, in [0, 1]. "mask" holds 0 for
        the background and class + 1 for the pixels of an object, "instances" the number of the
        object from 1. "caption" holds tokens. Several, as in "class,boxes", make a dictionary. With
        `objects` above 1, "class" and "colour" have a number for each object. Where an image has
        fewer objects, it is -1, and the box is zeros.
    objects: int, largest number of objects in an image; the smallest is one. There may be as many
        as a square with the shorter side has pixels.
    clutter: int, number of gray lines behind the objects, at most 1,000.
    noise: float in [0, 1], standard deviation of the pixels' noise.
    held_out: Pairs such as "red circle" for the test split only, which then has no others.
    touching: bool, whether the first two objects of an image have the same class and touch, also
        the next two, and so on. Where they would overlap, the later one hides the earlier.
    """
    checks.integers(at_least=10, count=count)
    checks.integers(at_least=0, clutter=clutter, limit=1000)
    checks.fractions(one=True, noise=noise)
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    checks.integers(objects=objects, below=min(height, width) ** 2 + 1)
    checks.flags(touching=touching)
    # the images and their masks, one image as it is drawn, and the places of all objects
    taken = 11 * height * width * (count + 40) + 150 * count * objects
    checks.memory(taken, count=count, image_size=(height, width), objects=objects)
    several = not isinstance(elements, str) or "," in elements
    elements, held_out = _listed("elements", elements), _listed("held_out", held_out)
    if not elements:
        raise errors.InvalidInput("option `elements`", f"one of {', '.join(ELEMENTS)}", "none")
    for element in elements:
        errors.one_of("element of `shapes`", element, ELEMENTS)
    for pair in held_out:
        errors.one_of("held-out pair of `shapes`", pair, PAIRS)
    seen = [i for i, pair in enumerate(PAIRS) if pair not in held_out]
    unseen = [i for i in range(len(PAIRS)) if i not in seen] or seen
    if not seen:
        raise errors.InvalidInput("option `held_out`", "a pair left to train on", "all pairs")

    sizes = (count - 2 * (count // 10), count // 10, count // 10)
    parts = []
    for split, (size, allowed) in enumerate(zip(sizes, (seen, seen, unseen), strict=True)):
        rng = np.random.default_rng((seed, split))
        images, known = draw(rng, size, height, width, objects, allowed, clutter, noise, touching)
        targets = {element: known[element] for element in elements}
        parts.append((images, targets if several else targets[elements[0]]))
    names = {
        "class": SHAPES,
        "colour": tuple(COLORS),
        "count": tuple(map(str, range(objects + 1))),
    }
    single = not several and (elements[0] == "count" or (elements[0] in names and objects == 1))
    classes = names.get(elements[0]) if single else SHAPES
    vocabulary = CAPTION if "caption" in elements else None
    kind = "classification" if single else _kind_of(elements)
    train, validation, test = parts
    return Source(kind, train, validation, test, classes=classes, vocabulary=vocabulary)


def _kind_of(elements):
    for element, kind in (("boxes", "boxes"), ("mask", "masks"), ("caption", "captions")):
        if element in elements:
            return kind
    return "elements"


def draw(rng, size, height, width, objects, allowed, clutter=0, noise=0.0, touching=False):
    """Draw `size` images. Return them as bytes, and a dictionary of all elements."""
    number = rng.integers(1, objects + 1, size, dtype="int32")
    there = np.arange(objects) < number[:, None]  # (size, objects)
    pairs = np.asarray(allowed)[rng.integers(len(allowed), size=(size, objects))]
    colors, classes = np.divmod(pairs, len(SHAPES))
    x, y, radius = _places(rng, size, objects)
    turn = np.deg2rad(rng.uniform(-25, 25, (size, objects)))
    if touching:
        classes[:, 1::2] = classes[:, 0 : objects // 2 * 2 : 2]

    shorter = min(height, width)
    # pixel centers, in units of the shorter side; the center of the longer side is 1/2
    rows = ((np.arange(height) + 0.5) / shorter + (1 - height / shorter) / 2)[:, None]
    columns = ((np.arange(width) + 0.5) / shorter + (1 - width / shorter) / 2)[None, :]
    background = rng.uniform(0.75, 0.95, (size, 1)) + rng.uniform(-0.05, 0.05, (size, 3))
    images = np.empty((size, height, width, 3), "uint8")
    masks = np.zeros((size, height, width), "int32")
    instances = np.zeros((size, height, width), "int32")
    boxes = np.zeros((size, objects, 4), "float32")
    palette = np.array(list(COLORS.values()))
    for i in range(size):
        canvas = np.broadcast_to(background[i], (height, width, 3)).copy()
        for _ in range(clutter):
            line = outlines.line(columns, rows, *rng.random(4)) * shorter
            canvas += _cover(line - 0.5)[..., None] * (rng.uniform(0.3, 0.6) - canvas)
        outside = None  # the distance from the outline of the object before
        for j in range(number[i]):
            place = x[i, j], y[i, j]
            shape = SHAPES[classes[i, j]], radius[i, j], turn[i, j]
            if touching and j % 2:
                place = _touching(columns, rows, place, shape, (x[i, j - 1], y[i, j - 1]), outside)
            outside = _outside(columns, rows, place, *shape)
            cover = _cover(outside * shorter)
            color = palette[colors[i, j]] * rng.uniform(0.85, 1.05)
            canvas += cover[..., None] * (color - canvas)
            inside = cover >= 0.5
            masks[i][inside] = classes[i, j] + 1
            instances[i][inside] = j + 1
        for j in range(number[i]):
            boxes[i, j] = _box(instances[i] == j + 1)
        canvas += noise * rng.standard_normal(canvas.shape)
        images[i] = np.clip(np.round(255 * canvas), 0, 255)

    known = {
        "class": np.where(there, classes, -1).astype("int32"),
        "colour": np.where(there, colors, -1).astype("int32"),
        "count": number,
        "boxes": boxes,
        "mask": masks,
        "instances": instances,
        "caption": _captions(number, colors, classes),
    }
    if objects == 1:
        known |= {name: known[name][:, 0] for name in ("class", "colour")}
    return images, known


def _places(rng, size, objects):
    """Return centers and radii of objects in different cells of a grid: (size, objects) each."""
    side = int(np.ceil(np.sqrt(objects)))
    cells = rng.permuted(np.tile(np.arange(side**2), (size, 1)), axis=1)[:, :objects]
    radius = rng.uniform(0.25, 0.42, (size, objects)) / side
    # a rotated shape stays within its radius
    free = 1 / side - 2 * radius
    x = cells % side / side + radius + free * rng.random((size, objects))
    y = cells // side / side + radius + free * rng.random((size, objects))
    return x, y, radius


def _outside(columns, rows, place, shape, radius, turn):
    """Return the signed distance of each pixel from the outline of a shape."""
    u, v = (columns - place[0]) / radius, (rows - place[1]) / radius
    cosine, sine = np.cos(turn), np.sin(turn)
    return outlines.DISTANCES[shape](cosine * u + sine * v, cosine * v - sine * u) * radius


def _touching(columns, rows, place, shape, other, outside):
    """Return the place at which a shape that moves towards another one first shares a pixel.

    `outside` is the distance of each pixel from the other one, whose center is `other`.
    """
    place, other = np.array(place), np.array(other)
    near, far = 0.0, 1.0  # the centers are one at 0; at 1 nothing has moved
    for _ in range(7):
        middle = (near + far) / 2
        there = other + middle * (place - other)
        shared = np.maximum(_outside(columns, rows, there, *shape), outside).min() <= 0
        near, far = (middle, far) if shared else (near, middle)
    return other + near * (place - other)


def _cover(distance):
    """Return the fraction of a pixel that a shape covers, from the signed distance in pixels."""
    return np.clip(0.5 - distance, 0, 1)


def _box(inside):
    height, width = inside.shape
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    ends = columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height
    return ends


def _captions(number, colors, classes):
    """Return captions such as "a red circle and a blue star" as tokens: (size, 4 objects - 1)."""
    captions = np.zeros((len(number), 4 * colors.shape[1] - 1), "int32")
    for caption, n, color, shape in zip(captions, number, colors, classes, strict=True):
        words = [[2, 1, 3 + c, 3 + len(COLORS) + s] for c, s in zip(color[:n], shape, strict=False)]
        caption[: 4 * n - 1] = np.concatenate(words)[1:]
    return captions


def _listed(option, names):
    if not isinstance(names, (str, tuple, list)):
        expected = "a name or several, in a text with commas or a list"
        raise errors.InvalidInput(f"value for option `{option}`", expected, repr(names))
    return [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
