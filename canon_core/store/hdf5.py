"""HDF5 files that nobody vouches for: walked by their links before anything in them is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from canon_core.errors import StoreError
from canon_core.jobs import system_error
from canon_core.limits import H5_CALL_BYTES, MAX_DIMENSIONS, MAX_IMAGES
from canon_core.store.atomic import errors_name, store_error
from canon_core.store.heap_check import LENGTH_BYTES, HeapCheckedFile
from canon_core.store.written_file import WrittenFile

#: What to do about a damaged file, unless its reader knows better.
DEFAULT_REMEDY = "delete it and compute it again"
#: Objects in one file; ours have a few dozen.
_MAX_OBJECTS = 100_000
#: Deflate expands at most 1032 times; more is a made-up shape.
_MAX_EXPANSION = 1100
#: Axes of one array; embeddings have at most 3.
_MAX_AXES = 4
#: Filters built into HDF5 itself: any other would load a plugin from a path that the environment chooses.
_BUILT_IN_FILTERS = frozenset(
    (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF)
)
#: How h5py words damage.
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError)


@contextmanager
def open_hdf5(path: Path, *, remedy: str = DEFAULT_REMEDY) -> Iterator[h5py.File]:
    """Open an existing HDF5 file for reading after checking what is in it.

    Every link is looked at before it is followed. Refused are external and soft links, external storage, virtual
    datasets, arrays whose shape the file cannot hold, element types other than numbers, truth values and text, filters
    that need a plugin, and files that are not HDF5 or were cut short; whenever it is read, global heaps that HDF5 would
    not come to the end of (:mod:`canon_core.store.heap_check`). HDF5's own file locking is off: the study has one lock
    for all of its files.

    Parameters
    ----------
    path : Path
        The file.
    remedy : str
        What the user should do when the file is unusable.

    Raises
    ------
    StoreError
        Naming the file and the remedy. An :class:`OSError` that the block raises becomes one as well: HDF5 finds some
        damage only while reading.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        checked = HeapCheckedFile(path, remedy)
    except FileNotFoundError:
        raise StoreError("there is no such file", path=path, remedy=remedy) from None
    except OSError as error:
        raise _unusable(error, path, remedy) from error
    with checked:
        try:
            with _opened(checked, path, remedy) as file:
                try:
                    _check_objects(file, size, path, remedy)
                except _DAMAGE as error:
                    raise StoreError("damaged HDF5 file", path=path, remedy=remedy) from error
                yield file
        except Exception as error:
            if checked.fault is not None:
                raise checked.fault from error
            if isinstance(error, OSError):
                raise _unusable(error, path, remedy) from error
            raise


@contextmanager
def write_hdf5(path: Path, mode: Literal["w", "r+"] = "w") -> Iterator[h5py.File]:
    """Write an existing file of our own anew, or (``r+``) into what is there, in a format that HDF5 1.8 reads.

    Raises
    ------
    StoreError
        For what the operating system refuses, at the end of the block.
    """
    with errors_name(path):
        written = WrittenFile(path)
    with written:
        try:
            with h5py.File(written, mode, libver=("earliest", "v108"), locking=False) as file:
                yield file
        finally:
            if written.fault is not None:
                raise store_error(written.fault, path) from written.fault


def plain_attributes(item: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    """Attributes of an object, without those of variable length: ours have none, and where such a text is damaged HDF5
    (2.0) crashes the process."""
    return {name: item.attrs[name] for name in list(item.attrs) if item.attrs.get_id(name).dtype.kind != "O"}


def rows_per_call(row_bytes: int) -> int:
    """Rows that one h5py call may move: its lock makes every other thread wait."""
    return max(1, H5_CALL_BYTES // max(1, row_bytes))


def read_slices(dataset: h5py.Dataset, start: int, stop: int) -> np.ndarray[Any, np.dtype[Any]]:
    """Rows ``start`` to ``stop`` of a dataset, in calls of at most :data:`~canon_core.limits.H5_CALL_BYTES`."""
    if dataset.ndim == 0:
        return np.asarray(dataset[()])
    result = np.empty((stop - start, *dataset.shape[1:]), dtype=dataset.dtype)
    step = rows_per_call(result.itemsize * int(np.prod(dataset.shape[1:], dtype=np.int64)))
    for low in range(start, stop, step):
        high = min(low + step, stop)
        dataset.read_direct(result, np.s_[low:high], np.s_[low - start : high - start])
    return result


def _opened(checked: HeapCheckedFile, path: Path, remedy: str) -> h5py.File:
    file = h5py.File(checked, "r", locking=False)
    if file.id.get_create_plist().get_sizes()[1] != LENGTH_BYTES:
        file.close()
        raise StoreError("an HDF5 file with lengths of a kind that is not read", path=path, remedy=remedy)
    return file


def _unusable(error: OSError, path: Path, remedy: str) -> StoreError:
    text = str(error)
    if "truncated file" in text:
        return StoreError("the file was cut short", path=path, remedy=remedy)
    if "file signature not found" in text:
        return StoreError("not an HDF5 file", path=path, remedy=remedy)
    if error.errno is not None or "errno = " in text:
        return store_error(error, path)
    if not text:
        return StoreError(system_error(error).problem, path=path, remedy=remedy)
    return StoreError("damaged HDF5 file", path=path, remedy=remedy)


def _check_objects(file: h5py.File, size: int, path: Path, remedy: str) -> None:
    """Walk all groups breadth first without following a link that leaves the file."""
    seen: set[int] = set()
    pending: list[h5py.Group] = [file]
    while pending:
        group = pending.pop()
        plain_attributes(group)  # damage shows here and not in the reader's hands
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise StoreError(f"'{name}' is a link into another file, which is not followed", path=path)
            if not isinstance(link, h5py.HardLink):
                raise StoreError(f"'{name}' is a soft link, which is not followed", path=path)
            address = h5py.h5o.get_info(group.id, os.fsencode(name)).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > _MAX_OBJECTS:
                raise StoreError(f"more than {_MAX_OBJECTS:,} objects", path=path, remedy=remedy)
            item = group[name]
            if isinstance(item, h5py.Group):
                pending.append(item)
            elif isinstance(item, h5py.Dataset):
                problem = _dataset_problem(item, size)
                plain_attributes(item)
                if problem:
                    raise StoreError(f"'{name}' {problem}", path=path, remedy=remedy)


def _dataset_problem(dataset: h5py.Dataset, file_size: int) -> str:
    """Why a dataset must not be read, or nothing."""
    creation = dataset.id.get_create_plist()
    if creation.get_layout() == h5py.h5d.VIRTUAL:
        return "takes its data from other files (a virtual dataset), which is refused"
    if creation.get_external_count():
        return "keeps its data in another file (external storage), which is refused"
    filters = {creation.get_filter(index)[0] for index in range(creation.get_nfilters())}
    if filters - _BUILT_IN_FILTERS:
        return "is compressed with a filter that needs a plugin, which is refused"
    if dataset.shape is None:
        return "has no shape"
    text = h5py.check_string_dtype(dataset.dtype) is not None
    if dataset.dtype.kind not in "biufS" and not text:
        return f"has elements of type {dataset.dtype}, which is refused"
    if len(dataset.shape) > _MAX_AXES:
        return f"has {len(dataset.shape)} axes"
    if any(length > max(MAX_IMAGES, MAX_DIMENSIONS, file_size * _MAX_EXPANSION) for length in dataset.shape):
        return f"has an absurd shape {dataset.shape}"
    claimed = int(np.prod([int(length) for length in dataset.shape], dtype=object)) * dataset.dtype.itemsize
    allowed = dataset.id.get_storage_size() * (_MAX_EXPANSION if filters else 1)
    if claimed > min(allowed, file_size * _MAX_EXPANSION) or (not filters and claimed > file_size):
        return f"claims a shape {dataset.shape} that the file does not hold"
    return ""
