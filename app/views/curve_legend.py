"""Names of curves with their line and marker, wrapped to the width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetrics, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from canon_core.figures.curve import Curve, CurveRole

from ..theme import Theme, colour, theme_for
from .flow_layout import FlowLayout
from .roc_plot import curve_pen, marker_path

_SWATCH, _LONGEST = 38, 300
_ROLES = {CurveRole.CELL: "", CurveRole.SOURCE: " (source alone)", CurveRole.TARGET: " (target alone)"}


@dataclass(frozen=True)
class Marking:
    """How a curve's marker is painted; the path is one unit wide around the origin."""

    path: QPainterPath
    brush: QBrush
    pen: QPen


@dataclass(frozen=True)
class LegendEntry:
    """A name, and what its line and marker look like in a theme; ``marking`` is None for a bare line."""

    text: str
    pen: Callable[[Theme], QPen]
    marking: Callable[[Theme], Marking] | None = None


class CurveLegend(QWidget):
    """One entry a curve."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = FlowLayout(self, spacing=18, line_spacing=3)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_curves(self, curves: Sequence[Curve]) -> None:
        """Name these."""
        self.set_entries([_entry(curve) for curve in curves])

    def set_entries(self, entries: Sequence[LegendEntry]) -> None:
        """Name these, whatever they are curves of."""
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            widget.hide()
            widget.deleteLater()
        for entry in entries:
            self._row.addWidget(_Entry(entry, self))
        self.updateGeometry()


def _entry(curve: Curve) -> LegendEntry:
    def marking(theme: Theme) -> Marking:
        ink = colour(theme.series(curve.colour).colour)
        return Marking(marker_path(curve, theme), QBrush(ink), QPen(Qt.PenStyle.NoPen))

    return LegendEntry(curve.label + _ROLES[CurveRole(curve.role)], lambda theme: curve_pen(curve, theme), marking)


class _Entry(QWidget):
    def __init__(self, entry: LegendEntry, parent: QWidget) -> None:
        super().__init__(parent)
        self._entry = entry
        self._text = entry.text
        self.setAccessibleName(self._text)
        metrics = QFontMetrics(self.font())
        if metrics.horizontalAdvance(self._text) > _LONGEST:
            self.setToolTip(f"<span>{_escaped(self._text)}</span>")

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        return QSize(_SWATCH + 6 + min(metrics.horizontalAdvance(self._text), _LONGEST) + 2, metrics.height() + 4)

    def minimumSizeHint(self) -> QSize:
        return QSize(_SWATCH + 60, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = theme_for(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        painter.setPen(self._entry.pen(theme))
        painter.drawLine(QPointF(1, middle), QPointF(_SWATCH, middle))
        if self._entry.marking is not None:
            marking = self._entry.marking(theme)
            painter.save()
            painter.translate(_SWATCH / 2, middle)
            painter.scale(9, 9)
            painter.setPen(marking.pen)
            painter.setBrush(marking.brush)
            painter.drawPath(marking.path)
            painter.restore()
        painter.setPen(QColor(theme.text))
        box = self.rect().adjusted(_SWATCH + 6, 0, 0, 0)
        text = self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideMiddle, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
