"""Five points of each face from a CSV file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.text_file import read_rows
from canon_core.errors import DatasetError

_LINE: Final = "a path, five x,y pairs and optionally a score"
_WHAT: Final = f"a CSV file with {_LINE} in each line"
#: Columns by name, in the order they have where a file does not name them (facts.md: left in the image first).
POINT_COLUMNS: Final = tuple(
    f"{point}_{axis}" for point in ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth") for axis in "xy"
)
#: Sides of the image beyond its border at which a point still counts as a guess at a face cut off by it.
_FAR_OUTSIDE: Final = 1.0
#: Largest number that float32 holds.
_LARGEST: Final = float(np.finfo(np.float32).max)
#: Pixels; below this root-mean-square distance from their centre five points say nothing of scale or rotation.
_MIN_SPREAD: Final = 1.0


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Points of one face.

    Attributes
    ----------
    points : (5, 2) float32
        x and y in pixels: eyes, nose, mouth corners, left in the image first.
    score : float or None
        Detector score.
    line : int
        Of the file.
    """

    points: NDArray[np.float32]
    score: float | None
    line: int


def read_landmarks(path: Path, root: Path | None = None) -> dict[str, Landmarks]:
    """Read landmarks: in each line the image's path, five x,y pairs and, optionally, a detector score.

    A first line without numbers is a header. If it names all of :data:`POINT_COLUMNS`, columns are taken by name
    (``path`` and ``score`` too), otherwise they are in this order. Byte-order marks, CRLF, quotes and backslashes in
    paths are understood.

    Parameters
    ----------
    path : Path
        The CSV file.
    root : Path, optional
        The dataset's folder: paths may start with it or with its name.

    Returns
    -------
    dict of str to Landmarks
        By posix path of the image below ``root``.

    Raises
    ------
    DatasetError
        With the line: too few or too many fields, what is no finite number, an image named twice; or no line at all.
    """
    columns = _UNNAMED
    prefixes = _prefixes(root)
    found: dict[str, Landmarks] = {}
    for number, (line, fields) in enumerate(read_rows(path, _WHAT)):
        if number == 0 and _is_header(fields):
            columns = _columns(path, fields)
            continue
        name, points, score = _read_row(path, line, fields, columns)
        image = _below(name, prefixes)
        if image in found:
            raise DatasetError(
                f"lines {found[image].line} and {line} both hold landmarks of {image}",
                path=path,
                remedy="keep one of them",
            )
        found[image] = Landmarks(points, score, line)
    if not found:
        raise DatasetError("holds no landmarks", path=path, remedy=f"give {_WHAT}")
    return found


def why_unusable(points: NDArray[np.float32], width: int, height: int) -> str | None:
    """Why five points cannot be those of a face in an image of that size, or None when they can."""
    size = np.array([width, height], np.float32)
    if (points < -_FAR_OUTSIDE * size).any() or (points > (1 + _FAR_OUTSIDE) * size).any():
        x, y = points[np.abs(points - size / 2).max(axis=1).argmax()]
        return f"landmarks lie far outside the image ({x:.0f}, {y:.0f} in {width} × {height})"
    spread = math.sqrt(float(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))
    if spread < _MIN_SPREAD:
        return "landmarks coincide"
    return None


def mirrored(points: NDArray[np.float32]) -> bool:
    """Whether both eyes and mouth corners are in right-to-left order, as when a file counts from the subject's side."""
    return bool(points[0, 0] > points[1, 0] and points[3, 0] > points[4, 0])


# -- private ---------------------------------------------------------------------------------------------------------
#: Column of the path, those of the ten numbers, that of the score.
_Columns = tuple[int, tuple[int, ...], int | None]
_UNNAMED: Final[_Columns] = (0, tuple(range(1, 11)), 11)


def _is_header(fields: list[str]) -> bool:
    return not any(_number(field) is not None for field in fields[1:])


def _columns(path: Path, header: list[str]) -> _Columns:
    names = [name.casefold().replace(" ", "_") for name in header]
    place: Mapping[str, int] = {name: number for number, name in enumerate(names)}
    if not all(name in place for name in POINT_COLUMNS):
        return _UNNAMED
    if len(place) < len(names):
        raise DatasetError("its header names a column twice", path=path, remedy="correct line 1")
    return place.get("path", 0), tuple(place[name] for name in POINT_COLUMNS), place.get("score")


def _read_row(
    path: Path, line: int, fields: list[str], columns: _Columns
) -> tuple[str, NDArray[np.float32], float | None]:
    name_column, point_columns, score_column = columns
    remedy = f"write in it {_LINE}"
    if len(fields) <= max(name_column, *point_columns) or (columns is _UNNAMED and len(fields) > 12):
        raise DatasetError(f"line {line} has {len(fields)} fields", path=path, remedy=remedy)
    if not fields[name_column]:
        raise DatasetError(f"line {line} names no image", path=path, remedy=remedy)
    numbers: list[float] = []
    for column in point_columns:
        value = _number(fields[column])
        if value is None:
            raise DatasetError(
                f"line {line}: '{fields[column][:40]}' is not a finite number", path=path, remedy="correct that line"
            )
        numbers.append(value)
    score = None
    if score_column is not None and len(fields) > score_column and fields[score_column]:
        score = _number(fields[score_column])
        if score is None:
            raise DatasetError(
                f"line {line}: the score '{fields[score_column][:40]}' is not a finite number",
                path=path,
                remedy="correct that line",
            )
    return fields[name_column], np.array(numbers, np.float32).reshape(5, 2), score


def _number(text: str) -> float | None:
    """A finite number that float32 holds, or None."""
    if "_" in text:  # Python reads 1_000, other programs do not
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= _LARGEST else None  # not so for NaN


def _prefixes(root: Path | None) -> tuple[tuple[str, ...], ...]:
    """What paths may start with besides the subject's folder: the dataset's folder in full, or its name."""
    if root is None:
        return ()
    full = tuple(part.rstrip("/\\") for part in root.parts)
    return (full,) if (root / root.name).is_dir() else (full, (root.name,))


def _below(name: str, prefixes: tuple[tuple[str, ...], ...]) -> str:
    """Posix path below the dataset's folder of a path as somebody wrote it."""
    parts = tuple(part for part in name.replace("\\", "/").split("/") if part != ".")
    for prefix in prefixes:
        if prefix and parts[: len(prefix)] == prefix and len(parts) > len(prefix):
            parts = parts[len(prefix) :]
            break
    return "/".join(part for part in parts if part)
