"""What a user names to be written: files are replaced, links and pipes and devices stay what they are."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from canon_core.cli import arguments
from canon_core.errors import CanonError, StoreError
from canon_core.store import output
from canon_core.store.output import output_place, write_output, writing_output

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    for content in (b"old", b"new"):
        write_output(path, content)
        assert path.read_bytes() == content
    assert [entry.name for entry in path.parent.iterdir()] == ["a.json"]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("links", [("real/a.json",), ("next", "real/a.json")])
@pytest.mark.parametrize("there", [True, False])
def test_what_a_link_leads_to_is_written_and_the_link_stays(
    tmp_path: Path, links: tuple[str, ...], there: bool
) -> None:
    real = tmp_path / "real" / "a.json"
    real.parent.mkdir()
    if there:
        real.write_bytes(b"old")
    for name, target in zip(("link", "next"), links, strict=False):
        (tmp_path / name).symlink_to(target)
    assert arguments.file_to_write(tmp_path / "link") == tmp_path / "link"
    write_output(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert not real.is_symlink()
    assert real.read_bytes() == b"new"
    assert [entry.name for entry in real.parent.iterdir()] == ["a.json"]


def test_a_pipe_takes_what_is_written_once_it_is_whole(tmp_path: Path, pipe: Path) -> None:
    (tmp_path / "link").symlink_to(pipe)
    read: list[bytes] = []
    for name in ("pipe", "link"):
        reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
        reader.start()
        assert arguments.file_to_write(tmp_path / name) is not None
        with writing_output(tmp_path / name) as temporary:
            temporary.write_bytes(name.encode() * 100_000)
        reader.join(10)
        assert read.pop() == name.encode() * 100_000
        assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert (tmp_path / "link").is_symlink()


def test_a_pipe_that_nobody_reads_is_said_and_stays(pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_READER_WITHIN", 0.1)
    (pipe.parent / "link").symlink_to(pipe)
    for name in ("pipe", "link"):  # said of the one that the user named
        with pytest.raises(StoreError, match=f"{name}: nobody reads from this pipe"):
            write_output(pipe.parent / name, b"new")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_nothing_comes_to_a_pipe_when_the_writer_fails(pipe: Path) -> None:
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(StoreError, match="pipe: no space left"), writing_output(pipe) as temporary:
        raise StoreError("no space left on device", path=temporary)
    assert os.read(reading, 10) == b""
    os.close(reading)


def test_an_open_file_is_written_to_where_it_stands(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    write_output(Path(f"/dev/fd/{writing}"), b"through the pipe")
    assert os.read(reading, 100) == b"through the pipe"
    os.close(reading)
    os.close(writing)
    program = (
        "from pathlib import Path; from canon_core.store.output import write_output\n"
        "print('before'); write_output(Path('/dev/stdout'), b'content\\n'); print('after')\n"
    )
    with open(tmp_path / "said.txt", "wb") as said:
        subprocess.run([sys.executable, "-c", program], stdout=said, check=True)
    assert (tmp_path / "said.txt").read_text() == "before\ncontent\nafter\n"


def test_what_cannot_be_written_to_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for name, problem in (("socket", "a socket"), ("circle", "in a circle"), ("folder", "a folder")):
            with pytest.raises(CanonError, match=f"{name}: .*{problem}"):
                arguments.file_to_write(tmp_path / name)
            with pytest.raises(StoreError, match=f"{name}: .*{problem}"):
                write_output(tmp_path / name, b"new")
            assert os.path.lexists(tmp_path / name)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", lambda *_, **__: SimpleNamespace(st_mode=stat.S_IFBLK | 0o600))
        with pytest.raises(StoreError, match="disk: this is a disk"):
            output_place(tmp_path / "disk")
