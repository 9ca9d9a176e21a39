"""Tables of embeddings as other programs save them: .npy, .npz, .h5, .csv, .parquet."""

from __future__ import annotations

import importlib
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.text_file import read_rows, remarks
from canon_core.errors import DatasetError, StoreError
from canon_core.jobs import JobContext
from canon_core.limits import MAX_DIMENSIONS, MAX_IMAGES
from canon_core.store.hdf5 import open_hdf5, read_slices

WHAT: Final = "embeddings as .npy, .npz, .h5, .csv or .parquet, a row an image"
#: Names of arrays and columns that hold ids.
ID_NAMES: Final = ("ids", "id", "names", "name", "image", "images", "path", "paths", "filename", "filenames", "files")
#: Bytes of one array; IJB-C at 1,024 dimensions has 1.9 GB, twice that with flips.
_MAX_BYTES: Final = 16 * 2**30
#: Bytes an array inside an archive may unpack to for each of its own: deflate reaches a thousand for zeros only.
_MAX_EXPANSION: Final = 1100
#: Names of arrays, as the paper's authors' scripts save them.
_UPRIGHT: Final = "embs"
_FLIPPED: Final = "embs_f"
#: How numpy words damage in the header of an array.
_DAMAGE: Final = (
    *(ValueError, TypeError, SyntaxError, EOFError, KeyError, OverflowError, RecursionError),
    *(AttributeError, IndexError, tokenize.TokenError, zlib.error, zipfile.BadZipFile),
)
#: What a file holds: numbers, ids of the rows where it names them, what was taken for what.
Found = tuple[NDArray[Any], list[str] | None, list[str]]


def read_embedding_table(path: Path, name: str | None, ctx: JobContext) -> Found:
    """Read a table by the ending of its file's name; ``name`` chooses among several arrays.

    Raises
    ------
    DatasetError
        Damaged, of another kind, too large, or with objects that would have to be unpickled.
    OSError
        For what the operating system refuses.
    """
    reader = READERS.get(path.suffix.casefold())
    if reader is None:
        raise DatasetError(f"is no {', '.join(READERS)} file", path=path, remedy=f"give {WHAT}")
    return reader(path, name, ctx)


# -- private ---------------------------------------------------------------------------------------------------------
def _fault(path: Path, problem: str) -> DatasetError:
    return DatasetError(problem, path=path, remedy=f"give {WHAT}")


def refuse_size(path: Path, shape: Sequence[int], item: int) -> None:
    count, width = int(shape[0]), int(shape[-1])
    if not count or not width:
        raise _fault(path, "holds no embeddings")
    if count > MAX_IMAGES or width > MAX_DIMENSIONS or int(np.prod(shape, dtype=object)) * item > _MAX_BYTES:
        raise _fault(path, f"claims an absurd shape {tuple(shape)}")


def _from_npy(path: Path, name: str | None, ctx: JobContext) -> Found:
    if name is not None:
        raise _fault(path, "is a single array, so none can be chosen by name")
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        array = _read_array(path, file, size, path.name)
        rest = size - file.tell()
    return array, None, [f"{rest:,} bytes after the array were passed over"] if rest else []


def _read_array(path: Path, file: Any, size: int, name: str) -> NDArray[Any]:
    """One array in numpy's format, after its header was looked at."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about headers that Python 2 wrote
            version = np.lib.format.read_magic(file)
            readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            if version not in readers:
                raise _fault(path, f"{name} is an array of an unknown version")
            shape, _, dtype = readers[version](file)
            if dtype.hasobject:
                raise DatasetError(
                    f"{name} holds objects that would have to be unpickled, which is refused",
                    path=path,
                    remedy="save numbers as float32 and ids as text, for example ids.astype(str)",
                )
            if any(length < 0 for length in shape) or int(np.prod(shape, dtype=object)) * dtype.itemsize > size:
                raise _fault(path, f"{name} is cut short or claims an absurd shape {shape}")
            file.seek(0)
            array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except _DAMAGE as error:
        what = " ".join(str(error).split())[:120]
        raise _fault(path, f"{name} is damaged or no array ({what})") from error
    return array


def _from_npz(path: Path, name: str | None, ctx: JobContext) -> Found:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            arrays: dict[str, NDArray[Any]] = {}
            for member, info in members.items():
                if info.file_size > min(_MAX_BYTES, max(1, info.compress_size) * _MAX_EXPANSION):
                    raise _fault(path, f"{member[:80]} claims an absurd size")
                if name is not None and member not in (name, _FLIPPED, *ID_NAMES):
                    continue
                with archive.open(info) as file:
                    arrays[member] = _read_array(path, file, info.file_size, member[:80])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error, ValueError) as error:
        raise _fault(path, f"is damaged or no .npz ({' '.join(str(error).split())[:120]})") from error
    names = next((_texts(arrays[key]) for key in ID_NAMES if key in arrays and arrays[key].ndim == 1), None)
    if name is None and _UPRIGHT in arrays:
        name = _UPRIGHT
    if name is None:
        tables = [key for key, array in arrays.items() if array.ndim == 2 and array.dtype.kind in "fiu"]
        if len(tables) != 1:
            listed = ", ".join(f"{key} {array.shape}" for key, array in arrays.items())[:200] or "nothing"
            raise _fault(
                path, f"holds {len(tables)} tables of numbers and neither {_UPRIGHT} nor a name given: {listed}"
            )
        name = tables[0]
    if name not in arrays:
        raise _fault(path, f"holds no array '{name[:80]}' (but {', '.join(members)[:200]})")
    array, notes = arrays[name], [f"embeddings from array {name}"]
    flipped = arrays.get(_FLIPPED) if name == _UPRIGHT else None
    if flipped is not None and flipped.size:
        if flipped.shape != array.shape or array.ndim != 2:
            raise _fault(path, f"{_UPRIGHT} {array.shape} and {_FLIPPED} {flipped.shape} do not belong together")
        array = np.stack([array, flipped], axis=1)
        notes.append(f"mirrored images' from {_FLIPPED}")
    return array, names, notes


def _from_hdf5(path: Path, name: str | None, ctx: JobContext) -> Found:
    import h5py

    try:
        with open_hdf5(path, remedy=f"give {WHAT}") as file:
            found: dict[str, Any] = {}

            def collect(key: str, item: object) -> None:
                if isinstance(item, h5py.Dataset):
                    found[key] = item

            file.visititems(collect)
            if name is None:
                tables = sorted(key for key, item in found.items() if item.ndim in (2, 3) and item.dtype.kind == "f")
                name = next((key for key in tables if found[key].ndim == 2), tables[0] if tables else None)
            if name is None or name not in found:
                listed = ", ".join(found)[:200] or "nothing"
                raise _fault(path, f"holds no array '{name}' (but {listed})" if name else f"holds no table ({listed})")
            item = found[name]
            if item.ndim not in (2, 3):
                raise _fault(path, f"{name} has the shape {item.shape} instead of one row an image")
            refuse_size(path, item.shape, item.dtype.itemsize)
            array = read_slices(item, 0, len(item))
            names = next((_stored_texts(found[key]) for key in ID_NAMES if key in found and found[key].ndim == 1), None)
    except StoreError as error:
        raise DatasetError(error.problem, path=path, remedy=error.remedy) from error
    except (RuntimeError, KeyError, ValueError, TypeError, OverflowError) as error:  # as h5py words damage
        raise _fault(path, f"is damaged ({' '.join(str(error).split())[:120]})") from error
    return array, names, [f"embeddings from array {name}"]


def _stored_texts(dataset: Any) -> list[str]:
    array = read_slices(dataset, 0, len(dataset))
    if array.dtype == np.uint8 and "strings" in dataset.attrs:  # as canon_core.store.arrays keeps text
        return array.tobytes().decode("utf-8", "backslashreplace").split("\0")[:-1]
    return _texts(array)


def _texts(array: NDArray[Any]) -> list[str]:
    return [
        item.decode("utf-8", "backslashreplace").rstrip("\0") if isinstance(item, bytes) else str(item)
        for item in array.tolist()
    ]


def _from_csv(path: Path, name: str | None, ctx: JobContext) -> Found:
    if name is not None:
        raise _fault(path, "is a single table, so none can be chosen by name")
    rows: list[NDArray[np.float32]] = []
    names: list[str] = []
    width, named = 0, False
    for number, (line, fields) in enumerate(read_rows(path, WHAT)):
        if number % 1000 == 0:
            ctx.check()
        if not width:
            width, named = len(fields), not _is_number(fields[0])
            if width > MAX_DIMENSIONS + 1:
                raise _fault(path, f"has {width:,} columns")
            if fields[0].casefold() in ID_NAMES or not any(map(_is_number, fields)):  # a header; ids may be numbers
                named = fields[0].casefold() in ID_NAMES
                continue
        elif not rows:
            named = named or not _is_number(fields[0])
        if len(fields) != width:
            raise _line_fault(path, line, f"it has {len(fields)} of {width} columns")
        numbers = fields[1:] if named else fields
        wrong = next((field for field in numbers if field and not _is_number(field)), None)
        if wrong is not None:
            raise _line_fault(path, line, f"'{wrong[:40]}' is not a number")
        with np.errstate(over="ignore"):
            rows.append(np.array([float(field or "nan") for field in numbers]).astype(np.float32))
        if named:
            names.append(fields[0])
        if len(rows) * width * 4 > _MAX_BYTES or len(rows) > MAX_IMAGES:
            raise _fault(path, "holds too many rows")
    if not rows or not rows[0].size:
        raise _fault(path, "holds no embeddings")
    notes = ["ids from the first column"] if named else []
    return np.stack(rows), names if named else None, [*notes, *remarks(path)]


def _line_fault(path: Path, line: int, problem: str) -> DatasetError:
    return DatasetError(f"line {line}: {problem}", path=path, remedy="correct that line")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _from_parquet(path: Path, name: str | None, ctx: JobContext) -> Found:
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DatasetError(
            "cannot be read without pyarrow",
            path=path,
            remedy="install pyarrow, or save the embeddings as .npy or .npz",
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
        texts = [key for key in kinds if key.casefold() in ID_NAMES]
        names = None if not texts else [str(text) for text in table.column(texts[0]).to_pylist()]
        chosen = name if name is not None else lists[0] if len(lists) == 1 else None
        if chosen is not None:
            array = np.array(table.column(chosen).to_pylist(), np.float32)
        elif numbers:
            array = np.column_stack([table.column(key).to_numpy() for key in numbers])
        else:
            raise _fault(
                path, f"holds neither one column of lists nor columns of numbers (but {', '.join(kinds)[:200]})"
            )
    except (arrow.ArrowException, ValueError, TypeError, KeyError, IndexError) as error:
        raise _fault(path, f"is damaged or holds no embeddings ({' '.join(str(error).split())[:120]})") from error
    return array, names, [f"embeddings from {chosen or 'all columns of numbers'}"]


READERS: Final[dict[str, Callable[[Path, str | None, JobContext], Found]]] = {
    ".npy": _from_npy,
    ".npz": _from_npz,
    ".h5": _from_hdf5,
    ".hdf5": _from_hdf5,
    ".csv": _from_csv,
    ".parquet": _from_parquet,
}
