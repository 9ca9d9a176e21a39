"""Files that are either the old one or the new one, never half of each."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from canon_core.errors import StoreError
from canon_core.jobs import system_error

#: A temporary of a process that was killed is removed by the next writer of the same file once it is this old (s).
_STALE_AFTER = 3600.0


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Hand out an empty temporary file in the same folder that takes the place of ``path`` when the block succeeds.

    The data reaches the disk before the rename, and the folder after it, so that a crash at any moment leaves the old
    file or the new one. When the block raises, the temporary is removed and the old file stays. The new file can be
    read and written by its owner only (0600): embeddings are biometric data.

    Parameters
    ----------
    path : Path
        File to create or replace; missing parent folders are created (0700).

    Yields
    ------
    Path
        An existing, empty file. It may be written by name, or replaced under that name.

    Raises
    ------
    StoreError
        For what the operating system refuses (full disk, read-only folder, …).
    """
    path = Path(path)
    with errors_name(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_stale(path)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0), 0o600))
    with errors_name(path, temporary):
        try:
            yield temporary
            descriptor = os.open(temporary, os.O_RDWR)  # Windows flushes only what was opened for writing
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, path)
            _sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` (0600) so that a crash leaves the old content or the new.

    Raises
    ------
    StoreError
        For what the operating system refuses; the old file is still there then.
    """
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(data)


def move_into_place(source: Path, target: Path) -> None:
    """Put a file whose data has reached the disk in the place of ``target``, in the same folder, durably.

    Raises
    ------
    StoreError
        For what the operating system refuses; both files are as they were then.
    """
    with errors_name(target):
        os.replace(source, target)
        _sync_folder(target.parent)


@contextmanager
def errors_name(path: Path, *instead_of: Path) -> Iterator[None]:
    """What the operating system refuses is said of ``path``, the file that the user knows, and so is what is wrong with
    the files ``instead_of`` it, which nobody knows by their names.

    Raises
    ------
    StoreError
        For every OSError, and every StoreError about one of those files.
    """
    try:
        yield
    except OSError as error:
        raise store_error(error, path) from error
    except StoreError as error:
        if error.path not in instead_of:
            raise
        raise StoreError(error.problem, path=path, remedy=error.remedy) from error


def store_error(error: OSError, path: Path) -> StoreError:
    """An operating system's or HDF5's refusal about ``path``, worded as :func:`canon_core.jobs.system_error` does."""
    if error.errno is None and (number := re.search(r"errno = (\d+)", str(error))):
        # HDF5 wraps the cause in its own message
        error = OSError(int(number[1]), os.strerror(int(number[1])))
    elif error.errno is not None:
        error = OSError(error.errno, os.strerror(error.errno))
    fault = system_error(error)
    return StoreError(fault.problem, path=path, remedy=fault.remedy)


def _sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` durable, where folders can be opened (not on Windows)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems cannot; the rename itself has succeeded
    finally:
        os.close(descriptor)


def _remove_stale(path: Path) -> None:
    """Remove what killed writers of this file left behind. Young ones may belong to a living writer."""
    old = time.time() - _STALE_AFTER
    start, size = f".{path.name}.", len(path.name) + 14
    for name in os.listdir(path.parent):  # thousands of results may lie there: plain names are looked through quickly
        if len(name) == size and name.startswith(start) and name.endswith(".tmp"):
            leftover = path.parent / name
            with suppress(OSError):
                if leftover.stat().st_mtime < old:
                    leftover.unlink()
