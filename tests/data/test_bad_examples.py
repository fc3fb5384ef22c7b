"""Invalid examples: an error for the first, which counts the others; or all are skipped."""

import pytest

from kerasdl.data.bad_examples import Inspection
from kerasdl.errors import InvalidInput


def inspected(count, **options):
    found = Inspection(**options)
    for number in range(count):
        reason = "empty file" if number % 3 else "no image"
        note = f"{number}.png", reason, f"file {number}.png", "an image", reason
        found.bad(number, *note)
        found.bad(number, "again", "another reason", "file", "an image", "the same one")
    return found


def test_without_bad_examples_nothing_is_raised_or_skipped():
    found = inspected(0, skip=False)
    found.check()
    assert found.done(10, "folder") is None


@pytest.mark.parametrize(
    ("count", "may_skip", "hint"),
    [
        (1, True, r" \(--skip-bad, `skip_bad=True`, leaves it out\)"),
        (1, False, ""),
        (3, True, r" \(2 more like it; --skip-bad, `skip_bad=True`, leaves them out\)"),
        (1234, False, r" \(1,233 more like it\)"),
    ],
)
def test_error_names_first_example_and_counts_others(count, may_skip, hint):
    found = inspected(count, skip=False, may_skip=may_skip)
    message = f"^Invalid file 0.png. Expected an image. Received: no image{hint}$"
    with pytest.raises(InvalidInput, match=message):
        found.check()
    with pytest.raises(InvalidInput, match=message):
        found.done(5000, "folder")


def test_skipped_examples_are_counted_by_reason():
    skipped = inspected(7, skip=True).done(20, "folder")
    assert (skipped.count, skipped.total) == (7, 20)
    assert skipped.reasons == {"no image": 3, "empty file": 4}
    assert skipped.places == tuple(f"{number}.png" for number in range(5))
    assert str(skipped).endswith("(0.png, 1.png, 2.png, 3.png, 4.png and 2 more)")
    assert str(inspected(2, skip=True).done(9, "folder")) == (
        "skipped 2 of 9: no image 1, empty file 1 (0.png, 1.png)"
    )


def test_skipping_more_than_half_raises():
    assert inspected(5, skip=True).done(10, "folder").count == 5
    message = "^Invalid folder. Expected at most half of it to be bad. Received: 5 of 9; first file"
    with pytest.raises(InvalidInput, match=f"{message} 0.png: no image, not an image$"):
        inspected(5, skip=True).done(9, "folder")
