"""The first pairs of a stream of scores are those that sorting everything gives, however the stream is cut."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from canon_core.verification.pair_search import ErrorSearch, IntervalSearch, PairBlock, Ranking

Row = tuple[int, int, int, bool, tuple[float, ...]]


def stream(seed: int, pairs: int, cells: int = 3) -> list[Row]:
    """Pairs of two pools with scores that often tie."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(pairs):
        scores = tuple(float(score) for score in rng.integers(-4, 5, cells) / 4)
        rows.append((int(rng.integers(2)), number, int(rng.integers(50)), bool(rng.integers(2)), scores))
    return rows


def cut(rows: list[Row], size: int) -> list[PairBlock]:
    """The same as blocks, each of one pool and one kind, in another order."""
    blocks = []
    for pool in (1, 0):
        for genuine in (False, True):
            own = [row for row in rows if row[0] == pool and row[3] == genuine]
            for start in reversed(range(0, len(own), size)):
                part = own[start : start + size]
                first, second = (np.array([row[side] for row in part], np.int64) for side in (1, 2))
                scores = np.array([row[4] for row in part], np.float32)
                blocks.append(
                    PairBlock(
                        pool,
                        genuine,
                        tuple(np.ascontiguousarray(column) for column in scores.T),
                        lambda places, first=first, second=second: (first[places], second[places]),
                    )
                )
    return blocks


def listed(found: object) -> list[Row]:
    columns = [getattr(found, name).tolist() for name in ("pool", "first", "second", "genuine", "scores")]
    return [(pool, first, second, genuine, tuple(scores)) for pool, first, second, genuine, scores in zip(*columns,
            strict=True)]  # fmt: skip


def first_of(rows: list[Row], count: int, *, highest: bool) -> list[Row]:
    """By sorting everything."""
    return sorted(rows, key=lambda row: (-row[4][0] if highest else row[4][0], *row[:3]))[:count]


@examples(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    pairs=st.integers(0, 300),
    size=st.integers(1, 120),
    count=st.integers(1, 40),
    highest=st.booleans(),
)
def test_a_ranking_keeps_what_sorting_keeps(seed: int, pairs: int, size: int, count: int, highest: bool) -> None:
    rows = stream(seed, pairs)
    one, other = Ranking(count, highest=highest), Ranking(count, highest=highest)
    for number, block in enumerate(cut(rows, size)):
        (one if number % 3 else other).add(block, np.arange(block.scores[0].size))
    one.merge(other)
    found = one.found(3)
    assert found.total == pairs
    assert listed(found) == first_of(rows, count, highest=highest)


@examples(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), pairs=st.integers(0, 300), size=st.integers(1, 99), count=st.integers(1, 30))
def test_errors_and_what_other_cells_do_otherwise(seed: int, pairs: int, size: int, count: int) -> None:
    rows, limits = stream(seed, pairs), (0.25, -0.25, 0.5)
    searches = [ErrorSearch(limits, count) for _ in range(2)]
    for number, block in enumerate(cut(rows, size)):
        searches[number % 2].look(block)
    searches[0].merge(searches[1])
    expected = []
    for created, other in ((None, None), (True, 1), (False, 1), (True, 2), (False, 2)):
        for genuine in (False, True):
            chosen = []
            for row in rows:
                accepted = [score >= limit for score, limit in zip(row[4], limits, strict=True)]
                wrong = [each != row[3] for each in accepted]
                if created is None:
                    wanted = wrong[0]
                else:
                    wanted = (wrong[0] and not wrong[other]) if created else (wrong[other] and not wrong[0])
                if row[3] == genuine and wanted:
                    chosen.append(row)
            # What the cell gets wrong: the worst first; what it gets right: the clearest first.
            highest = genuine if created is False else not genuine
            expected.append((len(chosen), first_of(chosen, count, highest=highest)))
    found = [ranking.found(3) for ranking in searches[0].rankings()]
    assert [(each.total, listed(each)) for each in found] == expected


@examples(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), low=st.integers(-5, 4), width=st.integers(1, 5))
def test_an_interval_holds_its_lower_end_alone(seed: int, low: int, width: int) -> None:
    rows, ends = stream(seed, 200), (low / 4, (low + width) / 4)
    search = IntervalSearch(*ends, 25)
    for block in cut(rows, 60):
        search.look(block)
    for genuine, ranking in ((True, search.genuine), (False, search.impostors)):
        inside = [row for row in rows if row[3] == genuine and ends[0] <= row[4][0] < ends[1]]
        assert ranking.found(3).total == len(inside)
        # The farthest from their own kind first.
        assert listed(ranking.found(3)) == first_of(inside, 25, highest=not genuine)


def test_a_pair_that_another_cell_does_not_have_is_neither_created_nor_repaired() -> None:
    search = ErrorSearch((0.5, 0.5), 9)
    scores = np.array([0.2, 0.8], np.float32), np.array([np.nan, np.nan], np.float32)
    for genuine in (True, False):
        search.look(PairBlock(0, genuine, scores, lambda places: (places, places)))
    assert [ranking.found(2).total for ranking in search.rankings()] == [1, 1, 0, 0, 0, 0]
