"""Error rates of groups of templates at one threshold: who is taken for whom, and who is not recognised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.jobs import JobContext
from canon_core.verification.bootstrap import Draws, percentile_interval
from canon_core.verification.poisson_interval import poisson_interval
from canon_core.verification.template_scores import ScoredPairs

Counts = NDArray[np.int64]
Rates = NDArray[np.float64]

#: Draws worked on at a time.
_DRAWS: Final = 250
#: Counts of impostor pairs held at a time: 128 MB.
_TABLE: Final = 1 << 25


@dataclass(frozen=True)
class RateInterval:
    """An error rate with its interval.

    Attributes
    ----------
    errors, pairs : int
        False accepts among impostor pairs, or false rejects among genuine ones.
    low, high : float
        The interval's ends; NaN without pairs.
    """

    errors: int
    pairs: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """The rate measured; NaN without pairs."""
        return self.errors / self.pairs if self.pairs else float("nan")


@dataclass(frozen=True, eq=False)
class GroupCounts:
    """Pairs and errors by group at one threshold, as counted and in every draw of subjects.

    Attributes
    ----------
    impostors, false_accepts : (g, g) int64
        Rows: group of the template through the source (and its map); columns: of that through the target.
    genuine, false_rejects : (g + 1,) int64
        By the group of both templates; last, those whose templates are of two groups.
    drawn_impostors, drawn_false_accepts : (r, g, g) float64
    drawn_genuine, drawn_false_rejects : (r, g + 1) float64
        A pair of subjects s, t counts w_s · w_t times, a genuine pair w_s times.
    """

    impostors: Counts
    false_accepts: Counts
    genuine: Counts
    false_rejects: Counts
    drawn_impostors: Rates
    drawn_false_accepts: Rates
    drawn_genuine: Rates
    drawn_false_rejects: Rates

    def false_match_rates(self, level: float = 0.95) -> list[list[RateInterval]]:
        """[g][g] FMR of every two groups, whichever of the two the source embeds: the counts of both orders are
        added.

        The threshold is fixed. Between percentiles of the draws, or the ends of the exact Poisson interval of the
        false accepts (Garwood 1936) where those lie further out. With hardly a false accept, draws differ too little;
        and false accepts are no independent events where some subjects attract them: the Poisson interval alone
        covered 63 to 95 % instead of 95 % in simulations with 5 to 80 of them, the wider of both 93 to 99 %.
        """
        pairs, errors = _either_order(self.impostors), _either_order(self.false_accepts)
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = _either_order(self.drawn_false_accepts) / _either_order(self.drawn_impostors)
            exact = [end / pairs for end in poisson_interval(errors, level)]
        by_subjects = percentile_interval(np.moveaxis(drawn, 0, -1), level)
        low, high = np.fmin(by_subjects[..., 0], exact[0]), np.fmax(by_subjects[..., 1], exact[1])
        return [
            [
                _rate(int(errors[place]), int(pairs[place]), (low[place], high[place]))
                for place in ((one, other) for other in range(len(pairs)))
            ]
            for one in range(len(pairs))
        ]

    def false_non_match_rates(self, level: float = 0.95) -> list[RateInterval]:
        """[g + 1] FNMR of every group, and of genuine pairs across groups.

        Between percentiles of the draws, or Wilson's ends where those lie further out: with hardly an error, or
        hardly a subject, draws differ too little.
        """
        with np.errstate(invalid="ignore"):
            drawn = self.drawn_false_rejects / self.drawn_genuine
        by_subjects = percentile_interval(drawn.T, level)
        low, high = wilson_interval(self.false_rejects, self.genuine, level)
        low, high = np.fmin(by_subjects[:, 0], low), np.fmax(by_subjects[:, 1], high)
        return [
            _rate(int(self.false_rejects[group]), int(self.genuine[group]), (low[group], high[group]))
            for group in range(len(self.genuine))
        ]


def group_counts(
    scored: Sequence[ScoredPairs],
    groups: Counts,
    count: int,
    threshold: float,
    draws: Draws,
    *,
    ctx: JobContext | None = None,
) -> GroupCounts:
    """Count pairs and errors of groups at one threshold for all, in the data and in every draw of subjects.

    Parameters
    ----------
    scored : sequence of ScoredPairs
        The pools of one cell.
    groups : (t,) int64
        Group of every template.
    count : int
        Groups.
    threshold : float
        A pair is accepted iff its score ≥ the threshold.
    draws : (r, s) uint8
        :func:`~canon_core.verification.bootstrap.draw_subjects`.
    ctx : JobContext, optional
        Checked at every strip.

    Raises
    ------
    Cancelled
    """
    context = ctx or JobContext()
    least = np.float32(threshold)
    counts, drawn = np.zeros((2, count, count), np.int64), np.zeros((2, len(draws), count, count))
    genuine, rejected = np.zeros((2, draws.shape[1], count + 1), np.int64)
    for one in scored:
        plan = one.plan
        first_group, second_group = groups[plan.first], groups[plan.second]
        row, column = plan.rows_and_columns(plan.genuine, np.arange(one.genuine.size))
        group = np.where(first_group[row] == second_group[column], first_group[row], count)
        place = plan.first_subjects[row] * (count + 1) + group
        genuine += np.bincount(place, minlength=genuine.size).reshape(genuine.shape)
        rejected += np.bincount(place[one.genuine < least], minlength=rejected.size).reshape(rejected.shape)
        # What a draw weighs is the same for all templates of one subject and group on the second side: they share a
        # column, group after group.
        columns, of_column = np.unique(second_group * draws.shape[1] + plan.second_subjects, return_inverse=True)
        column_group, column_subject = np.divmod(columns, draws.shape[1])
        starts = np.flatnonzero(np.diff(column_group, prepend=-1))
        for number, first, table in _tables(one, of_column, columns.size, least, context):
            groups_here, subjects_here = first_group[first], plan.first_subjects[first]
            for group in np.unique(groups_here).tolist():
                mine = groups_here == group
                part = table[mine]
                counts[number, group, column_group[starts]] += np.add.reduceat(
                    part.sum(axis=0, dtype=np.float64).astype(np.int64), starts
                )
                for low in range(0, len(draws), _DRAWS):
                    context.check()
                    chosen = slice(low, low + _DRAWS)
                    # Whole numbers far below 2^24: exact in float32.
                    weight = draws[chosen, subjects_here[mine]].astype(np.float32) @ part
                    weight *= draws[chosen, column_subject]
                    drawn[number, chosen, group, column_group[starts]] += np.add.reduceat(
                        weight, starts, axis=1, dtype=np.float64
                    ).T
    weights = draws.astype(np.float64)
    return GroupCounts(
        impostors=counts[0],
        false_accepts=counts[1],
        genuine=genuine.sum(axis=0),
        false_rejects=rejected.sum(axis=0),
        drawn_impostors=drawn[0],
        drawn_false_accepts=drawn[1],
        drawn_genuine=weights @ genuine,
        drawn_false_rejects=weights @ rejected,
    )


def wilson_interval(count: Counts, total: Counts, level: float = 0.95) -> tuple[Rates, Rates]:
    """Interval of a rate from ``count`` of ``total`` independent pairs (Wilson 1927); NaN where there are none."""
    from scipy import special  # slow to import, and the window imports this room before its first paint

    z = float(special.ndtri(0.5 + level / 2))
    errors, pairs = np.asarray(count, np.float64), np.asarray(total, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = errors / pairs
        middle = (rate + z**2 / (2 * pairs)) / (1 + z**2 / pairs)
        half = z / (1 + z**2 / pairs) * np.sqrt(rate * (1 - rate) / pairs + z**2 / (4 * pairs**2))
    low, high = np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)
    return np.where(errors == 0, np.where(pairs > 0, 0.0, np.nan), low), high


def _tables(
    one: ScoredPairs, of_column: NDArray[np.intp], columns: int, least: np.float32, context: JobContext
) -> Iterator[tuple[int, slice, NDArray[np.float32]]]:
    """(first templates, columns) how many impostor pairs (0), or accepted ones (1), each column has with some first
    templates: as many strips at a time as fit, since one table for all takes gigabytes where every template is a
    subject of its own."""
    plan = one.plan
    held = max(1, _TABLE // max(plan.side * columns, 1))
    for low in range(0, plan.strips, held):
        first = slice(low * plan.side, min((low + held) * plan.side, plan.first.size))
        for only_accepted in (False, True):
            table = np.empty((first.stop - first.start, columns), np.float32)
            for strip in range(low, min(low + held, plan.strips)):
                context.check()
                rows = table[(strip - low) * plan.side : (strip - low + 1) * plan.side]
                within = slice(plan.impostors.starts[strip], plan.impostors.starts[strip + 1])
                places = plan.impostors.place[within]
                if only_accepted:
                    places = places[one.impostors[within] >= least]
                row, column = np.divmod(places, plan.second.size)
                place = row * np.int64(columns) + of_column[column]
                rows[:] = np.bincount(place, minlength=rows.size).reshape(rows.shape)
            yield int(only_accepted), first, table


def _either_order(table: Counts | Rates) -> Rates:
    """Both orders of two different groups added; (…, g, g)."""
    turned = np.swapaxes(table, -1, -2)
    same = np.eye(table.shape[-1], dtype=bool)
    return np.asarray(np.where(same, table, table + turned))


def _rate(errors: int, pairs: int, ends: tuple[float, float]) -> RateInterval:
    nothing = float("nan")
    low, high = (float(end) for end in ends)
    return RateInterval(errors, pairs, low, min(high, 1.0)) if pairs else RateInterval(0, 0, nothing, nothing)
