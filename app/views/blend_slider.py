"""The slider between two layouts, with the number that goes with each end, and a button that plays it."""

from __future__ import annotations

import math

from PySide6.QtCore import QElapsedTimer, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QHideEvent, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSlider, QToolButton, QWidget

from ..theme import LARGE, SMALL, theme_for
from .labels import TextLabel

_STEPS = 1000
#: Milliseconds between two pictures of the animation, from end to end, and how long it rests at an end.
_FRAME_MS, _TRAVEL_MS = 16, 2200


class BlendSlider(QWidget):
    """From *before* (0) to *after* (1).

    Signals
    -------
    moved(blend) : float
    """

    moved = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setValue(_STEPS)
        self.slider.setPageStep(_STEPS // 10)
        self.slider.setSingleStep(_STEPS // 50)
        self.slider.setAccessibleName("Before to after the map")
        self.slider.setToolTip("Left: raw source points. Right: the same points through the map.")
        self.slider.valueChanged.connect(self._tell)
        self.play_button = _PlayButton()
        self.play_button.setToolTip("Play: move every source point through the map")
        self.play_button.setAccessibleName("Play")
        self.play_button.toggled.connect(self._play)
        self._before, self._after = _End("before the map"), _End("after the map")
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(10)
        row.addWidget(self.play_button)
        row.addWidget(self._before)
        row.addWidget(self.slider, 1)
        row.addWidget(self._after)
        self._timer = QTimer(self)
        self._timer.setInterval(_FRAME_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._next)
        self._clock = QElapsedTimer()
        self._from = self._to = 0.0

    def set_shares(self, before: str, after: str, tip: str) -> None:
        """Numbers at both ends, and what they count."""
        self._before.number.setText(before)
        self._after.number.setText(after)
        for end in (self._before, self._after):
            end.setToolTip(tip)

    @property
    def blend(self) -> float:
        """Where it stands."""
        return self.slider.value() / _STEPS

    def set_blend(self, blend: float) -> None:
        """Move it there; tells about it."""
        self.slider.setValue(round(blend * _STEPS))

    @property
    def playing(self) -> bool:
        """Whether it moves by itself."""
        return self._timer.isActive()

    def _tell(self, value: int) -> None:
        self.moved.emit(value / _STEPS)

    def _play(self, playing: bool) -> None:
        if playing:
            self._from = self.blend
            self._to = 0.0 if self._from > 0.5 else 1.0
            self._clock.start()
            self._timer.start()
        else:
            self._timer.stop()

    def _next(self) -> None:
        length = _TRAVEL_MS * abs(self._to - self._from)
        way = min(self._clock.elapsed() / length, 1.0) if length else 1.0
        eased = (1 - math.cos(math.pi * way)) / 2
        self.set_blend(self._from + (self._to - self._from) * eased)
        if way >= 1:
            self.play_button.setChecked(False)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.play_button.setChecked(False)


class _PlayButton(QToolButton):
    """A triangle, or two bars while it plays, in the text's colour: the style's own icon is black on dark ground."""

    def __init__(self) -> None:
        super().__init__()
        self.setCheckable(True)
        self.setAutoRaise(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def sizeHint(self) -> QSize:
        return QSize(34, 26)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        theme = theme_for(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.accent))
        middle = QPointF(self.width() / 2, self.height() / 2)
        if self.isChecked():
            for left in (-6.0, 2.0):
                painter.drawRect(QRectF(middle.x() + left, middle.y() - 7, 4, 14))
        else:
            corners = [QPointF(-5, -8), QPointF(9, 0), QPointF(-5, 8)]
            painter.drawPolygon(QPolygonF([middle + corner for corner in corners]))


class _End(QWidget):
    """A number and what it is."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.number = TextLabel("–", size=LARGE, bold=True, wrap=False)
        self.number.setAccessibleName(f"Share {word}")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(5)
        for label in (self.number, TextLabel(word, muted=True, size=SMALL, wrap=False)):
            row.addWidget(label, 0, Qt.AlignmentFlag.AlignBaseline)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
