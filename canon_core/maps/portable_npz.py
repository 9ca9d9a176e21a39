"""A map as an .npz archive: its arrays, and what it says about itself as plain strings; nothing is pickled."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon_core.maps.fitted import FittedMap


def npz_bytes(mapping: FittedMap, facts: Mapping[str, str]) -> bytes:
    """The map's arrays in float64, and each fact as an array of one text."""
    arrays: dict[str, Any] = {"matrix": mapping.matrix, **{name: np.array(text) for name, text in facts.items()}}
    if mapping.offset is not None:
        arrays["offset"] = mapping.offset
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def read_npz(data: bytes) -> tuple[dict[str, NDArray[np.floating]], dict[str, str]]:
    """Arrays and facts of an archive that :func:`npz_bytes` made.

    Raises
    ------
    ValueError, or whatever else numpy and zipfile raise
        For anything else.
    """
    arrays: dict[str, NDArray[np.floating]] = {}
    facts: dict[str, str] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if info.compress_type != zipfile.ZIP_STORED:  # as it is, it cannot unpack to more than the file holds
                raise ValueError("it is compressed")
            with archive.open(info) as file:
                array = _read_array(file, info.file_size)
            name = info.filename.removesuffix(".npy")
            if name in ("matrix", "offset"):
                if array.dtype.newbyteorder("=") not in (np.float64, np.float32):
                    raise ValueError(f"{name} holds {array.dtype}")
                arrays[name] = array
            elif array.ndim == 0 and array.dtype.kind == "U":
                facts[name] = str(array)
    return arrays, facts


# -- private ---------------------------------------------------------------------------------------------------------
def _read_array(file: Any, size: int) -> NDArray[Any]:
    """One array in numpy's format; what its header claims is held against its size before room is made for it."""
    readers: dict[tuple[int, int], Callable[..., Any]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about headers that Python 2 wrote
        shape, fortran, dtype = readers[np.lib.format.read_magic(file)](file)
    count = int(np.prod(shape, dtype=object))
    if dtype.kind not in "fU" or fortran or any(side < 0 for side in shape) or count * dtype.itemsize > size:
        raise ValueError(f"it holds an array of {dtype} {shape}")
    data = file.read(count * dtype.itemsize)
    return np.frombuffer(data, dtype, count).reshape(shape)
