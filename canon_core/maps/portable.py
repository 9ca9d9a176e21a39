"""A map that leaves its study: what it was fitted on, how well it was measured, and all that as text and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.limits import MAX_DIMENSIONS
from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind

#: What every map that was written says it is.
MAP_FORMAT: Final = "canon map"
#: Changes when the meaning of what is written changes.
_FORMAT: Final = f"{MAP_FORMAT} 1"


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


def facts_of(portable: PortableMap) -> dict[str, str]:
    """Everything but matrix and offset, as text by name: what a file says about the map in it."""
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


def portable_of(arrays: Mapping[str, NDArray[np.floating]], facts: Mapping[str, str]) -> PortableMap:
    """The map that a file holds.

    Parameters
    ----------
    arrays : mapping of str to array
        ``matrix``, and ``offset`` of an affine map.
    facts : mapping of str to str
        As :func:`facts_of` gives them.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError, OverflowError or RecursionError
        For what no map of ours has; the reader knows the file to blame.
    """
    if facts.get("format") != _FORMAT:
        raise ValueError("it does not say that it is one" if "format" not in facts else "of another version")
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


# -- private ---------------------------------------------------------------------------------------------------------
def _shown(text: str) -> str:
    """The text as every reader can show it: a folder's name may be any bytes."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


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
