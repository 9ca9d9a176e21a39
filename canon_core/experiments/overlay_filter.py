"""Which points of an overlay are left when only some are wanted: errors, faces that were searched for, a group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from canon_core.study.overlay_results import Overlay

if TYPE_CHECKING:
    from canon_core.experiments.overlay_details import OverlayDetails


@dataclass(frozen=True)
class OverlayFilter:
    """What is wanted; every part that is set narrows it.

    Attributes
    ----------
    errors : bool
        Source points whose nearest other target point after the map is of another subject; with them the target points
        of the same faces, and those that they find instead.
    text : str
        Points whose subject or id holds it.
    covariate, group : str
        Points of this group of a covariate.
    """

    errors: bool = False
    text: str = ""
    covariate: str = ""
    group: str = ""

    @property
    def words(self) -> str:
        """What is wanted, in words; empty where everything is."""
        parts = ["false neighbours"] if self.errors else []
        if self.text:
            parts.append(f"found by '{self.text}'")
        if self.covariate:
            parts.append(f"{self.covariate} {self.group}")
        return ", ".join(parts)

    def fitting(self, details: OverlayDetails | None) -> OverlayFilter:
        """The same without what cannot be told of these points (yet): nobody is left out by it."""
        if details is None:
            return OverlayFilter()
        grouping = details.covariates.get(self.covariate)
        grouped = grouping is not None and self.group in grouping.groups
        return replace(
            self,
            errors=self.errors and bool(details.neighbours),
            covariate=self.covariate if grouped else "",
            group=self.group if grouped else "",
        )


def points_left(wanted: OverlayFilter, result: Overlay, details: OverlayDetails | None) -> NDArray[np.bool_]:
    """Which points are left, (n,) bool. Where a part of the filter cannot be told of them, none is."""
    from canon_core.experiments.overlay_search import points_named

    models = len(result.models)
    left = np.ones(len(result.model), bool)
    if not wanted.words:
        return left
    if details is None:
        return np.zeros(len(result.model), bool)
    if wanted.errors:
        left &= _errors(result, details)
    if wanted.text:
        found = np.zeros(len(left), bool)
        found[points_named(result, details, wanted.text)] = True
        left &= found
    if wanted.covariate:
        grouping = details.covariates.get(wanted.covariate)
        known = grouping is not None and wanted.group in grouping.groups
        of_group = grouping.codes == grouping.groups.index(wanted.group) if grouping is not None and known else False
        left &= np.tile(of_group, models) if known else False
    return left


def _errors(result: Overlay, details: OverlayDetails) -> NDArray[np.bool_]:
    subject = result.subject[result.rows(0)]
    left = np.zeros(len(result.model), bool)
    for number, neighbours in enumerate(details.neighbours, 1):
        wrong = neighbours.asked & (subject[neighbours.after] != subject)
        left[result.rows(number)] = wrong
        left[result.rows(0)] |= wrong
        left[neighbours.after[wrong]] = True  # items are the target's points
    return left
