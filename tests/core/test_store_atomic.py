"""A file that is replaced is the old one or the new one, whatever happens in between."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from canon_core.errors import StoreError
from canon_core.store.atomic import move_into_place, replacing, store_error, write_atomically


def test_a_new_file_belongs_to_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "made" / "on the way" / "study.json"
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_moved_into_place_replaces_the_old_one_durably(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = tmp_path / "e.h5", tmp_path / "e~next.h5"
    old.write_bytes(b"old")
    new.write_bytes(b"new")
    synced: list[bool] = []
    real = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(old.read_bytes() == b"new" and os.path.samestat(os.fstat(descriptor), tmp_path.stat()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    move_into_place(new, old)
    assert [entry.name for entry in tmp_path.iterdir()] == ["e.h5"]
    assert old.read_bytes() == b"new"
    if os.name == "posix":
        assert synced == [True]
    with pytest.raises(StoreError, match=r"e\.h5: no such file or directory"):
        move_into_place(new, old)
    assert old.read_bytes() == b"new"


def write_half_and_fail(path: Path) -> None:
    path.write_bytes(b"half of the n")
    raise ZeroDivisionError


def test_what_fails_in_the_temporary_is_said_of_the_file_itself(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught, replacing(tmp_path / "e.h5") as temporary:
        raise StoreError("no space left on device", path=temporary, remedy="free space")
    assert caught.value.sentence() == f"{tmp_path / 'e.h5'}: no space left on device; free space."
    with pytest.raises(StoreError, match="other: damaged"), replacing(tmp_path / "e.h5"):
        raise StoreError("damaged", path=tmp_path / "other")


def test_a_failing_writer_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "study.json"
    write_atomically(path, b"old")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        write_half_and_fail(temporary)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["study.json"]


@pytest.mark.parametrize(
    ("function", "number", "words"),
    [
        ("fsync", errno.ENOSPC, "free space on that disk"),
        ("fsync", errno.EDQUOT, "quota"),
        ("open", errno.EROFS, "read-only"),
        ("open", errno.EACCES, "permissions"),
        ("replace", errno.EACCES, "permissions"),
    ],
)
def test_a_refusal_is_one_sentence_with_the_file_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, number: int, words: str
) -> None:
    path = tmp_path / "map.h5"
    write_atomically(path, b"old")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "some temporary name")

    with monkeypatch.context() as patch:
        patch.setattr(os, function, refuse)
        with pytest.raises(StoreError, match=words) as caught:
            write_atomically(path, b"new")
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: ")
    assert "temporary" not in sentence
    assert "\n" not in sentence
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["map.h5"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file size are POSIX")
def test_a_file_beyond_the_limit_of_its_process_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "result.h5"
    write_atomically(path, b"old")
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from canon_core.errors import StoreError; from canon_core.store.atomic import write_atomically\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_atomically(Path(sys.argv[1]), bytes(5000))\n"
        "except StoreError as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout.startswith(f"{path}: file too large")
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "study.json"
    program = (
        "import sys; from pathlib import Path; from canon_core.store.atomic import write_atomically\n"
        "for turn in range(10**9): write_atomically(Path(sys.argv[1]), b'%d ' % turn * 20000)\n"
    )
    for wait in (0.0, 0.013, 0.031):
        child = subprocess.Popen([sys.executable, "-c", program, str(path)])
        path.unlink(missing_ok=True)
        while not path.exists():
            time.sleep(0.001)
        time.sleep(wait)
        child.send_signal(signal.SIGKILL)
        child.wait()
        words = path.read_bytes().split()
        assert len(words) == 20000
        assert len(set(words)) == 1


def test_leftovers_of_killed_writers_go_once_they_are_old(tmp_path: Path) -> None:
    path = tmp_path / "study.json"
    old, young, other = (tmp_path / name for name in (".study.json.01234567.tmp", ".study.json.89abcdef.tmp", ".x.tmp"))
    for leftover in (old, young, other):
        leftover.write_bytes(b"half")
        if leftover is not young:
            os.utime(leftover, (1e9, 1e9))
    write_atomically(path, b"new")
    assert not old.exists()
    assert young.exists()
    assert other.exists()


def test_a_cause_inside_a_message_of_hdf5_is_found() -> None:
    error = OSError("Can't write data (file write failed: errno = 28, error message = 'No space left on device')")
    assert "no space left on device; free space" in str(store_error(error, Path("a.h5")))
