"""Helpers that open the demo in Chromium, on a phone or a desktop, and draw digits."""

import contextlib
import shutil
import threading

import numpy as np
from playwright.sync_api import sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
OPTIONS = [
    "--no-sandbox",  # Chromium needs this when tests run as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1280, "height": 800}}

# each digit as strokes of "x,y" points in a square of 100 by 100
DIGITS = {
    "0": ["50,5 25,20 18,50 25,80 50,95 75,80 82,50 75,20 50,5"],
    "1": ["38,22 55,5 55,95"],
    "2": ["20,25 32,8 58,5 75,20 70,42 45,68 18,95 82,95"],
    "3": ["22,12 50,5 74,18 70,40 44,48 74,58 78,80 52,95 20,88"],
    "4": ["58,5 18,65 85,65", "64,38 64,95"],
    "5": ["30,6 26,45 56,42 78,60 72,86 46,96 20,86", "30,6 76,8"],
    "6": ["66,6 36,30 22,65 38,94 66,92 76,70 56,54 28,68"],
    "7": ["18,8 82,8 56,48 42,95"],
    "8": ["66,18 50,6 30,20 40,42 66,62 72,84 50,96 28,84 36,60 64,38 66,18"],
    "9": ["72,30 54,8 30,18 30,44 52,52 72,30 70,60 60,95"],
}


def smooth(stroke):
    """Smooth a stroke by cutting its corners twice (Chaikin), so that it looks handwritten."""
    points = np.array([point.split(",") for point in stroke.split()], "float64")
    for _ in range(2):
        before, after = points[:-1], points[1:]
        cut = np.stack([0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after], axis=1)
        points = np.concatenate([points[:1], cut.reshape(-1, 2), points[-1:]])
    return points


@contextlib.contextmanager
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@contextlib.contextmanager
def serving(server):
    """Run a server inside a `with` block."""
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


class Visit:
    """A page in a browser, with its errors and its last prediction."""

    def __init__(self, browser, url, **device):
        self.page = browser.new_context(**device).new_page()
        self.touches = device.get("has_touch", False)
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: line.type == "error" and self.errors.append(line.text))
        self.page.add_init_script(
            "document.addEventListener('prediction', (event) => (window.last = event.detail))"
        )
        self.page.goto(url)

    def ready(self):
        self.page.wait_for_selector("html[data-ready]", timeout=30_000)
        return self

    def text(self, selector):
        return self.page.locator(selector).text_content()

    def last(self):
        """Return the pixels and probabilities of the last prediction, once the page is idle."""
        last = self.page.evaluate("new Promise((go) => setTimeout(() => go(window.last), 50))")
        return np.array(last["pixels"], "float32"), np.array(last["probabilities"])

    def draw(self, strokes):
        """Draw in the middle of the board, by touch on a phone and by mouse on a desktop."""
        box = self.page.locator("#board").bounding_box()
        corner = np.array([box["x"], box["y"]]) + 0.15 * box["width"]
        move = self._finger() if self.touches else self._mouse()
        for stroke in strokes:
            points = corner + smooth(stroke) * 0.7 * box["width"] / 100
            for i, (x, y) in enumerate(points):
                move("begin" if i == 0 else "move", x, y)
            move("end", x, y)

    def _mouse(self):
        mouse = self.page.mouse

        def move(kind, x, y):
            mouse.move(x, y)
            if kind != "move":
                (mouse.down if kind == "begin" else mouse.up)()

        return move

    def _finger(self):
        session = self.page.context.new_cdp_session(self.page)
        kinds = {"begin": "touchStart", "move": "touchMove", "end": "touchEnd"}

        def move(kind, x, y):
            points = [] if kind == "end" else [{"x": x, "y": y}]
            event = {"type": kinds[kind], "touchPoints": points}
            session.send("Input.dispatchTouchEvent", event)

        return move
