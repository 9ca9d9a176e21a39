"""One pair through everything: both models by themselves, across models without a map, and with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from canon_core.experiments.image_cells import ImageCells
from canon_core.experiments.pair_sides import PairSide
from canon_core.experiments.pairs import FacePair, PairFinder
from canon_core.experiments.template_cells import TemplateCells
from canon_core.experiments.usable import subject_half
from canon_core.jobs import JobContext
from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind
from canon_core.study.pair_results import PairThresholds
from canon_core.study.results import FitMode
from canon_core.verification.roc import accepts

Float32 = npt.NDArray[np.float32]
#: Images of a template that are shown.
MAX_IMAGES: Final = 24


@dataclass(frozen=True)
class PairScore:
    """One similarity of a pair, and where its own cell's threshold lies.

    Attributes
    ----------
    name : str
        Which models, and whether through the map.
    score : float or None
        None where there is none.
    threshold : float or None
        Of its own cell at the FAR; None where there is no such cell.
    note : str
        Why something is missing, or what was done to be able to compare.
    """

    name: str
    score: float | None
    threshold: float | None
    note: str = ""

    @property
    def accepted(self) -> bool | None:
        """Whether the pair counts as a match; None where that is not known."""
        if self.score is None or self.threshold is None:
            return None
        return accepts(self.score, self.threshold)


@dataclass(frozen=True)
class PairDetails:
    """Both sides of a pair with all their images, and its scores.

    Attributes
    ----------
    pair : FacePair
    images : two tuples of int
        Rows of each side's images, the highest detector score first; at most :data:`MAX_IMAGES`.
    scores : tuple of PairScore
        Source and target by themselves, across models as they are, and through the map; one alone of a single model.
    """

    pair: FacePair
    images: tuple[tuple[int, ...], tuple[int, ...]]
    scores: tuple[PairScore, ...]


def pair_details(finder: PairFinder, pair: FacePair, thresholds: PairThresholds, ctx: JobContext) -> PairDetails:
    """Score one pair in every way there is.

    Parameters
    ----------
    finder : PairFinder
        Of the pair's cell.
    pair : FacePair
        Of one of its lists, or from :func:`pair_of`.
    thresholds : PairThresholds
        As the finder gives them.
    ctx : JobContext
        Cancellation.
    """
    settings = finder.settings
    shown = tuple(
        tuple(finder.sides.images(side.number)[:MAX_IMAGES].tolist()) for side in (pair.first, pair.second)
    )
    images = shown[0], shown[1]
    if settings.single:
        return PairDetails(pair, images, (PairScore(settings.source, _known(pair.score), thresholds.cell),))
    first, second = pair.first.number, pair.second.number
    source, target = (
        [_embedded(finder, model, None, number, ctx) for number in (first, second)]
        for model in (settings.source, settings.target)
    )
    scores = [
        _compared(f"{settings.source} alone", pair.source_score, source[0], source[1], thresholds.source),
        _compared(f"{settings.target} alone", pair.target_score, target[0], target[1], thresholds.target),
        _raw(finder, source[0], target[1], pair, thresholds),
    ]
    if settings.matrix.map is not MapKind.NONE:
        scores.append(_mapped(finder, pair, target[1], thresholds, ctx))
    return PairDetails(pair, images, tuple(scores))


def pair_of(finder: PairFinder, first: int, second: int) -> FacePair:
    """Two images (by row) or templates (by position) as a pair of the finder's cell, not yet scored; its score is NaN.

    Its half is that of the first one's subject.
    """
    sides = finder.sides.side(first), finder.sides.side(second)
    return FacePair(*sides, _half(finder, sides[0]), sides[0].subject == sides[1].subject, math.nan)


# -- private ---------------------------------------------------------------------------------------------------------
def _embedded(
    finder: PairFinder, model: str, mapping: FittedMap | None, number: int, ctx: JobContext
) -> Float32:
    """(d,) of one image or template, of norm 1."""
    ctx.check()
    cells, one = finder.cells, np.array([number], np.int64)
    if isinstance(cells, TemplateCells):
        found: Float32 = cells.some_templates(model, mapping, one, ctx.quiet())[0]
        return found
    assert isinstance(cells, ImageCells)
    rows = cells.some_images(model, one)
    mapped: Float32 = (rows if mapping is None else mapping.apply(rows))[0]
    return mapped


def _compared(
    name: str, known: float | None, first: Float32, second: Float32, threshold: float | None, note: str = ""
) -> PairScore:
    """The score that is known, else the product of two embeddings; none where images of a template cancel out."""
    if known is not None:
        return PairScore(name, known, threshold, note)
    if not first.any() or not second.any():
        return PairScore(name, None, threshold, "the images of a template cancel out: there is nothing to compare")
    return PairScore(name, float(first @ second), threshold, note)


def _raw(
    finder: PairFinder, source: Float32, target: Float32, pair: FacePair, thresholds: PairThresholds
) -> PairScore:
    settings = finder.settings
    name = "cross-model, raw"
    if settings.matrix.map is MapKind.NONE:
        return _compared(name, _known(pair.score), source, target, thresholds.cell)
    shared = min(source.size, target.size)
    parts = source[:shared], target[:shared]
    if source.size != target.size:
        note = f"{source.size} and {target.size} dimensions, zeros put behind the shorter: chance, and no threshold"
        return _compared(name, None, *parts, None, note)
    note = "" if thresholds.raw is not None else "the cell without a map is not scored: no threshold"
    return _compared(name, None, *parts, thresholds.raw, note)


def _mapped(
    finder: PairFinder, pair: FacePair, target: Float32, thresholds: PairThresholds, ctx: JobContext
) -> PairScore:
    settings = finder.settings
    name = f"cross-model, {settings.matrix.map} map"
    if not math.isnan(pair.score):
        return PairScore(name, pair.score, thresholds.cell)
    if settings.matrix.mode is FitMode.DISJOINT and _half(finder, pair.second) != pair.pool:
        note = "the two are of different halves of the subjects: each map was fitted on one of them"
        return PairScore(name, None, thresholds.cell, note)
    mapping = finder.cells.maps(settings.source, settings.target, ctx.quiet())[pair.pool]
    mapped = _embedded(finder, settings.source, mapping, pair.first.number, ctx)
    return _compared(name, None, mapped, target, thresholds.cell)


def _half(finder: PairFinder, side: PairSide) -> int:
    matrix = finder.settings.matrix
    return subject_half(side.subject, matrix.seed) if matrix.mode is FitMode.DISJOINT else 0


def _known(score: float) -> float | None:
    return None if math.isnan(score) else score
