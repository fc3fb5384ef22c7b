"""The instructions of the processor are read from Linux's description of it."""

import pytest

from kerasdl.utils import processor


@pytest.mark.parametrize(
    ("machine", "text", "description"),
    [
        ("x86_64", "flags\t\t: fpu avx2 avx512f avx512_vnni\n", "AVX2, AVX-512, AVX-512 VNNI"),
        ("x86_64", "model name : x\nflags : sse avx2\n", "AVX2, without VNNI"),
        ("aarch64", "Features\t: fp asimd asimddp\n", "NEON, dot product"),
    ],
)
def test_features_are_named(machine, text, description, tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(processor.platform, "machine", lambda: machine)
    assert processor.description() == f"{machine.replace('_', '-')} with {description}"
    assert processor.model() == ("x" if "model" in text else "")
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "none")
    assert processor.model() == ""
    assert processor.description() == machine.replace("_", "-")
