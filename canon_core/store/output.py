"""Files that the user names to be written: replaced whole where they are files, written to where they are streams.

What lies at such a path may be a link, which stays and whose file is written; or a pipe or device, which takes what is
written and stays as well. A study's own files are another matter: there a link is replaced, never followed
(:mod:`canon_core.store.atomic`).
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from canon_core.errors import StoreError
from canon_core.store.atomic import errors_name, replacing, store_error

#: Names of this process's own open files, with the number of one.
_OPEN_FILE: Final = re.compile(r"/dev/(?:stdin|stdout|stderr|fd/(\d+))|/proc/self/fd/(\d+)")
_STANDARD: Final = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
#: Links that are followed one after the other (as Linux does).
_MOST_LINKS: Final = 40
#: How long a named pipe is given until somebody reads from it (s).
_READER_WITHIN: Final = 10.0
_CHOOSE: Final = "name another file to write"
#: What is not written to, and why.
_REFUSED: Final = (
    (stat.S_ISDIR, "this is a folder"),
    (stat.S_ISBLK, "this is a disk, and what is on it would be lost"),
    (stat.S_ISSOCK, "this is a socket"),
)


def output_place(path: Path) -> tuple[Path, bool]:
    """Where an output really goes, and whether it is a stream: written to as it is, not replaced.

    Raises
    ------
    StoreError
        When it is a folder, a disk, a socket, or a circle of links.
    """
    place = Path(os.path.abspath(path))
    try:
        for _ in range(_MOST_LINKS):
            if str(place).startswith("/proc/") or _OPEN_FILE.fullmatch(str(place)):
                return place, True
            if not place.is_symlink():
                break
            target = place.parent / os.readlink(place)
            place = Path(os.path.realpath(target.parent)) / target.name
        else:
            raise StoreError("its link leads in a circle", path=path, remedy=_CHOOSE)
        mode = place.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return place, False
    except OSError as error:
        raise store_error(error, path) from error
    for is_so, problem in _REFUSED:
        if is_so(mode):
            raise StoreError(problem, path=path, remedy=_CHOOSE)
    return place, not stat.S_ISREG(mode)


@contextmanager
def writing_output(path: Path) -> Iterator[Path]:
    """Hand out an empty temporary file whose content comes to ``path`` when the block succeeds.

    A file is replaced as :func:`canon_core.store.atomic.replacing` does; a pipe or device gets the whole content at the
    end, and nothing when the block raises.

    Raises
    ------
    StoreError
        As :func:`output_place`, and for what the operating system refuses.
    """
    place, stream = output_place(Path(path))
    if not stream:
        with replacing(place) as temporary:
            yield temporary
        return
    with errors_name(path, place), tempfile.TemporaryDirectory(prefix="canon-") as private:  # 0700
        temporary = Path(private) / "output"
        with errors_name(path, temporary):
            temporary.touch(mode=0o600)
            yield temporary
        _pour(temporary, place)


def write_output(path: Path, data: bytes) -> None:
    """Write ``data`` to where the user said.

    Raises
    ------
    StoreError
        As :func:`writing_output`.
    """
    with writing_output(path) as temporary, open(temporary, "wb") as file:
        file.write(data)


def _pour(source: Path, place: Path) -> None:
    with source.open("rb") as content, os.fdopen(_open_stream(place), "wb") as stream:
        shutil.copyfileobj(content, stream)


def _open_stream(place: Path) -> int:
    """A descriptor of our own to write to; who named one of our open files means that one, at the place it stands."""
    own = _OPEN_FILE.fullmatch(str(place))
    if own is not None:
        number = _STANDARD.get(str(place))
        if sys.stdout is not None:
            sys.stdout.flush()  # what was printed before comes before
        return os.dup(int(own[1] or own[2]) if number is None else number)
    until = time.monotonic() + _READER_WITHIN
    flags = os.O_WRONLY | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    while True:
        try:
            descriptor = os.open(place, flags)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > until:
                raise StoreError(
                    "nobody reads from this pipe", path=place, remedy="start what reads it first, or name a file"
                ) from error
            time.sleep(0.05)
            continue
        if hasattr(os, "set_blocking"):
            os.set_blocking(descriptor, True)
        return descriptor
