"""Two compared faces in an overlay: where both would lie among its points, before the map and after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.errors import SettingsError
from canon_core.experiments.cell_base import Float32
from canon_core.experiments.overlay import open_overlay
from canon_core.experiments.overlay_points import OverlayPoints
from canon_core.experiments.two_faces import Comparison
from canon_core.jobs import JobContext
from canon_core.projection.linear_axes import principal_axes, singular_axes
from canon_core.study.overlay_results import Overlay, OverlayMethod, OverlaySettings
from canon_core.study.study import Study

#: Points of the overlay that a face of no point of its own is placed among.
NEAREST: Final = 5


@dataclass(frozen=True, eq=False)
class PlacedFaces:
    """Where the first face (source) and the second (target) lie.

    Attributes
    ----------
    before, after : (2, 2) float32
        Positions beside those of the overlay: the first face raw and mapped, the second as it is both times.
    words : str
        How they came there.
    """

    before: Float32
    after: Float32
    words: str


def agrees(settings: OverlaySettings, comparison: Comparison) -> bool:
    """Whether an overlay shows the spaces and the map that two faces were compared with."""
    asked, matrix = comparison.settings, comparison.settings.matrix
    return (
        asked.source in settings.sources
        and asked.target == settings.target
        and (matrix.dataset, matrix.map, matrix.mode, matrix.seed)
        == (settings.dataset, settings.map, settings.mode, settings.seed)
    )


def place_faces(study: Study, result: Overlay, comparison: Comparison, ctx: JobContext) -> PlacedFaces:
    """Place both faces: on the axes of PCA and of singular directions exactly; in a UMAP, which has no axes, at the
    mean of the points that are nearest to them in the embedding space.

    Raises
    ------
    SettingsError
        When the overlay shows other spaces than the comparison.
    StudyError, StoreError
        When what the overlay was made of is not there any more.
    Cancelled
    """
    settings, source = result.settings, comparison.settings.source
    if not agrees(settings, comparison):
        raise SettingsError("the overlay shows other spaces than the two faces", remedy="choose the same cell in both")
    cells = open_overlay(study, settings, ctx)
    points = OverlayPoints(study, cells, settings)
    target = points.raw(settings.target, ctx)
    if settings.method is OverlayMethod.UMAP:
        return _among(result, comparison, points.raw(source, ctx), target)
    axes = principal_axes(target)
    if settings.method is OverlayMethod.SINGULAR:
        maps, mapped = [], []
        cells.main.expect([(each, settings.target) for each in settings.sources])
        for each in settings.sources:
            found = cells.main.maps(each, settings.target, ctx)
            maps += [mapping.matrix for mapping in found]
            mapped.append(points.mapped(each, points.raw(each, ctx), found, ctx))
        axes, _ = singular_axes(maps, mapped)
    first, through, second = (
        axes.place(rows[None])[0] for rows in (comparison.source, comparison.mapped, comparison.target)
    )
    return PlacedFaces(np.stack([first, second]), np.stack([through, second]), "placed on the picture's axes, exactly")


# -- private ---------------------------------------------------------------------------------------------------------
def _among(result: Overlay, comparison: Comparison, raw: Float32, target: Float32) -> PlacedFaces:
    """In a UMAP: the raw first face among raw source points, everything else among target points."""
    source = result.rows(1 + result.settings.sources.index(comparison.settings.source))
    targets = result.rows(0)
    near, through, second = (
        _nearest(*both)
        for both in ((comparison.source, raw), (comparison.mapped, target), (comparison.target, target))
    )
    before = [result.before[source][near], result.before[targets][second]]
    after = [result.after[targets][through], result.after[targets][second]]
    words = (
        f"each placed at the mean of its {len(second)} nearest target points (the first, before the map, of its nearest"
        " source points): a UMAP has no place of its own for new points"
    )
    return PlacedFaces(
        np.stack([rows.mean(axis=0) for rows in before]), np.stack([rows.mean(axis=0) for rows in after]), words
    )


def _nearest(face: Float32, rows: Float32) -> NDArray[np.intp]:
    """Rows of highest cosine, at most :data:`NEAREST`."""
    return np.argsort(-(rows @ face), kind="stable")[:NEAREST]
