"""Maps as files to use elsewhere: .npz or ONNX, with what they were fitted on and how well they were measured."""

from __future__ import annotations

import io
import json
import math
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.errors import CanonError, SettingsError, StoreError
from canon_core.limits import MAX_DIMENSIONS, MAX_DOCUMENT_BYTES
from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind
from canon_core.store.atomic import store_error, write_atomically

#: Endings of files that hold maps.
MAP_SUFFIXES: Final = (".onnx", ".npz")
#: Largest file of a map that is read: protobuf's own limit.
_MAX_BYTES: Final = 2**31 - 1
#: Changes when the meaning of what is written changes.
_FORMAT: Final = "canon map 1"
_REMEDY: Final = "give a file that `canon map fit` wrote"
#: How numpy and zipfile word damage.
_DAMAGE: Final = (
    *(ValueError, TypeError, SyntaxError, EOFError, KeyError, OverflowError, RecursionError, AttributeError),
    *(IndexError, RuntimeError, NotImplementedError, tokenize.TokenError, zlib.error, zipfile.BadZipFile),
)


@dataclass(frozen=True)
class MapSide:
    """The model on one side of a map.

    Attributes
    ----------
    name : str
    sha256 : str
        Of its file.
    embeddings : str
        Content key of its embeddings: model file, preprocessing and images.
    """

    name: str
    sha256: str
    embeddings: str


@dataclass(frozen=True)
class MeasuredTar:
    """What a map of this kind, between these models, reached at one FAR target.

    Attributes
    ----------
    far : float
        The target.
    achieved_far, threshold, tar : float
        NaN where there was nothing to measure.
    false_accepts : int
        Impostor pairs at or above the threshold.
    source_tar, target_tar : float
        Of each model by itself on the same subjects, at thresholds of its own.
    """

    far: float
    achieved_far: float
    threshold: float
    tar: float
    false_accepts: int
    source_tar: float
    target_tar: float


@dataclass(frozen=True)
class MapOrigin:
    """Where a map comes from, and what was measured.

    Attributes
    ----------
    program, study, dataset, fingerprint : str
        Version of the program, names, and what identifies the dataset's images.
    source, target : MapSide
    fitted_on : str
        The images it was fitted on, in words.
    mode, seed, features, rule : str, int, str, str
        Settings of the measurement: fit mode, seed of the halves, how templates are made, FAR rule.
    genuine, impostors : int
        Pairs that were scored for it.
    measured : tuple of MeasuredTar
    """

    program: str
    study: str
    dataset: str
    fingerprint: str
    source: MapSide
    target: MapSide
    fitted_on: str
    mode: str
    seed: int
    features: str
    rule: str
    genuine: int
    impostors: int
    measured: tuple[MeasuredTar, ...]

    @property
    def note(self) -> str:
        """How the measured TARs relate to this map, which itself was fitted on everything."""
        if self.mode == "disjoint":
            return (
                f"This map was fitted on {self.fitted_on}, so nothing is left to measure it on. The TARs are those of"
                " two maps of the same kind, each fitted on one half of the subjects and scored on the other."
            )
        return (
            f"This map was fitted on {self.fitted_on}. The TARs are those of fit mode {self.mode}, which scores"
            " subjects that the map was fitted on: they flatter it."
        )


@dataclass(frozen=True, eq=False)
class PortableMap:
    """A map and its origin, as a file holds them. ONNX keeps the matrix in float32, .npz in float64."""

    mapping: FittedMap
    origin: MapOrigin

    @property
    def source_dimensions(self) -> int:
        """Width of the embeddings it takes."""
        return int(self.mapping.matrix.shape[0])

    @property
    def target_dimensions(self) -> int:
        """Width of the embeddings it gives."""
        return int(self.mapping.matrix.shape[1])


def write_map(path: Path, portable: PortableMap) -> None:
    """Write a map (0600) in the form that the file's ending names, atomically.

    An ONNX file takes ``embedding`` (N, d_source) float32 of any norm and gives ``mapped`` (N, d_target) of norm 1;
    it is checked, and run against numpy, before it is put in place.

    Raises
    ------
    SettingsError
        For another ending, or a map that float32 does not hold.
    StoreError
        For what the operating system refuses.
    """
    facts = _facts(portable)
    mapping = portable.mapping
    if mapping.kind is MapKind.NONE:
        raise SettingsError("without a map there is nothing to write", remedy="choose a linear, affine or rotation map")
    if path.suffix.casefold() == ".onnx":
        from canon_core.maps.portable_onnx import onnx_bytes

        data = onnx_bytes(mapping, facts)
    elif path.suffix.casefold() == ".npz":
        arrays: dict[str, Any] = {"matrix": mapping.matrix, **{name: np.array(text) for name, text in facts.items()}}
        if mapping.offset is not None:
            arrays["offset"] = mapping.offset
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        data = buffer.getvalue()
    else:
        raise SettingsError(f"a map is written as {' or '.join(MAP_SUFFIXES)}, not as '{path.suffix}'")
    write_atomically(path, data)


def read_map(path: Path) -> PortableMap:
    """Read a map that :func:`write_map` wrote; nothing else is taken for one, and nothing in it is run.

    Raises
    ------
    StoreError
        Missing, damaged, too large, or not written by this program.
    """
    try:
        if not path.is_file():
            raise StoreError("there is no such file", path=path, remedy=_REMEDY)
        if path.stat().st_size > _MAX_BYTES:
            raise StoreError("is larger than any map", path=path, remedy=_REMEDY)
        data = path.read_bytes()
    except OSError as error:
        raise store_error(error, path) from error
    try:
        if path.suffix.casefold() == ".onnx":
            from canon_core.maps.portable_onnx import read_onnx

            arrays, facts = read_onnx(data)
        elif path.suffix.casefold() == ".npz":
            arrays, facts = _read_npz(data)
        else:
            raise ValueError(f"maps end with {' or '.join(MAP_SUFFIXES)}")
        if facts.get("format") != _FORMAT:
            raise ValueError("it does not say that it is one" if "format" not in facts else "of another version")
        return _portable(arrays, facts)
    except CanonError:
        raise
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:160]
        raise StoreError(f"no map that this program wrote ({reason})", path=path, remedy=_REMEDY) from error


# -- private ---------------------------------------------------------------------------------------------------------
def _facts(portable: PortableMap) -> dict[str, str]:
    """Everything but the arrays, as text by name."""
    mapping, origin = portable.mapping, portable.origin
    numbers = [
        {
            "far": one.far,
            "achieved_far": _number(one.achieved_far),
            "threshold": _number(one.threshold),
            "tar": _number(one.tar),
            "false_accepts": one.false_accepts,
            "source_tar": _number(one.source_tar),
            "target_tar": _number(one.target_tar),
        }
        for one in origin.measured
    ]
    facts = {
        "format": _FORMAT,
        "program": origin.program,
        "study": origin.study,
        "dataset": origin.dataset,
        "dataset_fingerprint": origin.fingerprint,
        "map": str(mapping.kind),
        "fitted_on": origin.fitted_on,
        "pairs": str(mapping.pairs),
        "rank": str(mapping.rank),
        "condition": repr(float(mapping.condition)),
        "route": mapping.route,
        "determinant": "" if mapping.determinant is None else str(mapping.determinant),
        "singular_values": json.dumps([float(value) for value in mapping.singular_values]),
        "measured_mode": origin.mode,
        "measured_seed": str(origin.seed),
        "measured_features": origin.features,
        "measured_rule": origin.rule,
        "measured_genuine": str(origin.genuine),
        "measured_impostors": str(origin.impostors),
        "measured": json.dumps(numbers, allow_nan=False),
        "measured_note": origin.note,
    }
    for role, side, width in (
        ("source", origin.source, portable.source_dimensions),
        ("target", origin.target, portable.target_dimensions),
    ):
        facts[role] = side.name
        facts[f"{role}_sha256"] = side.sha256
        facts[f"{role}_embeddings"] = side.embeddings
        facts[f"{role}_dimensions"] = str(width)
    return {name: _shown(text) for name, text in facts.items()}


def _shown(text: str) -> str:
    """The text as every reader can show it: a folder's name may be any bytes."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _portable(arrays: Mapping[str, NDArray[np.floating]], facts: Mapping[str, str]) -> PortableMap:
    matrix, offset = arrays["matrix"].astype(np.float64), arrays.get("offset")
    if not all(isinstance(text, str) and text.isprintable() for text in facts.values()):
        raise ValueError("what it says about itself is not text")
    kind = MapKind(facts["map"])
    if kind is MapKind.NONE or (offset is not None) != (kind is MapKind.AFFINE):
        raise ValueError(f"its arrays are not those of a {kind} map")
    if matrix.ndim != 2 or not all(1 <= side <= MAX_DIMENSIONS for side in matrix.shape):
        raise ValueError(f"its matrix has the shape {matrix.shape}")
    if [facts["source_dimensions"], facts["target_dimensions"]] != [str(side) for side in matrix.shape]:
        raise ValueError("its matrix has other dimensions than it says")
    if offset is not None and offset.shape != matrix.shape[1:]:
        raise ValueError(f"its offset has the shape {offset.shape}")
    if not np.isfinite(matrix).all() or (offset is not None and not np.isfinite(offset).all()):
        raise ValueError("its matrix holds NaN or infinite numbers")
    singular_values = np.array(json.loads(facts["singular_values"]), np.float64)
    if singular_values.shape != (min(matrix.shape),):
        raise ValueError("its singular values are not as many as it has dimensions")
    mapping = FittedMap(
        kind=kind,
        matrix=matrix,
        offset=None if offset is None else offset.astype(np.float64),
        pairs=int(facts["pairs"]),
        rank=int(facts["rank"]),
        condition=float(facts["condition"]),
        singular_values=singular_values,
        route=facts["route"],
        determinant=int(facts["determinant"]) if facts["determinant"] else None,
    )
    sides = [
        MapSide(name=facts[role], sha256=facts[f"{role}_sha256"], embeddings=facts[f"{role}_embeddings"])
        for role in ("source", "target")
    ]
    origin = MapOrigin(
        program=facts["program"],
        study=facts["study"],
        dataset=facts["dataset"],
        fingerprint=facts["dataset_fingerprint"],
        source=sides[0],
        target=sides[1],
        fitted_on=facts["fitted_on"],
        mode=facts["measured_mode"],
        seed=int(facts["measured_seed"]),
        features=facts["measured_features"],
        rule=facts["measured_rule"],
        genuine=int(facts["measured_genuine"]),
        impostors=int(facts["measured_impostors"]),
        measured=tuple(_measured(one) for one in json.loads(facts["measured"])),
    )
    return PortableMap(mapping, origin)


def _measured(one: Mapping[str, Any]) -> MeasuredTar:
    def read(name: str) -> float:
        return math.nan if one[name] is None else float(one[name])

    return MeasuredTar(
        far=float(one["far"]),
        achieved_far=read("achieved_far"),
        threshold=read("threshold"),
        tar=read("tar"),
        false_accepts=int(one["false_accepts"]),
        source_tar=read("source_tar"),
        target_tar=read("target_tar"),
    )


def _read_npz(data: bytes) -> tuple[dict[str, NDArray[np.floating]], dict[str, str]]:
    arrays: dict[str, NDArray[np.floating]] = {}
    facts: dict[str, str] = {}
    budget = _MAX_BYTES + MAX_DOCUMENT_BYTES
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            budget -= info.file_size
            if budget < 0:
                raise ValueError("it unpacks to more than any map")
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
