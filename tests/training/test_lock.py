"""Only one process trains in a folder."""

import fcntl
import os

import pytest

from kerasdl.errors import InvalidInput
from kerasdl.training import lock


def test_locked_folder_is_refused_until_it_is_released(tmp_path):
    folder = tmp_path / "runs" / "new"
    with lock.hold(folder):
        message = f"no other process trains. Received: {folder}, in which process {os.getpid()} "
        with pytest.raises(InvalidInput, match=message), lock.hold(folder):
            pass
    with lock.hold(folder):
        assert (folder / lock.NAME).read_text() == str(os.getpid())


@pytest.mark.parametrize("removed", ["file", "folder", "folder before"])
def test_a_lock_that_was_removed_meanwhile_is_taken_again(removed, tmp_path, monkeypatch):
    """A process that fails in a new folder removes the folder while another one starts there."""
    folder = tmp_path / "run"
    flock, mkdir = fcntl.flock, type(folder).mkdir
    calls = []

    def remove():
        (folder / lock.NAME).unlink(missing_ok=True)
        if removed != "file":
            folder.rmdir()

    def locking(file, operation):
        if not calls and removed != "folder before":
            remove()
        calls.append(file)
        flock(file, operation)

    def making(path, **options):
        mkdir(path, **options)
        if not calls and removed == "folder before":
            calls.append(path)
            remove()

    monkeypatch.setattr(fcntl, "flock", locking)
    monkeypatch.setattr(type(folder), "mkdir", making)
    with lock.hold(folder):
        assert len(calls) == 2
        with pytest.raises(InvalidInput, match="in which process"), lock.hold(folder):
            pass
