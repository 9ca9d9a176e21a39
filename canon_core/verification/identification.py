"""1:N identification: every probe searched in a gallery of enrolled subjects (field facts, 1:N identification)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from canon_core.cores import usable_cores
from canon_core.errors import SettingsError
from canon_core.jobs import JobContext
from canon_core.verification.roc import FarRule, OperatingPoint, Roc, check_target, roc_of_scores
from canon_core.verification.threads import share_out

Scores = NDArray[np.float32]
Codes = NDArray[np.int64]

#: Scores of one block of probes: 16 MB of float32.
_BLOCK_SCORES: Final = 4_000_000
#: Ranks reported, and the last rank of the CMC curve.
RANKS: Final = (1, 5, 10)
LAST_RANK: Final = 100
#: Target FPIRs unless others are asked for.
DEFAULT_FPIR: Final = (1e-1, 1e-2, 1e-3)


@dataclass(frozen=True)
class IdentificationPoint:
    """Open-set identification at one threshold: a probe is answered iff its best score ≥ the threshold.

    Attributes
    ----------
    target : float
        The FPIR asked for.
    threshold : float
        An observed score, or +inf.
    false_positives, non_mated : int
        Probes of subjects outside the gallery that are answered, and how many there are.
    hits, mated : int
        Probes of enrolled subjects that are answered with their own subject at rank 1, and how many there are.
    """

    target: float
    threshold: float
    false_positives: int
    non_mated: int
    hits: int
    mated: int

    @property
    def fpir(self) -> float:
        """Achieved false positive identification rate; NaN without non-mated probes."""
        return self.false_positives / self.non_mated if self.non_mated else float("nan")

    @property
    def tpir(self) -> float:
        """True positive identification rate; NaN without mated probes, and without others to choose a threshold."""
        return self.hits / self.mated if self.mated and self.non_mated else float("nan")


@dataclass(frozen=True, eq=False)
class GalleryScores:
    """One gallery searched with every probe.

    Attributes
    ----------
    gallery : int
        Enrolled subjects.
    rank : (p,) int64
        Rank of the probe's own subject; 0 where it is not enrolled. A tie counts against the probe.
    own, best : (p,) float32
        Score of the probe's own subject (−inf where not enrolled), and the highest score of all.
    lost_subjects, lost_probes : int
        Subjects that should be enrolled but of whom nothing is left, and probes that are not among ``rank``: theirs,
        and those of zeros.
    """

    gallery: int
    rank: Codes
    own: Scores
    best: Scores
    lost_subjects: int = 0
    lost_probes: int = 0

    @property
    def mated(self) -> int:
        """Probes whose subject is enrolled."""
        return int(np.count_nonzero(self.rank))

    @property
    def non_mated(self) -> int:
        """Probes whose subject is not."""
        return self.rank.size - self.mated

    def cmc(self, last_rank: int = LAST_RANK) -> Codes:
        """(last_rank,) mated probes whose subject is among the first 1, 2, … ranks."""
        counts = np.bincount(np.minimum(self.rank, last_rank + 1), minlength=last_rank + 2)
        return np.asarray(np.cumsum(counts[1 : last_rank + 1]), np.int64)

    def at(self, target: float, rule: FarRule) -> IdentificationPoint:
        """Open-set identification at a target FPIR; the threshold is chosen as one of a ROC whose impostor scores
        are the best scores of non-mated probes.

        Raises
        ------
        SettingsError
            When the target is not in [0, 1].
        """
        check_target(target)
        point: OperatingPoint = self._roc.at(target, rule)
        return IdentificationPoint(
            target, point.threshold, point.false_accepts, point.impostors, point.true_accepts, self.mated
        )

    @cached_property
    def _roc(self) -> Roc:
        """Of hits against non-mated probes: only first ranks can be hits, whatever the threshold."""
        return roc_of_scores(self.own[self.rank == 1], self.best[self.rank == 0])


@dataclass(frozen=True, eq=False)
class Identification:
    """Closed-set and open-set identification over one gallery or several.

    Attributes
    ----------
    galleries : tuple of GalleryScores
        Each searched by itself.
    cmc : (LAST_RANK,) float64
        Hit rates at ranks 1, 2, …, mated probes of all galleries pooled; NaN without any.
    points : mapping of FarRule to tuple over galleries of tuple of IdentificationPoint
        Aligned with the FPIR targets.
    tpir : mapping of FarRule to tuple of float
        Mean over galleries.
    """

    galleries: tuple[GalleryScores, ...]
    cmc: NDArray[np.float64]
    points: Mapping[FarRule, tuple[tuple[IdentificationPoint, ...], ...]]
    tpir: Mapping[FarRule, tuple[float, ...]]

    def hit_rate(self, rank: int) -> float:
        """Part of the mated probes whose subject is among the first ``rank`` ranks."""
        return float(self.cmc[rank - 1])


def identification(galleries: Sequence[GalleryScores], fpir: Sequence[float] = DEFAULT_FPIR) -> Identification:
    """Read hit rates and TPIRs at target FPIRs off galleries that were searched.

    Parameters
    ----------
    galleries : sequence of GalleryScores
        :func:`search`, such as of G1 and of G2, or of those reduced to one half of the subjects and to the other.
    fpir : sequence of float

    Raises
    ------
    SettingsError
        Without galleries, or when a target is not a rate.
    """
    if not galleries:
        raise SettingsError("no gallery to search")
    mated = sum(one.mated for one in galleries)
    hits = np.sum([one.cmc() for one in galleries], axis=0)
    points = {rule: tuple(tuple(one.at(target, rule) for target in fpir) for one in galleries) for rule in FarRule}
    return Identification(
        galleries=tuple(galleries),
        cmc=hits / mated if mated else np.full(LAST_RANK, np.nan),
        points=points,
        tpir={
            rule: tuple(float(np.mean([one[number].tpir for one in points[rule]])) for number in range(len(fpir)))
            for rule in FarRule
        },
    )


def search(
    probes: ArrayLike,
    probe_subjects: ArrayLike,
    gallery: ArrayLike,
    gallery_subjects: ArrayLike,
    *,
    threads: int | None = None,
    ctx: JobContext | None = None,
) -> GalleryScores:
    """Search a gallery with every probe.

    A subject's score is the best of its templates'. The own subject's rank is 1 + the other subjects whose score is
    at least as high: ties count against the probe.

    Parameters
    ----------
    probes : (p, d) float32
        Templates through the source and its map; unit rows.
    probe_subjects : (p,) int
    gallery : (g, d) float32
        Templates of the target; unit rows.
    gallery_subjects : (g,) int
    threads : int, optional
        The usable cores unless given. The result does not depend on it.
    ctx : JobContext, optional
        Checked at every block; told of the probes searched.

    Raises
    ------
    SettingsError
        When shapes do not fit each other, the gallery is empty, or a score is NaN or infinite.
    Cancelled
    """
    context = ctx or JobContext()
    rows, columns = (np.ascontiguousarray(side, np.float32) for side in (probes, gallery))
    wanted, enrolled = np.asarray(probe_subjects, np.int64), np.asarray(gallery_subjects, np.int64)
    if rows.ndim != 2 or columns.ndim != 2 or rows.shape[1] != columns.shape[1]:
        raise SettingsError(f"probes of shape {rows.shape} cannot be searched in a gallery of shape {columns.shape}")
    if wanted.shape != rows.shape[:1] or enrolled.shape != columns.shape[:1]:
        raise SettingsError(
            f"{wanted.size} and {enrolled.size} subjects are not those of {len(rows)} probes and {len(columns)} "
            "gallery templates"
        )
    if not columns.size:
        raise SettingsError("the gallery is empty")
    order = np.argsort(enrolled, kind="stable")
    columns = columns[order]
    subjects, starts = np.unique(enrolled[order], return_index=True)
    place = np.minimum(np.searchsorted(subjects, wanted), subjects.size - 1)
    mated = subjects[place] == wanted
    rank = np.zeros(len(rows), np.int64)
    own, best = np.full(len(rows), -np.inf, np.float32), np.empty(len(rows), np.float32)
    height = max(1, min(512, _BLOCK_SCORES // len(columns)))
    lock, done = threading.Lock(), 0

    def worker() -> Callable[[int], None]:
        def find(start: int) -> None:
            nonlocal done
            context.check()
            part = slice(start, min(start + height, len(rows)))
            scores = rows[part] @ columns.T
            if subjects.size < len(columns):
                scores = np.maximum.reduceat(scores, starts, axis=1)
            best[part] = scores.max(axis=1)
            having = np.flatnonzero(mated[part])
            found = scores[having, place[part][having]]
            own[part][having] = found
            rank[part][having] = np.count_nonzero(scores[having] >= found[:, None], axis=1)
            with lock:
                done += part.stop - part.start
                context.report(done, len(rows), "probes searched")

        return find

    share_out(range(0, len(rows), height), worker, threads or usable_cores())
    if not np.isfinite(best).all():
        raise SettingsError("scores hold NaN or infinite numbers")
    return GalleryScores(subjects.size, rank, own, best)
