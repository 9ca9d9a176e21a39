"""What is known of each image besides who it shows: yaw, gender, skin tone, …; and what that makes of a template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: A template or image of which nothing is known, and a template whose images do not agree.
UNKNOWN: Final = -1
MIXED: Final = -2
#: Columns of numbers with at most so many different whole values are classes, others are measured.
_MAX_CLASSES: Final = 16
#: Digits by which any two floats differ.
_ALL_DIGITS: Final = 17


class Kind(StrEnum):
    """How the values of a template's images become the template's."""

    CLASS = "majority"  #: the class that more than half of the images with a known one have
    MEASURE = "median"  #: the median


@dataclass(frozen=True, eq=False)
class Covariate:
    """One covariate of every image.

    Attributes
    ----------
    name : str
        As the file's column, in upper case.
    kind : Kind
        Class or measure.
    values : (n,) float32
        Of a measure the value, of a class its place in ``classes``; NaN where unknown.
    classes : tuple of str
        Names of the classes; empty for a measure.
    """

    name: str
    kind: Kind
    values: NDArray[np.float32]
    classes: tuple[str, ...] = ()

    def keep(self, kept: NDArray[np.bool_]) -> Covariate:
        """The covariate of some of the images."""
        return replace(self, values=self.values[kept])

    def medians(self, template: NDArray[np.int32], templates: int) -> NDArray[np.float32]:
        """(templates,) float32: median over each template's images with a known value, NaN where there is none.

        Parameters
        ----------
        template : (n,) int32
            Each image's template.
        templates : int
            How many there are.
        """
        known = ~np.isnan(self.values)
        place, values = template[known], self.values[known]
        order = np.lexsort((values, place))
        place, values = place[order], values[order]
        counts = np.bincount(place, minlength=templates)
        first = np.cumsum(counts) - counts
        found = np.full(templates, np.nan, np.float32)
        filled = counts > 0
        low, high = first + (counts - 1) // 2, first + counts // 2
        found[filled] = (values[low[filled]] + values[high[filled]]) / 2
        return found

    def majorities(self, template: NDArray[np.int32], templates: int) -> NDArray[np.int32]:
        """(templates,) int32: the class of more than half of each template's images with a known one.

        :data:`MIXED` where no class is that of more than half, :data:`UNKNOWN` where none is known.
        """
        known = ~np.isnan(self.values)
        width = max(1, len(self.classes))
        cell = template[known].astype(np.int64) * width + self.values[known].astype(np.int64)
        counts = np.bincount(cell, minlength=templates * width).reshape(templates, width)
        total = counts.sum(axis=1)
        found = np.where(2 * counts.max(axis=1) > total, counts.argmax(axis=1), MIXED)
        return np.where(total == 0, UNKNOWN, found).astype(np.int32)


def covariate_of_numbers(name: str, values: NDArray[np.float64]) -> Covariate | None:
    """A covariate from a column of numbers; None where it says nothing of any image."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    whole = bool((known == np.floor(known)).all()) and bool((np.abs(known) < 2**24).all())
    classes = np.unique(known[:100_000]) if whole else known
    if whole and len(classes) <= _MAX_CLASSES and len(classes := np.unique(known)) <= _MAX_CLASSES:
        place = np.searchsorted(classes, np.where(np.isfinite(values), values, classes[0]))
        codes = np.where(np.isfinite(values), place, np.nan).astype(np.float32)
        return Covariate(name, Kind.CLASS, codes, tuple(f"{value:.0f}" for value in classes))
    measured = np.where(np.isfinite(values) & (np.abs(values) < np.finfo(np.float32).max), values, np.nan)
    return Covariate(name, Kind.MEASURE, measured.astype(np.float32))


def covariate_of_texts(name: str, values: Iterable[str]) -> Covariate | None:
    """A covariate from a column of text, classes in alphabetical order; None where there are none or too many."""
    texts = ["" if text.casefold() in ("nan", "na", "n/a", "none", "null") else text for text in values]
    classes = sorted(set(texts) - {""})
    if not classes or len(classes) > 4 * _MAX_CLASSES:
        return None
    place = {text: float(number) for number, text in enumerate(classes)}
    codes = np.fromiter((place.get(text, np.nan) for text in texts), np.float32, len(texts))
    return Covariate(name, Kind.CLASS, codes, tuple(classes))


def told_apart(numbers: Sequence[float], digits: int) -> list[str]:
    """Numbers as text, of so many digits, or of more where two that differ would look the same.

    >>> told_apart([30.01, 30.02, 45.0], 3)
    ['30.01', '30.02', '45']
    """
    texts = [f"{number:.{digits}g}" for number in numbers]
    enough = len(set(texts)) >= len(set(numbers)) or digits >= _ALL_DIGITS
    return texts if enough else told_apart(numbers, digits + 1)
