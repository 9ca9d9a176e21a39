"""Asks the engine for pairs of the chosen cell, for one pair's scores, and for pictures of faces."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from canon_core.errors import CanonError, DatasetError
from canon_core.jobs import JobContext
from canon_core.study.pair_results import PairLists, PairSettings
from canon_core.study.results import FitMode

from .views.pair_view import ShownPairs
from .wording import fault_text

if TYPE_CHECKING:
    from canon_core.experiments.pair_details import PairDetails
    from canon_core.experiments.pairs import FacePair, PairFinder
    from canon_core.study.entries import DatasetEntry
    from canon_core.study.pair_results import PairThresholds
    from canon_core.study.study import Study

#: Pixels of a face in the list, and of a large one.
LIST_SIDE, LARGE_SIDE = 96, 300
#: Pairs beyond which nothing is looked for before somebody asks: it takes seconds.
_MANY_PAIRS = 20_000_000


@dataclass(frozen=True)
class Question:
    """What is asked: pairs of a cell, or of a score interval of it."""

    settings: PairSettings
    cell: str  #: content key: another one after embeddings changed
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Picture:
    """A decoded face, or why there is none."""

    row: int
    pixels: Any
    reason: str = ""


class FinderShelf:
    """The finder that was used last, with what it read. Each lane of the engine has a shelf of its own, because a
    finder answers one thread at a time."""

    def __init__(self) -> None:
        self._held: tuple[Study, PairSettings, str, PairFinder] | None = None
        self._lock = threading.Lock()

    def finder(self, study: Study, question: Question) -> PairFinder:
        """The finder of a question's cell; in the engine's threads only."""
        from canon_core.experiments.pairs import PairFinder

        with self._lock:
            held = self._held
            if held is None or held[0] is not study or held[1:3] != (question.settings, question.cell):
                self._held = None  # its memory is free before the next one reads
                held = self._held = study, question.settings, question.cell, PairFinder(study, question.settings)
            return held[3]

    def clear(self) -> None:
        """Let go of it."""
        with self._lock:
            self._held = None


def many_pairs(entry: DatasetEntry) -> bool:
    """Whether looking through all pairs takes longer than one waits for without having asked."""
    pairs = entry.images**2 if entry.templates is None else entry.templates.pairs
    return pairs > _MANY_PAIRS or (entry.templates is not None and entry.images > 50_000)


def find(shelf: FinderShelf, study: Study, question: Question, ctx: JobContext) -> ShownPairs:
    """Look for the pairs, or read them where they are stored."""
    finder = shelf.finder(study, question)
    if question.interval is None:
        return _shown(finder, question, finder.errors(ctx))
    return _shown(finder, question, finder.between(*question.interval, ctx))


def stored(shelf: FinderShelf, study: Study, question: Question) -> ShownPairs | None:
    """The pairs where they are stored."""
    finder = shelf.finder(study, question)
    lists = finder.stored(interval=question.interval)
    return None if lists is None else _shown(finder, question, lists)


def single(shelf: FinderShelf, study: Study, question: Question, first: int, second: int) -> FacePair:
    """Two images (by row) or templates (by id) as a pair of the cell."""
    from canon_core.experiments.pair_details import pair_of

    finder = shelf.finder(study, question)
    return pair_of(finder, *(finder.sides.number_of(item) for item in (first, second)))


def details(
    shelf: FinderShelf,
    study: Study,
    question: Question,
    pair: FacePair,
    thresholds: PairThresholds,
    aligned: bool,
    ctx: JobContext,
) -> None:
    """One pair's scores, then pictures of all its images, as partial results."""
    from canon_core.experiments.pair_details import pair_details

    finder = shelf.finder(study, question)
    found: PairDetails = pair_details(finder, pair, thresholds, ctx)
    ctx.partial(found)
    faces = finder.cells.usable.faces
    if faces.has_images:
        firsts = [rows[0] for rows in found.images if rows]
        rest = [row for rows in found.images for row in rows[1:]]
        draw(faces, dict.fromkeys([*firsts, *rest]), LARGE_SIDE, aligned, ctx)


def thumbnails(
    shelf: FinderShelf, study: Study, question: Question, rows: Sequence[int], aligned: bool, ctx: JobContext
) -> None:
    """Small faces, as partial results."""
    faces = shelf.finder(study, question).cells.usable.faces
    draw(faces, rows, LIST_SIDE, aligned, ctx)


def draw(faces: Any, rows: Any, side: int, aligned: bool, ctx: JobContext) -> None:
    """Decode faces, one partial result each."""
    from canon_core.embedding.face_picture import thumbnail

    for row in rows:
        ctx.check()
        try:
            ctx.partial(Picture(row, thumbnail(faces, row, side, aligned=aligned)))
        except CanonError as error:
            reason = fault_text(error) if not isinstance(error, DatasetError) else error.problem
            ctx.partial(Picture(row, None, reason))


def _shown(finder: PairFinder, question: Question, lists: PairLists) -> ShownPairs:
    settings = question.settings
    matrix = settings.matrix
    usable = finder.cells.usable
    return ShownPairs(
        source=settings.source,
        target=settings.target,
        pairs={listing: finder.shown(found) for listing, found in lists.found.items()},
        totals={listing: found.total for listing, found in lists.found.items()},
        thresholds=lists.thresholds,
        interval=question.interval,
        halves=matrix.mode is FitMode.DISJOINT,
        pictures=usable.dataset.has_images,
        templates=finder.sides.templates,
    )
