"""What an overlay is made of: the score, nearest neighbours, straight axes and the alignment, against other code."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial import procrustes
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from canon_core.errors import Cancelled
from canon_core.jobs import JobContext
from canon_core.projection import agreement, neighbours
from canon_core.projection.agreement import subject_agreement
from canon_core.projection.linear_axes import principal_axes, singular_axes
from canon_core.projection.neighbours import exact_neighbours
from canon_core.projection.procrustes import aligned


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def belongs(groups: list[list[int]]) -> sparse.csr_array:
    rows = [row for row, found in enumerate(groups) for _ in found]
    columns = [group for found in groups for group in found]
    return sparse.csr_array((np.ones(len(rows), int), (rows, columns)))


def slow_agreement(source, target, subjects, groups) -> tuple[int, int, float]:
    width = max(source.shape[1], target.shape[1])
    one, other = (np.pad(rows, ((0, 0), (0, width - rows.shape[1]))) for rows in (source, target))
    asked = hits = 0
    chance = 0.0
    for row in range(len(source)):
        allowed = [at for at in range(len(target)) if not set(groups[row]) & set(groups[at])]
        same = [at for at in allowed if subjects[at] == subjects[row]]
        if same:
            asked += 1
            chance += len(same) / len(allowed)
            hits += subjects[max(allowed, key=lambda at: one[row] @ other[at])] == subjects[row]
    return asked, hits, chance / asked


@pytest.mark.parametrize("block", [2**24, 37, 200])
@pytest.mark.parametrize(("wide", "wider"), [(6, 6), (6, 9), (9, 6)])
def test_the_score_is_what_a_loop_over_all_points_finds(wide: int, wider: int, block: int, monkeypatch):
    monkeypatch.setattr(agreement, "_BLOCK", block)
    rng = np.random.default_rng(0)
    subjects = rng.integers(0, 9, 60)
    subjects[:2] = 50, 51  # nobody else shows these
    centres = rng.normal(size=(60, 6))
    source = unit(np.pad(centres[subjects], ((0, 0), (0, wide - 6))) + 0.6 * rng.normal(size=(60, wide)))
    target = unit(np.pad(centres[subjects], ((0, 0), (0, wider - 6))) + 0.6 * rng.normal(size=(60, wider)))
    groups = [[row, 60 + row // 3, 100 + row % 17] for row in range(60)]
    found = subject_agreement(source, target, subjects, belongs(groups))
    asked, hits, chance = slow_agreement(source, target, subjects, groups)
    assert (found.asked, found.hits) == (asked, hits)
    assert 0 < hits < asked < 60
    assert found.chance == pytest.approx(chance)
    assert found.share == hits / asked


def test_a_point_whose_only_partner_is_its_own_medium_is_not_asked():
    rows = unit(np.eye(4) + 0.1)
    found = subject_agreement(rows, rows, np.array([0, 0, 1, 1]), belongs([[0, 9], [1, 9], [2], [3]]))
    assert found.asked == 2


def test_without_partners_there_is_no_share():
    rows = unit(np.eye(3))
    found = subject_agreement(rows, rows, np.arange(3), belongs([[0], [1], [2]]))
    assert found.asked == 0
    assert np.isnan(found.share)
    assert np.isnan(found.chance)


def test_the_score_can_be_cancelled():
    context = JobContext()
    context.cancel()
    with pytest.raises(Cancelled):
        subject_agreement(unit(np.eye(3)), unit(np.eye(3)), np.arange(3), belongs([[0], [1], [2]]), context)


@pytest.mark.parametrize("block", [2**24, 300])
def test_nearest_neighbours_are_those_of_scikit_learn(block: int, monkeypatch):
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    rows = unit(np.random.default_rng(1).normal(size=(150, 5)))
    which, far = exact_neighbours(rows, 8)
    expected = NearestNeighbors(n_neighbors=8, metric="cosine", algorithm="brute").fit(rows).kneighbors(rows)
    np.testing.assert_array_equal(which, expected[1])
    np.testing.assert_allclose(far, np.maximum(expected[0], 0), atol=1e-6)


def test_a_point_comes_first_among_its_copies():
    rows = unit(np.ones((4, 3)))
    which, far = exact_neighbours(rows, 2)
    np.testing.assert_array_equal(which[:, 0], np.arange(4))
    assert not far[:, 0].any()
    np.testing.assert_allclose(far, 0, atol=1e-6)


def test_an_aligned_layout_lies_where_procrustes_puts_it():
    rng = np.random.default_rng(2)
    anchors = rng.normal(size=(40, 2))
    angle = 0.7
    turn = np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])  # mirrored too
    noisy = np.concatenate([anchors + 0.1 * rng.normal(size=anchors.shape), rng.normal(size=(10, 2))])
    points = 3.0 * noisy @ turn + [5.0, -2.0]
    found, moved = aligned(points, anchors)
    _, _, disparity = procrustes(anchors, points[:40])
    assert moved == pytest.approx(np.sqrt(disparity))
    np.testing.assert_allclose(found[:40].mean(axis=0), anchors.mean(axis=0), atol=1e-12)
    exact, none = aligned(3.0 * anchors @ turn + 1.0, anchors)
    np.testing.assert_allclose(exact, anchors, atol=1e-12)
    assert none == pytest.approx(0, abs=1e-12)


def test_principal_axes_are_those_of_scikit_learn():
    rows = (np.random.default_rng(3).normal(size=(80, 6)) * [5, 3, 1, 1, 1, 1] + 2).astype(np.float32)
    expected = PCA(2, svd_solver="full").fit(rows)
    axes = principal_axes(rows)
    places, wanted = axes.place(rows), expected.transform(rows)
    np.testing.assert_allclose(np.abs(places), np.abs(wanted), atol=1e-4)
    assert axes.share(rows) == pytest.approx(expected.explained_variance_ratio_.sum())
    np.testing.assert_allclose(axes.place(rows[:, :4]), axes.place(np.pad(rows[:, :4], ((0, 0), (0, 2)))), atol=1e-5)
    np.testing.assert_allclose(axes.place(np.pad(rows, ((0, 0), (0, 3)))), places, atol=1e-5)


def test_singular_axes_are_what_a_map_stretches_most():
    rng = np.random.default_rng(4)
    matrix = rng.normal(size=(5, 7)) @ np.diag([9, 4, 1, 1, 1, 1, 1])
    axes, own = singular_axes([matrix], [])
    _, _, right = np.linalg.svd(matrix)
    assert own
    np.testing.assert_allclose(np.abs(axes.axes.T @ right[:2].T), np.eye(2), atol=1e-9)


def test_a_rotation_has_no_directions_of_its_own():
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(4, 4)))[0]
    mapped = (np.random.default_rng(6).normal(size=(50, 4)) * [1, 6, 1, 3]).astype(np.float32)
    axes, own = singular_axes([turn], [mapped])
    assert not own
    np.testing.assert_allclose(np.abs(axes.axes).argmax(axis=0), [1, 3])
