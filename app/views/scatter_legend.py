"""Names of a scatter plot's classes with colour, marker and count, a click hides one; or the scale that they are steps
of."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from canon_core.projection.density import PointStyle

from ..theme import SMALL, sized, theme_for
from .flow_layout import FlowLayout
from .scatter_layers import class_style, sprite_image
from .scatter_points import ColourScale, PointClass, ScatterPoints

_SWATCH, _LONGEST = 18, 330
#: Pixels of a column of entries, at most.
_COLUMN = 190
#: Qt's own word for as wide as there is room.
_NO_LIMIT = (1 << 24) - 1
#: Pixels of the bar of a scale, and stops of its gradient.
_BAR, _STOPS = 150, 24


class ScatterLegend(QWidget):
    """One entry a class.

    Signals
    -------
    toggled(code, shown) : int, bool
    """

    toggled = Signal(int, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Legend")
        self.entries: list[LegendEntry] = []
        self.scale: ScaleBar | None = None
        self._row = FlowLayout(self, spacing=14, line_spacing=2)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_points(self, points: ScatterPoints, shown: Sequence[bool]) -> None:
        """Name the classes of these points, and say which are ``shown``."""
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            widget.hide()
            widget.deleteLater()
        self.entries, self.scale = [], None
        if points.scale is not None:
            self.scale = ScaleBar(points.scale, self)
            self._row.addWidget(self.scale)
            self.scale.show()
        for code, (each, count) in enumerate(zip(points.classes, points.counts(), strict=True)):
            if each.hidden or each.fraction is not None:
                continue
            entry = LegendEntry(each, count, code, self)
            entry.setChecked(shown[code])
            entry.toggled.connect(lambda shown, code=code: self.toggled.emit(code, shown))
            self._row.addWidget(entry)
            entry.show()
            self.entries.append(entry)
        self.updateGeometry()

    def set_column(self, column: bool) -> None:
        """Stand in a column as wide as the longest entry, or take all width there is."""
        widest = max((entry.sizeHint().width() for entry in self.entries), default=0)
        self.setMaximumWidth(min(widest, _COLUMN) if column else _NO_LIMIT)
        self.setMinimumWidth(min(widest, _COLUMN) if column else 0)

    def set_shown(self, shown: Sequence[bool]) -> None:
        """Say which classes are shown; no signal."""
        for entry in self.entries:
            entry.blockSignals(True)
            entry.setChecked(shown[entry.code])
            entry.blockSignals(False)
            entry.update()


class ScaleBar(QWidget):
    """The colours of a scale from its lowest number to its highest, and what they stand for."""

    def __init__(self, scale: ColourScale, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFont(sized(self.font(), SMALL))
        self._ends = scale.ends
        self._title = scale.title
        self.setAccessibleName(f"Colour scale: {scale.title}, from {self._ends[0]} to {self._ends[1]}")
        self.setToolTip(f"Vermillion below zero, grey about zero, blue above; beyond {self._ends[0]} and"
                        f" {self._ends[1]} as at the ends")  # fmt: skip

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        words = sum(metrics.horizontalAdvance(text) for text in (*self._ends, self._title))
        return QSize(words + _BAR + 24, metrics.height() + 6)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, metrics = theme_for(self), self.fontMetrics()
        painter = QPainter(self)
        painter.setPen(QColor(theme.text))
        left = 2
        for text in (self._ends[0], "", self._ends[1], self._title):
            if text:
                width = metrics.horizontalAdvance(text)
                area = QRect(left, 0, min(width, self.width() - left), self.height())
                shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width())
                painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, shown)
                left += width + 6
                painter.setPen(QColor(theme.text if text == self._ends[0] else theme.muted))
                continue
            bar = QRectF(left, self.height() / 2 - 5, _BAR, 10)
            gradient = QLinearGradient(bar.topLeft(), bar.topRight())
            for stop in range(_STOPS + 1):
                gradient.setColorAt(stop / _STOPS, theme.margin(stop / _STOPS))
            painter.fillRect(bar, gradient)
            painter.drawLine(QPointF(bar.center().x(), bar.top() - 2), QPointF(bar.center().x(), bar.bottom() + 2))
            left += _BAR + 6
            painter.setPen(QColor(theme.text))


class LegendEntry(QAbstractButton):
    """A class that is shown while the button is on."""

    def __init__(self, each: PointClass, count: int, code: int, parent: QWidget) -> None:
        super().__init__(parent)
        self._class, self.code = each, code
        self.setCheckable(True)
        self.setChecked(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setText(f"{each.name}  {count:,}")
        self.setAccessibleName(f"{each.name}, {count:,} points")
        self.setToolTip(f"<span>{_escaped(each.name)}: {count:,} points. Click to hide or show them.</span>")

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(_SWATCH + 6 + min(metrics.horizontalAdvance(self.text()), _LONGEST) + 6, metrics.height() + 6)

    def minimumSizeHint(self) -> QSize:
        return QSize(_SWATCH + 50, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = theme_for(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ratio = self.devicePixelRatioF()
        painter.setOpacity(1.0 if self.isChecked() else 0.35)
        look = PointStyle((7.5 if self._class.halo else 11.0) * ratio, 1.0, 1.0)
        swatch = sprite_image(class_style(self._class, theme), look, ratio, QColor(theme.window))
        swatch.setDevicePixelRatio(ratio)
        size = swatch.deviceIndependentSize()
        painter.drawImage(QPointF(_SWATCH / 2 - size.width() / 2, self.height() / 2 - size.height() / 2), swatch)
        painter.setOpacity(1.0)
        painter.setPen(QColor(theme.text if self.isChecked() else theme.muted))
        font = self.font()
        font.setStrikeOut(not self.isChecked())
        painter.setFont(font)
        box = self.rect().adjusted(_SWATCH + 6, 0, -4, 0)
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.accent), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 3, 3)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
