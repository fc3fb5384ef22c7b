"""Write `docs/speed.md` and its picture from the results of the benchmarks.

    python benchmarks/page.py

A test compares the page with the files in `results/`.
"""

import json
import pathlib
from collections.abc import Iterable

RESULTS = pathlib.Path(__file__).parent / "results"
DOCS = pathlib.Path(__file__).parents[1] / "docs"
PAGE, PICTURE = DOCS / "speed.md", DOCS / "images" / "training_speed.png"
LIBRARIES = {
    "keras": "Keras 3",
    "tf_keras": "tf_keras",
    "torch": "PyTorch",
    "torch_channels_last": "PyTorch, channels last",
    "torch_compile": "PyTorch, compiled",
    "kerasdl_without_onednn": "kerasdl without oneDNN",
}
PEERS = ("keras", "tf_keras", "torch", "torch_channels_last", "torch_compile")
GOALS = {
    "resnet20": 0.95,
    "resnet18": 0.95,
    "mobilenet_v2": 0.95,
    "vae": 0.95,
    "dcgan": 0.95,
    "gpt_4x128": 1.0,
}
CONTENDERS = ("litert_int8", "onnxruntime_float", "onnxruntime_int8")


def read(name: str) -> dict:
    """Return the results of a benchmark; empty if it has not run."""
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return the lines of a table in Markdown."""
    head = [*head]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]


def training(found: dict) -> list[str]:
    """Return the part of the page about training steps."""
    steps, about = found["steps"], found["about"]
    versions = {
        name: next(case[name]["version"] for case in steps.values() if name in case)
        for name in ("keras", "tf_keras", "torch")
    }
    lines = [
        "## A training step",
        "",
        "The time of a step of each library, relative to that of kerasdl in the same round;",
        "above 1, kerasdl is faster.",
        "Every library trains the same network with AdamW on the same batch. kerasdl trains as its "
        "recipes do.",
        f"Processor: {about['processor']}, {about['cores']} cores, Python {about['python']}; "
        f"Keras {versions['keras']}, tf_keras {versions['tf_keras']}, "
        f"PyTorch {versions['torch']}.",
        "",
        "![Time of a training step relative to kerasdl](images/training_speed.png)",
        "",
    ]
    names = [name for name in LIBRARIES if any(name in case for case in steps.values())]
    head = ["network, batch", "ms", *(LIBRARIES[name] for name in names)]
    rows = [
        [
            f"{name}, {case['batch']}",
            f"{case['kerasdl']['step_ms']:.3g}",
            *(f"{case[n]['to_kerasdl']:.2f}" if n in case else "" for n in names),
        ]
        for name, case in steps.items()
    ]
    lines += table(head, rows)
    lines += ["Seconds of the first step, in which a library traces or compiles:", ""]
    head = ["network", "kerasdl", *(LIBRARIES[name] for name in names)]
    lines += table(head, _first_steps(steps, names))
    lines += _missed(steps)
    for name, curve in found.get("growth", {}).items():
        slopes = ", ".join(f"{LIBRARIES.get(n, n)} {s:.2f}" for n, s in curve["exponents"].items())
        lines += [f"Time of {name} grows with the exponent: {slopes}.", ""]
    return lines


def _missed(steps):
    """Say which networks miss the goal of their family."""
    best = {
        name: min((case[n]["to_kerasdl"], LIBRARIES[n]) for n in PEERS if n in case)
        for name, case in steps.items()
        if name in GOALS
    }
    missed = {name: each for name, each in best.items() if 1 / each[0] > GOALS[name]}
    goals = ", ".join(f"{name} {goal:g}" for name, goal in GOALS.items())
    lines = [f"The goal for kerasdl's step, relative to that of the fastest library: {goals}."]
    if missed:
        listed = [f"{name} ({1 / ratio:.2f} of {lib})" for name, (ratio, lib) in missed.items()]
        lines += [
            f"Not reached: {', '.join(listed)}. The tables of operations and of other ways of "
            "computing a step show why."
        ]
    return [*lines, ""]


def _first_steps(steps, names):
    for name, case in steps.items():
        cells = (f"{case[n]['first_s']:.1f}" if n in case else "" for n in ("kerasdl", *names))
        yield [name, *cells]


def draw(found: dict):
    """Draw the ratios of all networks."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    steps = found["steps"]
    figure, axes = pyplot.subplots(figsize=(9, 1.6 + 0.3 * len(steps)), layout="constrained")
    markers = dict(zip(LIBRARIES, "osv^Dx", strict=True))
    for number, (library, title) in enumerate(LIBRARIES.items()):
        shown = [(i, case[library]) for i, case in enumerate(steps.values()) if library in case]
        ratios = [row["to_kerasdl"] for _, row in shown]
        spread = [
            [max(row["to_kerasdl"] - row["quartiles"][0], 0) for _, row in shown],
            [max(row["quartiles"][1] - row["to_kerasdl"], 0) for _, row in shown],
        ]
        at = [i + 0.09 * (number - 2.5) for i, _ in shown]
        axes.errorbar(ratios, at, xerr=spread, fmt=markers[library], ms=4, lw=1, label=title)
    axes.axvline(1, color="gray", lw=1)
    axes.set_xscale("log")
    ticks = [0.5, 0.7, 1, 1.5, 2, 3, 5, 10]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
    axes.minorticks_off()
    axes.set_yticks(range(len(steps)), [*steps])
    axes.invert_yaxis()
    axes.grid(axis="y", alpha=0.2)
    axes.set_xlabel("time of a training step relative to kerasdl (right of 1, kerasdl is faster)")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(PICTURE, dpi=110)


def section(title: str, about: str, head: list[str], rows: list[list[str]]) -> list[str]:
    """Return a part of the page with one table; nothing without rows."""
    return [f"## {title}", "", about, "", *table(head, rows)] if rows else []


def cases(name: str, key: str) -> dict:
    """Return the parts of a benchmark's results that hold `key`."""
    found = read(name).items()
    return {case: part for case, part in found if isinstance(part, dict) and key in part}


def other_parts() -> list[str]:
    """Return the parts about data, predictions and checkpoints."""
    first = "milliseconds to an epoch's first batch"
    epochs = [
        [f"{name}, augmentation {policy}", f"{row['ratio']:.2f}", f"{row[first]:.1f}"]
        for name, case in read("epochs").get("networks", {}).items()
        for policy, row in case.items()
    ]
    pipelines = [
        [
            name,
            *(f"{case['median'][n]:,.0f}" for n in ("kerasdl", "torch")),
            f"{case['ratio']:.2f}",
        ]
        for name, case in cases("input_pipeline", "median").items()
    ]
    predictions = [
        [
            f"{name}, {case['files']} files",
            f"{case['predict']['ratio']:.2f}",
            f"{case['predict_one']['more_ms']:.1f}",
        ]
        for name, case in cases("serving", "predict").items()
    ]
    profiles = cases("operations", "operations")
    operations = [
        [
            name,
            ", ".join(f"{kind} {share:.0%}" for kind, share in [*case["operations"].items()][:6]),
        ]
        for name, case in profiles.items()
    ]
    ways = [*next(iter(profiles.values()), {"ways": {}})["ways"]][1:]
    computed = [
        [
            name,
            *(f"{case['ways'][way]['ratio']:.2f}" if way in case["ways"] else "" for way in ways),
        ]
        for name, case in profiles.items()
    ]
    calls = [
        [
            name,
            f"{case['litert_float']['median_ms']:.3g}",
            *(f"{case[each]['to_litert_float']:.2f}" for each in CONTENDERS),
            case["instructions"],
        ]
        for name, case in read("latency").items()
        if "instructions" in case
    ]
    checkpoints = [
        [
            name,
            f"{case['megabytes']:,.0f}",
            f"{case['fraction of the seconds']:.1%}",
            f"{case['synchronous']['fraction of the seconds']:.0%}",
        ]
        for name, case in read("checkpoints").get("networks", {}).items()
    ]
    return [
        *section(
            "Where the time of a step goes",
            "The kinds of operations with the largest shares of the time:",
            ["network", "operations"],
            operations,
        ),
        *section(
            "Other ways of computing a step",
            "Time relative to the recipes' way; below 1, the other way is faster:",
            ["network", *ways],
            computed,
        ),
        *section(
            "An epoch",
            "Processor time of `fit` over that of its steps alone:",
            ["network", "fit / steps", "ms to the first batch"],
            epochs,
        ),
        *section(
            "Input pipelines",
            "Images per second, with cropping, flips and changed colors; PyTorch's DataLoader:",
            ["source", "kerasdl", "PyTorch", "ratio"],
            pipelines,
        ),
        *section(
            "Predictions",
            "Time of `Run.predict` over decoding the files and running the compiled network:",
            ["images", "ratio", "ms more for one file"],
            predictions,
        ),
        *section(
            "A call of an exported file",
            "One image on one thread; times relative to LiteRT's float file on this processor. "
            "int8 is fast where the processor multiplies bytes (VNNI, ARM's dot product).",
            ["network", "float ms", "LiteRT int8", "onnxruntime float", "int8", "processor"],
            calls,
        ),
        *section(
            "Checkpoints",
            "Time that checkpoints take from training, by default and if training waits:",
            ["network", "MB", "default", "waiting, every 5 s"],
            checkpoints,
        ),
    ]


def page() -> str:
    """Return the page."""
    lines = [
        "# Speed",
        "",
        "Measured by `benchmarks/`, whose README says how; this page is written by "
        "`benchmarks/page.py` from the files in `benchmarks/results/`.",
        "",
    ]
    found = read("training")
    return "\n".join([*lines, *(training(found) if found else ()), *other_parts()])


def main():
    if found := read("training"):
        draw(found)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
