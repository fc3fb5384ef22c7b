"""A GPT and a Llama with the weights of small networks from transformers."""

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


@pytest.fixture(scope="session")
def load_llama():
    """Return a function that loads the weights of transformers' "llama" or "qwen3"."""
    from kerasdl.models.sequence.llama import Llama

    arrays = np.load(REFERENCE / "llama_tiny.npz")

    def load(kind, **options):
        def of(name):  # kernels (outputs, inputs) -> (inputs, outputs)
            return arrays[f"{kind}.w.{name}.weight"].T

        model = Llama(61, 16, 32, 2, heads=4, key_value_heads=2, hidden=40, **options)
        table = of("model.embed_tokens").T
        tables = [table] if options.get("tied") else [table, of("lm_head")]
        model.get_layer("token").set_weights(tables)
        model.get_layer("norm").set_weights([of("model.norm")])
        for i, block in enumerate(model.blocks):
            layer, attend = f"model.layers.{i}", block.attention
            inward = [of(f"{layer}.self_attn.{name}_proj") for name in "qkv"]
            attend.project.set_weights([np.concatenate(inward, axis=-1)])
            parts = {
                "self_attn.o_proj": attend.mix,
                "input_layernorm": block.attention_norm,
                "post_attention_layernorm": block.mlp_norm,
                "mlp.gate_proj": block.gate,
                "mlp.up_proj": block.mlp[0],
                "mlp.down_proj": block.mlp[2],
            }
            if options.get("qk_norm"):
                parts |= {
                    "self_attn.q_norm": attend.query_norm,
                    "self_attn.k_norm": attend.key_norm,
                }
            for name, part in parts.items():
                part.set_weights([of(f"{layer}.{name}")])
        return model, arrays

    return load


@pytest.fixture(scope="session")
def llama_tiny(load_llama):
    """The network, and the arrays that transformers computed with the same weights."""
    return load_llama("llama")
