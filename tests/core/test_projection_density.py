"""Splatted pictures say what a slow loop over points and pixels says; masks have the area of their shapes."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from canon_core.projection import density
from canon_core.projection.density import (
    MARGIN,
    ClassStyle,
    PointStyle,
    Splatter,
    sprite_order,
    style_for,
)
from canon_core.projection.marker_mask import marker_mask
from canon_core.projection.point_grid import PointGrid, Raster

STYLES = (ClassStyle("circle", (200, 30, 10)), ClassStyle("triangle", (0, 90, 250)), ClassStyle("cross", (7, 8, 9)))
HALOS = (ClassStyle("circle", (200, 30, 10), halo=True), *STYLES[1:])
RASTER = Raster(90, 70, -1.0, 2.0, 22.0)


def cloud(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(0.8, 1.0, (count, 2)).astype(np.float32), rng.integers(0, 3, count)


def slow_picture(
    positions: np.ndarray, codes: np.ndarray, look: PointStyle, shown: tuple[bool, ...], styles: tuple[ClassStyle, ...]
) -> np.ndarray:
    """(h, w, 4) float: blue, green, red, alpha of 0…255, one point and one pixel after the other. Halos are up to twice
    as large and half as opaque; the colours of all others count up to ten times theirs."""
    halos = [look.halo if style.halo else 0.0 for style in styles]
    above = 1 + 9 * look.halo if any(style.halo and there for style, there in zip(styles, shown, strict=True)) else 1.0
    weights = [1.0 if style.halo else above for style in styles]
    cover = np.zeros((3, RASTER.height, RASTER.width))
    for (x, y), code in zip(positions.tolist(), codes.tolist(), strict=True):
        if not shown[code]:
            continue
        mask = marker_mask(styles[code].marker, look.diameter * (1 + halos[code])) * (1 - halos[code] / 2)
        reach = mask.shape[0] // 2
        column = math.floor((x - RASTER.left) * RASTER.scale)
        row = math.floor((RASTER.top - y) * RASTER.scale)
        for down in range(-reach, reach + 1):
            for right in range(-reach, reach + 1):
                if 0 <= row + down < RASTER.height and 0 <= column + right < RASTER.width:
                    cover[code, row + down, column + right] += mask[reach + down, reach + right]
    total = cover.sum(axis=0)
    alpha = 1 - (1 - look.opacity) ** total
    if look.opacity > 0.2:
        alpha = np.where(total < 1, look.opacity * total, alpha)
    picture = np.zeros((RASTER.height, RASTER.width, 4))
    for channel in range(3):
        mean = sum(weights[code] * cover[code] * styles[code].colour[2 - channel] for code in range(3))
        mean /= np.maximum(sum(weights[code] * cover[code] for code in range(3)), 1e-9)
        picture[..., channel] = mean * alpha
    picture[..., 3] = 255 * alpha
    return picture


def splatted(
    positions: np.ndarray, codes: np.ndarray, look: PointStyle, shown: tuple[bool, ...], styles: tuple[ClassStyle, ...]
) -> np.ndarray:
    splatter, grid = Splatter(), PointGrid.build(positions, codes, 3)
    out = np.full((RASTER.height, RASTER.width), 0x12345678, np.uint32)
    splatter.draw(splatter.project(grid, RASTER, shown), RASTER, styles, look, grid.bounds, out)
    return np.stack([(out >> shift) & 255 for shift in (0, 8, 16, 24)], axis=-1).astype(np.float64)


@pytest.mark.parametrize("stamped", [True, False], ids=["stamped", "spread"])
@pytest.mark.parametrize("look", [PointStyle(2.0, 0.2, 0.5), PointStyle(5.5, 0.6, 1.0), PointStyle(9.0, 0.9, 1.0)])
@pytest.mark.parametrize("shown", [(True, True, True), (True, False, True), (False, True, True)])
@pytest.mark.parametrize("styles", [STYLES, HALOS], ids=["points", "halos"])
def test_a_picture_is_what_a_slow_loop_makes(
    stamped: bool,
    look: PointStyle,
    shown: tuple[bool, ...],
    styles: tuple[ClassStyle, ...],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(density, "_PIXELS_PER_STAMP", 0 if stamped else 10**9)
    positions, codes = cloud(700)
    # On the very border of a pixel, single precision decides; the loop computes in double.
    found = splatted(positions, codes, look, shown, styles)
    wanted = slow_picture(positions, codes, look, shown, styles)
    assert (np.abs(found - wanted) <= 1.01).mean() > 0.998
    assert found.max() > 100


def test_nothing_of_the_picture_before_is_left():
    splatter = Splatter()
    out = np.full((RASTER.height, RASTER.width), 0xFFFFFFFF, np.uint32)
    far = PointGrid.build(np.full((5, 2), 1000.0), np.zeros(5, int), 3)
    splatter.draw(splatter.project(far, RASTER, [True] * 3), RASTER, STYLES, PointStyle(5, 1), far.bounds, out)
    assert not out.any()


def test_the_number_of_points_on_one_pixel_has_no_limit_and_keeps_the_proportion_of_colours():
    positions = np.zeros((100_000, 2))
    codes = (np.arange(100_000) % 100 >= 25).astype(int)  # a quarter red
    raster = Raster(40, 40, -20.0, 20.0, 1.0)
    splatter, grid = Splatter(), PointGrid.build(positions, codes, 2)
    styles = [ClassStyle("circle", (200, 0, 0)), ClassStyle("circle", (0, 0, 200))]
    out = np.zeros((40, 40), np.uint32)
    splatter.draw(splatter.project(grid, raster, [True] * 2), raster, styles, PointStyle(1, 0.3), grid.bounds, out)
    pixel = int(out[20, 20])
    assert [pixel >> 24, pixel >> 16 & 255, pixel & 255] == [255, 50, 150]


@pytest.mark.parametrize("view", [Raster(300, 200, -3.0, 3.0, 40.0), Raster(300, 200, 0.1, 0.3, 2000.0)])
def test_a_zoomed_view_shows_the_points_that_lie_in_it(view: Raster):
    positions, codes = cloud(20_000, 1)
    splatter, grid = Splatter(), PointGrid.build(positions, codes, 3)
    projected = splatter.project(grid, view, [True] * 3, numbered=10**9)
    found = np.sort(np.concatenate([each.number for each in projected]))
    box = view.box(MARGIN)
    inside = (positions > [box.left, box.bottom]).all(axis=1) & (positions < [box.right, box.top]).all(axis=1)
    assert set(np.flatnonzero(inside)) ^ set(found.tolist()) == set()
    for code, each in enumerate(projected):
        assert set(codes[each.number]) <= {code}


def test_points_shrink_and_fade_steadily_the_more_there_are():
    raster = Raster(1280, 800, 0, 0, 1)
    looks = [style_for(count, raster) for count in np.logspace(0, 7, 400).astype(int)]
    for one, other in pairwise(looks):
        assert 0 <= one.diameter - other.diameter <= 0.25
        assert 0 <= one.opacity - other.opacity < 0.02
    sharp = style_for(10_000, Raster(2560, 1600, 0, 0, 2), 2.0)
    assert sharp.diameter == pytest.approx(2 * style_for(10_000, raster).diameter, abs=0.13)


@pytest.mark.parametrize("marker", ["circle", "square", "triangle", "diamond", "wedge", "cross", "star"])
def test_masks_are_centred_and_of_similar_area(marker: str):
    mask = marker_mask(marker, 20.0)
    assert mask.shape[0] % 2 == 1
    assert mask.max() == 1
    assert np.allclose(mask, mask[:, ::-1], atol=0.02)  # every marker is its own mirror image
    assert 0.45 < mask.sum() / (math.pi * 100) < 1.25
    assert not mask[0, 0]
    if marker == "circle":
        assert mask.sum() == pytest.approx(math.pi * 100, rel=0.01)


def test_a_wedge_stands_on_its_tip():
    assert np.array_equal(marker_mask("wedge", 11.0), marker_mask("triangle", 11.0)[::-1])


def test_a_point_that_is_smaller_than_a_sample_is_still_seen():
    assert marker_mask("cross", 0.1).max() > 0


def test_sprites_are_drawn_in_an_order_that_does_not_depend_on_the_view():
    numbers = np.arange(50, dtype=np.int32)
    order = numbers[sprite_order(numbers)]
    some = numbers[10:30]
    assert order[np.isin(order, some)].tolist() == some[sprite_order(some)].tolist()
    assert order.tolist() != numbers.tolist()


def test_no_halo_is_wider_than_the_margin_and_none_is_left_among_very_many_points():
    halo = HALOS[0]
    for diameter in np.arange(1.0, 22.0, 0.5).tolist():
        drawn = PointStyle(diameter, 0.9, 1.0).of(halo)
        assert diameter <= drawn.diameter <= 2 * diameter
        assert marker_mask("circle", drawn.diameter).shape[0] // 2 <= max(
            MARGIN, marker_mask("circle", diameter).shape[0] // 2
        )
    for count, left in ((100, 1.0), (8_000, 1.0), (100_000, 0.0), (1_000_000, 0.0)):
        look = style_for(count, RASTER)
        assert look.halo == left
        assert (look.of(halo) == PointStyle(look.diameter, look.opacity)) == (left == 0)
        assert look.of(STYLES[1]) is look
