"""The tables of `kerasdl list`, read from a file, so that they are shown at once.

`make listing` writes the file from the recipes, the models, the layers and the datasets.
"""

import json
import os

from kerasdl import errors
from kerasdl.utils import tables

FILE = os.path.join(os.path.dirname(__file__), "listing.json")
SIGNS = frozenset("*?[")  # of a pattern


def read() -> dict[str, list[dict]]:
    """Return the rows of the tables by title."""
    with open(FILE, encoding="utf-8") as file:
        return json.load(file)


def show(topic: str = "", as_json: bool = False):
    """Print all tables, those of one topic, or the rows whose names match.

    As JSON, a table is a list of rows; several tables are an object of them by title.

    Args:
        topic: str, "recipes", "models", "layers", "data", a topic of models, such as "vision", a
            name, or a pattern of names, such as "resnet*".
        as_json: bool, whether to print JSON.
    """
    listing = read()
    named = topics(listing)
    chosen = {title: listing[title] for title in named.get(topic, ())}
    if not topic:
        chosen = listing
    elif topic not in named:
        chosen = matching(topic, listing)
    if not chosen:
        return _show_elsewhere(topic, named, as_json)
    if as_json:
        return tables.print_json(chosen if len(chosen) > 1 else next(iter(chosen.values())))
    for title, rows in chosen.items():
        tables.show(rows, title)


def topics(listing: dict[str, list[dict]]) -> dict[str, list[str]]:
    """Return the titles of the tables of each topic."""
    models = [title for title in listing if title.startswith("models: ")]
    found = {title: [title] for title in listing if title not in models}
    return found | {"models": models} | {t.removeprefix("models: "): [t] for t in models}


def matching(pattern: str, listing: dict[str, list[dict]]) -> dict[str, list[dict]]:
    """Return the rows whose names match a pattern, or are it, by title of their table."""
    import fnmatch

    found = {}
    for title, rows in listing.items():
        names = [next(iter(row.values())).casefold() for row in rows]
        matches = [fnmatch.fnmatchcase(name, pattern.casefold()) for name in names]
        if any(matches):
            found[title] = [row for row, holds in zip(rows, matches, strict=True) if holds]
    return found


def _show_elsewhere(topic, named, as_json):
    """Print where a name is that no table has; raise an error if it is nowhere."""
    from kerasdl.cli import elsewhere

    if not elsewhere.show(topic, as_json):
        if SIGNS & set(topic):
            expected = "a pattern that a recipe, model, layer or dataset matches"
            raise errors.InvalidInput("pattern", expected, topic)
        errors.one_of("topic", topic, named)


def main():
    """Write the file."""
    from kerasdl.cli import cards

    with open(FILE, "w", encoding="utf-8") as file:
        json.dump(cards.listing(), file, indent=1, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main()
