"""How an overlay is looked at: colours, filters, hidden classes, lines; in the window, in figures and in tables."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from canon_core.errors import SettingsError
from canon_core.experiments.overlay_colours import (
    DATASET,
    HALF,
    MODEL,
    OF_NEIGHBOURS,
    SUBJECT,
    colouring,
    colourings,
)
from canon_core.experiments.overlay_filter import OverlayFilter, points_left
from canon_core.figures.point_classes import Colouring
from canon_core.study.overlay_results import Overlay

if TYPE_CHECKING:
    from canon_core.experiments.overlay_details import OverlayDetails


@dataclass(frozen=True)
class OverlayLook:
    """What is seen of an overlay.

    Attributes
    ----------
    colour : str
        What colours and shapes stand for: one of :func:`~.overlay_colours.colourings`.
    only : OverlayFilter
        Which points are left.
    hidden : tuple of str
        Names of the classes that are not drawn.
    lines : bool
        Whether the points of the same image are joined.
    """

    colour: str = MODEL
    only: OverlayFilter = field(default_factory=OverlayFilter)
    hidden: tuple[str, ...] = ()
    lines: bool = False

    @property
    def of_neighbours(self) -> bool:
        """Whether nearest neighbours must be known for it."""
        return self.colour in OF_NEIGHBOURS or self.only.errors

    @property
    def of_details(self) -> bool:
        """Whether anything must be known of single points."""
        return self.colour not in (MODEL, DATASET, SUBJECT, HALF) or bool(self.only.words)

    def fitting(self, result: Overlay, details: OverlayDetails | None) -> OverlayLook:
        """The same without what cannot be told of this overlay (yet)."""
        colour = self.colour if self.colour in colourings(result, details) else MODEL
        return replace(self, colour=colour, only=self.only.fitting(details))


@dataclass(frozen=True, eq=False)
class LookedAt:
    """The points as they are seen.

    Attributes
    ----------
    look : OverlayLook
    colouring : Colouring
        Classes that are not seen are hidden.
    words : str
        Which points are not seen; empty where all are.
    """

    look: OverlayLook
    colouring: Colouring
    words: str

    @property
    def shown(self) -> NDArray[np.bool_]:
        """(n,) whether each point is seen."""
        return self.colouring.shown


def looked_at(
    result: Overlay, details: OverlayDetails | None, look: OverlayLook, *, named: bool = True
) -> LookedAt:
    """The points of an overlay in their classes. Unless ``named``, no subject's name and no text that was searched for
    is among the words."""
    told = colouring(look.colour, result, details, named=named)
    other = colouring(look.colour, result, details, named=not named) if look.hidden else told
    hidden = [
        each.name
        for each, alias in zip(told.classes, other.classes, strict=True)
        if each.name in look.hidden or alias.name in look.hidden
    ]
    found = told.hiding(hidden)
    if look.only.words:
        found = found.without(points_left(look.only, result, details))
    only = look.only if named or not look.only.text else replace(look.only, text="…")
    words = left_words(only.words, hidden, int(np.count_nonzero(found.shown)), len(found.codes))
    return LookedAt(look, found, words)


def left_words(only: str, hidden: Sequence[str], left: int, total: int) -> str:
    """Which points are seen, as it stands beside the picture and under the figure; empty where all are."""
    parts = [f"Only {only}"] if only else []
    if hidden:
        parts.append(f"{'without' if parts else 'Without'} {', '.join(hidden)}")
    return f"{'; '.join(parts)}: {left:,} of {total:,} points" if parts else ""


def check_look(look: OverlayLook, result: Overlay, details: OverlayDetails | None) -> None:
    """Refuse what an overlay cannot be looked at by.

    Raises
    ------
    SettingsError
        Naming what there is instead.
    """
    if look.of_neighbours and details is not None and details.refusal:
        raise SettingsError(details.refusal.split(". ")[0], remedy="show fewer --subjects")
    _known("colouring", look.colour, colourings(result, details), "--colour")
    covariates = {} if details is None else details.covariates
    if look.only.covariate:
        _known("covariate", look.only.covariate, covariates, "--only")
        _known(f"group of {look.only.covariate}", look.only.group, covariates[look.only.covariate].groups, "--only")
    told = [colouring(look.colour, result, details, named=named).classes for named in (True, False)]
    names = tuple(dict.fromkeys(each.name for classes in told for each in classes))
    for name in look.hidden:
        _known(f"class by {look.colour}", name, names, "--hide")


def _known(what: str, name: str, there: Collection[str], option: str) -> None:
    if name in there:
        return
    near = difflib.get_close_matches(name, there, 1)
    names = ", ".join(f"'{each}'" for each in list(there)[:12]) or "none"
    raise SettingsError(
        f"the overlay has no {what} '{name}'",
        remedy=f"did you mean '{near[0]}'?" if near else f"give {option} one of {names}",
    )
