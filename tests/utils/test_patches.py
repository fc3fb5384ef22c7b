"""Temporary replacements leave the owner as it was."""

import pytest

from kerasdl.utils.patches import replaced


class Owner:
    @classmethod
    def made(cls):
        return cls

    @staticmethod
    def fixed():
        return 1

    @property
    def value(self):
        return 2


class Heir(Owner):
    pass


@pytest.mark.parametrize("owner", [Owner, Heir])
@pytest.mark.parametrize("name", ["made", "fixed", "value"])
def test_methods_of_every_kind_come_back(owner, name):
    before = dict(vars(owner))
    with replaced(owner, name, 3):
        assert getattr(owner, name) == 3
    assert dict(vars(owner)) == before
    assert Heir.made() is Heir and Heir.fixed() == 1 and Heir().value == 2
