"""Covariates of an overlay's items as groups: classes as they are, measures cut into quarters, over all datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.covariates import MIXED, Covariate, Kind, told_apart
from canon_core.datasets.template_protocol import TemplateProtocols
from canon_core.study.overlay_results import OverlayLevel

#: Groups into which a measured covariate is cut, with as many items each.
_QUANTILES: Final = 4


@dataclass(frozen=True, eq=False)
class Grouping:
    """A covariate of the items, as groups.

    Attributes
    ----------
    groups : tuple of str
        No two alike: a group is asked for by its name.
    codes : (m,) int16
        Place in ``groups``; −1 where nothing is known.
    """

    groups: tuple[str, ...]
    codes: NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Known:
    """What a dataset tells of a covariate.

    Attributes
    ----------
    classes : tuple of str or None
        None for a measure.
    values : (m,) float
        The measure, or the place in ``classes``; NaN where nothing is known.
    """

    classes: tuple[str, ...] | None
    values: NDArray[np.floating]


def known_of(
    covariate: Covariate,
    items: NDArray[np.int64],
    images: NDArray[np.int64],
    protocols: TemplateProtocols,
    level: OverlayLevel,
) -> Known:
    """A covariate of some images, or of templates: the median of a measure, the class of most of their images."""
    protocol = protocols.verification
    if level is not OverlayLevel.TEMPLATES:
        values = covariate.values[images]
        return Known(None if covariate.kind is Kind.MEASURE else covariate.classes, values)
    where, count = np.searchsorted(protocol.template_ids, items), len(protocol.template_ids)
    if covariate.kind is Kind.MEASURE:
        return Known(None, covariate.medians(protocol.template, count)[where])
    codes = covariate.majorities(protocol.template, count)[where]
    classes = (*covariate.classes, "mixed" if "mixed" not in covariate.classes else "mixed images")
    return Known(classes, np.where(codes < 0, np.where(codes == MIXED, len(classes) - 1, np.nan), codes))


def joined_groups(parts: Sequence[Mapping[str, Known]], sizes: Sequence[int]) -> dict[str, Grouping]:
    """The covariates of several datasets, of so many items each, as groups of all items."""
    kinds: dict[str, bool] = {}
    for part in parts:
        for name, known in part.items():
            kinds.setdefault(name, known.classes is None)
    return {name: _grouped(name, measured, parts, sizes) for name, measured in kinds.items()}


# -- private ---------------------------------------------------------------------------------------------------------
def _grouped(name: str, measured: bool, parts: Sequence[Mapping[str, Known]], sizes: Sequence[int]) -> Grouping:
    groups: dict[str, int] = {}
    found = []
    for part, size in zip(parts, sizes, strict=True):
        known = part.get(name)
        if known is None or (known.classes is None) != measured:
            found.append(np.full(size, np.nan))
        elif known.classes is None:
            found.append(np.asarray(known.values, np.float64))
        else:
            places = [groups.setdefault(each, len(groups)) for each in known.classes]
            codes = np.nan_to_num(known.values).astype(np.int64)
            found.append(np.where(np.isnan(known.values), np.nan, np.array([*places, -1])[codes]))
    values = np.concatenate(found)
    if measured:
        return _quantiles(values)
    return Grouping(tuple(groups), np.where(np.isnan(values), -1, np.nan_to_num(values)).astype(np.int16))


def _quantiles(values: NDArray[np.float64]) -> Grouping:
    known = values[~np.isnan(values)]
    if not len(known):
        return Grouping((), np.full(len(values), -1, np.int16))
    cuts = np.unique(np.quantile(known, np.arange(1, _QUANTILES) / _QUANTILES))
    cuts = cuts[cuts > known.min()]  # else nothing would lie below the first
    codes = np.where(np.isnan(values), -1, np.searchsorted(cuts, values, side="right")).astype(np.int16)
    ends = [float(known.min()), *cuts.tolist(), float(known.max())]
    groups = tuple(f"{low} … {high}" for low, high in pairwise(told_apart(ends, 3)))
    return Grouping(groups, codes)
