"""What is told of the single points of an overlay: their names, their faces, their neighbours, their covariates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.template_protocol import TemplateProtocols
from canon_core.experiments.overlay import open_overlay
from canon_core.experiments.overlay_groups import Grouping, Known, joined_groups, known_of
from canon_core.experiments.overlay_points import OverlayPoints
from canon_core.jobs import JobContext
from canon_core.projection.nearest import have_partners, margins, nearest_others
from canon_core.study.overlay_results import Overlay, OverlayLevel
from canon_core.study.study import Study

#: Items up to which neighbours are looked up: every item is compared with every other, four times a source.
MOST_COMPARED: Final = 12_000


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Nearest other item of each item, for one source; −1 where there is none.

    What shares an image or a medium with an item is not its neighbour.

    Attributes
    ----------
    before, after : (m,) int32
        Target point that is nearest to the raw, and to the mapped source point.
    source_own, target_own : (m,) int32
        Nearest within the source's own space, and within the target's.
    asked : (m,) bool
        Whether an item has a partner to find, so that it counts in the score.
    margin : (m,) float32
        Of the mapped source point: its best genuine score less its best impostor score among the target points; NaN
        where it has no partner.
    """

    before: NDArray[np.int32]
    after: NDArray[np.int32]
    source_own: NDArray[np.int32]
    target_own: NDArray[np.int32]
    asked: NDArray[np.bool_]
    margin: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class OverlayDetails:
    """By item: the m images or templates of an overlay in its order. Two datasets may have the same ids.

    Attributes
    ----------
    names : tuple of str
        Ids of the images, or "template N".
    images : (m,) int64
        Row of the image, in the item's own dataset, whose face stands for the item: its first.
    covariates : mapping
        Name → groups of items; nothing is known of those whose dataset has no such covariate.
    neighbours : tuple of Neighbours
        One a source; empty where there are more than :data:`MOST_COMPARED` items.
    """

    names: tuple[str, ...]
    images: NDArray[np.int64]
    covariates: Mapping[str, Grouping] = field(default_factory=dict)
    neighbours: tuple[Neighbours, ...] = ()

    @property
    def refusal(self) -> str:
        """Why there are no neighbours, in a sentence; empty where there are."""
        if self.neighbours:
            return ""
        return (
            f"Nearest faces, errors and margins are looked up among {MOST_COMPARED:,} points of a model at most;"
            f" {len(self.names):,} are shown. Show fewer subjects to see them."
        )


def overlay_details(
    study: Study, result: Overlay, ctx: JobContext, *, compare_up_to: int | None = None
) -> OverlayDetails:
    """Look up the points of an overlay; maps that are stored are used again.

    Parameters
    ----------
    study : Study
    result : Overlay
    ctx : JobContext
        Cancellation.
    compare_up_to : int, optional
        Items up to which neighbours are looked up, which takes time with their square; :data:`MOST_COMPARED` unless
        given.

    Raises
    ------
    SettingsError, StudyError, StoreError
        When what the overlay was made of is not there any more.
    Cancelled
    """
    parts = [_of_dataset(study, result, place) for place in range(len(result.settings.datasets))]
    names = tuple(chain.from_iterable(part.names for part in parts))
    images = np.concatenate([part.images for part in parts])
    covariates = joined_groups([part.covariates for part in parts], [len(part.names) for part in parts])
    most = MOST_COMPARED if compare_up_to is None else min(compare_up_to, MOST_COMPARED)
    neighbours = _neighbours(study, result, ctx) if len(images) <= most else ()
    return OverlayDetails(names, images, covariates, neighbours)


# -- private ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class _Part:
    """The items of one dataset, as :class:`OverlayDetails` holds those of all."""

    names: tuple[str, ...]
    images: NDArray[np.int64]
    covariates: dict[str, Known]


def _of_dataset(study: Study, result: Overlay, place: int) -> _Part:
    settings = result.settings
    dataset = settings.datasets[place]
    items = result.item[result.rows(0)][result.dataset == place]
    protocols = study.templates(dataset)
    if settings.level is OverlayLevel.TEMPLATES:
        assert protocols is not None
        names = tuple(f"template {number}" for number in items.tolist())
        images = _first_images(items, protocols)
    else:
        ids = study.faces(dataset).ids
        names = tuple(ids[row] for row in items.tolist())
        images = items
    if protocols is None:
        return _Part(names, images, {})
    known = {each.name: known_of(each, items, images, protocols, settings.level) for each in protocols.covariates}
    return _Part(names, images, known)


def _first_images(templates: NDArray[np.int64], protocols: TemplateProtocols) -> NDArray[np.int64]:
    protocol = protocols.verification
    images = len(protocol.template)
    first = np.full(len(protocol.template_ids), -1, np.int64)
    first[protocol.template[::-1]] = np.arange(images - 1, -1, -1)  # the first image is written last
    return first[np.searchsorted(protocol.template_ids, templates)]


def _neighbours(study: Study, result: Overlay, ctx: JobContext) -> tuple[Neighbours, ...]:
    settings = result.settings
    cells = open_overlay(study, settings, ctx)
    points = OverlayPoints(study, cells, settings)
    target = points.raw(settings.target, ctx)
    cells.main.expect([(source, settings.target) for source in settings.sources])
    asked = have_partners(points.subject, points.belongs)
    target_own = nearest_others(target, target, points.belongs, ctx)
    found = []
    for source in settings.sources:
        ctx.check()
        raw = points.raw(source, ctx)
        mapped = points.mapped(source, raw, cells.main.maps(source, settings.target, ctx), ctx)
        found.append(
            Neighbours(
                nearest_others(raw, target, points.belongs, ctx),
                nearest_others(mapped, target, points.belongs, ctx),
                nearest_others(raw, raw, points.belongs, ctx),
                target_own,
                asked,
                margins(mapped, target, points.subject, points.belongs, ctx),
            )
        )
    return tuple(found)
