"""A pickle of bytes, truth values and arrays of them, read without running any of it.

Python's own unpickler calls whatever function a file names. Here every opcode is looked at first, and the only names
that may be called stand for functions of this file.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.errors import DatasetError
from canon_core.jobs import JobContext

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
_CORES: Final = ("core", "_core")
_ALLOWED: Final = frozenset(
    {
        *("_codecs.encode", "numpy.ndarray", "numpy.dtype"),
        *(f"numpy.{core}.multiarray.{name}" for core in _CORES for name in ("_reconstruct", "scalar")),
        *(f"numpy.{core}.numeric._frombuffer" for core in _CORES),
    }
)


def read_harmless_pickle(path: Path, data: bytes, remedy: str, ctx: JobContext) -> tuple[object, int]:
    """What a pickle holds, and how many of ``data`` it takes.

    Pickles of Python 2 and 3 are understood. Texts of Python 2 come back as bytes, arrays as :class:`PickledArray`.

    Parameters
    ----------
    path : Path
        The file that ``data`` were read from, for errors.
    data : bytes
    remedy : str
        What to do about a file that is no such pickle.
    ctx : JobContext
        Cancellation.

    Raises
    ------
    DatasetError
        When it is no pickle, is cut short, holds anything else, or would call a function: nothing of it is run.
    Cancelled
        When the job was cancelled.
    """
    end = _refuse_opcodes(path, data, remedy, ctx)
    return _load(path, data, remedy), end


class PickledArray:
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
        """(n,) uint8.

        Raises
        ------
        pickle.UnpicklingError
            Where it never got any.
        """
        if self._values is None:
            raise pickle.UnpicklingError("an array without its bytes")
        return self._values


# -- private ---------------------------------------------------------------------------------------------------------
def _refuse_opcodes(path: Path, data: bytes, remedy: str, ctx: JobContext) -> int:
    """Look at every opcode before the first is carried out; returns where the pickle ends."""
    place: int | None = 0
    try:
        for number, (opcode, argument, place) in enumerate(pickletools.genops(data)):
            if number % 1000 == 0:
                ctx.check()
            if opcode.name not in _HARMLESS:
                what = f"is a pickle of something else (opcode {opcode.name} at byte {place})"
                raise DatasetError(what, path=path, remedy=remedy)
            if opcode.name == "GLOBAL" and (name := str(argument).replace(" ", ".")) not in _ALLOWED:
                raise _calls(path, name)
            if opcode.name in _MEMO and int(argument or 0) > len(data):  # the memo is a table of that length
                raise DatasetError(f"is damaged (memo {argument} at byte {place})", path=path, remedy=remedy)
    except (ValueError, IndexError, EOFError, TypeError, OverflowError, KeyError) as error:
        what = f"is no pickle, or cut short ({' '.join(str(error).split())[:120]})"
        raise DatasetError(what, path=path, remedy=remedy) from error
    return (place or 0) + 1  # of STOP


def _calls(path: Path, name: str) -> DatasetError:
    return DatasetError(
        f"is a pickle that would call '{name[:80]}'; nothing of it was run",
        path=path,
        remedy="do not open it with other programs either, and get the file from its publisher",
    )


def _load(path: Path, data: bytes, remedy: str) -> object:
    try:
        return _Unpickler(path, data).load()
    except DatasetError:
        raise
    except (
        pickle.UnpicklingError, ValueError, TypeError, AttributeError, IndexError, KeyError, EOFError, OverflowError,
        RecursionError, MemoryError,
    ) as error:  # fmt: skip
        what = " ".join(str(error).split())[:120] or type(error).__name__
        raise DatasetError(f"is damaged or another pickle ({what})", path=path, remedy=remedy) from error


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
            "_reconstruct": lambda *_: PickledArray(),
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

    def _frombuffer(self, raw: object = b"", element: object = None, shape: object = (), *_: object) -> PickledArray:
        array = PickledArray()
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
