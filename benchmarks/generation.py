"""Compare the speed of text generation: `generate` of kerasdl (XLA) and of transformers.

Both use a key/value cache and generate 64 tokens after the same 16, greedily, with random weights
of the same shapes. They take turns in one run, each in its own process, so that only one computes
at a time. transformers may be installed in an environment of its own:

    python -m venv PEER
    PEER/bin/pip install torch==2.13.0          # a build for CPU is enough
    PEER/bin/pip install transformers==5.23.0 --no-deps
    PEER/bin/pip install numpy packaging pyyaml regex requests safetensors tokenizers tqdm
    PEER/bin/pip install huggingface_hub typer
    python benchmarks/generation.py --peer PEER/bin/python

It prints the ratio of the medians, kerasdl's to transformers', for each shape and writes
results/generation.json. The ratio is only meaningful on an idle machine: when other processes use
the cores, transformers' threads spend about seven times the CPU time they need, which makes kerasdl
look better. The load is recorded with each ratio.
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

PROMPT, COUNT, VOCABULARY = 16, 64, 50257
SHAPES = {
    "6 layers of width 384": {"depth": 6, "width": 384, "heads": 6},
    "gpt2, 124M parameters": {"depth": 12, "width": 768, "heads": 12},
}
RESULTS = pathlib.Path(__file__).parent / "results" / "generation.json"


def ours(depth, width, heads):
    """Return a function that generates `COUNT` tokens after a prompt with kerasdl."""
    from kerasdl.models.sequence.gpt import GPT

    model = GPT(VOCABULARY, 1024, width, depth, heads)
    return lambda prompt: model.generate(prompt, COUNT, temperature=0)


def theirs(depth, width, heads):
    """Return the same function for transformers."""
    import torch
    import transformers

    torch.set_num_threads(os.cpu_count())
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY, n_positions=1024, n_embd=width, n_layer=depth, n_head=heads
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    lengths = {"max_new_tokens": COUNT, "min_new_tokens": COUNT}

    def write(prompt):
        tokens = torch.tensor([prompt])
        mask = torch.ones_like(tokens)
        return model.generate(
            tokens, attention_mask=mask, do_sample=False, pad_token_id=0, **lengths
        )[0].tolist()

    return write


def serve(side, shape):
    """Read one prompt per line from standard input and print the seconds each one took."""
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries print elsewhere
    write = {"ours": ours, "theirs": theirs}[side](**SHAPES[shape])
    for line in sys.stdin:
        prompt = json.loads(line)
        start = time.perf_counter()
        written = write(prompt)
        seconds = time.perf_counter() - start
        if len(written) != PROMPT + COUNT:
            raise RuntimeError(f"generated {len(written)} tokens instead of {PROMPT + COUNT}")
        print(seconds, file=answers, flush=True)


def measure(shape, interpreters, turns):
    """Return the seconds of the first call and of `turns` further ones, for both sides."""
    processes = {
        side: subprocess.Popen(
            [interpreter, __file__, "--serve", side, "--shape", shape],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env={"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ},
        )
        for side, interpreter in interpreters.items()
    }  # fmt: skip
    seconds = {side: [] for side in processes}
    for turn in range(turns + 1):  # the first one compiles and warms up
        for side, process in processes.items():
            prompt = [(7919 * (turn + 1) * (i + 1)) % VOCABULARY for i in range(PROMPT)]
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(prompt) + "\n")
            answer = process.stdout.readline()
            if not answer:
                raise SystemExit(f"{interpreters[side]} cannot run the side `{side}`")
            seconds[side].append(float(answer))
    for process in processes.values():
        process.stdin.close()
        process.wait()
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", default=sys.executable, help="Python that has transformers")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--serve", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    parser.add_argument("--shape", choices=SHAPES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve, options.shape)

    results = {}
    for shape in SHAPES:
        load = os.getloadavg()[0]  # of other processes: ours start after it is read
        seconds = measure(shape, {"ours": sys.executable, "theirs": options.peer}, options.turns)
        medians = {side: statistics.median(values[1:]) for side, values in seconds.items()}
        results[shape] = {
            "ratio": round(medians["ours"] / medians["theirs"], 3),
            "load_before": round(load, 2),
            "median_seconds": medians,
            "first_call_seconds": {side: values[0] for side, values in seconds.items()},
        }
        print(f"{shape}: {results[shape]['ratio']} times transformers', {medians}, load {load:.1f}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
