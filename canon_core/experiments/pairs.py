"""The pairs behind a cell's numbers: its errors, those that its map creates or repairs, those of a score interval."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from canon_core.errors import SettingsError
from canon_core.experiments.cells import Cells, open_cells
from canon_core.experiments.pair_sides import PairSide, Sides
from canon_core.experiments.pair_stream import search_pairs
from canon_core.figures.csv_fields import quoted
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.keys import content_key
from canon_core.study.pair_results import (
    Against,
    Listing,
    PairKind,
    PairLists,
    PairSettings,
    PairThresholds,
    load_pairs,
    save_pairs,
)
from canon_core.study.results import Cell
from canon_core.study.study import Study
from canon_core.verification.pair_search import ErrorSearch, FoundPairs, IntervalSearch

#: Seconds of looking beyond which what was found is stored.
_WORTH_STORING: Final = 1.0
#: Changes whenever the meaning of stored lists changes. 2: templates that cancel out in one model alone do not shift
#: the scores of other pairs.
_MADE: Final = 2
#: Lists of errors, in the order of :meth:`ErrorSearch.rankings`.
_ERRORS: Final[tuple[Listing, ...]] = (
    (PairKind.FALSE_MATCHES, None),
    (PairKind.FALSE_NON_MATCHES, None),
    *(
        (kind, against)
        for against in (Against.TARGET, Against.SOURCE)
        for kind in (
            PairKind.CREATED_MATCHES,
            PairKind.CREATED_NON_MATCHES,
            PairKind.REPAIRED_MATCHES,
            PairKind.REPAIRED_NON_MATCHES,
        )
    ),
)
_INTERVAL: Final[tuple[Listing, ...]] = ((PairKind.GENUINE_BETWEEN, None), (PairKind.IMPOSTORS_BETWEEN, None))


@dataclass(frozen=True)
class FacePair:
    """One pair of a list.

    Attributes
    ----------
    first, second : PairSide
        What went through the source and its map, and through the target.
    pool : int
        Half of the subjects that it was scored in; 0 where there are no halves.
    genuine : bool
    score : float
        Of the cell.
    target_score, source_score : float or None
        Of each model by itself; None where the cell is one model, or the pair is none of one model.
    """

    first: PairSide
    second: PairSide
    pool: int
    genuine: bool
    score: float
    target_score: float | None = None
    source_score: float | None = None

    @property
    def words(self) -> str:
        """What it is."""
        return "genuine" if self.genuine else "impostor"


class PairFinder:
    """Finds pairs of one cell; what it read stays for the next question. For one thread at a time.

    Parameters
    ----------
    study : Study
    settings : PairSettings

    Raises
    ------
    SettingsError
        When the cell cannot exist, or the settings do not fit the dataset.
    StudyError
        When no model has embeddings.
    """

    def __init__(self, study: Study, settings: PairSettings) -> None:
        if settings.far not in settings.matrix.far:
            raise SettingsError(
                f"the matrix is not read at a FAR of {settings.far:g}", remedy="give one of its FARs"
            )
        for name in (settings.source, settings.target):
            if name not in settings.matrix.models:
                raise SettingsError(f"the matrix has no model '{name}'", remedy="name one of its models")
        if settings.count < 1:
            raise SettingsError("no pair is asked for", remedy="ask for one at least")
        self.study, self.settings = study, settings
        self.cells = open_cells(study, settings.matrix)
        reason = self.cells.usable.why_not(settings.source, settings.target, settings.matrix.map)
        if reason:
            raise SettingsError(reason, remedy="choose models that are embedded, or a map that fits them")
        self.sides = Sides(study, settings.matrix.dataset, self.cells)
        self._raw: tuple[Cells, Cell | None] | None = None

    # -- thresholds ----------------------------------------------------------------------------------------------
    def thresholds(self, ctx: JobContext) -> PairThresholds:
        """Every cell's own threshold at the FAR; cells that are missing are scored, and stored."""
        settings = self.settings
        pair = settings.source, settings.target
        raw = self.raw_cell(ctx)
        return PairThresholds(
            self._threshold(self._cell(*pair, ctx)),
            self._threshold(self._cell(settings.source, settings.source, ctx)),
            self._threshold(self._cell(settings.target, settings.target, ctx)),
            None if raw is None else self._threshold(raw),
        )

    def raw_cell(self, ctx: JobContext | None) -> Cell | None:
        """The cell of the same models without a map; None where raw embeddings cannot be compared, and without a
        context where it is not stored."""
        settings = self.settings
        if settings.single or settings.matrix.map is MapKind.NONE:
            return None
        if self._raw is None:
            raw = open_cells(self.study, replace(settings.matrix, map=MapKind.NONE))
            self._raw = raw, None
        cells, cell = self._raw
        pair = settings.source, settings.target
        if cell is None and not cells.usable.why_not(*pair, MapKind.NONE):
            cell = cells.stored_cell(*pair)
            if cell is None and ctx is not None:
                cell = cells.compute(*pair, ctx.quiet())
            self._raw = cells, cell
        return cell

    def _cell(self, source: str, target: str, ctx: JobContext) -> Cell:
        ctx.check()
        return self.cells.stored_cell(source, target) or self.cells.compute(source, target, ctx.quiet())

    def _threshold(self, cell: Cell) -> float:
        settings = self.settings
        return cell.readings[settings.rule][settings.matrix.far.index(settings.far)].point.threshold

    # -- lists ---------------------------------------------------------------------------------------------------
    def errors(self, ctx: JobContext) -> PairLists:
        """The worst errors of the cell, and those that it has and a single model has not, or the other way round.

        Every cell decides by its own threshold at the same FAR. Stored where that takes longer than a second.

        Raises
        ------
        SettingsError
            When the dataset cannot be scored with the settings.
        Cancelled
        """
        start = time.perf_counter()
        key = self._key("errors")
        stored = load_pairs(self.study.stored("results", key), self.settings)
        if stored is not None:
            return stored
        limits = self.thresholds(ctx)
        wanted, values = self._compared(limits)
        found = search_pairs(self.cells, wanted, lambda: ErrorSearch(values, self.settings.count), ctx)
        rankings = [ranking.found(len(wanted)) for ranking in found.rankings()]
        lists = dict(zip(_ERRORS, rankings, strict=False))  # a single model is held against nothing
        return self._kept(key, PairLists(self.settings, limits, lists, time.perf_counter() - start))

    def between(self, low: float, high: float, ctx: JobContext) -> PairLists:
        """Genuine and impostor pairs with ``low`` ≤ score < ``high``, the highest scores first.

        Raises
        ------
        SettingsError
            For an empty interval, or when the dataset cannot be scored with the settings.
        Cancelled
        """
        start = time.perf_counter()
        if not low < high:
            raise SettingsError(f"no score lies between {low:g} and {high:g}", remedy="give the lower score first")
        key = self._key("interval", low=low, high=high)
        stored = load_pairs(self.study.stored("results", key), self.settings)
        if stored is not None:
            return stored
        limits = self.thresholds(ctx)
        wanted, _ = self._compared(limits)
        found = search_pairs(self.cells, wanted, lambda: IntervalSearch(low, high, self.settings.count), ctx)
        rankings = [ranking.found(len(wanted)) for ranking in (found.genuine, found.impostors)]
        lists = dict(zip(_INTERVAL, rankings, strict=True))
        return self._kept(key, PairLists(self.settings, limits, lists, time.perf_counter() - start))

    def stored(self, *, interval: tuple[float, float] | None = None) -> PairLists | None:
        """What is stored, without looking for anything; None where nothing is."""
        key = self._key("errors") if interval is None else self._key("interval", low=interval[0], high=interval[1])
        return load_pairs(self.study.stored("results", key), self.settings)

    def shown(self, found: FoundPairs) -> tuple[FacePair, ...]:
        """The pairs of a list with names."""
        firsts, seconds = self.sides.sides(found.first), self.sides.sides(found.second)
        scores = found.scores.astype(np.float64).tolist()
        return tuple(
            FacePair(first, second, pool, genuine, row[0], *(_number(score) for score in row[1:]))
            for first, second, pool, genuine, row in zip(
                firsts, seconds, found.pool.tolist(), found.genuine.tolist(), scores, strict=True
            )
        )

    # -- private -------------------------------------------------------------------------------------------------
    def _compared(self, limits: PairThresholds) -> tuple[list[tuple[str, str]], list[float]]:
        """The cell and the single models it is held against, and their thresholds."""
        source, target = self.settings.source, self.settings.target
        if self.settings.single:
            return [(source, target)], [limits.cell]
        return [(source, target), (target, target), (source, source)], [limits.cell, limits.target, limits.source]

    def _key(self, what: str, **more: float) -> str:
        settings, cells = self.settings, self.cells
        source, target = settings.source, settings.target
        return content_key(
            f"pairs, {what}",
            cell=cells.key(source, target),
            source=cells.key(source, source),
            target=cells.key(target, target),
            target_far=settings.far,
            rule=str(settings.rule),
            count=settings.count,
            made=_MADE,
            **more,
        )

    def _kept(self, key: str, lists: PairLists) -> PairLists:
        if lists.seconds > _WORTH_STORING and not self.study.read_only:
            usable = self.cells.usable
            folders = usable.folders
            attributes = {
                "source": folders[self.settings.source],
                "target": folders[self.settings.target],
                "dataset": usable.dataset.folder,
            }
            save_pairs(self.study.stored("results", key), lists, attributes)
        return lists


def pairs_csv(pairs: Sequence[FacePair], thresholds: PairThresholds, settings_line: str, *, names: bool) -> str:
    """A list as CSV: every score with its threshold; the settings in a line that begins with ``#``.

    With ``names`` images and subjects are named, else numbered as the study lists them: names of faces are personal.
    Templates have the ids that the protocol's files give them either way.
    """
    lines = ["# " + " ".join(settings_line.split())]
    lines.append("first,second,first_subject,second_subject,genuine,half,score,threshold,target_alone,target_threshold,"
                 "source_alone,source_threshold")  # fmt: skip
    subjects: dict[str, int] = {}
    for pair in pairs:
        who = []
        for side in (pair.first, pair.second):
            number = subjects.setdefault(side.subject, len(subjects))
            shown = side.name.removeprefix("template ") if side.template else side.name if names else str(side.number)
            who.append((shown, side.subject if names else f"subject {number}"))
        fields = [who[0][0], who[1][0], who[0][1], who[1][1], str(int(pair.genuine)), str(pair.pool)]
        for score, threshold in (
            (pair.score, thresholds.cell),
            (pair.target_score, thresholds.target),
            (pair.source_score, thresholds.source),
        ):
            fields += ["" if score is None else f"{score:.10g}", "" if score is None else f"{threshold:.10g}"]
        lines.append(",".join(map(quoted, fields)))
    return "\n".join(lines) + "\n"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
