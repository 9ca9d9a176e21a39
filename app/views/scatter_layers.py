"""Draws the points of a scatter plot into an image: as sprites while few are in view, else as splats.

Both take size and opacity from the same function of how many are in view, and both have the same masks: there is no
step between them (measured in the tests: pictures of both kinds differ less than by one grey level on average).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap

from canon_core.projection.density import (
    MARGIN,
    ClassStyle,
    PointStyle,
    Projected,
    Splatter,
    sprite_order,
    style_for,
)
from canon_core.projection.marker_mask import marker_mask
from canon_core.projection.point_grid import Box, PointGrid, Raster

from ..theme import Theme
from .scatter_points import PointClass

#: Points in view that are still drawn one by one: 8,000 take about 5 ms.
MOST_SPRITES = 8_000
#: Diameters (at 96 dpi) from and to which sprites get a rim of the ground's colour that parts them.
_RIM_FROM, _RIM_FULL = 6.0, 9.0
#: Emphasised points up to which each has a dark rim; the rims of more would hide their colours.
_MOST_RIMMED = 300
#: How much of everything else is left while some points are emphasised.
_FADED = 0.30



@dataclass(frozen=True)
class Drawn:
    """What a picture shows: how many points are in view, how they look, and whether they are sprites."""

    points: int
    look: PointStyle
    sprites: bool


class PointLayers:
    """All points, and in front of them those that are emphasised; one picture."""

    def __init__(self) -> None:
        self._splatter = Splatter()
        self._sprites: dict[tuple[object, ...], QPixmap] = {}
        self._pixels = np.zeros((0, 0), np.uint32)
        self.most_sprites = MOST_SPRITES

    def draw(
        self,
        raster: Raster,
        pixel_ratio: float,
        theme: Theme,
        classes: Sequence[PointClass],
        shown: Sequence[bool],
        points: PointGrid,
        emphasised: PointGrid | None = None,
    ) -> tuple[QImage, Drawn]:
        """The picture, transparent where no point is; it is valid until the next call."""
        styles = [class_style(each, theme) for each in classes]
        # Greys lie behind, halos between them and all others.
        behind = np.array([2 if each.series is None and each.fraction is None else int(each.halo) for each in classes])
        projected = self._splatter.project(points, raster, shown, numbered=self.most_sprites)
        count = sum(len(each.place) for each in projected)
        look = style_for(count, raster, pixel_ratio)
        rim = QColor(theme.surface)
        base = self._layer(raster, styles, projected, look, pixel_ratio, rim, behind, points.bounds)
        drawn = Drawn(count, look, projected[0].number is not None)
        if emphasised is None:
            return base, drawn
        picture = QImage(base.size(), QImage.Format.Format_ARGB32_Premultiplied)
        picture.fill(0)
        painter = QPainter(picture)
        painter.setOpacity(_FADED)
        painter.drawImage(0, 0, base)
        painter.setOpacity(1.0)
        projected = self._splatter.project(emphasised, raster, shown, numbered=self.most_sprites)
        count = sum(len(each.place) for each in projected)
        few = style_for(count, raster, pixel_ratio)
        # Never much larger than their neighbours: a point grows a little when it is emphasised, not into a blot.
        look = PointStyle(min(few.diameter, look.diameter * 1.5), few.opacity, few.halo)
        rim = QColor(theme.text if count <= _MOST_RIMMED else theme.surface)
        front = self._layer(raster, styles, projected, look, pixel_ratio, rim, behind, emphasised.bounds)
        painter.drawImage(0, 0, front)
        painter.end()
        return picture, drawn

    def _layer(
        self,
        raster: Raster,
        styles: Sequence[ClassStyle],
        projected: Sequence[Projected],
        look: PointStyle,
        pixel_ratio: float,
        rim: QColor,
        behind: NDArray[np.integer],
        bounds: Box,
    ) -> QImage:
        if self._pixels.shape != (raster.height, raster.width):
            self._pixels = np.zeros((raster.height, raster.width), np.uint32)
        picture = QImage(
            self._pixels.data, raster.width, raster.height, 4 * raster.width,
            QImage.Format.Format_ARGB32_Premultiplied,
        )  # fmt: skip
        if all(each.number is not None for each in projected):
            picture.fill(0)
            self._draw_sprites(picture, raster, styles, projected, look, pixel_ratio, rim, behind)
        else:
            self._splatter.draw(projected, raster, styles, look, bounds, self._pixels)
        return picture

    def _draw_sprites(
        self,
        picture: QImage,
        raster: Raster,
        styles: Sequence[ClassStyle],
        projected: Sequence[Projected],
        look: PointStyle,
        pixel_ratio: float,
        rim: QColor,
        behind: NDArray[np.integer],
    ) -> None:
        if not any(len(each.place) for each in projected):
            return
        sprites = [self._sprite(style, look, pixel_ratio, rim) for style in styles]
        places = np.concatenate([each.place for each in projected])
        code = np.repeat(np.arange(len(projected)), [len(each.place) for each in projected])
        order = sprite_order(np.concatenate([each.number for each in projected if each.number is not None]))
        order = order[np.argsort(-behind[code[order]], kind="stable")]
        row, column = np.divmod(places[order], raster.width + 2 * MARGIN)
        half = np.array([sprite.width() // 2 for sprite in sprites])[code[order]] + MARGIN
        painter = QPainter(picture)
        draw = painter.drawPixmap
        for x, y, each in zip((column - half).tolist(), (row - half).tolist(), code[order].tolist(), strict=True):
            draw(x, y, sprites[each])
        painter.end()

    def _sprite(self, style: ClassStyle, look: PointStyle, pixel_ratio: float, rim: QColor) -> QPixmap:
        key = (style, look, pixel_ratio, rim.rgb())
        sprite = self._sprites.get(key)
        if sprite is None:
            if len(self._sprites) > 400:
                self._sprites.clear()
            sprite = self._sprites[key] = QPixmap.fromImage(sprite_image(style, look, pixel_ratio, rim))
        return sprite


def class_style(each: PointClass, theme: Theme) -> ClassStyle:
    """Marker and colour of a class in a theme."""
    if each.fraction is not None:
        return ClassStyle("circle", theme.margin(each.fraction).getRgb()[:3])
    if each.series is None:  # of no interest by itself: halfway to the ground
        grey, ground = QColor(theme.muted), QColor(theme.surface)
        red, green, blue = (
            (one + other) // 2
            for one, other in zip(grey.getRgb()[:3], ground.getRgb()[:3], strict=True)
        )
        return ClassStyle("circle", (red, green, blue))
    series = theme.series(each.series)
    return ClassStyle(str(series.marker), series.colour, each.halo)


def sprite_image(style: ClassStyle, look: PointStyle, pixel_ratio: float, rim: QColor) -> QImage:
    """One point, with a rim where it is large enough to have one; halos that lie on each other need none."""
    look = look.of(style)
    strength = min(max((look.diameter / pixel_ratio - _RIM_FROM) / (_RIM_FULL - _RIM_FROM), 0.0), 1.0)
    if style.halo:
        strength = 0.0
    inner = marker_mask(style.marker, look.diameter)
    outer = marker_mask(style.marker, look.diameter + 2.4 * pixel_ratio) if strength > 0 else inner
    alpha = np.zeros(outer.shape, np.float32)
    pad = (outer.shape[0] - inner.shape[0]) // 2
    alpha[pad : pad + inner.shape[0], pad : pad + inner.shape[1]] = inner
    alpha *= np.float32(look.opacity)
    behind = outer * np.float32(strength * look.opacity)
    pixels = np.empty((*outer.shape, 4), np.float32)
    red, green, blue = style.colour
    for channel, (own, ground) in enumerate(((blue, rim.blue()), (green, rim.green()), (red, rim.red()), (255, 255))):
        pixels[..., channel] = own * alpha + ground * behind * (1 - alpha)
    whole = np.ascontiguousarray(np.round(pixels).astype(np.uint8))
    side = whole.shape[0]
    return QImage(whole.data, side, side, 4 * side, QImage.Format.Format_ARGB32_Premultiplied).copy()
