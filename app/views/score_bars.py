"""Similarities beside their thresholds, one below the other on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ..theme import SMALL, Theme, sized, theme_for

#: Pixels of a line's bar, and between two lines.
_BAR, _GAP = 18, 10
#: Least and most that the scale shows; it begins lower where a score does.
_LOW, _HIGH = -0.2, 1.0


@dataclass(frozen=True)
class BarLine:
    """One similarity.

    Attributes
    ----------
    name : str
    score : float or None
        None where there is none.
    thresholds : tuple of (score, label)
        Where decisions change.
    verdict : str
        What they say to it.
    right : bool or None
        Whether that is so; None where nobody knows.
    note : str
        What should be known of it; empty where nothing is.
    """

    name: str
    score: float | None
    thresholds: tuple[tuple[float, str], ...] = ()
    verdict: str = ""
    right: bool | None = None
    note: str = ""

    @property
    def words(self) -> str:
        """The same in a sentence, for the screen reader and the clipboard."""
        parts = [f"{self.name}: {signed(self.score)}" if self.score is not None else f"{self.name}: no score"]
        parts += [f"threshold {signed(value)}" + (f" ({label})" if label else "") for value, label in self.thresholds]
        if self.verdict:
            parts.append(self.verdict)
        if self.note:
            parts.append(self.note)
        return ", ".join(parts)


def signed(value: float | None) -> str:
    """A score as it is read."""
    return "–" if value is None else f"{value:.3f}".replace("-", "−")


class ScoreBars(QWidget):
    """A line a similarity: its name and verdict, and below it a dot on a scale with the thresholds as strokes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[BarLine, ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMinimumWidth(180)
        self.setAccessibleName("Similarities and thresholds")

    def set_lines(self, lines: Sequence[BarLine]) -> None:
        """Show these."""
        self._lines = tuple(lines)
        self.setAccessibleDescription("; ".join(line.words for line in self._lines))
        self.updateGeometry()
        self.update()

    @property
    def lines(self) -> tuple[BarLine, ...]:
        """What is shown."""
        return self._lines

    def text(self) -> str:
        """A sentence a line."""
        return "\n".join(line.words for line in self._lines)

    # -- size ----------------------------------------------------------------------------------------------------
    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return sum(self._height(line, width) + _GAP for line in self._lines)

    def sizeHint(self) -> QSize:
        return QSize(320, self.heightForWidth(320))

    def minimumSizeHint(self) -> QSize:
        return QSize(180, self.heightForWidth(max(180, self.width())))

    def _name_height(self, line: BarLine, width: int) -> int:
        verdict = self.fontMetrics().horizontalAdvance(self._right_text(line)) + 10
        rect = QRect(0, 0, max(60, width - verdict), 1000)
        return self.fontMetrics().boundingRect(rect, Qt.TextFlag.TextWordWrap, line.name).height()

    def _note_height(self, line: BarLine, width: int) -> int:
        if not line.note:
            return 0
        metrics = self._small_metrics()
        return metrics.boundingRect(QRect(0, 0, width, 1000), Qt.TextFlag.TextWordWrap, line.note).height() + 2

    def _height(self, line: BarLine, width: int) -> int:
        labels = self._small_metrics().height() if any(label for _, label in line.thresholds) else 0
        return self._name_height(line, width) + _BAR + labels + self._note_height(line, width)

    def _small_metrics(self) -> QFontMetrics:
        return QFontMetrics(sized(self.font(), SMALL))

    @staticmethod
    def _right_text(line: BarLine) -> str:
        return " ".join(part for part in (signed(line.score), line.verdict) if part)

    # -- drawing -------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = theme_for(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        known = [line.score for line in self._lines if line.score is not None]
        known += [value for line in self._lines for value, _ in line.thresholds if value <= _HIGH]
        low = min([_LOW, *(value - 0.05 for value in known)])
        top = 0
        for line in self._lines:
            self._draw(painter, theme, line, top, low)
            top += self._height(line, self.width()) + _GAP

    def _draw(self, painter: QPainter, theme: Theme, line: BarLine, top: int, low: float) -> None:
        width, metrics = self.width(), self.fontMetrics()
        height = self._name_height(line, width)
        right = self._right_text(line)
        side = metrics.horizontalAdvance(right) + 10
        painter.setFont(self.font())
        painter.setPen(QColor(theme.text))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        painter.drawText(QRect(0, top, max(60, width - side), height), flags | Qt.TextFlag.TextWordWrap, line.name)
        tone = theme.muted if line.right is None else theme.good if line.right else theme.error
        painter.setPen(QColor(tone))
        painter.drawText(QRect(width - side, top, side, height), Qt.AlignmentFlag.AlignRight, right)
        top += height

        def place(score: float) -> float:
            return 7 + (width - 14) * (min(max(score, low), _HIGH) - low) / (_HIGH - low)

        middle = top + _BAR / 2
        painter.setPen(QPen(QColor(theme.border), 2))
        painter.drawLine(QPointF(7, middle), QPointF(width - 7, middle))
        painter.setPen(QPen(QColor(theme.border), 1))
        painter.drawLine(QPointF(place(0), middle - 4), QPointF(place(0), middle + 4))
        small = self._small_metrics()
        painter.setFont(sized(self.font(), SMALL))
        last = -1e9
        for value, label in sorted(line.thresholds):
            at = place(value)
            painter.setPen(QPen(QColor(theme.text), 2))
            painter.drawLine(QPointF(at, top + 1), QPointF(at, top + _BAR - 1))
            if label:
                room = small.horizontalAdvance(label)
                left = min(max(0.0, at - room / 2, last + 8), width - room)
                last = left + room
                painter.setPen(QColor(theme.muted))
                painter.drawText(QRectF(left, top + _BAR, room + 2, small.height()), label)
        if line.score is not None:
            accepted = line.right is None or not line.thresholds or line.score >= min(v for v, _ in line.thresholds)
            painter.setPen(QPen(QColor(tone if line.right is not None else theme.accent), 2))
            painter.setBrush(QColor(tone if line.right is not None else theme.accent) if accepted else
                             QColor(theme.surface))  # fmt: skip
            painter.drawEllipse(QPointF(place(line.score), middle), 5, 5)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        top += _BAR + (small.height() if any(label for _, label in line.thresholds) else 0)
        if line.note:
            painter.setPen(QColor(theme.muted))
            painter.drawText(
                QRect(0, top + 2, width, self._note_height(line, width)), Qt.TextFlag.TextWordWrap, line.note
            )

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.update()
