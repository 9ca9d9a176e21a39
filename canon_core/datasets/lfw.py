"""LFW's list of pairs in folds (facts.md, *LFW*)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.faces import FaceImages, Problem
from canon_core.datasets.text_file import read_lines
from canon_core.errors import DatasetError

_WHAT: Final = "LFW's pairs.txt: folds and pairs per fold in its first line, then 'name n m' or 'name n other m'"
#: Folds and pairs a fold that are believed; LFW has 10 × 2 × 300.
_MAX_FOLDS: Final = 10_000
_MAX_PAIRS: Final = 50_000_000


@dataclass(frozen=True, eq=False)
class FoldProtocol:
    """Pairs of images in folds, in the order of the file.

    Attributes
    ----------
    first, second : (k,) int32
        Rows of the images in :class:`~canon_core.datasets.faces.FaceImages`; in a cross-model cell the first goes
        through the source and the map, the second through the target.
    genuine : (k,) bool
        Whether both show one person.
    fold : (k,) int32
        Counted from 0. A fold whose pairs all were left out leaves a gap.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    genuine: NDArray[np.bool_]
    fold: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.first)

    @property
    def folds(self) -> int:
        """How many folds hold a pair."""
        return len(np.unique(self.fold))


def read_pairs(path: Path, faces: FaceImages) -> tuple[FoldProtocol, tuple[Problem, ...]]:
    """Read LFW's list of pairs: any number of folds, each as many genuine and then as many impostor pairs.

    The first line holds folds and pairs per fold, or (as in ``pairsDevTrain.txt``) only the latter, for one fold.
    Fields are apart by tabs, or by blanks where a line has no tab. ``name n`` is the image ``name/name_000n.jpg``, or
    the same with another ending where there is no jpg.

    Returns
    -------
    protocol : FoldProtocol
        Empty where no pair has both its images.
    problems : tuple of Problem
        One a pair that was left out because an image is missing or was left out itself.

    Raises
    ------
    DatasetError
        With the line, for what is no such list.
    """
    row_of = {image: row for row, image in enumerate(faces.ids)}
    without_ending: dict[str, int] = {}
    for row, image in enumerate(faces.ids):
        without_ending.setdefault(str(PurePosixPath(image).with_suffix("")), row)
    reasons = {problem.image: problem.reason for problem in faces.problems}

    def row_named(stem: str) -> int | None:
        return row_of.get(f"{stem}.jpg", without_ending.get(stem))

    pairs: list[tuple[int, int, bool, int]] = []
    problems: list[Problem] = []
    for line, fold, one, other in _pairs(path):
        rows = [row_named(one[1]), row_named(other[1])]
        absent = [stem for (_, stem), row in zip((one, other), rows, strict=True) if row is None]
        if absent:
            why = "; ".join(f"{stem} {_why_absent(stem, reasons)}" for stem in absent)
            pair = " and ".join(PurePosixPath(stem).name for _, stem in (one, other))
            problems.append(Problem(pair, f"the pair in line {line} of {path.name} was left out: {why}"))
        elif rows[0] is not None and rows[1] is not None:
            pairs.append((rows[0], rows[1], one[0] == other[0], fold))
    columns = np.array(pairs, np.int32).reshape(-1, 4).T
    protocol = FoldProtocol(
        first=np.ascontiguousarray(columns[0]),
        second=np.ascontiguousarray(columns[1]),
        genuine=columns[2].astype(bool),
        fold=np.ascontiguousarray(columns[3]),
    )
    return protocol, tuple(problems)


# -- private ---------------------------------------------------------------------------------------------------------
#: Subject, and path of the image below the dataset without its ending.
_Image = tuple[str, str]


def _pairs(path: Path) -> Iterator[tuple[int, int, _Image, _Image]]:
    """Line, fold and both images of each pair."""
    lines = ((number, line) for number, line in enumerate(read_lines(path, _WHAT), 1) if line.strip())
    first = next(lines, None)
    if first is None:
        raise DatasetError("holds no pairs", path=path, remedy=f"give {_WHAT}")
    folds, size = _header(path, first[1].split())
    expected = folds * size * 2
    done, number = 0, first[0]
    for number, line in lines:
        fields = [field.strip() for field in (line.split("\t") if "\t" in line.strip() else line.split())]
        fields = [field for field in fields if field]
        if done == expected:
            raise _fault(path, number, f"{folds} × 2 × {size} pairs were announced and this is one more")
        genuine = (done // size) % 2 == 0
        if len(fields) != (3 if genuine else 4):
            kind = "a genuine pair 'name n m'" if genuine else "an impostor pair 'name n other m'"
            raise _fault(path, number, f"{kind} should stand here, not '{line.strip()[:60]}'")
        one = _image(path, number, fields[0], fields[1])
        other = _image(path, number, fields[0], fields[2]) if genuine else _image(path, number, fields[2], fields[3])
        if one == other or (not genuine and one[0] == other[0]):
            what = "an image is paired with itself" if one == other else "an impostor pair of one person"
            raise _fault(path, number, what)
        yield number, done // (2 * size), one, other
        done += 1
    if done < expected:
        raise DatasetError(
            f"ends after {done} pairs, in line {number}, where {folds} × 2 × {size} were announced",
            path=path,
            remedy="get the whole file again",
        )


def _header(path: Path, fields: list[str]) -> tuple[int, int]:
    numbers = [int(field) if field.isascii() and field.isdigit() and len(field) < 10 else 0 for field in fields]
    folds, size = (1, *numbers) if len(numbers) == 1 else numbers if len(numbers) == 2 else (0, 0)
    if not (1 <= folds <= _MAX_FOLDS and 1 <= size <= _MAX_PAIRS // (2 * folds)):
        raise DatasetError(
            f"line 1 should say how many folds and pairs per fold there are, not '{' '.join(fields)[:60]}'",
            path=path,
            remedy=f"give {_WHAT}",
        )
    return folds, size


def _image(path: Path, line: int, name: str, number: str) -> _Image:
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise _fault(path, line, f"'{number[:40]}' is no number of an image")
    if "/" in name or "\\" in name or name in (".", ".."):
        raise _fault(path, line, f"'{name[:60]}' is no name of a subject's folder")
    return name, f"{name}/{name}_{int(number):04d}"


def _fault(path: Path, line: int, what: str) -> DatasetError:
    return DatasetError(f"line {line}: {what}", path=path, remedy=f"give {_WHAT}")


def _why_absent(stem: str, reasons: Mapping[str, str]) -> str:
    for ending in (".jpg", ".jpeg", ".png"):
        if reason := reasons.get(stem + ending):
            return f"was left out itself ({reason})"
    return "is not in the dataset"
