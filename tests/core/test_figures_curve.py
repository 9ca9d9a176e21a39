"""Curves are drawn from few points as all their points would draw them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canon_core.figures.curve import Curve, CurveRole, Plane, low_end, plane_of, trace
from canon_core.verification.roc import Roc, roc_of_scores

SCORES = st.lists(st.integers(-8, 8).map(lambda step: step / 8), min_size=1, max_size=40)


def curve_of(genuine: int = 3000, impostors: int = 60_000, seed: int = 0) -> Roc:
    """A ROC with far more points than a screen has columns."""
    draw = np.random.default_rng(seed)
    return roc_of_scores(draw.normal(0.4, 0.12, genuine), draw.normal(0.0, 0.07, impostors))


def whole(roc: Roc, plane: Plane, columns: int = 10**6):
    """The line through every stored point."""
    return trace(roc, plane, low=np.log10(plane.far), high=0.0, columns=columns)


@pytest.mark.parametrize("det", [False, True])
@pytest.mark.parametrize(("low", "high"), [(-5.0, 0.0), (-2.5, -1.5)])
def test_in_every_pixel_column_the_thinned_line_begins_and_ends_where_the_whole_one_does(det, low, high):
    roc, columns = curve_of(), 300
    plane = plane_of([Curve("a", roc)], det=det)
    few = trace(roc, plane, low=low, high=high, columns=columns)
    everything = whole(roc, plane)
    assert len(few.x) <= 2 * columns + 8 < len(everything.x) / 5
    edges = np.linspace(low, high, columns + 1)
    for left, right in itertools.pairwise(edges):
        inside = (everything.x >= left) & (everything.x < right)
        drawn = (few.x >= left) & (few.x < right)
        if inside.any():
            assert drawn.any()
            assert few.y[drawn].min() == everything.y[inside].min()
            assert few.y[drawn].max() == everything.y[inside].max()


@settings(deadline=None)
@given(SCORES, SCORES, st.booleans())
def test_lines_rise_from_left_to_right_and_lie_on_stored_points(genuine, impostors, det):
    roc = roc_of_scores(np.array(genuine), np.array(impostors))
    plane = plane_of([Curve("a", roc)], det=det)
    line = whole(roc, plane)
    assert len(line.x) > 0
    assert (np.diff(line.x) >= 0).all()
    assert (np.diff(line.y) <= 0).all() if det else (np.diff(line.y) >= 0).all()
    assert (line.x >= np.log10(plane.far) - 1e-12).all()
    assert (line.x <= 0).all()
    tar = roc.tar[line.index]
    np.testing.assert_allclose(line.y, np.log10(np.maximum(1 - tar, plane.fnmr)) if det else tar)


def test_the_best_tar_without_false_accepts_is_level_up_to_the_first_false_accept():
    roc = roc_of_scores(np.array([0.9, 0.8, 0.4]), np.array([0.5, 0.3, 0.2, 0.1]))
    line = whole(roc, plane_of([Curve("a", roc)]))
    # 2 of 3 genuine pairs lie above every impostor; the first of 4 impostors comes at FAR ¼.
    np.testing.assert_allclose(10.0 ** line.x[:3], [0.1, 0.25, 0.25])
    np.testing.assert_allclose(line.y[:3], [2 / 3, 2 / 3, 2 / 3])


def test_a_det_line_ends_where_nothing_is_falsely_rejected():
    roc = roc_of_scores(np.array([0.9, 0.4]), np.array([0.5, 0.3, 0.2, 0.1]))
    line = whole(roc, plane_of([Curve("a", roc)], det=True))
    assert roc.tar[line.index[-1]] == 1.0
    assert (roc.tar[line.index[:-1]] < 1.0).all()


def test_curves_without_impostors_or_genuine_pairs_have_no_line():
    for genuine, impostors in (([], [0.1]), ([0.1], [])):
        roc = roc_of_scores(np.array(genuine), np.array(impostors))
        assert len(whole(roc, plane_of([Curve("a", roc)])).x) == 0


@given(st.integers(1, 10**9))
def test_a_log_axis_begins_at_or_just_below_one_pair(count):
    end = low_end(count)
    assert end <= 1 / count * (1 + 1e-9)
    assert end * 10 > 1 / count * (1 - 1e-6)


def test_the_axes_hold_the_largest_curve():
    small, large = curve_of(50, 900), curve_of(2000, 20_000)
    plane = plane_of([Curve("a", small), Curve("b", large, CurveRole.SOURCE)], det=True)
    assert plane == Plane(pytest.approx(1e-5), pytest.approx(1e-4))
