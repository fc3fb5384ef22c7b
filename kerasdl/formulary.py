"""The formulas as cards: equation, code, and what each was proven equal to."""

import ast
import dataclasses
import difflib
import functools
import json
import pathlib

from kerasdl import errors

FOLDER = pathlib.Path(__file__).parent / "formulas"
THEMES = {
    "neurons": ("basics", "gradients", "diagnosis"),
    "activations": ("activations",),
    "losses": ("losses",),
    "metrics": ("metrics",),
    "initializers": ("initializers",),
    "optimizers": ("optimizers",),
    "schedules": ("schedules",),
    "regularization": ("regularization", "normalization"),
    "training": ("training", "data_parallel"),
    "data": ("data", "augmentation"),
    "convolution": ("convolution", "convolution_variants", "filters", "pooling", "upsampling"),
    "vision": ("blocks", "networks", "vision_counts", "attributions"),
    "detection": ("boxes", "anchors", "detection", "feature_pyramid", "segmentation"),
    "recurrent": ("recurrent", "unrolling"),
    "transformers": ("attention", "transformer", "transformer_counts", "patches", "language"),
    "embeddings": ("embeddings",),
    "autoencoders": ("autoencoders", "codebook", "boltzmann", "bounds", "interpolation"),
    "generative": ("generative", "adversarial", "wasserstein", "styles"),
    "diffusion": ("diffusion",),
    "contrastive": ("contrastive",),
    "transfer": ("transfer", "domain"),
    "compression": ("pruning", "quantization", "distillation"),
    "tuning": ("bayesian_optimization",),
    "others": ("graphs", "perturbations", "recommendation", "texture"),
}


@dataclasses.dataclass(frozen=True)
class Formula:
    """One function of `kerasdl.formulas`.

    Args:
        name: str, MODULE.FUNCTION.
        docstring: str, with its equation and an example.
        code: str, its source without the docstring.
    """

    name: str
    docstring: str
    code: str

    @property
    def what(self) -> str:
        """The first line of its docstring."""
        return self.docstring.splitlines()[0]

    @property
    def module(self) -> str:
        """Its module in `kerasdl.formulas`."""
        return self.name.partition(".")[0]

    @property
    def theme(self) -> str:
        """The theme of its module, such as "optimizers"."""
        return next(theme for theme, modules in THEMES.items() if self.module in modules)

    @property
    def proofs(self) -> dict[str, float]:
        """What it equals, and the largest difference, as `make formulas` measured it."""
        return recorded().get(self.name, {}).get("proofs", {})

    @property
    def uses(self) -> list[str]:
        """Tutorials and modules of this package that call it."""
        return recorded().get(self.name, {}).get("uses", [])


@functools.cache
def every() -> tuple[Formula, ...]:
    """All formulas, read from the source."""
    found = []
    for file in sorted(FOLDER.glob("[a-z]*.py")):
        source = file.read_text(encoding="utf-8")
        functions = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)]
        for node in functions:
            if not node.name.startswith("_"):
                found.append(_formula(f"{file.stem}.{node.name}", node, source))
    return tuple(found)


def _formula(name, node, source):
    lines = source.splitlines()
    words = node.body[0]
    code = lines[node.lineno - 1 : words.lineno - 1] + lines[words.end_lineno : node.end_lineno]
    return Formula(name, ast.get_docstring(node), "\n".join(code))


@functools.cache
def recorded() -> dict[str, dict]:
    """The proofs and uses of each formula, as `make formulas` found them."""
    return json.loads((FOLDER / "proofs.json").read_text(encoding="utf-8"))


def listing(place: str = "") -> list[dict[str, str]]:
    """A line for each formula of a theme or module; of all by default.

    >>> [row["formula"] for row in listing("diffusion")][:2]
    ['diffusion.forward_step', 'diffusion.linear_betas']
    """
    wanted = place.casefold()
    found = [f for f in every() if not place or wanted in (f.theme, f.module)]
    if not found:
        raise errors.InvalidInput("theme, module or formula", _hint(place), place)
    return [{"formula": f.name, "what": f.what, "equals": ", ".join(f.proofs)} for f in found]


def find(name: str) -> list[Formula]:
    """Return the formulas of a name, which may include that of their module.

    >>> [formula.name for formula in find("adam")]
    ['optimizers.adam']
    """
    name = name.removeprefix("kerasdl.formulas.").casefold()
    return [f for f in every() if name in (f.name.casefold(), _last(f).casefold())]


def text(formula: Formula) -> str:
    """A card for the terminal."""
    parts = [f"kerasdl.formulas.{formula.name}", formula.docstring, formula.code]
    for proven, difference in formula.proofs.items():
        parts.append(f"equal to {proven}: largest difference {difference:.0e}")
    if formula.uses:
        parts.append(f"used in {', '.join(formula.uses)}")
    return "\n\n".join(parts[:3]) + "\n\n" + "\n".join(parts[3:])


def module(name: str) -> str:
    """The other formulas of a module that has the name of a formula, else an empty string."""
    others = [_last(f) for f in every() if f.module == name.casefold()]
    return f"The module {name} has: {', '.join(others)}" if others else ""


def _hint(name):
    """Return names similar to an unknown one, or the themes if there are none."""
    names = dict.fromkeys(f.name for f in every()) if "." in name else {}
    names = names or dict.fromkeys([*map(_last, every()), *(f.module for f in every()), *THEMES])
    near = [known for known in names if name.casefold() in known.casefold()][:5]
    near = near or difflib.get_close_matches(name.casefold(), names, n=3, cutoff=0.6)
    themes = f"a theme ({', '.join(THEMES)}), or a name that `kerasdl formulas` lists"
    return f"one of {', '.join(near)}" if near else themes


def _last(formula):
    return formula.name.rpartition(".")[2]
