"""Text that would take much room: a line of it is seen, and all of it once it is opened."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from ..theme import NORMAL, sized, theme_for
from .labels import TextLabel


class FoldedText(QWidget):
    """An arrow and a line that is cut off at its end; the arrow, or a click on the line, shows all of it."""

    def __init__(
        self, name: str, *, muted: bool = False, size: float = NORMAL, parent: QWidget | None = None
    ) -> None:
        """``name`` says what the text is, to a screen reader and in the arrow's tip."""
        super().__init__(parent)
        self.arrow = QToolButton()
        self.arrow.setCheckable(True)
        self.arrow.setAutoRaise(True)
        self.arrow.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.arrow.setAccessibleName(f"{name}: show all")
        self.arrow.toggled.connect(self._show)
        self._name = name
        self._line = _Line(muted=muted, size=size)
        self._line.clicked.connect(self.arrow.toggle)
        self._whole = TextLabel(muted=muted, size=size)
        self._whole.setAccessibleName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        row.addWidget(self.arrow, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._line, 1)
        row.addWidget(self._whole, 1)
        side = self._line.sizeHint().height()
        self.arrow.setFixedSize(side, side)
        self.setAccessibleName(name)
        self._show(False)

    def text(self) -> str:
        """All of it."""
        return self._whole.text()

    def setText(self, text: str) -> None:
        """Say something else."""
        self._whole.setText(text)
        self._line.set_text(text)
        self.arrow.setAccessibleDescription(text)

    @property
    def is_open(self) -> bool:
        """Whether all of it is seen."""
        return self.arrow.isChecked()

    def _show(self, all_of_it: bool) -> None:
        self.arrow.setArrowType(Qt.ArrowType.DownArrow if all_of_it else Qt.ArrowType.RightArrow)
        tip = f"{self._name}: show {'one line' if all_of_it else 'all'}"
        self.arrow.setToolTip(tip)
        self._line.setToolTip(tip)
        self._line.setVisible(not all_of_it)
        self._whole.setVisible(all_of_it)


class _Line(QWidget):
    """The text as far as it fits in one line."""

    clicked = Signal()

    def __init__(self, *, muted: bool, size: float) -> None:
        super().__init__()
        self._muted, self._text = muted, ""
        self.setFont(sized(self.font(), size))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_text(self, text: str) -> None:
        self._text = text
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(0, self.fontMetrics().height() + 2)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.clicked.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = theme_for(self)
        painter = QPainter(self)
        painter.setPen(QColor(theme.muted if self._muted else theme.text))
        shown = self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
