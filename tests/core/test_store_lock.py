"""One process at a time holds a study; a second is told who does, and a kill frees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from canon_core.errors import StudyError, StudyInUse
from canon_core.store.lock import StudyLock

HOLDER = """
import sys; from pathlib import Path; from canon_core.store.lock import StudyLock
lock = StudyLock(Path(sys.argv[1]), "canon embed"); lock.acquire(); print("held", flush=True); sys.stdin.read()
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_a_second_process_learns_who_holds_it_until_that_one_is_killed(tmp_path: Path) -> None:
    child = hold(tmp_path)
    try:
        lock = StudyLock(tmp_path, "canon gui")
        with pytest.raises(StudyInUse, match=rf"in use by canon embed \(pid {child.pid} on .*, since \d{{4}}-"):
            lock.acquire()
        assert not lock.held
    finally:
        if sys.platform == "win32":
            child.kill()
        else:
            child.send_signal(signal.SIGKILL)
        child.communicate()
    lock.acquire()
    assert lock.held
    lock.release()


def test_released_means_free_for_the_next(tmp_path: Path) -> None:
    with StudyLock(tmp_path, "first") as first:
        assert first.held
        with pytest.raises(StudyInUse, match="in use by first"):
            StudyLock(tmp_path, "second").acquire()
        first.acquire()
    assert not first.held
    with StudyLock(tmp_path, "second") as second:
        assert second.held
    second.release()


def test_a_lock_without_a_readable_owner_still_holds(tmp_path: Path) -> None:
    with StudyLock(tmp_path, "x" * 1000):
        with pytest.raises(StudyInUse) as caught:
            StudyLock(tmp_path, "second").acquire()
        assert len(caught.value.owner) < 400
        (tmp_path / ".lock").write_bytes(b"\xff not JSON")
        with pytest.raises(StudyInUse, match="in use by another process"):
            StudyLock(tmp_path, "second").acquire()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StudyError, match="gone"):
        StudyLock(tmp_path / "gone", "canon").acquire()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StudyError, match="permission denied; change its permissions") as caught:
        StudyLock(tmp_path, "canon").acquire()
    assert not isinstance(caught.value, StudyInUse)
