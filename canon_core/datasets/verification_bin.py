"""InsightFace's verification sets (``lfw.bin``, ``cfp_fp.bin``, …): a pickle that is read without running it.

The file is the pickle of (list of 2k encoded images, list of k truth values); images 2i and 2i + 1 are pair i. Python's
own unpickler calls whatever function a file names. Here every opcode is looked at first, and the only two names that
may be called stand for functions of this file.
"""

from __future__ import annotations

import io
import os
import pickle
import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.images import IMAGE_SUFFIXES
from canon_core.datasets.lfw import FoldProtocol
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext, system_error
from canon_core.limits import MAX_IMAGE_BYTES
from canon_core.store.atomic import errors_name

#: Bytes of one file; the largest of InsightFace's has about 150 MB.
MAX_BIN_BYTES: Final = 2 * 2**30
#: Bytes that the images may unpack to for each of the file's, and beyond them: a file may name an image of several
#: pairs once (no set has one in more than a few), or one image a million times.
_MAX_EXPANSION: Final = 4
_SLACK_BYTES: Final = 16 * 2**20
#: Pairs that are believed; InsightFace's sets have 6,000 or 7,000.
_MAX_PAIRS: Final = 5_000_000
#: Folds that a verification set is scored in, in the order of its pairs.
FOLDS: Final = 10
_WHAT: Final = "a verification set of InsightFace (a .bin file of encoded images and truth values)"


@dataclass(frozen=True, eq=False)
class VerificationBin:
    """A verification set.

    Attributes
    ----------
    path : Path
        The file.
    images : tuple of bytes
        Encoded images, 2k of them, as they were.
    genuine : (k,) bool
        Whether images 2i and 2i + 1 show one person.
    warnings : tuple of str
        What was harmless but not as it should be.
    """

    path: Path
    images: tuple[bytes, ...]
    genuine: NDArray[np.bool_]
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.genuine)

    @property
    def folds(self) -> FoldProtocol:
        """Pairs in ten folds, in the order of the file and as even as they come, the first ones larger by one where
        ten does not divide them (as scikit-learn's KFold without shuffling, which InsightFace uses)."""
        rows = np.arange(0, 2 * len(self), 2, dtype=np.int32)
        parts = np.array_split(np.arange(len(self)), min(FOLDS, max(1, len(self))))
        fold = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part) for part in parts])
        return FoldProtocol(rows, rows + np.int32(1), self.genuine, fold)

    def names(self) -> tuple[str, ...]:
        """A file name for each image, by its place and by what it is encoded as."""
        width = max(5, len(str(len(self.images))))
        return tuple(f"{row:0{width}d}{_suffix(data)}" for row, data in enumerate(self.images))

    def unpack(self, folder: Path, ctx: JobContext) -> tuple[str, ...]:
        """Write every image into a folder (0700, files 0600) and return their names; files that are there stay.

        Nothing waits for the disk: what a crash leaves behind in halves is seen and written again the next time.

        Raises
        ------
        StoreError
            For what the operating system refuses.
        Cancelled
            When the job was cancelled.
        """
        names = self.names()
        with errors_name(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for row, (name, data) in enumerate(zip(names, self.images, strict=True)):
                ctx.check()
                target = folder / name
                if not (target.is_file() and target.stat().st_size == len(data) and target.read_bytes() == data):
                    _write(target, data)
                ctx.report(row + 1, len(names), f"unpacking {self.path.name}")
        return names


def looks_like_bin(path: Path) -> bool:
    """Whether a file is to be a verification set, by its name; :func:`read_bin` finds out whether it is one."""
    try:
        return path.suffix.casefold() == ".bin" and path.is_file()
    except OSError:
        return False


def read_bin(path: Path, ctx: JobContext) -> VerificationBin:
    """Read a verification set of InsightFace.

    Pickles of Python 2 and 3 are understood, images as bytes or as arrays of uint8, truth values as bool, 0 and 1,
    or an array.

    Parameters
    ----------
    path : Path
        The file.
    ctx : JobContext
        Cancellation.

    Raises
    ------
    DatasetError
        When it is no such pickle, is cut short, holds anything else, or would call a function: nothing of it is run.
    Cancelled
        When the job was cancelled.
    """
    ctx.report(0, 1, f"reading {path.name}")
    try:
        with path.open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            if size > MAX_BIN_BYTES:
                raise DatasetError(f"is larger than {MAX_BIN_BYTES // 2**30} GB", path=path, remedy=f"give {_WHAT}")
            if not size:
                raise DatasetError("is empty", path=path, remedy=f"give {_WHAT}")
            file.seek(0)
            data = file.read(MAX_BIN_BYTES)
    except OSError as error:
        fault = system_error(error)
        raise DatasetError(
            f"cannot be read ({fault.problem})", path=path, remedy=fault.remedy or f"give {_WHAT}"
        ) from error
    if data.startswith(b"\x1f\x8b"):
        raise DatasetError("is compressed with gzip", path=path, remedy="unpack it with gunzip")
    rest = len(data) - _refuse_opcodes(path, data, ctx)
    content = _load(path, data)
    ctx.check()
    if not isinstance(content, tuple | list) or len(content) != 2:
        raise _fault(path, "holds something else than images and truth values")
    genuine = _truth_values(path, content[1])
    images = _images(path, content[0], _MAX_EXPANSION * len(data) + _SLACK_BYTES)
    if len(images) != 2 * len(genuine):
        raise _fault(path, f"holds {len(images):,} images for {len(genuine):,} pairs instead of two a pair")
    ctx.report(1, 1, f"reading {path.name}")
    warnings = (f"{rest:,} bytes after the end of {path.name} were passed over",) if rest else ()
    return VerificationBin(path, images, genuine, warnings)


# -- private ---------------------------------------------------------------------------------------------------------
#: Opcodes that lists of bytes, texts, truth values and arrays are made of. None of them runs anything by itself: a
#: call (REDUCE) reaches only what find_class below hands out.
_HARMLESS: Final = frozenset(
    {
        *("PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "NONE"),
        *("NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG1"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
        *("EMPTY_LIST", "APPEND", "APPENDS", "LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET"),
        *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
    }
)
_MEMO: Final = frozenset(("PUT", "LONG_BINPUT", "GET", "LONG_BINGET"))


def _write(target: Path, data: bytes) -> None:
    target.unlink(missing_ok=True)  # what is there may be a link
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    with open(os.open(target, flags, 0o600), "wb") as file:
        file.write(data)


def _fault(path: Path, problem: str) -> DatasetError:
    return DatasetError(problem, path=path, remedy=f"give {_WHAT}")


def _refuse_opcodes(path: Path, data: bytes, ctx: JobContext) -> int:
    """Look at every opcode before the first is carried out; returns where the pickle ends."""
    place: int | None = 0
    try:
        for number, (opcode, argument, place) in enumerate(pickletools.genops(data)):
            if number % 1000 == 0:
                ctx.check()
            if opcode.name not in _HARMLESS:
                raise _fault(path, f"is a pickle of something else (opcode {opcode.name} at byte {place})")
            if opcode.name == "GLOBAL" and (name := str(argument).replace(" ", ".")) not in _ALLOWED:
                raise _calls(path, name)
            if opcode.name in _MEMO and int(argument or 0) > len(data):  # the memo is a table of that length
                raise _fault(path, f"is damaged (memo {argument} at byte {place})")
    except (ValueError, IndexError, EOFError, TypeError, OverflowError, KeyError) as error:
        raise _fault(path, f"is no pickle, or cut short ({' '.join(str(error).split())[:120]})") from error
    return (place or 0) + 1  # of STOP


def _calls(path: Path, name: str) -> DatasetError:
    return DatasetError(
        f"is a pickle that would call '{name[:80]}'; nothing of it was run",
        path=path,
        remedy="do not open it with other programs either, and get the file from its publisher",
    )


class _Sealed:
    """What a file gets in place of a function or type: it can be called, and nothing of it can be changed."""

    __slots__ = ("_call", "name")
    name: str
    _call: Callable[..., object]

    def __init__(self, name: str, call: Callable[..., object]) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "_call", call)

    def __call__(self, *arguments: object) -> object:
        return self._call(*arguments)

    def __setattr__(self, name: str, value: object) -> None:
        raise pickle.UnpicklingError(f"it changes {self.name}")

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("it changes what it was given")


class _ElementType:
    """Stands for a numpy.dtype: only bytes and truth values are understood."""

    __slots__ = ("code",)

    def __init__(self, code: object) -> None:
        self.code = code.decode("ascii", "replace") if isinstance(code, bytes) else str(code)[:20]

    def __setstate__(self, state: object) -> None:
        """Byte order and fields: they say nothing of single bytes."""


class _Array:
    """Stands for a numpy.ndarray that is being put together."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: NDArray[np.uint8] | None = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise pickle.UnpicklingError("an array of another version of numpy")
        _, shape, element, _, raw = state
        self.fill(raw, element, shape)

    def fill(self, raw: object, element: object, shape: object) -> None:
        """Bytes, element type and shape as the file gives them."""
        if not isinstance(element, _ElementType) or element.code.lstrip("|=<") not in ("u1", "b1", "uint8", "bool"):
            raise pickle.UnpicklingError("an array of something else than bytes and truth values")
        if isinstance(raw, str):
            raw = raw.encode("latin-1")
        if not isinstance(raw, bytes | bytearray) or shape not in ((len(raw),), len(raw)):
            raise pickle.UnpicklingError("an array that is no list of bytes or truth values")
        self._values = np.frombuffer(raw, np.uint8)

    def values(self) -> NDArray[np.uint8]:
        """(n,) uint8."""
        if self._values is None:
            raise pickle.UnpicklingError("an array without its bytes")
        return self._values


_CORES: Final = ("core", "_core")
_ALLOWED: Final = frozenset(
    {
        *("_codecs.encode", "numpy.ndarray", "numpy.dtype"),
        *(f"numpy.{core}.multiarray.{name}" for core in _CORES for name in ("_reconstruct", "scalar")),
        *(f"numpy.{core}.numeric._frombuffer" for core in _CORES),
    }
)


class _Unpickler(pickle.Unpickler):
    """Hands out stand-ins for the few names that may be called, and counts what they make."""

    def __init__(self, path: Path, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="bytes")
        self._path = path
        self._budget = len(data)  # what was one byte in the file cannot become more than one

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full not in _ALLOWED:
            raise _calls(self._path, full)
        makers: dict[str, Callable[..., object]] = {
            "encode": self._encode,
            "_reconstruct": lambda *_: _Array(),
            "_frombuffer": self._frombuffer,
            "scalar": self._scalar,
            "dtype": lambda code, *_: _ElementType(code),
            "ndarray": self._no_call,
        }
        return _Sealed(full, makers[name])

    def persistent_load(self, pid: object) -> Any:
        raise pickle.UnpicklingError("it refers to something outside")

    def _encode(self, text: object, encoding: object = None) -> bytes:
        """Bytes as Python 3 writes them for Python 2: text in Latin-1."""
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1", b"latin1", b"latin-1"):
            raise pickle.UnpicklingError("bytes in an unknown encoding")
        self._budget -= len(text)
        if self._budget < 0:
            raise pickle.UnpicklingError("more bytes than the file holds")
        return text.encode("latin-1")

    def _frombuffer(self, raw: object = b"", element: object = None, shape: object = (), *_: object) -> _Array:
        array = _Array()
        array.fill(raw, element, shape)
        return array

    def _scalar(self, element: object, raw: object = b"") -> bool:
        if isinstance(raw, str):
            raw = raw.encode("latin-1")
        if not isinstance(element, _ElementType) or not isinstance(raw, bytes) or len(raw) != 1:
            raise pickle.UnpicklingError("a number that is no truth value")
        return raw != b"\0"

    def _no_call(self, *_: object) -> object:
        raise pickle.UnpicklingError("an array made in an unknown way")


def _load(path: Path, data: bytes) -> object:
    try:
        return _Unpickler(path, data).load()
    except DatasetError:
        raise
    except (
        pickle.UnpicklingError, ValueError, TypeError, AttributeError, IndexError, KeyError, EOFError, OverflowError,
        RecursionError, MemoryError,
    ) as error:  # fmt: skip
        what = " ".join(str(error).split())[:120] or type(error).__name__
        raise _fault(path, f"is damaged or another pickle ({what})") from error


def _truth_values(path: Path, found: object) -> NDArray[np.bool_]:
    values: list[object]
    if isinstance(found, _Array):
        try:
            values = list(found.values().tolist())
        except pickle.UnpicklingError as error:
            raise _fault(path, str(error)) from error
    elif isinstance(found, list | tuple):
        values = list(found)
    else:
        raise _fault(path, "holds no list of truth values")
    if not values:
        raise _fault(path, "holds no pairs")
    if len(values) > _MAX_PAIRS:
        raise _fault(path, f"holds more than {_MAX_PAIRS:,} pairs")
    if any(not isinstance(value, bool | int) or value not in (0, 1) for value in values):
        raise _fault(path, "holds truth values that are neither true nor false")
    return np.array(values, bool)


def _images(path: Path, found: object, most_bytes: int) -> tuple[bytes, ...]:
    if not isinstance(found, list | tuple):
        raise _fault(path, "holds no list of images")
    images, unpacked = [], 0
    for place, image in enumerate(_encoded(path, found)):
        if not 0 < len(image) <= MAX_IMAGE_BYTES:
            raise _fault(path, f"image {place} has {len(image):,} bytes")
        unpacked += len(image)
        if unpacked > most_bytes:
            raise _fault(path, f"its {len(found):,} images unpack to many times its size: the same again and again")
        images.append(image)
    return tuple(images)


def _encoded(path: Path, found: list[object] | tuple[object, ...]) -> Iterator[bytes]:
    for place, image in enumerate(found):
        if isinstance(image, bytes | bytearray):
            yield bytes(image)
        elif isinstance(image, _Array):
            try:
                yield image.values().tobytes()
            except pickle.UnpicklingError as error:
                raise _fault(path, f"image {place}: {error}") from error
        else:
            raise _fault(path, f"image {place} is no encoded image")


def _suffix(data: bytes) -> str:
    for magic, suffix in ((b"\x89PNG", ".png"), (b"BM", ".bmp"), (b"RIFF", ".webp")):
        if data.startswith(magic) and suffix in IMAGE_SUFFIXES:
            return suffix
    return ".jpg"
