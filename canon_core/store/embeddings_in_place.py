"""Rows of embeddings written and read at their fixed place in the file, without HDF5's caches in between.

Rows are on the disk before ``/done`` counts them. A reader in the same process is not in the way.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from canon_core.errors import StoreError
from canon_core.store.arrays import Attribute
from canon_core.store.atomic import errors_name, replacing
from canon_core.store.embeddings import (
    REMEDY,
    Array,
    create_embeddings,
    iterate_embeddings,
    layout_of,
    read_info,
    require_rows,
)
from canon_core.store.hdf5 import open_hdf5


class EmbeddingsWriter:
    """Appends rows to a file of embeddings, from ``/done`` on.

    Parameters
    ----------
    path : Path
        A file that :func:`create_embeddings` laid out. Its study must be locked: two writers would overwrite each
        other.

    Attributes
    ----------
    info : EmbeddingsInfo
        As it was when the writer opened it.
    done : int
        Rows on the disk.

    Raises
    ------
    StoreError
        For a file that cannot be used, or a block that cannot be written; what ``/done`` counts is kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        with open_hdf5(self.path, remedy=REMEDY) as file:
            self._layout = layout_of(file, self.path)
        self.info = self._layout.info
        self.done = self.info.done
        with errors_name(self.path):
            self._file = open(self.path, "r+b", buffering=0)  # noqa: SIM115 (closed by close)

    def append(self, block: Array) -> None:
        """Write the next rows, (k, d) or (k, 2, d) float32; on return they have reached the disk and are counted.

        Raises
        ------
        ValueError
            For rows of another shape, or more than are missing.
        """
        info = self.info
        tail = (2, info.dimensions) if info.flip_kept else (info.dimensions,)
        if block.shape[1:] != tail or self.done + len(block) > info.rows:
            raise ValueError(f"rows {block.shape} do not fit after {self.done} of {info.rows} rows of shape {tail}")
        if not len(block):
            return
        with errors_name(self.path):
            self._write(self._layout.rows_at + self.done * self._layout.row_bytes, np.ascontiguousarray(block, "<f4"))
            os.fsync(self._file.fileno())
            self._write(self._layout.done_at, np.array(self.done + len(block), "<i8"))
            os.fsync(self._file.fileno())
        self.done += len(block)

    def close(self) -> None:
        """Close the file; what was appended is on the disk already."""
        self._file.close()

    def __enter__(self) -> EmbeddingsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, offset: int, data: np.ndarray[Any, np.dtype[Any]]) -> None:
        self._file.seek(offset)
        rest = memoryview(data.tobytes())
        while rest:  # a write may be cut short by a signal or a limit; the next one says why
            rest = rest[self._file.write(rest) :]


class EmbeddingsReader:
    """Reads rows of a file of embeddings at their place in the file, past HDF5, whose global lock lets one thread read
    at a time: several threads may read blocks at once.

    Parameters
    ----------
    path : Path
        A file of embeddings; it is checked once, here.

    Attributes
    ----------
    info : EmbeddingsInfo
        As it was then.

    Raises
    ------
    StoreError
        For a file that cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        with open_hdf5(self.path, remedy=REMEDY) as file:
            self._layout = layout_of(file, self.path)
        self.info = self._layout.info
        self._lock = threading.Lock()
        with errors_name(self.path):
            self._file = open(self.path, "rb", buffering=0)  # noqa: SIM115 (closed by close)

    def read(self, start: int, stop: int) -> Array:
        """Rows ``start`` to ``stop``, (k, d) or (k, 2, d) float32.

        Raises
        ------
        StoreError
            For rows that are not written yet, or that the operating system cannot read.
        """
        require_rows(self.path, self.info, stop)
        tail = (2, self.info.dimensions) if self.info.flip_kept else (self.info.dimensions,)
        rows = np.empty((stop - start, *tail), "<f4")
        rest, at = rows.reshape(-1).view(np.uint8).data, self._layout.rows_at + start * self._layout.row_bytes
        with errors_name(self.path):
            while rest:  # one call moves 2 GB at most
                moved = self._read_into(rest, at)
                if not moved:
                    raise StoreError("the file was cut short", path=self.path, remedy=REMEDY)
                rest, at = rest[moved:], at + moved
        return rows.astype(np.float32, copy=False)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> EmbeddingsReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_into(self, rest: memoryview, at: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [rest], at)
        with self._lock:  # a place of its own for every thread is not to be had
            self._file.seek(at)
            return self._file.readinto(rest) or 0


def relabel_embeddings(path: Path, attributes: Mapping[str, Attribute]) -> None:
    """Give a file of embeddings other attributes and keep its rows; a crash leaves the old file or the new one.

    The file is written anew: HDF5 may move what it changes, and a crash amid that would cost every row.

    Raises
    ------
    StoreError
        For a file that cannot be used, or a disk without room for a second one; the old file stays.
    """
    info = read_info(path)
    with replacing(path) as temporary:
        create_embeddings(temporary, info.rows, info.dimensions, attributes, flip_kept=info.flip_kept)
        with EmbeddingsWriter(temporary) as writer:
            for _, rows in iterate_embeddings(path):
                writer.append(rows)
