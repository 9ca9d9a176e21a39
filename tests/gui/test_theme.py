"""Every text can be read on every ground of its theme, and the theme follows the palette."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QFont

from app.theme import DARK, LIGHT, SMALL, Theme, sized, theme_for


def luminance(name: str) -> float:
    """Relative luminance (WCAG 2) of a colour."""
    channels = [QColor(name).redF(), QColor(name).greenF(), QColor(name).blueF()]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast of two colours."""
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_every_text_colour_can_be_read_on_every_ground(theme: Theme) -> None:
    for ground in (theme.window, theme.surface, theme.raised):
        for text in (theme.text, theme.muted, theme.accent, theme.warning, theme.error, theme.good):
            assert contrast(text, ground) >= 4.5, (text, ground)
    for text in (theme.text, theme.warning):
        assert contrast(text, theme.warning_ground) >= 4.5
    assert contrast(theme.on_accent, theme.accent) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_theme_is_found_again_from_its_palette(theme: Theme, qapp: object) -> None:
    assert theme_for(theme.palette()) is theme


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_more_stands_out_more_from_the_ground(theme: Theme) -> None:
    steps = [contrast(theme.heat(step / 10).name(), theme.surface) for step in range(11)]
    assert steps == sorted(steps)


def test_fonts_keep_their_unit_when_they_are_sized(qapp: object) -> None:
    points, pixels = QFont("Sans"), QFont("Sans")
    points.setPointSizeF(10.0)
    pixels.setPixelSize(20)
    assert sized(points, SMALL).pointSizeF() == pytest.approx(8.8)
    assert sized(pixels, 0.5, bold=True).pixelSize() == 10
    assert sized(pixels, 0.5, bold=True).bold()
