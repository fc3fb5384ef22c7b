"""Docstrings of formulas state facts of the literature correctly."""

import keras
import pytest

from kerasdl import formulary
from tests.formulas import rows


def words(name):
    """Return the docstring of a formula on one line."""
    (formula,) = formulary.find(name)
    return " ".join(formula.docstring.split())


@pytest.mark.rows("E-02")
def test_diffusion_uses_a_unet():
    assert "U-Net" in words("diffusion.time_embedding")
    assert not any("UMAP" in formula.docstring for formula in formulary.every())


@pytest.mark.rows("E-26", "E-64")
def test_imagenet_has_its_numbers_of_images_and_classes():
    said = words("metrics.top_k_accuracy")
    assert all(number in said for number in ("1.28 million", "1,000 classes", "14 million", "69.8"))
    assert "10 million" not in said


@pytest.mark.rows("E-27")
def test_alexnet_made_relu_and_dropout_popular_but_did_not_introduce_them():
    said = words("normalization.local_response_normalization")
    assert all(word in said for word in ("ReLU", "dropout", "popular", "introduced neither"))


@pytest.mark.rows("E-66", "E-68")
def test_dall_e_and_dall_e_2_are_different_models():
    codes, steps = words("codebook.nearest_codes"), words("diffusion.forward_step")
    assert "discrete VAE" in codes and "8,192" in codes
    assert all(part in steps for part in ("2020", "2021", "autoregressive", "DALL-E 2"))


@pytest.mark.rows("E-69")
def test_mode_collapse_is_not_called_model_collapse():
    assert "mode collapse" in words("generative.modes_covered").lower()
    assert not any("model collapse" in f.docstring.lower() for f in formulary.every())


@pytest.mark.rows("E-80")
def test_removed_names_have_their_replacements():
    assert not hasattr(keras.preprocessing.image, "ImageDataGenerator")
    assert keras.layers.RandomRotation and keras.layers.RandomZoom
    assert "withdrawn" in words("diffusion.guided")
    assert "LiteRT" in " ".join((to_litert().__doc__ or "").split())


def to_litert():
    from kerasdl import export

    return export.to_litert


@pytest.mark.rows("E-84")
def test_teacher_forcing_is_parallel_only_for_transformers():
    said = words("training.teacher_forcing")
    assert "transformer" in said and "recurrent" in said and "step by step" in said


@pytest.mark.rows("E-87")
def test_topics_without_text_are_formulas():
    theirs = {"BAS-13", "TRF-27", "DIF-01", "REG-18", "DAT-11", "REG-15"}
    assert theirs <= {code for codes in rows.ROWS.values() for code in codes}
