"""pytest-xdist runs the tests of a group in one process; it reads the group in their names."""

import pytest


@pytest.fixture(scope="module")
def shared():
    return []


@pytest.fixture
def grouped(request):
    return getattr(request.config.option, "loadgroup", False)  # in the processes of pytest-xdist


@pytest.mark.xdist_group("together")
def test_name_has_the_group_of_a_mark(request, grouped):
    assert request.node.nodeid.endswith("@together") == grouped


@pytest.mark.parametrize("number", [1, 2])
def test_tests_with_a_fixture_of_their_module_are_a_group(number, shared, request, grouped):
    assert request.node.nodeid.endswith(f"[{number}]@tests/test_groups.py") == grouped
    assert len(shared) == number - 1 or not grouped
    shared.append(number)
