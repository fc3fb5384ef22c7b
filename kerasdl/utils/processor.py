"""The instructions of this processor that decide how fast integer networks are."""

import pathlib
import platform

CPUINFO = pathlib.Path("/proc/cpuinfo")
FEATURES = {  # names in Linux's list of features, and the usual ones
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx_vnni": "AVX-VNNI",
    "avx512_vnni": "AVX-512 VNNI",
    "asimd": "NEON",
    "asimddp": "dot product",
    "i8mm": "int8 matrix product",
    "sve": "SVE",
}


def features() -> list[str]:
    """Return the vector and integer instructions of this processor; empty if they are unknown.

    An int8 network needs a product of bytes that adds up in 32 bits: VNNI on x86, the dot product
    on ARM. Without it, its files are often slower than float files.
    """
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return []
    known = [line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Feat"))]
    return [name for flag, name in FEATURES.items() if known and flag in known[0]]


def model() -> str:
    """Return the name that the manufacturer gave this processor, or "" if it is unknown."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


def description() -> str:
    """Return the kind of this processor with its instructions: "x86-64 with AVX2"."""
    machine = platform.machine().replace("_", "-")
    found = features()
    if machine == "x86-64" and found and not any("VNNI" in name for name in found):
        return f"{machine} with {', '.join(found)}, without VNNI"
    return f"{machine} with {', '.join(found)}" if found else machine
