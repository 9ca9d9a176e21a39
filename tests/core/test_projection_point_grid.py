"""A grid of points finds what a search through all of them finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canon_core.projection.point_grid import Box, PointGrid, Raster

RNG = np.random.default_rng(5)
POINTS = np.concatenate([RNG.normal(0, 1, (6000, 2)), RNG.normal(4, 0.02, (3000, 2))]).astype(np.float32)
CODES = RNG.integers(0, 4, len(POINTS))
GRID = PointGrid.build(POINTS, CODES, 4)

coordinate = st.floats(-6, 8, allow_nan=False, width=32)


@settings(max_examples=60, deadline=None)
@given(coordinate, coordinate, st.floats(0, 9), st.floats(0, 9), st.integers(0, 3))
def test_no_point_of_a_box_is_missed(left: float, bottom: float, width: float, height: float, code: int):
    box = Box(left, bottom, left + width, bottom + height)
    x, y, numbers = GRID.near(box, code)
    inside = (
        (POINTS[:, 0] >= box.left) & (POINTS[:, 0] <= box.right)
        & (POINTS[:, 1] >= box.bottom) & (POINTS[:, 1] <= box.top) & np.equal(CODES, code)
    )  # fmt: skip
    assert set(np.flatnonzero(inside)) <= set(numbers.tolist())
    assert (CODES[numbers] == code).all()
    assert np.array_equal(POINTS[numbers], np.stack([x, y], axis=1))
    assert len(set(numbers.tolist())) == len(numbers)


def test_a_small_box_touches_few_points():
    assert sum(len(GRID.near(Box(-0.1, -0.1, 0.1, 0.1), code)[2]) for code in range(4)) < len(POINTS) / 4


@settings(max_examples=60, deadline=None)
@given(coordinate, coordinate, st.floats(0.001, 3), st.lists(st.booleans(), min_size=4, max_size=4))
def test_the_nearest_point_is_the_nearest(x: float, y: float, radius: float, shown: list[bool]):
    distance = np.hypot(POINTS[:, 0] - np.float32(x), POINTS[:, 1] - np.float32(y))
    distance[~np.array(shown)[CODES]] = np.inf
    found = GRID.nearest(x, y, radius, np.array(shown))
    if found < 0:
        assert distance.min() > radius * 0.9999
    else:
        assert distance[found] == pytest.approx(distance.min(), abs=1e-5)
        assert distance[found] <= radius * 1.0001


def test_a_shape_selects_the_points_on_its_pixels():
    raster = Raster(60, 40, -2.0, 1.5, 15.0)
    mask = RNG.random((40, 60)) < 0.3
    shown = np.array([True, False, True, True])
    wanted = []
    for number, (x, y) in enumerate(POINTS.tolist()):
        column, row = int(np.floor((x + 2.0) * 15)), int(np.floor((1.5 - y) * 15))
        if shown[CODES[number]] and 0 <= column < 60 and 0 <= row < 40 and mask[row, column]:
            wanted.append(number)
    found = GRID.under(mask, raster, shown)
    assert found.tolist() == sorted(found.tolist())
    assert len(set(found.tolist()) ^ set(wanted)) <= 2  # on the border of a pixel, single precision decides
    assert len(wanted) > 100


def test_every_class_keeps_its_points():
    assert [GRID.count(code) for code in range(4)] == np.bincount(CODES).tolist()
    assert sorted(GRID.number.tolist()) == list(range(len(POINTS)))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_points(count: int):
    grid = PointGrid.build(np.ones((count, 2)), np.zeros(count, int), 2)
    assert len(grid) == count
    assert grid.nearest(1.0, 1.0, 0.5) == (0 if count else -1)
    assert len(grid.near(Box(0, 0, 2, 2), 0)[0]) == count
    assert len(grid.near(Box(3, 3, 4, 4), 0)[0]) == 0


def test_points_that_are_not_finite_are_left_out():
    grid = PointGrid.build(np.array([[0, 0], [np.nan, 1], [2, np.inf], [3, 3]]), None, 1, np.array([7, 8, 9, 10]))
    assert grid.number.tolist() == [7, 10]
    assert grid.bounds == Box(0, 0, 3, 3)
