"""Which group each template belongs to by one covariate: by gender, by skin tone, by how far the head is turned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.covariates import MIXED, UNKNOWN, Covariate, Kind, told_apart
from canon_core.errors import SettingsError

#: Names of the groups of templates whose images do not agree, and of which nothing is known.
MIXED_NAME: Final = "mixed"
UNKNOWN_NAME: Final = "unknown"
#: A head turned left is grouped with one turned as far right. Degrees between its groups: frontal, nearly frontal,
#: half profile, profile.
TURNED: Final = ("YAW",)
TURNED_EDGES: Final = (15.0, 30.0, 60.0)
#: Groups of as many templates each, of any other measure.
QUANTILES: Final = 4


@dataclass(frozen=True, eq=False)
class TemplateGroups:
    """Groups of templates.

    Attributes
    ----------
    names : tuple of str
        Groups that hold a template, classes or bins in their order, then ``mixed`` and ``unknown``.
    codes : (t,) int64
        Each template's group; -1 for a template that was not asked for.
    edges : tuple of float
        Between the bins of a measure, a value on an edge belonging above it; empty for classes.
    absolute : bool
        Whether bins are of absolute values, taken of every image before the median.
    """

    names: tuple[str, ...]
    codes: NDArray[np.int64]
    edges: tuple[float, ...] = ()
    absolute: bool = False


def template_groups(
    covariate: Covariate,
    template: NDArray[np.integer],
    wanted: NDArray[np.bool_],
    *,
    edges: Sequence[float] | None = None,
    absolute: bool | None = None,
) -> TemplateGroups:
    """Group templates by a covariate of their images.

    Of a class, a template has the one of more than half of its images, else it is ``mixed``; of a measure the median
    of its images, put into bins. Images without a value do not count; a template of such images alone is ``unknown``.

    Parameters
    ----------
    covariate : Covariate
        Of n images.
    template : (n,) int
        Each image's template.
    wanted : (t,) bool
        Templates to group.
    edges : sequence of float, optional
        Between the bins of a measure. Unless given: 15°, 30° and 60° of yaw; quartiles of the templates' values else.
    absolute : bool, optional
        Whether to group a measure by absolute values. Unless given: yaw is.

    Raises
    ------
    SettingsError
        When edges or absolute values are asked of a class, edges do not rise, or nothing is known of any template.
    """
    places = template.astype(np.int32)
    if covariate.kind is Kind.CLASS:
        if edges is not None or absolute:
            raise SettingsError(
                f"{covariate.name} has classes ({', '.join(covariate.classes)}), so there are no bins",
                remedy="leave the edges out",
            )
        codes = covariate.majorities(places, wanted.size).astype(np.int64)
        return _named(codes, covariate.classes, wanted, covariate.name)
    turned = any(covariate.name.upper().endswith(name) for name in TURNED)
    fold = turned if absolute is None else absolute
    values = covariate.values
    if fold:
        covariate = replace(covariate, values=np.abs(values))
    medians = covariate.medians(places, wanted.size).astype(np.float64)
    known = wanted & ~np.isnan(medians)
    if edges is not None:
        bounds = tuple(float(edge) for edge in edges)
        if not bounds or not all(np.isfinite(bounds)) or any(low >= high for low, high in pairwise(bounds)):
            raise SettingsError("edges must be numbers that rise", remedy="give e.g. 15,30,60")
    elif turned:
        bounds = TURNED_EDGES
    else:
        parts = np.linspace(0, 1, QUANTILES + 1)[1:-1]
        cuts = np.unique(np.quantile(medians[known], parts)) if known.any() else np.empty(0)
        bounds = tuple(cuts.tolist())
    codes = np.where(np.isnan(medians), UNKNOWN, np.searchsorted(bounds, medians, side="right"))
    what = f"|{covariate.name}|" if fold else covariate.name
    texts = told_apart(bounds, 4)
    middle = [f"{low} ≤ {what} < {high}" for low, high in pairwise(texts)]
    names = (f"{what} < {texts[0]}", *middle, f"{what} ≥ {texts[-1]}") if bounds else (what,)
    found = _named(codes, names, wanted, covariate.name)
    return replace(found, edges=bounds, absolute=fold)


def _named(codes: NDArray[np.int64], names: Sequence[str], wanted: NDArray[np.bool_], what: str) -> TemplateGroups:
    """Number the groups that occur anew; mixed and unknown come last."""
    everything = (*names, MIXED_NAME, UNKNOWN_NAME)
    places = np.where(codes == MIXED, len(names), np.where(codes == UNKNOWN, len(names) + 1, codes))
    occurring = np.unique(places[wanted])
    if not (occurring < len(names)).any() and len(names) not in occurring:
        raise SettingsError(f"{what} is known of none of the templates that are compared")
    number = np.full(len(everything), -1, np.int64)
    number[occurring] = np.arange(occurring.size)
    return TemplateGroups(
        names=tuple(everything[place] for place in occurring.tolist()),
        codes=np.where(wanted, number[places], -1),
    )
