"""Classes of points: their names, colours and shapes, alike in the window and in figures. Numpy only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PointClass:
    """A class of points.

    Attributes
    ----------
    name : str
    series : int or None
        Number of its colour and marker; None is the grey of all others.
    fraction : float or None
        Its place on the colour scale, 0…1, instead.
    hidden : bool
        Neither drawn nor named.
    halo : bool
        Drawn larger, fainter, and below the others: where these lie on it, both are seen.
    """

    name: str
    series: int | None = 0
    fraction: float | None = None
    hidden: bool = False
    halo: bool = False


@dataclass(frozen=True)
class ColourScale:
    """What classes with a fraction stand for: a number from ``low`` to ``high``; beyond is shown as these."""

    title: str
    low: float
    high: float

    @property
    def ends(self) -> tuple[str, str]:
        """Its ends as they are written beside it."""
        return f"{self.low:+.2f}".replace("-", "−"), f"{self.high:+.2f}"


@dataclass(frozen=True, eq=False)
class Colouring:
    """Class of each point, and what steps of a scale among the classes stand for.

    Attributes
    ----------
    codes : (n,) uint8
    classes : tuple of PointClass
    scale : ColourScale or None
    """

    codes: NDArray[np.uint8]
    classes: tuple[PointClass, ...]
    scale: ColourScale | None = None

    def without(self, left: NDArray[np.bool_]) -> Colouring:
        """The same with one more class, hidden: the points that are not ``left``."""
        codes = np.where(left, self.codes, len(self.classes)).astype(np.uint8)
        return Colouring(codes, (*self.classes, PointClass("filtered out", None, hidden=True)), self.scale)

    def hiding(self, names: Collection[str]) -> Colouring:
        """The same with classes of these names hidden; names of none are ignored."""
        classes = tuple(replace(each, hidden=True) if each.name in names else each for each in self.classes)
        return Colouring(self.codes, classes, self.scale)

    @property
    def shown(self) -> NDArray[np.bool_]:
        """(n,) whether each point is of a class that is drawn."""
        return np.array([not each.hidden for each in self.classes])[self.codes]

    def counts(self) -> list[int]:
        """Points of each class."""
        counted: list[int] = np.bincount(self.codes, minlength=len(self.classes)).tolist()
        return counted
