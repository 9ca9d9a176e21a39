"""Embeddings made elsewhere: read from .npy, .npz, .h5, .csv or .parquet, and matched to images by row or by id."""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.embedding_files import WHAT, Wanted, read_embedding_table, refuse_size
from canon_core.datasets.id_names import is_id_name
from canon_core.datasets.images import IMAGE_SUFFIXES
from canon_core.datasets.text_file import read_lines, read_rows, remarks
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext, system_error

#: Endings that two ids of one image may differ by; what stands behind any other dot is part of the name.
_ENDINGS: Final = IMAGE_SUFFIXES | {".npy", ".npz", ".emb"}


@dataclass(frozen=True, eq=False)
class ImportedEmbeddings:
    """Embeddings as a file holds them.

    Attributes
    ----------
    path : Path
        The file.
    rows : (n, d) or (n, 2, d) float32
        The latter where upright and mirrored are kept apart.
    ids : tuple of str or None
        Of each row, where the file (or a file of ids) names them.
    bad_rows : tuple of int
        Rows that hold what is no finite number, or nothing but zeros.
    notes : tuple of str
        What was taken for what, for the user.
    """

    path: Path
    rows: NDArray[np.float32]
    ids: tuple[str, ...] | None
    bad_rows: tuple[int, ...]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dimensions(self) -> int:
        """Width of one embedding."""
        return int(self.rows.shape[-1])


@dataclass(frozen=True, eq=False)
class Pairing:
    """Which imported row belongs to which wanted id.

    Attributes
    ----------
    rows : (m,) int64
        Row of each wanted id, -1 where none has it.
    missing : tuple of str
        Wanted ids without a row.
    unused : tuple of str
        Ids of rows that nobody wants.
    by : str
        ``row`` or ``id``.
    loosely : str
        What ids were compared without, where they did not match as they are; else empty.
    """

    rows: NDArray[np.int64]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    by: str
    loosely: str = ""

    @property
    def complete(self) -> bool:
        """Whether every wanted id has a row."""
        return not self.missing


def read_imported(
    path: Path, ctx: JobContext, *, ids: Path | None = None, array: str | None = None
) -> ImportedEmbeddings:
    """Read embeddings that another program made.

    ``.npz`` and ``.h5``: the array named, else ``embs``, with ``embs_f`` kept as mirrored, as the paper's authors save
    them, else one called ``embeddings`` or ``features``, else the only table of numbers. ``.csv``: a row an image; the
    first column is its id where its name or what is in it says so. ``.parquet``: one column of lists or many of
    numbers, if pyarrow is installed. Arrays and columns called ``ids``, ``image_names``, ``paths`` or alike
    (:mod:`canon_core.datasets.id_names`) are ids.

    Parameters
    ----------
    path : Path
        The file.
    ctx : JobContext
        Cancellation.
    ids : Path, optional
        Text file with the id of each row, a line each (or the first column of a CSV).
    array : str, optional
        Name of the embeddings in a file of several arrays.

    Raises
    ------
    DatasetError
        Missing, damaged or of another kind; objects that would have to be unpickled; too many rows, dimensions or
        bytes; several arrays that could be the embeddings; what may be ids and does not say so; ids that are not as
        many as rows, or that stand twice.
    Cancelled
        When the job was cancelled.
    """
    ctx.check()
    ctx.report(0, 1, f"reading {path.name}")
    try:
        with path.open("rb") as file:
            if file.read(2) == b"\x1f\x8b":
                raise DatasetError("is compressed with gzip", path=path, remedy="unpack it with gunzip")
        table, names, notes = read_embedding_table(path, Wanted(array, ids_elsewhere=ids is not None), ctx)
    except OSError as error:
        fault = system_error(error)
        raise DatasetError(
            f"cannot be read ({fault.problem})", path=path, remedy=fault.remedy or f"give {WHAT}"
        ) from error
    except MemoryError as error:
        raise DatasetError("does not fit into memory", path=path, remedy="split it or close other programs") from error
    ctx.check()
    rows = _rows(path, table)
    if ids is not None:
        names = _read_ids(ids)
        notes = [*notes, f"ids from {ids.name}", *remarks(ids)]
    if names is not None:
        _refuse_ids(ids or path, names, len(rows))
    bad = bad_rows(rows, ctx)
    if bad:
        notes = [*notes, f"{len(bad):,} rows hold no usable embedding (first: {_row_name(names, bad[0])})"]
    ctx.report(1, 1, f"reading {path.name}")
    return ImportedEmbeddings(path, rows, None if names is None else tuple(names), bad, tuple(notes))


def pair_rows(imported: ImportedEmbeddings, wanted: Sequence[str]) -> Pairing:
    """Match imported rows to the ids of a dataset (or of another import): by id where there are ids, else by row.

    Ids match as they are, else without a leading ``./`` and with slashes either way, else with letters and their marks
    composed (NFC; macOS writes file names with them apart), else without the endings of images and of files of one
    embedding as well. The first of these by which most match is taken for all.

    Raises
    ------
    DatasetError
        When there are no ids and the numbers of rows differ, or no id matches.
    """
    if imported.ids is None:
        if len(imported) != len(wanted):
            raise DatasetError(
                f"holds {len(imported):,} rows for {len(wanted):,} images, and no ids to match them by",
                path=imported.path,
                remedy="give the id of each row with --ids FILE",
            )
        return Pairing(np.arange(len(wanted)), (), (), "row")
    best, loosely = np.full(len(wanted), -1, np.int64), ""
    for spelling, without in _SPELLINGS:
        row_of: dict[str, int] = {}
        for row, name in enumerate(map(spelling, imported.ids)):
            row_of[name] = -1 if name in row_of else row  # two rows of one spelling: neither is meant for certain
        rows = np.fromiter((row_of.get(spelling(name), -1) for name in wanted), np.int64, len(wanted))
        if _twice(rows):
            continue  # two images of one spelling
        if np.count_nonzero(rows >= 0) > np.count_nonzero(best >= 0):
            best, loosely = rows, without
        if (best >= 0).all():
            break
    if len(wanted) and not (best >= 0).any():
        raise DatasetError(
            f"none of its {len(imported):,} ids is one of the {len(wanted):,} images' (first: "
            f"'{imported.ids[0][:80]}', wanted: '{wanted[0][:80]}')",
            path=imported.path,
            remedy="write each image's path below the dataset's folder",
        )
    used = np.zeros(len(imported), bool)
    used[best[best >= 0]] = True
    return Pairing(
        best,
        tuple(wanted[place] for place in np.flatnonzero(best < 0).tolist()),
        tuple(imported.ids[row] for row in np.flatnonzero(~used).tolist()),
        "id",
        loosely,
    )


def bad_rows(rows: NDArray[np.float32], ctx: JobContext) -> tuple[int, ...]:
    """Rows with a NaN or an infinity in them, or with nothing but zeros."""
    found: list[int] = []
    step = max(1, 2**22 // max(1, rows[0].size)) if len(rows) else 1
    for start in range(0, len(rows), step):
        ctx.check()
        block = rows[start : start + step].reshape(len(rows[start : start + step]), -1)
        with np.errstate(invalid="ignore"):  # a signalling NaN
            bad = ~np.isfinite(block).all(axis=1) | ~block.any(axis=1)
        found += (np.flatnonzero(bad) + start).tolist()
    return tuple(found)


# -- private ---------------------------------------------------------------------------------------------------------
def _rows(path: Path, array: NDArray[Any]) -> NDArray[np.float32]:
    if array.dtype.kind not in "fiu" or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[1] != 2):
        raise DatasetError(
            f"holds {array.dtype} {array.shape} instead of one row of numbers an image",
            path=path,
            remedy=f"give {WHAT}",
        )
    refuse_size(path, array.shape, 4)
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 does not hold becomes inf, and is reported
        return np.ascontiguousarray(array, dtype=np.float32)


def _read_ids(path: Path) -> list[str]:
    what = "a text file with the id of each row"
    if path.suffix.casefold() == ".csv":
        rows = [fields[0] for _, fields in read_rows(path, what)]
        return rows[1:] if rows and (not rows[0] or is_id_name(rows[0])) else rows
    return [line.strip() for line in read_lines(path, what) if line.strip()]


def _refuse_ids(path: Path, names: Sequence[str], rows: int) -> None:
    if len(names) != rows:
        raise DatasetError(
            f"names {len(names):,} ids for {rows:,} rows", path=path, remedy="give exactly one id a row, in their order"
        )
    if len(set(names)) < len(names):
        first: dict[str, int] = {}
        row, twice = next((row, name) for row, name in enumerate(names) if first.setdefault(name, row) != row)
        raise DatasetError(
            f"names '{twice[:80]}' twice, for rows {first[twice] + 1} and {row + 1}",
            path=path,
            remedy="give every row an id of its own",
        )


def _row_name(names: Sequence[str] | None, row: int) -> str:
    return f"row {row + 1}" if names is None else names[row]


def _plain(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", _plain(name))


def _stem(name: str) -> str:
    stem = _composed(name)
    while (parts := posixpath.splitext(stem))[1].casefold() in _ENDINGS:
        stem = parts[0]
    return stem


#: How ids are spelled for comparison, and what that leaves out of account.
_SPELLINGS: Final[tuple[tuple[Callable[[str], str], str], ...]] = (
    (str, ""),
    (_plain, ""),
    (_composed, "the way accents are written"),
    (_stem, "the endings of the files"),
)


def _twice(rows: NDArray[np.int64]) -> bool:
    found = rows[rows >= 0]
    return len(np.unique(found)) < len(found)
