"""Colours can be told apart and read on, with any eyes and on any printer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canon_core.figures.palette import (
    Marker,
    colour_at,
    difference_range,
    diverging_table,
    heat_table,
    ink_on,
    series_style,
    tar_range,
)

# Machado, Oliveira, Fernandes (2009), severity 1, on linear RGB.
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
)
PROTANOPIA = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)
CHANNEL = st.integers(0, 255)
TARS = st.lists(st.floats(0, 1), max_size=30)


def linear_rgb(table: np.ndarray) -> np.ndarray:
    """sRGB bytes to linear light (IEC 61966-2-1)."""
    values = table / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def cie_lightness(linear: np.ndarray) -> np.ndarray:
    """CIE 1976 L*, 0…100, of linear sRGB."""
    y = np.clip(linear @ np.array([0.2126, 0.7152, 0.0722]), 0, 1)
    return np.where(y > (6 / 29) ** 3, 116 * np.cbrt(y) - 16, y * (29 / 3) ** 3)


@pytest.mark.parametrize("dark", [False, True])
def test_heat_colours_step_evenly_in_cie_lightness(dark):
    lightness = cie_lightness(linear_rgb(heat_table(dark=dark)))
    assert abs(lightness[-1] - lightness[0]) > 50
    straight = np.linspace(lightness[0], lightness[-1], len(lightness))
    assert np.abs(lightness - straight).max() < 3


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("blindness", [DEUTERANOPIA, PROTANOPIA])
def test_heat_colours_keep_their_order_for_the_colour_blind(dark, blindness):
    lightness = cie_lightness(np.clip(linear_rgb(heat_table(dark=dark)) @ blindness.T, 0, 1))
    falling = lightness[0] > lightness[-1]
    steps = np.diff(lightness[::8])
    assert (steps < 0).all() if falling else (steps > 0).all()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("blindness", [np.eye(3), DEUTERANOPIA, PROTANOPIA])
def test_both_ends_of_the_diverging_colours_differ_from_each_other_and_from_the_middle(dark, blindness):
    seen = np.clip(linear_rgb(diverging_table(dark=dark)) @ blindness.T, 0, 1)
    low, middle, high = seen[0], seen[len(seen) // 2], seen[-1]
    for one, other in ((low, middle), (high, middle), (low, high)):
        assert np.abs(one - other).max() > 0.15
    red, green, blue = diverging_table(dark=dark)[len(seen) // 2]
    assert red == green == blue


@given(CHANNEL, CHANNEL, CHANNEL)
def test_numbers_can_be_read_on_every_colour(red, green, blue):
    ground = cie_y((red, green, blue))
    ink = cie_y(ink_on((red, green, blue)))
    bright, dim = max(ground, ink), min(ground, ink)
    assert (bright + 0.05) / (dim + 0.05) >= 4.5


def cie_y(colour: tuple[int, int, int]) -> float:
    """Relative luminance, by numpy."""
    return float(linear_rgb(np.array(colour)) @ np.array([0.2126, 0.7152, 0.0722]))


@given(TARS)
def test_the_colour_range_of_tars_holds_them_all_and_ends_at_one(tars):
    scale = tar_range(tars)
    assert scale.high == 1.0
    assert all(-1e-6 <= scale.fraction(tar) <= 1 for tar in tars)
    assert math.isclose(scale.low * 10, round(scale.low * 10), abs_tol=1e-9)


def test_the_colour_range_is_no_wider_than_a_tenth_needs():
    assert tar_range([0.6764, 0.9959]).low == pytest.approx(0.6)
    assert tar_range([0.7]).low == pytest.approx(0.7)
    assert tar_range([]).low == 0.0
    assert tar_range([1.0]).low < 1.0


@given(st.lists(st.floats(-1, 1), max_size=30))
def test_the_colour_range_of_differences_is_symmetric_and_holds_them_all(gaps):
    scale = difference_range(gaps)
    assert scale.low == -scale.high < 0
    assert all(0 <= scale.fraction(gap) <= 1 for gap in gaps)
    assert scale.fraction(0.0) == 0.5


@given(st.floats(-5, 5))
def test_fractions_outside_take_the_colour_of_the_end(fraction):
    table = heat_table()
    expected = table[0] if fraction <= 0 else table[-1] if fraction >= 1 else None
    if expected is not None:
        assert colour_at(table, fraction) == tuple(expected)


def test_curves_differ_in_colour_or_shape_until_all_pairs_are_used():
    styles = [series_style(number) for number in range(56)]
    assert len({(style.colour, style.marker) for style in styles}) == 56
    assert {style.marker for style in styles[:7]} == set(Marker)


@pytest.mark.parametrize(("dark", "ground"), [(False, (255, 255, 255)), (True, (30, 34, 39))])
def test_the_first_curves_stand_out_from_the_ground(dark, ground):
    for number in range(6):
        bright, dim = sorted((cie_y(series_style(number, dark=dark).colour), cie_y(ground)), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) > 2.0
