"""One writer at a time: an operating system's lock on a study, freed by the system when its holder dies."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import socket
import sys
from pathlib import Path
from types import TracebackType

from canon_core.errors import StudyError, StudyInUse
from canon_core.jobs import system_error

#: Windows locks byte ranges, and nobody can read a locked byte: lock one far behind the text.
_WINDOWS_LOCK_OFFSET = 2**30
#: Bytes of the owner's description that are read back.
_MAX_OWNER_BYTES = 4096


class StudyLock:
    """Exclusive hold on a study folder, for this process and no other (nor a second time in this one).

    Parameters
    ----------
    folder : Path
        The study's folder; the lock is its file ``.lock``.
    owner : str
        Program that holds it, as another user should read it (``"canon embed"``).

    Notes
    -----
    The file stays when the lock is released: removing it would let two processes hold two different files.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self.folder = Path(folder)
        self.owner = owner
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> None:
        """Take the lock without waiting.

        Raises
        ------
        StudyInUse
            When another holder has it; the message says who.
        StudyError
            When the folder cannot be written or its file system has no locks.
        """
        if self.held:
            return
        path = self.folder / ".lock"
        try:
            # A link, in a study got from somebody, is not followed: what it leads to would be emptied.
            flags = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o600)
        except OSError as error:
            fault = system_error(error)
            raise StudyError(fault.problem, path=self.folder, remedy=fault.remedy) from error
        try:
            _lock(descriptor)
        except OSError as error:
            owner = _describe(descriptor)
            os.close(descriptor)
            if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                raise StudyInUse(self.folder, owner) from None
            raise StudyError(
                "its file system has no locks",
                path=self.folder,
                remedy="copy the study to a local disk, or open it read-only",
            ) from error
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, _description(self.owner))
        except OSError as error:  # a full disk: the lock is held all the same, but nothing could be saved
            os.close(descriptor)
            fault = system_error(error)
            raise StudyError(fault.problem, path=self.folder, remedy=fault.remedy) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; without effect where it is not held."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        try:
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)  # closing frees the lock

    def __enter__(self) -> StudyLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


if sys.platform == "win32":

    def _lock(descriptor: int) -> None:
        import msvcrt

        os.lseek(descriptor, _WINDOWS_LOCK_OFFSET, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:

    def _lock(descriptor: int) -> None:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _description(owner: str) -> bytes:
    since = dt.datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    record = {"program": owner, "pid": os.getpid(), "host": socket.gethostname(), "since": since}
    return json.dumps(record).encode()


def _describe(descriptor: int) -> str:
    """Who holds the lock, from what it wrote into the file; the text is not trusted to be well formed."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        record = json.loads(os.read(descriptor, _MAX_OWNER_BYTES))
        program, pid, host, since = (str(record[key])[:100] for key in ("program", "pid", "host", "since"))
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
    return f"{program} (pid {pid} on {host}, since {since})"
