"""A GPT with the weights of a small GPT-2 from transformers."""

import pathlib

import numpy as np
import pytest

REFERENCE = pathlib.Path(__file__).parents[2] / "reference"


@pytest.fixture(scope="session")
def gpt2_tiny():
    """The network, and the arrays that transformers computed with the same weights."""
    from kerasdl.models.sequence.gpt import GPT

    arrays = np.load(REFERENCE / "gpt2_tiny.npz")
    model = GPT(vocabulary_size=61, context=16, width=24, depth=2, heads=3, dropout=0.0)
    theirs = {"token": "wte", "position": "wpe"}
    for ours, name in theirs.items():
        model.get_layer(ours).set_weights([arrays[f"w.transformer.{name}.weight"]])
    parts = {"ln_f": model.get_layer("norm")}
    for i, block in enumerate(model.blocks):
        parts |= {
            f"h.{i}.ln_1": block.attention_norm,
            f"h.{i}.attn.c_attn": block.attention.project,
            f"h.{i}.attn.c_proj": block.attention.mix,
            f"h.{i}.ln_2": block.mlp_norm,
            f"h.{i}.mlp.c_fc": block.mlp[0],
            f"h.{i}.mlp.c_proj": block.mlp[2],
        }
    for name, part in parts.items():
        part.set_weights([arrays[f"w.transformer.{name}.{kind}"] for kind in ("weight", "bias")])
    return model, arrays
