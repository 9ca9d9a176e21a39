"""Names of the curves with their line and marker, wrapped to the width."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from canon_core.figures.curve import Curve, CurveRole

from ..theme import colour, theme_for
from .flow_layout import FlowLayout
from .roc_plot import curve_pen, marker_path

_SWATCH, _LONGEST = 38, 300
_ROLES = {CurveRole.CELL: "", CurveRole.SOURCE: " (source alone)", CurveRole.TARGET: " (target alone)"}


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
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            widget.hide()
            widget.deleteLater()
        for curve in curves:
            self._row.addWidget(_Entry(curve, self))
        self.updateGeometry()


class _Entry(QWidget):
    def __init__(self, curve: Curve, parent: QWidget) -> None:
        super().__init__(parent)
        self._curve = curve
        self._text = curve.label + _ROLES[CurveRole(curve.role)]
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
        painter.setPen(curve_pen(self._curve, theme))
        painter.drawLine(QPointF(1, middle), QPointF(_SWATCH, middle))
        painter.save()
        painter.translate(_SWATCH / 2, middle)
        painter.scale(9, 9)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(theme.series(self._curve.colour).colour))
        painter.drawPath(marker_path(self._curve, theme))
        painter.restore()
        painter.setPen(QColor(theme.text))
        box = self.rect().adjusted(_SWATCH + 6, 0, 0, 0)
        text = self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideMiddle, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
