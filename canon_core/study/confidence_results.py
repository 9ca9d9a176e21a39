"""How sure a matrix's TARs and their differences are: frozen results, and what of a cell is kept on disk for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from canon_core.maps.kinds import MapKind
from canon_core.store.arrays import save_arrays
from canon_core.study.result_files import as_text, from_text, reading_arrays
from canon_core.study.results import MatrixSettings
from canon_core.verification.bootstrap import DEFAULT_LEVEL, DEFAULT_RESAMPLES, Rates
from canon_core.verification.intervals import FEW_DECIDE, TarInterval, ThresholdEvidence, intervals_of
from canon_core.verification.roc import FarRule, OperatingPoint

Pair = tuple[str, str]


@dataclass(frozen=True)
class ConfidenceSettings:
    """Everything that intervals depend on besides the embeddings.

    Attributes
    ----------
    matrix : MatrixSettings
        Of the cells.
    resamples, seed : int
        How often subjects are drawn again, and the seed of the draws.
    level : float
        Of the intervals, in (0, 1).
    """

    matrix: MatrixSettings
    resamples: int = DEFAULT_RESAMPLES
    seed: int = 0
    level: float = DEFAULT_LEVEL


@dataclass(frozen=True)
class CellConfidence:
    """Intervals of one cell; ``intervals[rule][k]`` belongs to the settings' ``far[k]``. ``key`` is the cell's."""

    key: str
    source: str
    target: str
    intervals: Mapping[FarRule, tuple[TarInterval, ...]]


@dataclass(frozen=True)
class TarDifference:
    """A cell's TAR minus another's at one target FAR, resampled with the same draws.

    Attributes
    ----------
    other : (source, target)
        The cell that is subtracted.
    tar, low, high : float
        The difference as measured, and its interval.
    few_decide, unresolved : bool
        Whether fewer than 100, and than 30, impostor scores decide either cell. With few, the two intervals are joined
        as of independent cells: rather too wide than too narrow.
    """

    other: Pair
    tar: float
    low: float
    high: float
    few_decide: bool
    unresolved: bool


Differences = Mapping[FarRule, tuple[TarDifference | None, ...]]


@dataclass(frozen=True)
class Confidence:
    """Intervals of the cells of one matrix, and of differences of cells. The maps are held fixed.

    Attributes
    ----------
    settings : ConfidenceSettings
    protocol, dataset_title : str
        As the matrix has them.
    subjects : int
        How many are drawn from.
    cells : mapping of (source, target) to CellConfidence or None
        None while (or where) missing.
    missing : mapping of (source, target) to str
        Why a cell cannot exist.
    to_weaker : mapping of (source, target) to mapping of FarRule to tuple
        Of a cross-model cell: its TAR minus that of the weaker of its two single models, the one with the smaller TAR
        at that FAR (not chosen again in every draw); None where a cell is missing.
    to_reverse : same
        A→B minus B→A.
    seconds : float
    """

    settings: ConfidenceSettings
    protocol: str
    dataset_title: str
    subjects: int
    cells: Mapping[Pair, CellConfidence | None]
    missing: Mapping[Pair, str] = field(default_factory=dict)
    to_weaker: Mapping[Pair, Differences] = field(default_factory=dict)
    to_reverse: Mapping[Pair, Differences] = field(default_factory=dict)
    seconds: float = 0.0

    def interval(self, source: str, target: str, far: float, rule: FarRule) -> TarInterval | None:
        """A cell's interval at a FAR target, None where the cell is missing.

        Raises
        ------
        ValueError
            When the settings do not hold that FAR.
        """
        cell = self.cells.get((source, target))
        return None if cell is None else cell.intervals[rule][self.settings.matrix.far.index(far)]


def confidence_line(confidence: Confidence) -> str:
    """How the intervals were found, in one line, as it stands below them."""
    settings = confidence.settings
    maps = settings.matrix.map is not MapKind.NONE and len(settings.matrix.models) > 1
    return (
        f"{100 * settings.level:g} % intervals of {settings.resamples:,} draws of {confidence.subjects:,} subjects"
        f" (seed {settings.seed}): the threshold is found again in every draw{', maps are held fixed' * maps};"
        f" where fewer than {FEW_DECIDE:.0f} impostor scores decide, thresholds by the exact Poisson interval of their"
        " number"
    )


@dataclass(frozen=True, eq=False)
class ResampledCell:
    """What is kept of a cell: enough for intervals of any level, and for differences on the same draws.

    Attributes
    ----------
    points : mapping of FarRule to tuple of OperatingPoint
        Of all pools together.
    tar : mapping of FarRule to (targets, r) float64
        In every draw.
    evidence : mapping of FarRule to ThresholdEvidence
    """

    points: Mapping[FarRule, tuple[OperatingPoint, ...]]
    tar: Mapping[FarRule, Rates]
    evidence: Mapping[FarRule, ThresholdEvidence]

    def intervals(self, level: float) -> Mapping[FarRule, tuple[TarInterval, ...]]:
        """Intervals by both rules."""
        return {
            rule: intervals_of(self.points[rule], self.tar[rule], self.evidence[rule], level) for rule in FarRule
        }

    def as_asked(self, places: list[int]) -> ResampledCell:
        """The same at some of its targets, by position."""
        return ResampledCell(
            points={rule: tuple(points[place] for place in places) for rule, points in self.points.items()},
            tar={rule: tar[places] for rule, tar in self.tar.items()},
            evidence={
                rule: ThresholdEvidence(kept.at_least, kept.above, kept.impostors, kept.fixed[places])
                for rule, kept in self.evidence.items()
            },
        )


def save_resampled(path: Path, cell: ResampledCell, attributes: Mapping[str, str]) -> None:
    """Write a resampled cell; ``attributes`` name the folders of source, target and dataset."""
    either = cell.evidence[FarRule.NEAREST]
    arrays: dict[str, np.ndarray[Any, Any]] = {
        # Both rules have the same impostor scores: they are kept once.
        "at_least": either.at_least,
        "above": either.above,
    }
    for rule in FarRule:
        arrays[f"points_{rule}"] = as_text(cell.points[rule])
        arrays[f"tar_{rule}"] = cell.tar[rule]
        arrays[f"fixed_{rule}"] = cell.evidence[rule].fixed
    save_arrays(path, arrays, {**attributes, "impostors": either.impostors})


def load_resampled(path: Path) -> ResampledCell | None:
    """Read a resampled cell, None where there is none.

    Raises
    ------
    StoreError
        When the file is damaged.
    """
    if not path.exists():
        return None
    with reading_arrays(path, "a resampled cell", "the cell will be resampled again") as (arrays, facts):
        points = {rule: from_text(tuple[OperatingPoint, ...], arrays[f"points_{rule}"]) for rule in FarRule}
        tar = {rule: _of_targets(arrays[f"tar_{rule}"], len(points[rule])) for rule in FarRule}
        evidence = {
            rule: ThresholdEvidence(
                at_least=arrays["at_least"],
                above=arrays["above"],
                impostors=int(facts["impostors"]),
                fixed=_of_targets(arrays[f"fixed_{rule}"], len(points[rule])),
            )
            for rule in FarRule
        }
        return ResampledCell(points, tar, evidence)


def _of_targets(rates: np.ndarray[Any, Any], targets: int) -> Rates:
    if rates.ndim != 2 or len(rates) != targets or rates.dtype != np.float64:
        raise ValueError(rates.shape)
    return rates
