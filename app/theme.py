"""The window's colours, in light and dark, and the sizes of its text; every widget asks here."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QWidget

from canon_core.figures.palette import (
    RGB,
    Marker,
    SeriesStyle,
    colour_at,
    diverging_table,
    heat_table,
    ink_on,
    margin_colour,
    series_style,
)

#: pyqtgraph's names of the marker shapes.
PLOT_SYMBOLS: dict[Marker, str] = {
    Marker.CIRCLE: "o",
    Marker.SQUARE: "s",
    Marker.TRIANGLE: "t1",
    Marker.DIAMOND: "d",
    Marker.WEDGE: "t",
    Marker.CROSS: "x",
    Marker.STAR: "star",
}

#: Text sizes relative to the application's font.
SMALL, NORMAL, LARGE, TITLE = 0.88, 1.0, 1.15, 1.35


@dataclass(frozen=True)
class Theme:
    """Named colours (``#rrggbb``) of one appearance. Text colours reach 4.5 : 1 on ``window`` and ``surface``.

    Attributes
    ----------
    window, surface, raised :
        Ground of the window, of views and lists, and of what lies on them (buttons, tips).
    border, grid :
        Lines around things, and fainter ones inside plots.
    text, muted :
        What is read, and what only labels it.
    accent, on_accent :
        Focus, selection and the one primary button; the text on it.
    warning, warning_ground, error, good :
        Something to know about, its ground; a fault; a thing that is as it should be.
    """

    dark: bool
    window: str
    surface: str
    raised: str
    border: str
    grid: str
    text: str
    muted: str
    accent: str
    on_accent: str
    warning: str
    warning_ground: str
    error: str
    good: str

    def heat(self, fraction: float) -> QColor:
        """Sequential colour for 0…1."""
        return QColor(*colour_at(_HEAT[self.dark], fraction))

    def diverging(self, fraction: float) -> QColor:
        """Diverging colour for 0…1; ½ is neutral."""
        return QColor(*colour_at(_DIVERGING[self.dark], fraction))

    def margin(self, fraction: float) -> QColor:
        """Colour of single points for 0…1, ½ is grey: below vermillion, above blue."""
        return QColor(*margin_colour(fraction, dark=self.dark))

    def ink(self, ground: QColor) -> QColor:
        """Black or white, whichever reads better on a ground."""
        return QColor(*ink_on((ground.red(), ground.green(), ground.blue())))

    def series(self, index: int) -> SeriesStyle:
        """Colour and marker of the curve with this number."""
        return series_style(index, dark=self.dark)

    def palette(self) -> QPalette:
        """These colours for Qt's own widgets."""
        palette = QPalette(QColor(self.raised), QColor(self.window))
        roles = QPalette.ColorRole
        for role, name in {
            roles.Window: self.window,
            roles.WindowText: self.text,
            roles.Base: self.surface,
            roles.AlternateBase: self.window,
            roles.Text: self.text,
            roles.PlaceholderText: self.muted,
            roles.Button: self.raised,
            roles.ButtonText: self.text,
            roles.BrightText: self.on_accent,
            roles.Highlight: self.accent,
            roles.HighlightedText: self.on_accent,
            roles.ToolTipBase: self.raised,
            roles.ToolTipText: self.text,
            roles.Link: self.accent,
            roles.LinkVisited: self.accent,
            roles.Accent: self.accent,
        }.items():
            palette.setColor(role, QColor(name))
        for role in (roles.WindowText, roles.Text, roles.ButtonText, roles.HighlightedText):
            palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(self.muted))
        palette.setColor(QPalette.ColorGroup.Disabled, roles.Highlight, QColor(self.border))
        return palette


LIGHT = Theme(
    dark=False,
    window="#f5f6f8",
    surface="#ffffff",
    raised="#fbfcfd",
    border="#cfd5dd",
    grid="#e4e8ed",
    text="#1b2027",
    muted="#5a6472",
    accent="#0a64a6",
    on_accent="#ffffff",
    warning="#7d4700",
    warning_ground="#fdf1dc",
    error="#b3261e",
    good="#00684c",
)
DARK = Theme(
    dark=True,
    window="#171a1e",
    surface="#1e2227",
    raised="#272c33",
    border="#3d4550",
    grid="#2d333b",
    text="#e6e9ee",
    muted="#a0aab8",
    accent="#63b3ee",
    on_accent="#0d1218",
    warning="#f6c475",
    warning_ground="#372b16",
    error="#ff9b91",
    good="#57cfa8",
)

_HEAT = {dark: heat_table(dark=dark) for dark in (False, True)}
_DIVERGING = {dark: diverging_table(dark=dark) for dark in (False, True)}


def theme_for(source: QGuiApplication | QWidget | QPalette) -> Theme:
    """The theme that goes with a palette: dark where its text is light. Its ground may be transparent."""
    palette = source if isinstance(source, QPalette) else source.palette()
    return DARK if palette.color(QPalette.ColorRole.WindowText).lightness() > 127 else LIGHT


def colour(rgb: RGB, alpha: int = 255) -> QColor:
    """A colour of the shared palettes for Qt; ``alpha`` 0…255."""
    return QColor(*rgb, alpha)


def sized(font: QFont, factor: float, *, bold: bool = False) -> QFont:
    """A copy of a font at ``factor`` times its size."""
    copy = QFont(font)
    if font.pointSizeF() > 0:
        copy.setPointSizeF(font.pointSizeF() * factor)
    else:
        copy.setPixelSize(max(1, round(font.pixelSize() * factor)))
    copy.setBold(bold)
    return copy
