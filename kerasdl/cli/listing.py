"""The tables of `kerasdl list`, read from a file, so that they are shown at once.

`make listing` writes the file from the recipes, the models, the layers and the datasets.
"""

import json
import os

from kerasdl import errors
from kerasdl.utils import tables

FILE = os.path.join(os.path.dirname(__file__), "listing.json")


def show(topic: str = "", as_json: bool = False):
    """Print all tables, or those of one topic.

    Args:
        topic: str, "recipes", "models", "layers", "data" or a topic of models, such as "vision".
        as_json: bool, whether to print JSON.
    """
    with open(FILE, encoding="utf-8") as file:
        listing = json.load(file)
    models = [title for title in listing if title.startswith("models: ")]
    topics = {title: [title] for title in listing if title not in models}
    topics |= {"models": models} | {title.removeprefix("models: "): [title] for title in models}
    errors.one_of("topic", topic or "models", topics)
    for title in topics.get(topic, listing):
        tables.show(listing[title], title, as_json)


def main():
    """Write the file."""
    from kerasdl.cli import cards

    with open(FILE, "w", encoding="utf-8") as file:
        json.dump(cards.listing(), file, indent=1, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main()
