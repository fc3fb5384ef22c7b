"""Compare input pipelines of kerasdl and torch: crop, flip and color jitter of 64x64 images.

Both get the same images, shuffled, in batches of 64: as uint8 arrays in memory, or as JPEG files of
64x64 pixels, or as larger files of different sizes, which are scaled and cropped first. They are
padded by 8 and cropped, half of them flipped, and their brightness, contrast and saturation changed
by up to 20 %. kerasdl's augmentation is a function of (seed, epoch, example); torch uses a
DataLoader with two workers, and torchvision's ImageFolder for files. Rounds alternate, and the
ratio is that of the medians, in images per second.

torch is installed in an environment of its own, whose Python is the argument:

    python -m venv PEER && PEER/bin/pip install torch torchvision numpy
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
import tempfile
import time

RESULT = pathlib.Path(__file__).parent / "results" / "input_pipeline.json"
IMAGES, FILES, SIZE, BATCH, ROUNDS = 8192, 2048, 64, 64, 5
LARGER = (96, 160)  # the smallest and the largest side of larger files
SOURCES = ("memory", "files", "larger files")
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


def write_files(folder, sides):
    """Write JPEG files as smooth as photographs, in two class folders."""
    import numpy as np
    import PIL.Image

    rng = np.random.default_rng(0)
    for number in range(FILES):
        height, width = rng.integers(sides[0], sides[1] + 1, 2)
        coarse = rng.integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), dtype="uint8")
        smooth = PIL.Image.fromarray(coarse).resize((width, height), PIL.Image.Resampling.BICUBIC)
        noise = rng.normal(0, 6, (height, width, 3))
        pixels = np.clip(np.asarray(smooth) + noise, 0, 255).astype("uint8")
        path = pathlib.Path(folder) / str(number % 2) / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        PIL.Image.fromarray(pixels).save(path, quality=90)


def serve_kerasdl(folder):
    import numpy as np
    import tensorflow as tf

    from kerasdl import data
    from kerasdl.data import augment, examples, pipeline, policies

    policy = policies.POLICIES["standard"]
    expected = augment.Policy(PAD / SIZE, 0, 0, True, JITTER, JITTER, JITTER)
    if policy != expected:
        raise SystemExit(f"`standard` differs from what torch is told to do: {policy}")
    if folder:
        options = {"validation": 0, "test": 0.01, "memory": 0}
        load = {"batch_size": BATCH, "image_size": SIZE, "augment": "standard"}
        dataset = data.load(folder, **load, **options).train
    else:
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


def serve_torch(workers, folder):
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
    from torchvision import datasets, transforms

    # on tensors these are faster than torchvision's v2 transforms, and than either on PIL images
    change = transforms.Compose(
        [
            transforms.RandomCrop(SIZE, padding=PAD, padding_mode="reflect"),
            transforms.RandomHorizontalFlip(),
            transforms.ColorJitter(JITTER, JITTER, JITTER),
            transforms.ConvertImageDtype(torch.float32),
        ]
    )

    class Images(torch.utils.data.Dataset):
        def __init__(self):
            self.pixels = torch.from_numpy(images()).permute(0, 3, 1, 2).contiguous()

        def __len__(self):
            return IMAGES

        def __getitem__(self, i):
            return change(self.pixels[i]), i

    if folder:
        fit = [transforms.Resize(SIZE), transforms.CenterCrop(SIZE), transforms.PILToTensor()]
        data = datasets.ImageFolder(folder, transforms.Compose([*fit, change]))
    else:
        data = Images()
    torch.manual_seed(0)
    loader = torch.utils.data.DataLoader(
        data, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )

    def epoch():
        return sum(len(labels) for _, labels in loader)

    serve(epoch, {**about, "torchvision": torchvision.__version__})


def measure(peer, folder):
    """Alternate between the two, each in a process of its own that waits for its turn."""
    files = ["--folder", folder] if folder else []
    commands = {
        "kerasdl": [sys.executable, __file__, "--serve", "kerasdl", *files],
        "torch": [peer, __file__, "--serve", "torch", *files],
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
    ratio = medians["kerasdl"] / medians["torch"]
    return {"ratio": ratio, "median": medians, "rounds": rates, "about": about}


def measure_all(peer):
    found = {}
    for source in SOURCES:
        with tempfile.TemporaryDirectory() as folder:
            if source != "memory":
                write_files(folder, (SIZE, SIZE) if source == "files" else LARGER)
            found[source] = measure(peer, None if source == "memory" else folder)
    return {
        "what": "crop, flip, color jitter of 64x64 images, two CPU cores, images per second",
        **found,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="a Python that has torch and torchvision")
    parser.add_argument("--serve", choices=["kerasdl", "torch"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve == "kerasdl":
        return serve_kerasdl(arguments.folder)
    if arguments.serve == "torch":
        return serve_torch(arguments.workers, arguments.folder)
    if not arguments.peer:
        parser.error("--peer PYTHON is required: see the top of this file")
    record = measure_all(arguments.peer)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(record, indent=2) + "\n")
    for source in SOURCES:
        rates = ", ".join(f"{n} {rate:.0f}" for n, rate in record[source]["median"].items())
        print(f"{source:12} {rates} images per second, ratio {record[source]['ratio']:.2f}")
    return None


if __name__ == "__main__":
    main()
