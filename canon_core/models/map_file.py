"""Maps as files to use elsewhere, .npz or ONNX: written whole, and read only where they are ours."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Final

from canon_core.errors import CanonError, SettingsError, StoreError
from canon_core.maps.kinds import MapKind
from canon_core.maps.portable import PortableMap, facts_of, portable_of
from canon_core.maps.portable_npz import npz_bytes, read_npz
from canon_core.models.map_graph import graph_bytes, read_graph
from canon_core.store.atomic import errors_name
from canon_core.store.output import write_output

#: Endings of files that hold maps.
MAP_SUFFIXES: Final = (".onnx", ".npz")
#: Largest file of a map that is read: protobuf's own limit.
_MAX_BYTES: Final = 2**31 - 1
_REMEDY: Final = "give a file that `canon map fit` wrote"
#: How numpy and zipfile word damage.
_DAMAGE: Final = (
    *(ValueError, TypeError, SyntaxError, EOFError, KeyError, OverflowError, RecursionError, AttributeError),
    *(IndexError, RuntimeError, NotImplementedError, tokenize.TokenError, zlib.error, zipfile.BadZipFile),
)


def write_map(path: Path, portable: PortableMap) -> None:
    """Write a map (0600) in the form that the file's ending names, atomically.

    An ONNX file takes ``embedding`` (N, d_source) float32 of any norm and gives ``mapped`` (N, d_target) of norm 1;
    it is checked, and run against numpy, before it is put in place. An .npz file holds ``matrix`` (d_source, d_target)
    and, for an affine map, ``offset`` (d_target,), both float64.

    Raises
    ------
    SettingsError
        For another ending, or a map that float32 does not hold.
    StoreError
        For what the operating system refuses.
    """
    mapping, facts = portable.mapping, facts_of(portable)
    if mapping.kind is MapKind.NONE:
        raise SettingsError("without a map there is nothing to write", remedy="choose a linear, affine or rotation map")
    makers = {".onnx": graph_bytes, ".npz": npz_bytes}
    if path.suffix.casefold() not in makers:
        raise SettingsError(f"a map is written as {' or '.join(MAP_SUFFIXES)}, not as '{path.suffix}'")
    write_output(path, makers[path.suffix.casefold()](mapping, facts))


def read_map(path: Path) -> PortableMap:
    """Read a map that :func:`write_map` wrote; nothing else is taken for one, and nothing in it is run.

    Raises
    ------
    StoreError
        Missing, damaged, too large, or not written by this program.
    """
    readers = {".onnx": read_graph, ".npz": read_npz}
    with errors_name(path):
        if not path.is_file():
            raise StoreError("there is no such file", path=path, remedy=_REMEDY)
        if path.stat().st_size > _MAX_BYTES:
            raise StoreError("is larger than any map", path=path, remedy=_REMEDY)
        if path.suffix.casefold() not in readers:
            raise StoreError(f"no map: maps end with {' or '.join(MAP_SUFFIXES)}", path=path, remedy=_REMEDY)
        data = path.read_bytes()
    try:
        return portable_of(*readers[path.suffix.casefold()](data))
    except CanonError:
        raise
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:160]
        raise StoreError(f"no map that this program wrote ({reason})", path=path, remedy=_REMEDY) from error
