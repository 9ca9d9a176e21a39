"""Tables of embeddings as other programs save them: .npy, .npz, .h5, .csv, .parquet."""

from __future__ import annotations

import importlib
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.array_choice import Member, choose_ids, choose_table, flipped_table, texts_of
from canon_core.datasets.embedding_csv import read_embedding_csv
from canon_core.datasets.text_file import remarks
from canon_core.errors import DatasetError, StoreError
from canon_core.jobs import JobContext
from canon_core.limits import MAX_DIMENSIONS, MAX_IMAGES
from canon_core.maps.portable import MAP_FORMAT
from canon_core.resources import packaged
from canon_core.store.hdf5 import open_hdf5, read_slices

WHAT: Final = "embeddings as .npy, .npz, .h5, .csv or .parquet, a row an image"
#: Bytes of one array; IJB-C at 1,024 dimensions has 1.9 GB, twice that with flips.
_MAX_BYTES: Final = 16 * 2**30
#: Bytes an array inside an archive may unpack to for each of its own: deflate reaches a thousand for zeros only.
_MAX_EXPANSION: Final = 1100
#: How numpy words damage in the header of an array.
_DAMAGE: Final = (
    *(ValueError, TypeError, SyntaxError, EOFError, KeyError, OverflowError, RecursionError),
    *(AttributeError, IndexError, tokenize.TokenError, zlib.error, zipfile.BadZipFile),
)
#: What a file holds: numbers, ids of the rows where it names them, what was taken for what.
Found = tuple[NDArray[Any], list[str] | None, list[str]]


@dataclass(frozen=True)
class Wanted:
    """What is to be taken from a file.

    Attributes
    ----------
    array : str or None
        Name of the embeddings, where a file holds several arrays.
    ids_elsewhere : bool
        Whether the ids come from another file, so that none are looked for.
    """

    array: str | None = None
    ids_elsewhere: bool = False


def read_embedding_table(path: Path, wanted: Wanted, ctx: JobContext) -> Found:
    """Read a table by the ending of its file's name.

    Raises
    ------
    DatasetError
        Damaged, of another kind, too large, with several tables or lists that could be meant, or with objects that
        would have to be unpickled.
    OSError
        For what the operating system refuses.
    """
    reader = READERS.get(path.suffix.casefold())
    if reader is None:
        raise DatasetError(f"is no {', '.join(READERS)} file", path=path, remedy=f"give {WHAT}")
    return reader(path, wanted, ctx)


# -- private ---------------------------------------------------------------------------------------------------------
def _fault(path: Path, problem: str) -> DatasetError:
    return DatasetError(problem, path=path, remedy=f"give {WHAT}")


def refuse_size(path: Path, shape: Sequence[int], item: int) -> None:
    count, width = int(shape[0]), int(shape[-1])
    if not count or not width:
        raise _fault(path, "holds no embeddings")
    if count > MAX_IMAGES or width > MAX_DIMENSIONS or int(np.prod(shape, dtype=object)) * item > _MAX_BYTES:
        raise _fault(path, f"claims an absurd shape {tuple(shape)}")


def _from_npy(path: Path, wanted: Wanted, ctx: JobContext) -> Found:
    if wanted.array is not None:
        raise _fault(path, "is a single array, so none can be chosen by name")
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        array = _read_array(path, file, size, path.name)
        rest = size - file.tell()
    return array, None, [f"{rest:,} bytes after the array were passed over"] if rest else []


def _read_header(path: Path, file: Any, size: int, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and element type of an array in numpy's format, as far as they can be believed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about headers that Python 2 wrote
            version = np.lib.format.read_magic(file)
            readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            if version not in readers:
                raise _fault(path, f"{name} is an array of an unknown version")
            shape, _, dtype = readers[version](file)
            claimed = 0 if dtype.hasobject else int(np.prod(shape, dtype=object)) * dtype.itemsize
            if any(length < 0 for length in shape) or claimed > size:
                raise _fault(path, f"{name} is cut short or claims an absurd shape {shape}")
    except _DAMAGE as error:
        raise _damaged_array(path, name, error) from error
    return shape, dtype


def _read_array(path: Path, file: Any, size: int, name: str) -> NDArray[Any]:
    """One array in numpy's format, after its header was looked at."""
    _, dtype = _read_header(path, file, size, name)
    _refuse_objects(path, name, dtype)
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except _DAMAGE as error:
        raise _damaged_array(path, name, error) from error
    return array


def _damaged_array(path: Path, name: str, error: Exception) -> DatasetError:
    return _fault(path, f"{name} is damaged or no array ({' '.join(str(error).split())[:120]})")


def _refuse_objects(path: Path, name: str, dtype: np.dtype[Any]) -> None:
    if dtype.hasobject:
        raise DatasetError(
            f"{name} holds objects that would have to be unpickled, which is refused",
            path=path,
            remedy="save numbers as float32 and ids as text, for example ids.astype(str)",
        )


def _from_npz(path: Path, wanted: Wanted, ctx: JobContext) -> Found:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [_member(path, archive, info) for info in archive.infolist()]
            said = next((one for one in members if (one.name, one.shape, one.kind) == ("format", (), "T")), None)
            if said is not None and str(said.read()).startswith(MAP_FORMAT):
                raise DatasetError(
                    "is a map that this program wrote, and holds no embeddings",
                    path=path,
                    remedy="apply it to embeddings with `canon map apply`",
                )
            return _found(path, members, wanted, ctx)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error, ValueError) as error:
        raise _fault(path, f"is damaged or no .npz ({' '.join(str(error).split())[:120]})") from error


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    name = info.filename.removesuffix(".npy")
    if info.file_size > min(_MAX_BYTES, max(1, info.compress_size) * _MAX_EXPANSION):
        raise _fault(path, f"{name[:80]} claims an absurd size")
    with archive.open(info) as file:
        shape, dtype = _read_header(path, file, info.file_size, name[:80])

    def read() -> NDArray[Any]:
        with archive.open(info) as file:
            return _read_array(path, file, info.file_size, name[:80])

    return Member(name, shape, "O" if dtype.hasobject else "T" if dtype.kind in "SU" else dtype.kind, read)


def _from_hdf5(path: Path, wanted: Wanted, ctx: JobContext) -> Found:
    import h5py

    try:
        with open_hdf5(path, remedy=f"give {WHAT}") as file:
            members: list[Member] = []

            def collect(key: str, item: object) -> None:
                if isinstance(item, h5py.Dataset):
                    members.append(_stored_member(key, item))

            file.visititems(collect)
            return _found(path, members, wanted, ctx)
    except StoreError as error:
        raise DatasetError(error.problem, path=path, remedy=error.remedy) from error
    except (RuntimeError, KeyError, ValueError, TypeError, OverflowError) as error:  # as h5py words damage
        raise _fault(path, f"is damaged ({' '.join(str(error).split())[:120]})") from error


def _stored_member(name: str, item: Any) -> Member:
    import h5py

    def read() -> NDArray[Any]:
        return read_slices(item, 0, len(item) if item.ndim else 0)

    def read_joined() -> NDArray[Any]:
        texts = read().tobytes().decode("utf-8", "backslashreplace").split("\0")[:-1]
        array = np.empty(len(texts), object)
        array[:] = texts
        return array

    count = item.attrs.get("strings") if item.ndim == 1 and item.dtype == np.uint8 else None
    if isinstance(count, np.integer):  # as canon_core.store.arrays keeps text
        return Member(name, (int(count),), "T", read_joined)
    text = item.dtype.kind == "S" or h5py.check_string_dtype(item.dtype) is not None
    return Member(name, item.shape, "T" if text else item.dtype.kind, read)


def _found(path: Path, members: Sequence[Member], wanted: Wanted, ctx: JobContext) -> Found:
    """What was wanted of a file of several arrays."""
    table = choose_table(path, members, wanted.array)
    if not table.is_table:
        raise _fault(path, f"{table} is no table of numbers with one row an image")
    refuse_size(path, table.shape, 4)
    ids = None if wanted.ids_elsewhere else choose_ids(path, members, table)
    flipped = flipped_table(members, table)
    if flipped is not None and (flipped.shape != table.shape or len(table.shape) != 2):
        raise _fault(path, f"{table} and {flipped} do not belong together")
    ctx.check()
    array = table.read()
    notes = [f"embeddings from array {table.name}"]
    if flipped is not None:
        array = np.stack([array, flipped.read()], axis=1)
        notes.append(f"mirrored images' from {flipped.name}")
    if ids is None:
        return array, None, notes
    return array, texts_of(ids.read()), [*notes, f"ids from array {ids.name}"]


def _from_csv(path: Path, wanted: Wanted, ctx: JobContext) -> Found:
    if wanted.array is not None:
        raise _fault(path, "is a single table, so none can be chosen by name")
    array, names, notes = read_embedding_csv(path, WHAT, ctx)
    return array, names, [*notes, *remarks(path)]


def _from_parquet(path: Path, wanted: Wanted, ctx: JobContext) -> Found:
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DatasetError(
            "is Parquet, which this package of the program cannot read"
            if packaged()
            else "cannot be read without pyarrow",
            path=path,
            remedy=("" if packaged() else "install pyarrow, or ") + "save the embeddings as .npy, .npz, .h5 or .csv",
        ) from error
    try:
        meta = parquet.ParquetFile(path).metadata
        if meta.num_rows > MAX_IMAGES or meta.num_columns > MAX_DIMENSIONS + 1:
            raise _fault(path, f"claims {meta.num_rows:,} rows and {meta.num_columns:,} columns")
        ctx.check()
        table = parquet.read_table(path)
        kinds = {field.name: field.type for field in table.schema}
        is_list = {
            key: arrow.types.is_list(kind) or arrow.types.is_fixed_size_list(kind) for key, kind in kinds.items()
        }
        lists = [key for key in kinds if is_list[key]]
        numbers = [key for key, kind in kinds.items() if arrow.types.is_floating(kind)]
        if wanted.array is None and len(lists) > 1:
            raise DatasetError(
                f"holds {len(lists)} columns of lists that could be the embeddings: {', '.join(lists)[:200]}",
                path=path,
                remedy="say which with --array NAME",
            )
        chosen = wanted.array if wanted.array is not None else lists[0] if lists else None
        if chosen is not None:
            array = np.array(table.column(chosen).to_pylist(), np.float32)
        elif numbers:
            array = np.column_stack([table.column(key).to_numpy() for key in numbers])
        else:
            raise _fault(
                path, f"holds neither one column of lists nor columns of numbers (but {', '.join(kinds)[:200]})"
            )
        columns = [
            _column(table, key, "T" if arrow.types.is_string(kind) or arrow.types.is_large_string(kind) else "i")
            for key, kind in kinds.items()
            if not is_list[key] and key not in numbers
        ]
        whole = Member(chosen or "", array.shape, "f", lambda: array)
        ids = None if wanted.ids_elsewhere else choose_ids(path, columns, whole)
        names = None if ids is None else texts_of(ids.read())
    except (arrow.ArrowException, ValueError, TypeError, KeyError, IndexError) as error:
        raise _fault(path, f"is damaged or holds no embeddings ({' '.join(str(error).split())[:120]})") from error
    notes = [f"embeddings from {chosen or 'all columns of numbers'}"]
    return array, names, notes if ids is None else [*notes, f"ids from column {ids.name}"]


def _column(table: Any, name: str, kind: str) -> Member:
    def read() -> NDArray[Any]:
        return np.array(table.column(name).to_pylist(), object)

    return Member(name, (table.num_rows,), kind, read)


READERS: Final[dict[str, Callable[[Path, Wanted, JobContext], Found]]] = {
    ".npy": _from_npy,
    ".npz": _from_npz,
    ".h5": _from_hdf5,
    ".hdf5": _from_hdf5,
    ".csv": _from_csv,
    ".parquet": _from_parquet,
}
