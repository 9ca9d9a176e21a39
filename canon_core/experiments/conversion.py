"""Embeddings made elsewhere, taken into another model's space by a map: the old gallery for the new network."""

from __future__ import annotations

import logging
import os
import tokenize
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import numpy.typing as npt

from canon_core.datasets.embedding_files import refuse_size
from canon_core.datasets.imported import read_imported
from canon_core.errors import DatasetError, SettingsError, StoreError
from canon_core.jobs import JobContext, system_error
from canon_core.maps.portable import PortableMap
from canon_core.store.embeddings import create_embeddings, iterate_embeddings, read_info
from canon_core.store.embeddings_in_place import EmbeddingsWriter
from canon_core.store.hdf5 import open_hdf5, read_slices, write_hdf5
from canon_core.store.output import writing_output
from canon_core.store.unusable_rows import unusable

Float32 = npt.NDArray[np.float32]

#: Endings of the files that are written.
OUTPUT_SUFFIXES: Final = (".npy", ".h5")
#: Bytes of rows mapped at a time.
_BLOCK_BYTES: Final = 16 * 2**20
#: Names of arrays with the ids of rows, as ``canon import`` looks for them.
_IDS: Final = "ids"
#: How numpy words damage in the header of an array.
_DAMAGE: Final = (
    *(ValueError, TypeError, SyntaxError, EOFError, KeyError, OverflowError, RecursionError),
    *(AttributeError, IndexError, tokenize.TokenError),
)


@dataclass(frozen=True)
class ConversionReport:
    """What a conversion did.

    Attributes
    ----------
    rows : int
    flip_kept : bool
        Whether each image has two rows, upright and mirrored; both were mapped.
    bad_rows : tuple of str
        Names of the rows that hold no embedding (not finite, or nothing but zeros); they became zeros.
    ids : bool
        Whether the rows' ids came along.
    ids_lost : bool
        Whether there were ids that the written file has no place for.
    notes : tuple of str
        What was taken for what.
    """

    rows: int
    flip_kept: bool
    bad_rows: tuple[str, ...]
    ids: bool
    ids_lost: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Rows:
    """Embeddings to convert; ``blocks`` are read one by one where the file allows it."""

    shape: tuple[int, ...]
    blocks: Iterable[Float32]
    ids: Sequence[str] | None
    notes: tuple[str, ...]
    model_sha256: str = ""


def convert_embeddings(
    portable: PortableMap, source: Path, target: Path, ctx: JobContext, *, array: str | None = None
) -> ConversionReport:
    """Map every row of a file and write the results, unit rows, in the same order.

    ``.npy`` and the program's own ``.h5`` files are read in blocks, whatever their size; other forms (``.npz``,
    ``.csv``, ``.parquet``, other ``.h5``) as ``canon import`` reads them. An ``.h5`` that is written has the layout of
    a study's embeddings, and an array ``ids`` where ids are known.

    Parameters
    ----------
    portable : PortableMap
    source : Path
        (n, d_source) numbers, or (n, 2, d_source) with both flips.
    target : Path
        ``.npy`` or ``.h5``; replaced when all rows are written, and not before.
    ctx : JobContext
        Progress and cancellation.
    array : str, optional
        Name of the embeddings in a file of several arrays.

    Raises
    ------
    DatasetError
        When the file cannot be used, or holds embeddings of other dimensions than the map takes.
    SettingsError
        When the file to write is the one that is read, or has another ending.
    StoreError
        For what the operating system refuses.
    """
    if target.suffix.casefold() not in OUTPUT_SUFFIXES:
        raise SettingsError(f"embeddings are written as {' or '.join(OUTPUT_SUFFIXES)}, not as '{target.suffix}'")
    if target.exists() and source.exists() and os.path.samefile(source, target):
        raise SettingsError("the embeddings would be written over themselves", remedy="name another --out file")
    rows = _open(source, array, ctx)
    width = rows.shape[-1]
    if width != portable.source_dimensions:
        raise DatasetError(
            f"its embeddings have {width} dimensions, and the map from '{portable.origin.source.name}' takes"
            f" {portable.source_dimensions}",
            path=source,
            remedy="give embeddings of that model, or the map of another one",
        )
    if rows.model_sha256 and rows.model_sha256 != portable.origin.source.sha256:
        ctx.log(
            f"{source.name} says that another network made it than the map's source"
            f" '{portable.origin.source.name}': the result then means nothing",
            logging.WARNING,
        )
    bad: list[int] = []
    with writing_output(target) as temporary:
        mapped = _mapped(portable, rows, bad, ctx)
        if target.suffix.casefold() == ".npy":
            _write_npy(temporary, (*rows.shape[:-1], portable.target_dimensions), mapped)
        else:
            _write_hdf5(temporary, rows, portable, mapped)
    names = tuple(f"row {row + 1}" if rows.ids is None else rows.ids[row] for row in bad)
    ids = rows.ids is not None
    lost = ids and target.suffix.casefold() == ".npy"
    return ConversionReport(rows.shape[0], len(rows.shape) == 3, names, ids and not lost, lost, rows.notes)


# -- private ---------------------------------------------------------------------------------------------------------
def _mapped(portable: PortableMap, rows: _Rows, bad: list[int], ctx: JobContext) -> Iterator[Float32]:
    done, total = 0, rows.shape[0]
    for block in rows.blocks:
        ctx.check()
        ctx.report(done, total, "embeddings mapped")
        useless = unusable(block)
        bad += (done + np.flatnonzero(useless)).tolist()
        usable = np.where(useless.reshape(-1, *[1] * (block.ndim - 1)), np.float32(0), block) if bad else block
        mapped = portable.mapping.apply(usable.reshape(-1, block.shape[-1]))
        yield mapped.reshape(*block.shape[:-1], -1)
        done += len(block)
    ctx.report(total, total, "embeddings mapped")


def _write_npy(path: Path, shape: tuple[int, ...], blocks: Iterator[Float32]) -> None:
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(np.ascontiguousarray(block, "<f4").data)


def _write_hdf5(path: Path, rows: _Rows, portable: PortableMap, blocks: Iterator[Float32]) -> None:
    origin = portable.origin
    attributes = {
        "provider": "canon map apply",
        "program": origin.program,
        "map": str(portable.mapping.kind),
        "source": origin.source.name,
        "source_sha256": origin.source.sha256,
        "target": origin.target.name,
        "target_sha256": origin.target.sha256,
    }
    create_embeddings(path, rows.shape[0], portable.target_dimensions, attributes, flip_kept=len(rows.shape) == 3)
    with EmbeddingsWriter(path) as writer:
        for block in blocks:
            writer.append(block)
    if rows.ids is not None:
        letters = np.array([name.encode("utf-8", "replace") for name in rows.ids])
        with write_hdf5(path, "r+") as file:
            file.create_dataset(_IDS, data=letters, track_times=False)


def _open(path: Path, array: str | None, ctx: JobContext) -> _Rows:
    try:
        if array is None and path.suffix.casefold() == ".npy" and (found := _open_npy(path)) is not None:
            return found
        if array is None and path.suffix.casefold() in (".h5", ".hdf5") and (found := _open_stored(path)) is not None:
            return found
    except OSError as error:
        fault = system_error(error)
        raise DatasetError(fault.problem, path=path, remedy=fault.remedy) from error
    imported = read_imported(path, ctx, array=array)
    step = max(1, _BLOCK_BYTES // (4 * int(np.prod(imported.rows.shape[1:]))))
    blocks = (imported.rows[low : low + step] for low in range(0, len(imported), step))
    notes = tuple(note for note in imported.notes if "no usable embedding" not in note)  # counted while they are mapped
    return _Rows(imported.rows.shape, blocks, imported.ids, notes)


def _open_npy(path: Path) -> _Rows | None:
    """A matrix that is mapped from the disk; None where the file is anything else, which its reader will name."""
    size = path.stat().st_size
    readers: dict[tuple[int, int], Callable[..., Any]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about headers that Python 2 wrote
        try:
            shape, fortran, dtype = readers[np.lib.format.read_magic(file)](file)
        except _DAMAGE:
            return None
        start = file.tell()
    plain = dtype.kind in "fiu" and (len(shape) == 2 or (len(shape) == 3 and shape[1] == 2))
    if not plain or start + int(np.prod(shape, dtype=object)) * dtype.itemsize > size:
        return None
    refuse_size(path, shape, 0)
    table: Any = np.memmap(path, dtype, "r", start, shape, order="F" if fortran else "C")
    step = max(1, _BLOCK_BYTES // (4 * int(np.prod(shape[1:]))))

    def blocks() -> Iterator[Float32]:
        for low in range(0, shape[0], step):
            with np.errstate(over="ignore", invalid="ignore"):  # what float32 does not hold counts as bad
                yield np.asarray(table[low : low + step]).astype(np.float32)

    return _Rows(shape, blocks(), None, ())


def _open_stored(path: Path) -> _Rows | None:
    """Embeddings in the layout of a study; None where it is another kind of file, which its reader will name."""
    try:
        info = read_info(path)
    except StoreError:
        return None
    if not info.complete:
        raise DatasetError(
            f"holds only {info.done:,} of {info.rows:,} embeddings", path=path, remedy="run `canon embed` to the end"
        )
    shape = (info.rows, 2, info.dimensions) if info.flip_kept else (info.rows, info.dimensions)
    refuse_size(path, shape, 0)
    blocks = (rows for _, rows in iterate_embeddings(path))
    return _Rows(shape, blocks, _stored_ids(path, info.rows), (), str(info.attributes.get("model_sha256", "")))


def _stored_ids(path: Path, rows: int) -> list[str] | None:
    with open_hdf5(path) as file:
        found = file.get(_IDS)
        if not isinstance(found, h5py.Dataset) or found.shape != (rows,) or found.dtype.kind != "S":
            return None
        return [name.decode("utf-8", "replace") for name in read_slices(found, 0, rows).tolist()]
