"""Write llama_tiny.npz: what transformers' Llama and Qwen3 compute with small random weights.

Run it where torch and transformers are installed (transformers 5.23.0 with torch 2.13.0 wrote the
file):

    python tests/reference/llama_tiny.py

The file holds for each of the two, after "llama." or "qwen3.", the weights by transformers' names
(kernels are (outputs, inputs)), the logits for `ids`, and `greedy`, the continuation of the first 4
ids of the first row by 8. Qwen3 also normalizes queries and keys, and its embedding is tied.
"""

import pathlib

import numpy as np
import torch
import transformers

SIZES = {
    "vocab_size": 61,
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 16,
    "rms_norm_eps": 1e-5,
    "bos_token_id": None,
    "eos_token_id": None,
}


def computed(model, ids):
    """Give a model random weights; return them and what it computes, by name."""
    generator = torch.Generator().manual_seed(0)
    for name, weight in model.named_parameters():
        scale = 0.1 if "norm" in name else 0.5 if "embed" in name else weight.shape[-1] ** -0.5
        weight.data = torch.randn(weight.shape, generator=generator) * scale + ("norm" in name)
    model.eval()
    with torch.no_grad():
        logits = model(ids).logits
        text = ids[:1, :4]
        for _ in range(8):
            text = torch.cat([text, model(text).logits[:, -1:].argmax(-1)], dim=1)
    weights = {f"w.{name}": weight for name, weight in model.named_parameters()}
    arrays = {"logits": logits, "greedy": text, **weights}
    return {name: array.detach().numpy() for name, array in arrays.items()}


def main():
    ids = torch.randint(61, (2, 10), generator=torch.Generator().manual_seed(1))
    llama = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(**SIZES, tie_word_embeddings=False)
    )
    qwen3 = transformers.Qwen3ForCausalLM(
        transformers.Qwen3Config(**SIZES, tie_word_embeddings=True)
    )
    arrays = {"ids": ids.numpy()}
    for kind, model in (("llama", llama), ("qwen3", qwen3)):
        arrays |= {f"{kind}.{name}": array for name, array in computed(model, ids).items()}
    np.savez(pathlib.Path(__file__).with_suffix(".npz"), **arrays)


if __name__ == "__main__":
    main()
