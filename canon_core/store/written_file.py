"""A file as HDF5 writes it, which never fails in HDF5's hands."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any


class WrittenFile(io.RawIOBase):
    """A file opened for reading and writing, to be handed to :class:`h5py.File`.

    HDF5 (2.0) cannot close a file that it failed to write, tries it again when the process ends, and crashes. So what
    the operating system refuses (a full disk, a limit on the size of files) is kept in ``fault``, whatever is written
    after it goes nowhere, and who made the file raises it once HDF5 has closed it.

    Attributes
    ----------
    fault : OSError or None
        The first refusal.
    """

    def __init__(self, path: Path) -> None:
        self.fault: OSError | None = None
        self._file = open(path, "r+b", buffering=0)  # noqa: SIM115 (closed by close)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        done = 0
        while done < len(view) and (count := self._file.readinto(view[done:])):
            done += count
        return done

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        length = len(rest)
        while rest and self.fault is None:  # a write may be cut short by a limit; the next one says why
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as error:
                self.fault = error
        return length

    def truncate(self, size: int | None = None) -> int:
        if self.fault is None:
            try:
                return self._file.truncate(size)
            except OSError as error:
                self.fault = error
        return size or 0

    def close(self) -> None:
        self._file.close()
        super().close()
