"""Small HDF5 files of named arrays and attributes: maps, results, dataset tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from canon_core.errors import StoreError
from canon_core.store.atomic import replacing
from canon_core.store.hdf5 import DEFAULT_REMEDY, open_hdf5, plain_attributes, read_slices, rows_per_call, write_hdf5

Attribute = str | int | float
Array = np.ndarray[Any, np.dtype[Any]]

#: Marks an array of text and counts its strings.
_TEXT = "strings"
#: Arrays below this many bytes are stored as they are: a chunk's index would cost more than compression saves.
_COMPRESS_ABOVE = 4096
#: Bytes of one compressed chunk.
_CHUNK_BYTES = 2**20
#: Bytes of text that are taken apart in one call.
_PIECE_BYTES = 2**18
#: Bytes one array may unpack to; results and tables of 50 million rows stay below it.
_MAX_ARRAY_BYTES = 4 * 2**30


def save_arrays(
    path: Path,
    arrays: Mapping[str, Array | Sequence[str]],
    attributes: Mapping[str, Attribute] | None = None,
    *,
    compress: bool = True,
) -> None:
    """Write arrays and attributes to one HDF5 file (0600), atomically and with the same bytes for the same content.

    Parameters
    ----------
    path : Path
        File to create or replace.
    arrays : mapping of str to array
        Numbers or truth values of any shape, or one-dimensional text (a list of str, or an array of them), which is
        stored as one UTF-8 text whose strings end with a NUL: a million of them are read back in one call.
    attributes : mapping of str to str, int or float
        Stored with the file itself.
    compress : bool
        Deflate arrays above 4 kB.

    Raises
    ------
    StoreError
        For what the operating system refuses; the old file stays.
    ValueError
        For arrays that cannot be stored (objects, text with a NUL inside, names with a slash).
    """
    with replacing(path) as temporary, write_hdf5(temporary) as file:
        for name, value in arrays.items():
            if "/" in name or not name:
                raise ValueError(f"not a name of an array: {name!r}")
            array = np.asarray(value)
            if array.dtype.kind in "UTO" or (array.size == 0 and isinstance(value, list | tuple)):
                strings = [str(text) for text in array.tolist()]
                dataset = _write(file, name, _joined(name, array, strings), compress)
                dataset.attrs[_TEXT] = len(strings)
            else:
                _write(file, name, array, compress)
        write_attributes(file, attributes or {})


def load_arrays(
    path: Path, names: Sequence[str] | None = None, *, remedy: str = DEFAULT_REMEDY
) -> tuple[dict[str, Array], dict[str, Attribute]]:
    """Read what :func:`save_arrays` wrote.

    Parameters
    ----------
    path : Path
        The file.
    names : sequence of str, optional
        Which arrays; all unless given.
    remedy : str
        What the user should do when the file is unusable.

    Returns
    -------
    arrays : dict of str to array
        Text comes back as a one-dimensional object array of str.
    attributes : dict of str to str, int or float

    Raises
    ------
    StoreError
        Missing, damaged or cut short, or lacking one of ``names``.
    """
    arrays: dict[str, Array] = {}
    with open_hdf5(path, remedy=remedy) as file:
        for name in file if names is None else names:
            dataset = file.get(name)
            if not isinstance(dataset, h5py.Dataset):
                raise StoreError(f"holds no array '{name}'", path=path, remedy=remedy)
            if dataset.nbytes > _MAX_ARRAY_BYTES:
                raise StoreError(f"'{name}' unpacks to {dataset.nbytes / 2**30:.0f} GiB", path=path, remedy=remedy)
            array = read_slices(dataset, 0, len(dataset) if dataset.ndim else 0)
            if _TEXT in dataset.attrs:
                strings = _split(array)
                if array.dtype != np.uint8 or str(len(strings)) != str(dataset.attrs[_TEXT]):
                    raise StoreError(f"the text of '{name}' is damaged", path=path, remedy=remedy)
                array = np.empty(len(strings), dtype=object)
                array[:] = strings
            arrays[name] = array
        return arrays, read_attributes(file)


def array_names(path: Path) -> frozenset[str]:
    """Names of the arrays in a file, without reading any.

    Raises
    ------
    StoreError
        Missing, damaged or cut short.
    """
    with open_hdf5(path) as file:
        return frozenset(file)


def _split(array: Array) -> list[str]:
    """Texts that each end with a NUL; piece by piece, because taking half a million apart in one call would keep every
    other thread from running for a fifth of a second."""
    data = np.ascontiguousarray(array).view(np.uint8)
    strings: list[str] = []
    start, length = 0, _PIECE_BYTES
    while start < len(data):
        piece = data[start : start + length].tobytes()
        end = piece.rfind(b"\0") + 1
        if end:
            strings += piece[:end].decode("utf-8", "surrogateescape").split("\0")[:-1]
            start, length = start + end, _PIECE_BYTES
        elif start + length < len(data):
            length *= 2  # a text longer than a piece
        else:
            break  # what is not ended is no text
    return strings


def write_attributes(file: h5py.File, attributes: Mapping[str, Attribute]) -> None:
    """Store attributes with the file's root, text as UTF-8 of fixed length (nothing moves when it is read)."""
    for name, value in attributes.items():
        if isinstance(value, str):
            data = value.encode("utf-8", "surrogateescape")
            file.attrs.create(name, np.array(data, dtype=h5py.string_dtype("utf-8", max(1, len(data)))))
        elif isinstance(value, bool | int | np.integer):
            file.attrs.create(name, np.int64(value))
        else:
            file.attrs.create(name, np.float64(value))


def read_attributes(file: h5py.File) -> dict[str, Attribute]:
    """The root's attributes that are text or single numbers; others are not ours and are left out."""
    result: dict[str, Attribute] = {}
    for name, value in plain_attributes(file).items():
        if isinstance(value, bytes):
            result[name] = value.decode("utf-8", "surrogateescape")
        elif isinstance(value, str):
            result[name] = value
        elif isinstance(value, np.integer | np.bool_):
            result[name] = int(value)
        elif isinstance(value, np.floating):
            result[name] = float(value)
    return result


def _joined(name: str, array: Array, strings: list[str]) -> Array:
    if array.ndim != 1 or not all(isinstance(text, str) for text in array.tolist()):
        raise ValueError(f"'{name}' is neither numbers nor one-dimensional text")
    if any("\0" in text for text in strings):
        raise ValueError(f"a text in '{name}' has a NUL inside")
    joined = "".join(text + "\0" for text in strings).encode("utf-8", "surrogateescape")
    return np.frombuffer(joined, dtype=np.uint8)


def _write(file: h5py.File, name: str, array: Array, compress: bool) -> h5py.Dataset:
    if array.dtype.kind not in "biuf":
        raise ValueError(f"'{name}' has elements of type {array.dtype}")
    if array.ndim == 0 or array.nbytes <= _COMPRESS_ABOVE or not compress:
        dataset = file.create_dataset(name, array.shape, array.dtype, track_times=False)
    else:
        row_bytes = max(1, array.nbytes // len(array))
        chunk = (max(1, min(len(array), _CHUNK_BYTES // row_bytes)), *array.shape[1:])
        dataset = file.create_dataset(
            name, array.shape, array.dtype, chunks=chunk, compression="gzip", compression_opts=4, shuffle=True,
            track_times=False,
        )  # fmt: skip
    if array.ndim == 0:
        dataset[()] = array
    elif array.size:
        step = rows_per_call(array.nbytes // len(array))
        for low in range(0, len(array), step):
            dataset[low : low + step] = array[low : low + step]
    return dataset
