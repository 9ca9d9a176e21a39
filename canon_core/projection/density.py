"""Many points as one picture: every point is splatted onto the pixels with the same mask that a sprite would have.

Each mask adds to the *cover* of the pixels around its point. A pixel with cover ``c`` becomes as opaque as ``c``
sprites of opacity ``a`` drawn over each other, ``1 − (1 − a)^c``; at the edge of a single one, where ``c`` is below 1,
``a·c``. Its colour is the mean of the classes weighted by their cover: what sprites drawn in a random order give on
average. So a picture of splats and one of sprites look alike, and no class hides another because it was drawn later;
but for halos, which sprites draw below the others: their colour counts less where others lie on them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .marker_mask import marker_mask
from .point_grid import Box, PointGrid, Raster

#: Pixels around the picture where points still count: their masks reach into it.
MARGIN = 12
#: Points handled at once, and rows of a picture: both stay within a core's cache.
_CHUNK, _STRIP = 1 << 15, 64
#: A class with fewer points than pixels / this is stamped point by point, another one by shifting its whole plane.
_PIXELS_PER_STAMP = 6
# Diameter in pixels at 96 dpi, and opacity, for that many points in view (decimal logarithm): few are large and solid,
# a million fine and faint. Between the entries straight, so that zooming never makes them jump.
_PIXELS = 1280 * 800  # larger pictures have larger points, smaller ones smaller
_LOG_POINTS = (2.0, 3.0, 4.0, 5.0, 6.0)
_DIAMETERS = (11.0, 8.0, 5.0, 3.2, 2.4)
_OPACITIES = (0.95, 0.88, 0.70, 0.36, 0.13)
#: How much of a halo is left: among very many points none is seen, and drawing them takes long.
_HALOS = (1.0, 1.0, 1.0, 0.0, 0.0)
#: How much a halo grows, and how much of its opacity it loses.
_GROWN, _FAINT = 1.0, 0.5
#: How much more than a halo's the colour of a point counts that lies on it.
_ABOVE = 9.0

#: Opacities up to which the edge of a point looks the same with and without the straight line.
_STRAIGHT = 0.2

RGB = tuple[int, int, int]
#: x, y and number of some points.
_Chunk = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]


@dataclass(frozen=True)
class ClassStyle:
    """Marker and colour of one class, and whether its points are halos around those of others."""

    marker: str
    colour: RGB
    halo: bool = False


@dataclass(frozen=True)
class PointStyle:
    """How points look when that many are in view.

    Attributes
    ----------
    diameter : float
        In pixels of the raster.
    opacity : float
        Of one point, 0…1.
    halo : float
        How much of halos those are that may be: 0 makes them points like others.
    """

    diameter: float
    opacity: float
    halo: float = 0.0

    def of(self, style: ClassStyle) -> PointStyle:
        """How the points of one class look: halos are larger and fainter. None reaches beyond the margin."""
        if not style.halo:
            return self
        most = max(self.diameter, (2 * MARGIN + 1) / 1.2 - 1)
        return PointStyle(min(self.diameter * (1 + _GROWN * self.halo), most), self.opacity * (1 - _FAINT * self.halo))


def style_for(points: int, raster: Raster, pixel_ratio: float = 1.0) -> PointStyle:
    """Style for a number of points in view on a raster; sprites and splats both ask here."""
    log = math.log10(max(points, 1))
    room = math.sqrt(raster.width * raster.height / _PIXELS) / pixel_ratio
    diameter = float(np.interp(log, _LOG_POINTS, _DIAMETERS)) * pixel_ratio * min(max(room, 0.75), 1.5)
    return PointStyle(round(diameter * 8) / 8, float(np.interp(log, _LOG_POINTS, _OPACITIES)), halo_of(points))


def halo_of(points: int) -> float:
    """How much of halos are drawn among that many points."""
    return float(np.interp(math.log10(max(points, 1)), _LOG_POINTS, _HALOS))


@dataclass(frozen=True, eq=False)
class Projected:
    """Points of one class on a raster with its margin.

    Attributes
    ----------
    place : (n,) int32
        Row · (width + 2 · MARGIN) + column, both counted from the margin's corner.
    number : (n,) int32 or None
        Which points; only where they were asked for.
    """

    place: NDArray[np.int32]
    number: NDArray[np.int32] | None


class Splatter:
    """Draws points into pictures; keeps its buffers from one picture to the next, so one thread uses one."""

    def __init__(self) -> None:
        self._places = np.zeros(0, np.int32)
        self._planes = np.zeros((0, 0, 0), np.float32)
        self._strip: dict[str, NDArray[np.float32]] = {}

    def project(
        self, grid: PointGrid, raster: Raster, shown: Sequence[bool], *, numbered: int = 0
    ) -> list[Projected]:
        """Put the points of the shown classes on pixels.

        The places are valid until the next call. Numbers come along where at most ``numbered`` points may be in view.
        """
        box = raster.box(MARGIN)
        whole = box.covers(grid.bounds)
        runs = [grid.runs(box, code) if shown[code] else [] for code in range(grid.classes)]
        candidates = sum(run.stop - run.start for each in runs for run in each)
        if len(self._places) < candidates:
            self._places = np.empty(candidates, np.int32)
        with_numbers = candidates <= numbered
        found, at = [], 0
        for each in runs:
            begin = at
            numbers: list[NDArray[np.int32]] = []
            for x, y, number in _chunks(grid, each):
                places, inside = _places(x, y, raster, None if whole else True)
                self._places[at : at + len(places)] = places
                at += len(places)
                if with_numbers:
                    numbers.append(number if inside is None else number[inside])
            known = np.concatenate(numbers) if numbers else np.zeros(0, np.int32)
            found.append(Projected(self._places[begin:at], known if with_numbers else None))
        return found

    def draw(
        self,
        projected: Sequence[Projected],
        raster: Raster,
        styles: Sequence[ClassStyle],
        look: PointStyle,
        bounds: Box,
        out: NDArray[np.uint32],
    ) -> None:
        """Splat projected points.

        Parameters
        ----------
        projected : sequence of Projected
            By class, on the same raster.
        styles : sequence of ClassStyle
            Of each class.
        look : PointStyle
            Size and opacity of every point.
        bounds : Box
            Around all points: nothing is drawn beyond.
        out : (height, width) uint32
            Becomes 0xAARRGGBB with the colours multiplied by alpha; nothing of before shines through.
        """
        shape = (raster.height + 2 * MARGIN, raster.width + 2 * MARGIN)
        drawn = [code for code, points in enumerate(projected) if len(points.place)]
        if self._planes.shape[0] < len(drawn) or self._planes.shape[1:] != shape:
            self._planes = np.empty((len(drawn), *shape), np.float32)
        planes: list[tuple[NDArray[np.float32], NDArray[np.float32] | None]] = []
        widest = marker_mask("square", look.diameter).shape[0]
        for number, code in enumerate(drawn):
            plane, own = self._planes[number], look.of(styles[code])
            mask = marker_mask(styles[code].marker, own.diameter)
            if own.opacity != look.opacity:
                mask = mask * np.float32(own.opacity / look.opacity)
            widest = max(widest, mask.shape[0])
            plane.fill(0)
            if len(projected[code].place) * _PIXELS_PER_STAMP < plane.size:
                _stamp(plane, projected[code].place, mask)
                planes.append((plane, None))
            else:
                _stamp(plane, projected[code].place, np.ones((1, 1), np.float32))
                planes.append((plane, mask))
        colours = [styles[code].colour for code in drawn]
        halos = any(styles[code].halo for code in drawn)
        weights = [1.0 if styles[code].halo or not halos else 1 + _ABOVE * look.halo for code in drawn]
        rows, columns = _covered(bounds, raster, widest)
        if rows.stop - rows.start < raster.height or columns.stop - columns.start < raster.width:
            out.fill(0)
        for top in range(rows.start, rows.stop, _STRIP):
            strip = slice(top, min(top + _STRIP, rows.stop))
            self._draw_strip(planes, colours, weights, look.opacity, top, columns.start, out[strip, columns])

    def _draw_strip(
        self,
        planes: Sequence[tuple[NDArray[np.float32], NDArray[np.float32] | None]],
        colours: Sequence[RGB],
        weights: Sequence[float],
        opacity: float,
        top: int,
        left: int,
        out: NDArray[np.uint32],
    ) -> None:
        height, width = out.shape
        cover, blue, green, red, each, spare = (
            self._buffer(name, height, width) for name in ("cover", "blue", "green", "red", "each", "spare")
        )
        # What colours are divided by: the cover itself, where all count the same.
        whole = cover if len(set(weights)) == 1 else self._buffer("whole", height, width)
        fading = math.log1p(-min(opacity, 0.999))  # (1 − a)^c = exp(c · log(1 − a)); negative
        begun = False
        for (plane, mask), colour, weight in zip(planes, colours, weights, strict=True):
            around = plane[top : top + height + 2 * MARGIN, left : left + width + 2 * MARGIN]
            if not around.any():
                continue
            found = around[MARGIN : MARGIN + height, MARGIN : MARGIN + width]
            if mask is not None:
                self._spread(around, mask, each, spare)
                found = each
            sums = [(cover, 1.0)]
            sums += [(total, weight * part) for total, part in zip((red, green, blue), colour, strict=True)]
            if whole is not cover:
                sums.append((whole, weight))
            for total, share in sums:
                if not begun:
                    np.multiply(found, np.float32(share * fading), out=total)
                else:
                    np.multiply(found, np.float32(share * fading), out=spare)
                    np.add(total, spare, out=total)
            begun = True
        if not begun:
            out.fill(0)
            return
        alpha = np.exp(cover, out=spare)
        np.subtract(np.float32(1), alpha, out=alpha)
        if opacity > _STRAIGHT:
            # Below a cover of 1 the straight line lies below the curve, above it the curve below the line.
            np.minimum(alpha, np.multiply(cover, np.float32(opacity / fading), out=each), out=alpha)
        np.subtract(whole, np.float32(1e-9), out=whole)
        np.divide(alpha, whole, out=cover)
        # Whole pixels of 32 bits, in the machine's order of bytes: four writes of every fourth byte take twice as long.
        np.multiply(alpha, np.float32(255.5), out=alpha)
        packed, part = self._integers(height, width)
        packed[...] = alpha
        for total in (red, green, blue):
            np.multiply(total, cover, out=total)
            part[...] = total
            np.left_shift(packed, 8, out=packed)
            np.bitwise_or(packed, part, out=packed)
        out[...] = packed.view(np.uint32)

    def _spread(
        self,
        around: NDArray[np.float32],
        mask: NDArray[np.float32],
        out: NDArray[np.float32],
        spare: NDArray[np.float32],
    ) -> None:
        """Correlate counts with a mask that is its own mirror image.

        What stands left and right of the middle is added once for all rows of the mask, and entries of the mask that
        are equal share one multiplication: 9 passes over the pixels for a mask of 3 × 3, not 18.
        """
        height, width = out.shape
        reach = mask.shape[0] // 2
        block = around[MARGIN - reach : MARGIN + height + reach]
        pairs = [block[:, MARGIN : MARGIN + width]]
        for aside in range(1, reach + 1):
            pair = self._buffer(f"pair {aside}", height + 2 * reach, width)
            left, right = MARGIN - aside, MARGIN + aside
            pairs.append(np.add(block[:, left : left + width], block[:, right : right + width], out=pair))
        begun = False
        half = mask[:, reach:]
        for weight in np.unique(half[half > 0]):
            # The pixel at the mask's row lies that far below the point: the point as far above.
            views = [
                pairs[aside][2 * reach - row : 2 * reach - row + height]
                for row, aside in np.argwhere(half == weight).tolist()
            ]
            total = views[0]
            for view in views[1:]:
                total = np.add(total, view, out=spare)
            if not begun:
                np.multiply(total, weight, out=out)
                begun = True
            else:
                np.multiply(total, weight, out=spare)
                np.add(out, spare, out=out)

    def _buffer(self, name: str, height: int, width: int) -> NDArray[np.float32]:
        buffer = self._strip.get(name)
        if buffer is None or buffer.size < height * width:
            buffer = self._strip[name] = np.empty((_STRIP + 2 * MARGIN) * width, np.float32)
        return buffer[: height * width].reshape(height, width)

    def _integers(self, height: int, width: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        packed, part = (self._buffer(name, height, width).view(np.int32) for name in ("packed", "part"))
        return packed, part


def sprite_order(numbers: NDArray[np.int32]) -> NDArray[np.intp]:
    """Order in which sprites are drawn: the same for a point in every view, and at random with respect to classes."""
    scattered = numbers.astype(np.uint32) * np.uint32(2654435761)  # Knuth's multiplicative hash
    return np.argsort(scattered, kind="stable")


def _chunks(grid: PointGrid, runs: Sequence[slice]) -> list[_Chunk]:
    """The points of some runs in pieces of a size that suits the cache: long runs cut, short ones joined."""
    pieces: list[_Chunk] = []
    short: list[slice] = []
    waiting = 0

    def join() -> None:
        if short:
            pieces.append(
                (
                    np.concatenate([grid.x[run] for run in short]),
                    np.concatenate([grid.y[run] for run in short]),
                    np.concatenate([grid.number[run] for run in short]),
                )
            )
            short.clear()

    for run in runs:
        if run.stop - run.start >= _CHUNK // 2:
            for begin in range(run.start, run.stop, _CHUNK):
                part = slice(begin, min(begin + _CHUNK, run.stop))
                pieces.append((grid.x[part], grid.y[part], grid.number[part]))
            continue
        short.append(run)
        waiting += run.stop - run.start
        if waiting >= _CHUNK:
            join()
            waiting = 0
    join()
    return pieces


def _places(
    x: NDArray[np.float32], y: NDArray[np.float32], raster: Raster, check: bool | None
) -> tuple[NDArray[np.int32], NDArray[np.bool_] | None]:
    """Pixels of points on a raster with its margin; those beyond are left out where ``check`` is set."""
    scale = np.float32(raster.scale)
    across = x * scale
    across += np.float32(MARGIN - raster.left * raster.scale)
    down = y * -scale
    down += np.float32(MARGIN + raster.top * raster.scale)
    stride, rows = raster.width + 2 * MARGIN, raster.height + 2 * MARGIN
    inside = None
    if check:
        inside = across >= 0
        inside &= across < stride
        inside &= down >= 0
        inside &= down < rows
        across, down = across[inside], down[inside]
    places = down.astype(np.int32)
    places *= np.int32(stride)
    places += across.astype(np.int32)
    return places, inside


def _covered(bounds: Box, raster: Raster, side: int) -> tuple[slice, slice]:
    """Rows and columns of a raster on which points may be, with masks of ``side`` pixels."""
    reach = side // 2 + 1
    left = math.floor((bounds.left - raster.left) * raster.scale) - reach
    right = math.floor((bounds.right - raster.left) * raster.scale) + reach + 1
    top = math.floor((raster.top - bounds.top) * raster.scale) - reach
    bottom = math.floor((raster.top - bounds.bottom) * raster.scale) + reach + 1
    rows = slice(min(max(top, 0), raster.height), min(max(bottom, 0), raster.height))
    columns = slice(min(max(left, 0), raster.width), min(max(right, 0), raster.width))
    return rows, columns


def _stamp(plane: NDArray[np.float32], places: NDArray[np.int32], mask: NDArray[np.float32]) -> None:
    """Add a mask around every place; what falls over the plane's edge is in the margin that nobody sees."""
    flat, stride = plane.reshape(-1), plane.shape[1]
    reach = mask.shape[0] // 2
    low, high = reach * (stride + 1), plane.size - reach * (stride + 1)
    for begin in range(0, len(places), _CHUNK):
        every = places[begin : begin + _CHUNK].astype(np.intp)
        inside = (every >= low) & (every < high)
        at, border = every[inside], every[~inside]
        for row in range(mask.shape[0]):
            for column in range(mask.shape[1]):
                if mask[row, column]:
                    shift = (row - reach) * stride + column - reach
                    np.add.at(flat, at + shift, mask[row, column])
                    if len(border):  # of these a part lies above the plane, or below
                        there = border + shift
                        np.add.at(flat, there[(there >= 0) & (there < flat.size)], mask[row, column])
