"""The demo in Chromium recognizes drawings with the same probabilities as Python."""

import functools
import http.server
import pathlib
import shutil

import keras
import matplotlib
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import pytest
import sklearn.datasets
import tensorflow as tf
from keras import layers
from playwright.sync_api import expect

import kerasdl
from kerasdl import data, export
from kerasdl.export import demo
from kerasdl.tasks.generation import CLASSIFIERS
from tests.export.browser import CHROMIUM, DESK, DIGITS, PHONE, Visit, chromium, serving, smooth

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHROMIUM and shutil.which("npm")), reason="needs Chromium, and npm to fetch LiteRT.js"
    ),
    pytest.mark.xdist_group("demo_browser"),
]


@pytest.fixture(scope="module")
def digits():
    data = sklearn.datasets.load_digits()
    return (data.images / 16).astype("float32")[..., np.newaxis], data.target


@pytest.fixture(scope="module")
def files(tmp_path_factory, digits):
    """A classifier of digits as float and int8 files."""
    folder = tmp_path_factory.mktemp("files")
    model = keras.models.load_model(CLASSIFIERS / "digits.keras")
    metadata = {"labels": tuple("0123456789"), "description": "simple_cnn, trained on digits"}
    options = {"activation": "softmax", **metadata}
    calibration = {"quantize": "int8", "calibration": digits[0][:200]}
    return [
        export.to_litert(model, folder / "float.tflite", **options),
        export.to_litert(model, folder / "int8.tflite", **calibration, **options),
    ]


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def url(files):
    with serving(demo.Server([file.path for file in files])) as server:
        yield server.url


def expected(file, pixels):
    shape = next(iter(file.inputs.values()))[0]
    return file.predict(pixels.reshape(shape))[0]


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(
    ("device", "numerals"), [(PHONE, "01234"), (DESK, "56789")], ids=["phone", "desk"]
)
def test_every_digit_is_recognized_and_equals_python(device, numerals, browser, url, files):
    visit = Visit(browser, url, **device).ready()
    assert visit.page.locator("#answer").is_hidden() and fits(visit.page)
    for digit in numerals:
        visit.draw(DIGITS[digit])
        pixels, probabilities = visit.last()
        assert visit.text("#answer") == visit.text("#bars .best b") == digit
        np.testing.assert_allclose(probabilities, expected(files[0], pixels), atol=1e-4)
        visit.page.locator("#clear").click()
        assert visit.page.locator("#answer").is_hidden()
    assert fits(visit.page)
    assert " ms" in visit.text("#latency")
    assert visit.errors == []


def test_the_page_does_not_scroll_horizontally(browser, url):
    visit = Visit(browser, url, viewport={"width": 320, "height": 800}).ready()
    for width in (320, 360, 430, 820):
        visit.page.set_viewport_size({"width": width, "height": 800})
        assert fits(visit.page), width


def test_switching_the_model_keeps_the_drawing(browser, url, files):
    visit = Visit(browser, url, **DESK).ready()
    visit.draw(DIGITS["5"])
    pixels, exact = visit.last()
    visit.page.get_by_role("radio", name="int8").check()
    expect(visit.page.locator("#facts")).to_contain_text("int8")
    again, rounded = visit.last()
    np.testing.assert_array_equal(again, pixels)
    assert (rounded != exact).any()
    np.testing.assert_allclose(rounded, expected(files[1], pixels), atol=1e-4)
    assert visit.text("#answer") == "5" and visit.errors == []


def test_drawings_of_any_size_and_place_look_like_the_data(browser, url, digits):
    visit = Visit(browser, url, **DESK).ready()
    info = {"digits": True, "shape": [8, 8, 1]}
    images = []
    for scale, shift in ((1, 0), (3, 50), (5.5, 60)):
        for strokes in DIGITS.values():
            lines = [(smooth(stroke) * scale + shift).tolist() for stroke in strokes]
            code = "async ([s, c]) => [...(await import('/pixels.js')).fromStrokes(s, c)]"
            images.append(visit.page.evaluate(code, [lines, info]))
    images = np.reshape(images, (3, 10, 8, 8))
    # the size of a drawing changes only the gray values at edges
    assert np.abs(images - images[1]).mean() < 0.02
    assert set(np.unique(images * 16) % 1) == {0}
    data = digits[0][..., 0]
    assert abs(images.mean() - data.mean()) < 0.05
    for axis in (1, 2):
        ink, reference = (x.reshape(-1, 8, 8).sum((0, axis)) for x in (images, data))
        assert np.abs(ink / ink.sum() - reference / reference.sum()).max() < 0.06


def test_digit_images_and_photographs_are_read(browser, url, files, digits, tmp_path):
    visit = Visit(browser, url, **PHONE).ready()
    image = np.round(digits[0][7, ..., 0] * 255).astype("uint8")
    PIL.Image.fromarray(image).save(tmp_path / "7.png")
    visit.page.set_input_files("#file", tmp_path / "7.png")
    expect(visit.page.locator("#answer")).to_have_text("7")
    pixels, probabilities = visit.last()
    np.testing.assert_allclose(pixels, image.ravel() / np.float32(255), atol=1e-6)
    np.testing.assert_allclose(probabilities, expected(files[0], pixels), atol=1e-4)

    photograph = PIL.Image.new("RGB", (500, 400), (226, 222, 208))
    draw = PIL.ImageDraw.Draw(photograph)
    for stroke in DIGITS["3"]:
        draw.line([tuple(p) for p in smooth(stroke) * 2 + (180, 90)], (40, 45, 80), 22, "curve")
    photograph.save(tmp_path / "photograph.jpg")
    visit.page.set_input_files("#file", tmp_path / "photograph.jpg")
    expect(visit.page.locator("#answer")).to_have_text("3")

    (tmp_path / "text.png").write_text("no picture")
    visit.page.set_input_files("#file", tmp_path / "text.png")
    expect(visit.page.locator("#sure")).to_contain_text("text.png")
    assert visit.errors == []


def test_a_transparent_image_is_on_white_and_a_photograph_of_16_megapixels_is_read(
    browser, url, tmp_path
):
    visit = Visit(browser, url, **DESK).ready()
    drawn = {}
    for name, color in (("clear", (255, 255, 255, 0)), ("white", (255, 255, 255, 255))):
        image = PIL.Image.new("RGBA", (200, 200), color)
        draw = PIL.ImageDraw.Draw(image)
        for stroke in DIGITS["3"]:
            points = [tuple(p) for p in smooth(stroke) + 50]
            draw.line(points, (0, 0, 0, 255), 12, "curve")
        image.save(tmp_path / f"{name}.png")
        visit.page.set_input_files("#file", tmp_path / f"{name}.png")
        expect(visit.page.locator("#answer")).to_have_text("3")
        drawn[name] = visit.last()[0]
    np.testing.assert_allclose(drawn["clear"], drawn["white"], atol=0.05)

    photograph = PIL.Image.new("RGB", (4000, 4000), (226, 222, 208))
    draw = PIL.ImageDraw.Draw(photograph)
    for stroke in DIGITS["7"]:
        draw.line([tuple(p) for p in smooth(stroke) * 20 + 800], (40, 45, 80), 220, "curve")
    photograph.save(tmp_path / "large.jpg")
    visit.page.set_input_files("#file", tmp_path / "large.jpg")
    expect(visit.page.locator("#answer")).to_have_text("7")
    assert visit.errors == []


# the policy of the page forbids what Playwright's own ways to wait need
NEXT = """void (window.next = new Promise((go) =>
    document.addEventListener("prediction", go, { once: true })))"""
TTF = pathlib.Path(matplotlib.get_data_path()) / "fonts" / "ttf"
FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral", "cmss10")


def printed(folder):
    """Write images of printed digits; return each digit with its file."""
    found = []
    for name in FONTS:
        font = PIL.ImageFont.truetype(f"{TTF}/{name}.ttf", 160)
        for digit in "0123456789":
            image = PIL.Image.new("L", (240, 240), 255)
            PIL.ImageDraw.Draw(image).text((120, 120), digit, 0, font, anchor="mm")
            path = folder / f"{name}-{digit}.png"
            image.save(path)
            found.append((digit, path))
    return found


@pytest.fixture(scope="module")
def mnist_file(tmp_path_factory):
    """A classifier of MNIST, trained for some seconds."""
    keras.utils.set_random_seed(0)
    splits = data.load("mnist", batch_size=32)
    model = kerasdl.create_model("simple_cnn_tiny", input_shape=(28, 28, 1))
    model.compile()
    model.fit(splits.train, epochs=4, verbose=0)
    description = {"labels": tuple("0123456789"), "description": "a CNN, trained on mnist"}
    return export.to_litert(model, tmp_path_factory.mktemp("mnist") / "mnist.tflite", **description)


@pytest.mark.parametrize("kind", ["digits", "mnist"])
def test_printed_digits_are_recognized(kind, browser, files, mnist_file, tmp_path):
    """Most, by networks that have seen handwriting alone; print has other shapes of 1, 6 and 9."""
    file = {"digits": files[0], "mnist": mnist_file}[kind]
    wrong = []
    with serving(demo.Server([file.path])) as server:
        visit = Visit(browser, server.url, **DESK).ready()
        for digit, path in printed(tmp_path):
            visit.page.evaluate(NEXT)
            visit.page.set_input_files("#file", path)
            visit.page.evaluate("window.next.then(() => null)")
            pixels, probabilities = visit.last()
            assert 0.08 < pixels.mean() < 0.45
            if str(probabilities.argmax()) != digit:
                wrong.append(path.stem)
        assert visit.errors == []
    assert not [name for name in wrong if name.endswith("-7")], wrong
    assert len(wrong) <= 12, wrong


def test_strokes_of_images_have_one_width(browser, url):
    """Fine and bold lines of the same shape have the same ink, in almost the same places."""
    visit = Visit(browser, url, **DESK).ready()
    code = """async (width) => {
      const { fromImage } = await import('/pixels.js');
      const canvas = Object.assign(document.createElement('canvas'), { width: 200, height: 200 });
      const context = canvas.getContext('2d');
      context.fillStyle = '#fff';
      context.fillRect(0, 0, 200, 200);
      context.lineWidth = width;
      context.lineCap = context.lineJoin = 'round';
      context.stroke(new Path2D('M 60 40 L 140 40 L 90 160'));
      return [...fromImage(canvas, { digits: true, shape: [8, 8, 1] })];
    }"""
    fine, bold = (np.array(visit.page.evaluate(code, width)) for width in (4, 26))
    assert 0.15 < fine.mean() < 0.4 and 0.85 < fine.mean() / bold.mean() < 1.15
    assert np.abs(fine - bold).mean() < 0.08


def test_page_of_files_runs_on_any_server(browser, files, tmp_path):
    demo.write(tmp_path / "site" / "demo", [file.path for file in files])
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "site")
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        url = f"http://127.0.0.1:{server.server_port}/demo/"
        visit = Visit(browser, url, **DESK).ready()
        visit.draw(DIGITS["3"])
        pixels, probabilities = visit.last()
        assert visit.text("#answer") == "3"
        np.testing.assert_allclose(probabilities, expected(files[0], pixels), atol=1e-4)
        assert visit.errors == []


def test_keys_draw_undo_and_clear_and_the_status_is_announced(browser, url):
    visit = Visit(browser, url, **DESK).ready()
    keyboard = visit.page.keyboard
    visit.page.locator("#board").focus()
    keyboard.press(" ")
    for _ in range(20):
        keyboard.press("ArrowDown")
    visit.last()
    assert visit.text("#answer") == "1"
    expect(visit.page.get_by_role("status").last).to_contain_text("1, ")
    keyboard.press("Backspace")
    assert visit.page.locator("#answer").is_hidden()
    keyboard.press(" ")
    keyboard.press("ArrowRight")
    keyboard.press("Escape")
    assert visit.page.locator("#hint").is_visible() and visit.errors == []


def test_resizing_equals_tensorflow(browser, url, digits):
    visit = Visit(browser, url)
    image = digits[0][3]
    for size in ((16, 16), (28, 20), (8, 8)):
        code = "async ([i, s]) => [...(await import('/pixels.js')).enlarged(i, s)]"
        received = visit.page.evaluate(code, [image.ravel().tolist(), size])
        right = tf.image.resize(image, size).numpy().ravel()
        np.testing.assert_allclose(received, right, atol=1e-6)


def test_color_many_classes_and_long_names(browser, tmp_path):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((20, 24, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(14)]
    )
    names = tuple(f"a class of things, number {i}" for i in range(14))
    options = {"labels": names, "input_range": (-1, 1)}
    file = export.to_litert(model, tmp_path / "colors.tflite", **options)
    with serving(demo.Server([file.path])) as server:
        visit = Visit(browser, server.url, **PHONE).ready()
        visit.draw(DIGITS["8"])
        pixels, probabilities = visit.last()
        logits = expected(file, 2 * pixels - 1)
        np.testing.assert_allclose(probabilities, tf.nn.softmax(logits), atol=1e-4)
        assert visit.text("#answer") == names[probabilities.argmax()]
        assert visit.page.locator("#bars li").count() == 10
        assert visit.text("#bars li:first-child b") == names[probabilities.argmax()]
        assert fits(visit.page) and visit.page.locator("#models").is_hidden()
        assert visit.errors == []


def test_a_browser_that_cannot_run_the_demo_shows_a_message(browser, url):
    visit = Visit(browser, url)
    visit.page.route("**/*.wasm", lambda route: route.abort())
    visit.page.reload()
    expect(visit.page.locator("#sure")).to_contain_text("does not run")
