"""Nearest others, and who has a partner, against a loop over every two points."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from canon_core.errors import Cancelled
from canon_core.jobs import JobContext
from canon_core.projection import nearest
from canon_core.projection.agreement import subject_agreement
from canon_core.projection.nearest import have_partners, margins, nearest_others


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def made() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    subjects = rng.integers(0, 12, 60)
    belongs = (rng.random((60, 25)) < 0.06).astype(int)
    own = np.eye(60, dtype=int)
    return unit(rng.normal(size=(60, 9))), unit(rng.normal(size=(60, 6))), subjects, np.hstack([own, belongs])


@pytest.mark.parametrize("block", [nearest._BLOCK, 100])
def test_nearest_others_are_those_of_a_loop(made, block: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nearest, "_BLOCK", block)
    source, target, subjects, belongs = made
    found = nearest_others(source, target, sparse.csr_array(belongs))
    padded = np.hstack([target, np.zeros((60, 3))])
    for row in range(60):
        scores = [
            -2.0 if (belongs[row] & belongs[other]).any() else float(source[row] @ padded[other]) for other in range(60)
        ]
        assert found[row] == int(np.argmax(scores))
    partners = have_partners(subjects, sparse.csr_array(belongs))
    for row in range(60):
        others = [o for o in range(60) if subjects[o] == subjects[row] and not (belongs[row] & belongs[o]).any()]
        assert partners[row] == bool(others)


def test_they_give_the_score_of_the_overlay(made):
    source, target, subjects, belongs = made
    score = subject_agreement(source, target, subjects, sparse.csr_array(belongs))
    asked = have_partners(subjects, sparse.csr_array(belongs))
    found = nearest_others(source, target, sparse.csr_array(belongs))
    assert score.asked == asked.sum()
    assert score.hits == (asked & (subjects[found] == subjects)).sum()


@pytest.mark.parametrize("block", [nearest._BLOCK, 100])
def test_margins_are_those_of_a_loop(made, block: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nearest, "_BLOCK", block)
    source, target, subjects, belongs = made
    subjects = np.concatenate([subjects[:59], [99]])  # nobody else shows the last one
    found = margins(source, target, subjects, sparse.csr_array(belongs))
    padded = np.hstack([target, np.zeros((60, 3))])
    for row in range(60):
        allowed = [other for other in range(60) if not (belongs[row] & belongs[other]).any()]
        genuine = [float(source[row] @ padded[o]) for o in allowed if subjects[o] == subjects[row]]
        impostor = [float(source[row] @ padded[o]) for o in allowed if subjects[o] != subjects[row]]
        if genuine:
            assert found[row] == pytest.approx(max(genuine) - max(impostor), abs=1e-6)
        else:
            assert np.isnan(found[row])
    assert np.isnan(found[59])


def test_what_shares_with_everything_has_no_neighbour():
    rows = unit(np.ones((3, 4)))
    assert nearest_others(rows, rows, sparse.csr_array(np.ones((3, 1), int))).tolist() == [-1, -1, -1]


def test_it_can_be_cancelled(made):
    source, target, _, belongs = made
    ctx = JobContext()
    ctx.cancel()
    with pytest.raises(Cancelled):
        nearest_others(source, target, sparse.csr_array(belongs), ctx)
