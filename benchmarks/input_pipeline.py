"""Compare augmentation speed of kerasdl and torch: crop, flip and color jitter of 64x64 images.

Both get the same uint8 images in memory, shuffled, in batches of 64. They are padded by 8 and
cropped, half of them flipped, and their brightness, contrast and saturation changed by up to 20 %.
kerasdl's augmentation is a function of (seed, epoch, example); torch uses a DataLoader with two
workers. Rounds alternate, and the ratio is that of the medians, in images per second.

torch is installed in an environment of its own, whose Python is the argument:

    python -m venv PEER && PEER/bin/pip install torch==2.13.0 torchvision==0.28.0 numpy
    python benchmarks/input_pipeline.py --peer PEER/bin/python

torchvision's compiled operators are not needed. If they do not fit the installed torch (such as a
CPU build, with torchvision installed with --no-deps), the transforms are loaded without them, and
the result says so.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

RESULT = pathlib.Path(__file__).parent / "results" / "input_pipeline.json"
IMAGES, SIZE, BATCH, ROUNDS = 8192, 64, 64, 5
PAD, JITTER = 8, 0.2


def images():
    import numpy as np

    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (IMAGES, SIZE, SIZE, 3), dtype="uint8")


def serve(epoch, about):
    """Run a warm-up epoch, then one per line of standard input, and print images per second."""
    epoch()
    print(json.dumps(about), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        seen = epoch()
        rate = seen / (time.perf_counter() - start)
        print(rate, flush=True)


def serve_kerasdl():
    import numpy as np
    import tensorflow as tf

    from kerasdl.data import augment, examples, pipeline, policies

    policy = policies.POLICIES["standard"]
    expected = augment.Policy(PAD / SIZE, 0, 0, True, JITTER, JITTER, JITTER)
    if policy != expected:
        raise SystemExit(f"`standard` differs from what torch is told to do: {policy}")
    dataset = pipeline.to_elements(
        pipeline.shuffled(IMAGES, BATCH, 0, pipeline.epoch_counter()),
        examples.Arrays(images(), np.arange(IMAGES, dtype="int32")),
        [BATCH] * (IMAGES // BATCH),
        augment=lambda x, y, epoch, rows: augment.augment(
            x, y, policy=policy, seed=0, epoch=epoch, rows=rows
        ),
    )

    def epoch():
        return sum(int(labels.shape[0]) for _, labels in dataset)

    serve(epoch, {"name": "kerasdl", "tensorflow": tf.__version__})


def serve_torch(workers):
    import torch

    about = {"name": "torch", "torch": torch.__version__, "workers": workers}
    try:
        import torchvision
    except RuntimeError as error:  # the compiled operators are for another build of torch
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):  # needed by the import, called by nothing here
            library.define(f"{operator}(Tensor dets, Tensor scores, float threshold) -> Tensor")
        for name in [n for n in sys.modules if n.startswith("torchvision")]:
            del sys.modules[name]
        about["compiled operators"] = f"not loaded: {error}"
        import torchvision
    from torchvision import transforms

    # on tensors these are faster than torchvision's v2 transforms, and than either on PIL images
    change = transforms.Compose(
        [
            transforms.RandomCrop(SIZE, padding=PAD, padding_mode="reflect"),
            transforms.RandomHorizontalFlip(),
            transforms.ColorJitter(JITTER, JITTER, JITTER),
            transforms.ConvertImageDtype(torch.float32),
        ]
    )
    pixels = torch.from_numpy(images()).permute(0, 3, 1, 2).contiguous()

    class Images(torch.utils.data.Dataset):
        def __len__(self):
            return IMAGES

        def __getitem__(self, i):
            return change(pixels[i]), i

    torch.manual_seed(0)
    loader = torch.utils.data.DataLoader(
        Images(), BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )

    def epoch():
        return sum(len(labels) for _, labels in loader)

    serve(epoch, {**about, "torchvision": torchvision.__version__})


def measure(peer):
    """Alternate between the two, each in a process of its own that waits for its turn."""
    commands = {
        "kerasdl": [sys.executable, __file__, "--serve", "kerasdl"],
        "torch": [peer, __file__, "--serve", "torch"],
    }
    started = {
        name: subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name, command in commands.items()
    }
    about = {name: json.loads(process.stdout.readline()) for name, process in started.items()}
    rates = {name: [] for name in started}
    for _ in range(ROUNDS):
        for name, process in started.items():
            process.stdin.write("\n")
            process.stdin.flush()
            rates[name].append(float(process.stdout.readline()))
    for process in started.values():
        process.stdin.close()
        process.wait()
    medians = {name: statistics.median(values) for name, values in rates.items()}
    return {
        "what": "crop, flip, color jitter of 64x64 images, two CPU cores, images per second",
        "ratio": medians["kerasdl"] / medians["torch"],
        "median": medians,
        "rounds": rates,
        "about": about,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="a Python that has torch and torchvision")
    parser.add_argument("--serve", choices=["kerasdl", "torch"], help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve == "kerasdl":
        return serve_kerasdl()
    if arguments.serve == "torch":
        return serve_torch(arguments.workers)
    if not arguments.peer:
        parser.error("--peer PYTHON is required: see the top of this file")
    record = measure(arguments.peer)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(record, indent=2) + "\n")
    for name, rate in record["median"].items():
        print(f"{name:8} {rate:8.0f} images per second")
    print(f"ratio    {record['ratio']:8.2f}")
    return None


if __name__ == "__main__":
    main()
