"""Photograph the demo for the README: `python -m docs.demo_pictures RUN`."""

import pathlib
import sys

import PIL.Image

from kerasdl import recipes
from kerasdl.export import demo as page
from kerasdl.runs import demo
from tests.export.browser import DESK, DIGITS, PHONE, Visit, chromium, serving

PICTURES = {
    "demo-phone.png": ("3", {**PHONE, "device_scale_factor": 2, "color_scheme": "dark"}),
    "demo-desk.png": ("5", {**DESK, "color_scheme": "light"}),
}


def main():
    files = demo.litert_files(pathlib.Path(sys.argv[1]), recipes.open)
    with serving(page.Server(files)) as server, chromium() as browser:
        for name, (digit, device) in PICTURES.items():
            visit = Visit(browser, server.url, **device).ready()
            visit.draw(DIGITS[digit])
            visit.last()
            path = pathlib.Path("docs/images") / name
            visit.page.screenshot(path=path)
            PIL.Image.open(path).convert("P", palette=PIL.Image.ADAPTIVE).save(path, optimize=True)


if __name__ == "__main__":
    main()
