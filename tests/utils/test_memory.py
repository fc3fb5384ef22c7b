"""Available memory, of the system and of a container."""

import math

import pytest

from kerasdl.utils import memory


@pytest.mark.parametrize(
    ("system", "group", "expected"),
    [
        ("MemTotal: 9 kB\nMemAvailable:    7 kB\n", {}, 7 * 1024),
        ("MemAvailable: 7 kB\n", {"max": "5000", "current": "4000", "stat": ""}, 1000),
        (
            "MemAvailable: 7 kB\n",
            {"max": "5000", "current": "4000", "stat": "anon 3\ninactive_file 500\n"},
            1500,
        ),
        ("MemAvailable: 7 kB\n", {"max": "max", "current": "4000", "stat": ""}, 7 * 1024),
        ("MemAvailable: 7 kB\n", {"max": "5000", "current": "6000"}, 0),
        ("", {}, math.inf),
    ],
)
def test_the_smaller_of_both_counts(system, group, expected, tmp_path, monkeypatch):
    (tmp_path / "meminfo").write_text(system)
    for name, text in group.items():
        (tmp_path / f"memory.{name}").write_text(text)
    monkeypatch.setattr(memory, "SYSTEM", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    assert memory.available() == expected


def test_unknown_memory_is_unlimited(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "SYSTEM", tmp_path / "none")
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    assert memory.available() == math.inf
