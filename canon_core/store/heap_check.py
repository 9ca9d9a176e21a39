"""A file as HDF5 reads it, each global heap looked at before HDF5's own code takes it apart.

Text of variable length lies in *global heap collections* ("GCOL" in the HDF5 file format specification, section III.E:
a header, then objects one behind the other, each with its size). HDF5 steps from object to object by these sizes, in a
loop that no signal ends and no other thread can leave: a free-space object of size 0 keeps it there for ever. HDF5
reads every piece of metadata at its address, so a collection shows as a read that begins with its signature. Looking
there costs nothing where there is none, whatever the size of the file, and misses none that HDF5 comes to.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any, Final

from canon_core.errors import StoreError

_SIGNATURE: Final = b"GCOL\x01"  # of another version HDF5 says so itself
#: Bytes of a length in the file; others have not been written for decades, and are refused.
LENGTH_BYTES: Final = 8
#: Signature, version, three reserved bytes, size of the whole collection.
_HEADER: Final = struct.Struct("<8xQ")
#: Index (0: what is free), references, four reserved bytes, size without this header (of what is free: with it).
_OBJECT: Final = struct.Struct("<HH4xQ")
#: Bytes of one collection; HDF5 makes them of 4 kB, or as large as one text.
_MAX_COLLECTION: Final = 256 * 2**20


class HeapCheckedFile(io.RawIOBase):
    """A file opened for reading, to be handed to :class:`h5py.File`.

    Parameters
    ----------
    path : Path
        The file.
    remedy : str
        What the user should do when it is unusable.

    Attributes
    ----------
    fault : StoreError or None
        What was refused. It is raised in HDF5's hands, from where it does not always come back as itself.

    Raises
    ------
    OSError
        For what the operating system refuses.
    """

    def __init__(self, path: Path, remedy: str) -> None:
        self.fault: StoreError | None = None
        self._path = path
        self._remedy = remedy
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 (closed by close)
        self._sound: set[int] = set()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except OverflowError:  # a damaged address
            raise OSError("the address of something in it is beyond any file") from None

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        start, view = self._file.tell(), memoryview(buffer)
        done = 0
        while done < len(view) and (count := self._file.readinto(view[done:])):  # one call may read less than asked
            done += count
        if bytes(view[: len(_SIGNATURE)]) == _SIGNATURE and start not in self._sound:
            problem = self._problem(start)
            if problem:
                self.fault = StoreError(
                    f"damaged HDF5 file (global heap at byte {start:,}: {problem})",
                    path=self._path,
                    remedy=self._remedy,
                )
                raise self.fault
            self._sound.add(start)
        return done

    def close(self) -> None:
        self._file.close()
        super().close()

    def _problem(self, start: int) -> str:
        """Why HDF5 would not come to the end of a collection, or nothing."""
        end = self._file.seek(0, io.SEEK_END)
        self._file.seek(start)
        header = self._file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return "it is cut short"
        (size,) = _HEADER.unpack(header)
        if not _HEADER.size <= size <= min(_MAX_COLLECTION, end - start):
            return f"it claims {size:,} bytes"
        data = header + self._file.read(size - _HEADER.size)
        place = _HEADER.size
        while place + _OBJECT.size <= len(data):  # what is left behind the last object may be too small for another
            index, _, length = _OBJECT.unpack_from(data, place)
            step = length if index == 0 else _OBJECT.size + (length + 7) // 8 * 8
            if not _OBJECT.size <= step <= len(data) - place:
                return f"object {index} at byte {place:,} of it has {length:,} bytes"
            place += step
        return ""
