"""Searching galleries, against loops over probes and subjects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from canon_core.errors import Cancelled, SettingsError
from canon_core.jobs import JobContext
from canon_core.verification import identification as room
from canon_core.verification.identification import LAST_RANK, identification, search
from canon_core.verification.roc import FarRule

FPIR = (1.0, 0.5, 0.1, 0.02, 0.0)


def slow_search(
    scores: NDArray[np.float32], probe_subjects: NDArray[np.int64], gallery_subjects: NDArray[np.int64]
) -> tuple[list[int], list[float], list[float]]:
    """Rank (0: not enrolled), own subject's score and best score of each probe."""
    ranks, owns, bests = [], [], []
    for row, subject in zip(scores, probe_subjects, strict=True):
        of_subject = {
            int(other): max(float(score) for score, one in zip(row, gallery_subjects, strict=True) if one == other)
            for other in set(gallery_subjects.tolist())
        }
        bests.append(max(of_subject.values()))
        own = of_subject.pop(int(subject), None)
        ranks.append(0 if own is None else 1 + sum(score >= own for score in of_subject.values()))
        owns.append(-np.inf if own is None else own)
    return ranks, owns, bests


def slow_point(
    ranks: list[int], owns: list[float], bests: list[float], target: float, rule: FarRule
) -> tuple[float, float]:
    """Every score as a threshold in turn: FPIR and TPIR of the one the rule names."""
    outside = [best for rank, best in zip(ranks, bests, strict=True) if rank == 0]
    enrolled = [(rank, own) for rank, own in zip(ranks, owns, strict=True) if rank > 0]
    hits = [own for rank, own in enrolled if rank == 1]
    reached = []
    for threshold in sorted({np.inf, *outside, *hits}, reverse=True):
        fpir = sum(best >= threshold for best in outside) / len(outside)
        tpir = sum(own >= threshold for own in hits) / len(enrolled)
        reached.append((fpir, tpir))
    if rule is FarRule.CONSERVATIVE:
        return [one for one in reached if one[0] <= target][-1]
    nearest = min(abs(fpir - target) for fpir, _ in reached)
    candidates = [one for one in reached if abs(one[0] - target) == nearest]
    most = max(tpir for _, tpir in candidates)
    return next(one for one in candidates if one[1] == most)


@settings(deadline=None, max_examples=80)
@given(
    seed=st.integers(0, 2**32 - 1),
    probes=st.integers(1, 40),
    templates=st.integers(1, 15),
    subjects=st.integers(1, 12),
    levels=st.sampled_from([1, 3, 1000]),
    galleries=st.integers(1, 2),
    block=st.sampled_from([1, 30, 10**6]),
    threads=st.integers(1, 3),
)
def test_ranks_and_rates_are_those_of_the_definitions(
    seed: int, probes: int, templates: int, subjects: int, levels: int, galleries: int, block: int, threads: int
) -> None:
    rng = np.random.default_rng(seed)
    probe_subjects = rng.integers(0, subjects, probes) * 11
    searched, slow = [], []
    for _ in range(galleries):
        gallery_subjects = rng.integers(0, subjects, templates) * 11
        scores = (rng.integers(-levels, levels + 1, (probes, templates)) / levels).astype(np.float32)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(room, "_BLOCK_SCORES", block)
            found = search(scores, probe_subjects, np.eye(templates), gallery_subjects, threads=threads)
        expected = slow_search(scores, probe_subjects, gallery_subjects)
        assert found.rank.tolist() == expected[0]
        assert found.own.tolist() == expected[1]
        assert found.best.tolist() == expected[2]
        assert found.gallery == len(set(gallery_subjects.tolist()))
        assert (found.mated, found.non_mated) == (np.count_nonzero(expected[0]), expected[0].count(0))
        searched.append(found)
        slow.append(expected)
    result = identification(searched, FPIR)
    ranks = [rank for one in slow for rank in one[0] if rank]
    for rank in (1, 2, 5, 10, LAST_RANK):
        if ranks:
            assert result.hit_rate(rank) == pytest.approx(np.mean([one <= rank for one in ranks]))
        else:
            assert np.isnan(result.hit_rate(rank))
    for rule in FarRule:
        for number, target in enumerate(FPIR):
            tpirs = []
            for points, one in zip(result.points[rule], slow, strict=True):
                point = points[number]
                assert (point.mated, point.non_mated) == (np.count_nonzero(one[0]), one[0].count(0))
                if point.mated and point.non_mated:
                    assert (point.fpir, point.tpir) == slow_point(*one, target, rule)
                else:
                    assert np.isnan(point.tpir)
                tpirs.append(point.tpir)
            assert result.tpir[rule][number] == pytest.approx(np.mean(tpirs), nan_ok=True)


def test_ties_count_against_the_probe() -> None:
    found = search([[1.0, 0.0]], [7], [[0.5, 1.0], [0.5, 0.0], [0.4, 0.0]], [7, 8, 9])
    assert found.rank.tolist() == [2]
    assert identification([found]).hit_rate(1) == 0.0
    assert identification([found]).hit_rate(5) == 1.0


def test_a_hit_must_come_first_and_reach_the_threshold() -> None:
    gallery = np.eye(3)
    probes = [[0.9, 0.1, 0.0], [0.6, 0.7, 0.0], [0.5, 0.0, 0.0], [0.3, 0.4, 0.8], [0.2, 0.1, 0.3]]
    found = search(probes, [1, 1, 1, 50, 60], gallery, [1, 2, 3])
    point = found.at(0.5, FarRule.CONSERVATIVE)
    assert (point.false_positives, point.non_mated, point.fpir) == (1, 2, 0.5)
    assert (point.hits, point.mated) == (2, 3)  # .9 and .5 come first; .6 comes second
    assert found.at(0.0, FarRule.CONSERVATIVE).hits == 1


def test_what_cannot_be_searched_is_refused() -> None:
    with pytest.raises(SettingsError, match="cannot be searched"):
        search(np.ones((2, 3)), [1, 2], np.ones((2, 4)), [1, 2])
    with pytest.raises(SettingsError, match="are not those of"):
        search(np.ones((2, 3)), [1], np.ones((2, 3)), [1, 2])
    with pytest.raises(SettingsError, match="empty"):
        search(np.ones((2, 3)), [1, 2], np.ones((0, 3)), [])
    with pytest.raises(SettingsError, match="NaN or infinite"):
        search([[1.0, np.nan]], [1], np.ones((2, 2)), [1, 2])
    with pytest.raises(SettingsError, match="no gallery"):
        identification([])
    found = search(np.ones((2, 3)), [1, 2], np.ones((2, 3)), [1, 5])
    with pytest.raises(SettingsError, match="not a rate"):
        identification([found], [2.0])
    ctx = JobContext()
    ctx.cancel()
    with pytest.raises(Cancelled):
        search(np.ones((2, 3)), [1, 2], np.ones((2, 3)), [1, 2], ctx=ctx)


def test_without_probes_there_is_no_rate() -> None:
    result = identification([search(np.ones((0, 3)), [], np.ones((2, 3)), [1, 2])])
    assert np.isnan(result.cmc).all()
    assert np.isnan(result.tpir[FarRule.NEAREST]).all()
