"""Embeddings on disk: laid out whole before the first row, so that a crash costs at most one block.

A file holds ``/embeddings`` (n, d) float32, or (n, 2, d) where both flips are kept, contiguous and allocated at
creation, and the scalar ``/done`` int64, the number of rows written; its root's attributes say what it is. Only rows
and ``/done`` change afterwards, both at fixed places (:mod:`canon_core.store.embeddings_in_place`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from canon_core.errors import StoreError
from canon_core.limits import H5_CALL_BYTES, MAX_DIMENSIONS, MAX_IMAGES
from canon_core.store.arrays import Attribute, read_attributes, write_attributes
from canon_core.store.atomic import replacing
from canon_core.store.hdf5 import open_hdf5, read_slices, rows_per_call, write_hdf5

Array = np.ndarray[Any, np.dtype[np.float32]]

#: What helps with a damaged file of embeddings.
REMEDY = "delete it and embed that model and dataset again"


@dataclass(frozen=True)
class EmbeddingsInfo:
    """What a file of embeddings says about itself.

    Attributes
    ----------
    rows, dimensions : int
        Shape of the whole file, written or not.
    flip_kept : bool
        Whether each image has two rows, upright and mirrored, kept apart.
    done : int
        Rows written; rows from there on are undefined.
    attributes : mapping of str to str, int or float
        Model, data, provider, batch.
    """

    rows: int
    dimensions: int
    flip_kept: bool
    done: int
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every row is written."""
        return self.done == self.rows


@dataclass(frozen=True)
class EmbeddingsLayout:
    """Where a file of embeddings holds what.

    Attributes
    ----------
    info : EmbeddingsInfo
    rows_at : int
        Byte offset of the first row; -1 where there is none.
    done_at : int
        Byte offset of the number of rows written.
    """

    info: EmbeddingsInfo
    rows_at: int
    done_at: int

    @property
    def row_bytes(self) -> int:
        """Bytes of one image's row, or of both flips'."""
        return 4 * self.info.dimensions * (2 if self.info.flip_kept else 1)


def create_embeddings(
    path: Path, rows: int, dimensions: int, attributes: Mapping[str, Attribute], *, flip_kept: bool = False
) -> None:
    """Lay out a file of embeddings whole, with no row written, and put it in the place of ``path`` atomically.

    The bytes depend on the arguments only. The disk space is reserved, so that a full disk shows here and not after
    hours.

    Raises
    ------
    StoreError
        For what the operating system refuses; an old file stays.
    ValueError
        For a shape beyond :mod:`canon_core.limits`.
    """
    if not (0 <= rows <= MAX_IMAGES and 1 <= dimensions <= MAX_DIMENSIONS):
        raise ValueError(f"no file of embeddings has {rows} rows of {dimensions} numbers")
    shape = (rows, 2, dimensions) if flip_kept else (rows, dimensions)
    with replacing(path) as temporary:
        with write_hdf5(temporary) as file:
            whole = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            whole.set_layout(h5py.h5d.CONTIGUOUS)
            whole.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            whole.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            whole.set_obj_track_times(False)
            h5py.h5d.create(file.id, b"embeddings", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(shape), whole)
            done = h5py.h5d.create(file.id, b"done", h5py.h5t.STD_I64LE, h5py.h5s.create(h5py.h5s.SCALAR), whole)
            done.write(h5py.h5s.ALL, h5py.h5s.ALL, np.zeros((), np.int64))
            write_attributes(file, attributes)
        if hasattr(os, "posix_fallocate"):
            with open(temporary, "r+b") as reserved:
                os.posix_fallocate(reserved.fileno(), 0, os.fstat(reserved.fileno()).st_size)


def read_info(path: Path) -> EmbeddingsInfo:
    """Shape, progress and attributes of a file of embeddings.

    Raises
    ------
    StoreError
        Missing, cut short, or not a file of embeddings.
    """
    with open_hdf5(path, remedy=REMEDY) as file:
        return layout_of(file, path).info


def successor_path(path: Path) -> Path:
    """Where the file grows that will replace a complete one of other content: ``lfw~next.h5`` beside ``lfw.h5``.

    No dataset's own file is called so: names of files in a study hold no tilde.
    """
    return path.with_name(f"{path.stem}~next{path.suffix}")


def read_embeddings(path: Path, rows: slice | np.ndarray[Any, np.dtype[Any]] | None = None) -> Array:
    """Rows of a file of embeddings, (k, d) or (k, 2, d) float32.

    Parameters
    ----------
    path : Path
        The file.
    rows : slice or (k,) int array, optional
        Which rows, in which order; all unless given.

    Raises
    ------
    StoreError
        For a file that cannot be used, or rows that are not written yet.
    IndexError
        For rows beyond the file's.
    """
    with open_hdf5(path, remedy=REMEDY) as file:
        info = layout_of(file, path).info
        dataset = file["embeddings"]
        if rows is None or isinstance(rows, slice):
            start, stop, step = (rows or slice(None)).indices(info.rows)
            if step == 1:
                require_rows(path, info, max(start, stop))
                return read_slices(dataset, start, max(start, stop))
            rows = np.arange(start, stop, step)
        wanted = np.asarray(rows, dtype=np.int64)
        if wanted.ndim != 1 or (wanted.size and not -info.rows <= wanted.min() <= wanted.max() < info.rows):
            raise IndexError(f"rows beyond the {info.rows} of {path}")
        wanted = np.where(wanted < 0, wanted + info.rows, wanted)
        require_rows(path, info, int(wanted.max()) + 1 if wanted.size else 0)
        result = np.empty((len(wanted), *dataset.shape[1:]), np.float32)
        order = np.argsort(wanted, kind="stable")
        block = wanted[order] // rows_per_call(dataset.dtype.itemsize * int(np.prod(dataset.shape[1:])))
        for group in np.split(order, np.flatnonzero(np.diff(block)) + 1):
            if group.size:
                low = int(wanted[group[0]])
                result[group] = read_slices(dataset, low, int(wanted[group[-1]]) + 1)[wanted[group] - low]
        return result


def iterate_embeddings(path: Path, block_rows: int | None = None) -> Iterator[tuple[int, Array]]:
    """The written rows block by block: ``(first row, rows)``, each at most ``block_rows`` (16 MB unless given).

    Raises
    ------
    StoreError
        For a file that cannot be used.
    """
    info = read_info(path)
    row_bytes = 4 * info.dimensions * (2 if info.flip_kept else 1)
    step = block_rows or max(1, H5_CALL_BYTES // row_bytes)
    for low in range(0, info.done, step):
        yield low, read_embeddings(path, slice(low, min(low + step, info.done)))


def require_rows(path: Path, info: EmbeddingsInfo, stop: int) -> None:
    """Raise StoreError unless the rows up to ``stop`` are written."""
    if stop > info.done:
        raise StoreError(f"only {info.done:,} of {info.rows:,} images are embedded", path=path, remedy="embed the rest")


def layout_of(file: h5py.File, path: Path) -> EmbeddingsLayout:
    """Check that the file is one of ours and find where its rows and its counter lie.

    Raises
    ------
    StoreError
        When it is none, or counts more rows than it has.
    """
    embeddings, counter = file.get("embeddings"), file.get("done")
    if not isinstance(embeddings, h5py.Dataset) or not isinstance(counter, h5py.Dataset):
        raise StoreError("not a file of embeddings", path=path, remedy=REMEDY)
    shape = embeddings.shape
    fits = (
        len(shape) in (2, 3)
        and shape[1:-1] in ((), (2,))
        and embeddings.dtype == np.dtype("<f4")
        and counter.shape == ()
        and counter.dtype == np.dtype("<i8")
        and embeddings.chunks is None
        and counter.id.get_offset() is not None
        and (embeddings.id.get_offset() is not None or shape[0] == 0)
        and 1 <= shape[-1] <= MAX_DIMENSIONS
        and shape[0] <= MAX_IMAGES
    )
    if not fits:
        raise StoreError("its arrays do not have the shape of embeddings", path=path, remedy=REMEDY)
    done = int(counter[()])
    if not 0 <= done <= shape[0]:
        raise StoreError(f"it counts {done} of {shape[0]} rows", path=path, remedy=REMEDY)
    info = EmbeddingsInfo(int(shape[0]), int(shape[-1]), len(shape) == 3, done, read_attributes(file))
    offset = embeddings.id.get_offset()
    return EmbeddingsLayout(info, -1 if offset is None else int(offset), int(counter.id.get_offset()))
