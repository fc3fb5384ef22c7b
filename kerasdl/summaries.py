"""Count parameters and operations of every registered model: `python -m kerasdl.summaries`.

`kerasdl list` and `info` read the file it writes, so they need not build a model.
"""

import json
import pathlib

import keras

from kerasdl import registry
from kerasdl.explain import counts

FILE = pathlib.Path(__file__).parent / "summaries.json"


def summary(name: str) -> dict:
    """Parameters, multiply-accumulates for one input, and layers of a model with its defaults."""
    model = registry.create_model(name)
    trainable, total = counts.parameters(model)
    networks = [part for part in vars(model).values() if isinstance(part, keras.Model)]
    networks = [part for part in networks if part.built] or [model]
    context = getattr(model, "context", None)  # tokens of each input of a language model
    return {
        "parameters": total,
        "trainable": trainable,
        "macs": sum(counts.macs(network, _shapes(network, context)) for network in networks),
        "layers": [_row(layer) for network in networks for layer in network.layers],
    }


def _shapes(network, context):
    return [(context,)] * len(network.inputs) if context else None


def _row(layer):
    shape = [str(size or "-") for size in getattr(layer.output, "shape", ())]
    return {
        "layer": layer.name,
        "type": type(layer).__name__,
        "output": " x ".join(shape[1:]),
        "parameters": layer.count_params(),
    }


def main():
    found = {}
    for name in registry.list_models():
        keras.utils.clear_session()  # or the layers' default numbers go on from the previous model
        # variables get shapes but no values: gpt2_xl would need 6 GB
        with keras.StatelessScope(initialize_variables=False):
            found[name] = summary(name)
        print(f"{name}: {found[name]['parameters']:,} parameters, {found[name]['macs']:,} MACs")
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
