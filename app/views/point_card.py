"""What is told of the point under the cursor: its face, its names, and the faces nearest to it in each space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from ..theme import SMALL, sized, theme_for

_FACE, _SMALL_FACE, _GAP = 92, 58, 10
_WIDTH = 330
_NONE_TO_FIND = "Nearest faces; no other of this subject to find"


@dataclass(frozen=True)
class CardNeighbour:
    """A face that is nearest in some space."""

    space: str  #: in which space, in a word or two
    name: str
    same_subject: bool | None  #: None where the subject has no other image that could be found
    face: QImage | None = None


@dataclass(frozen=True)
class PointCardContent:
    """Lines and faces of a card; the first line is the point's id."""

    lines: tuple[str, ...]
    face: QImage | None
    no_face: str  #: why there is no face; empty while it is being drawn
    neighbours: tuple[CardNeighbour, ...] = ()


class PointCard(QWidget):
    """Lies on a plot, away from the cursor, and lets the mouse through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._content: PointCardContent | None = None
        self.hide()

    @property
    def content(self) -> PointCardContent | None:
        """What it shows; None while it is hidden."""
        return self._content

    def show_content(self, content: PointCardContent | None, beside: QPointF | None = None) -> None:
        """Show it beside a point of the plot, or hide it."""
        self._content = content
        if content is None:
            self.hide()
            return
        self.resize(self.sizeHint())
        if beside is not None:
            self._place(beside)
        self.setAccessibleDescription(self.text())
        self.show()
        self.raise_()
        self.update()

    def text(self) -> str:
        """All of it in words."""
        if self._content is None:
            return ""
        return "; ".join([*self._content.lines, *(_words(each) for each in self._content.neighbours)])

    def sizeHint(self) -> QSize:
        if self._content is None:
            return QSize(0, 0)
        below = len(self._content.neighbours)
        line = self.fontMetrics().height()
        height = 2 * _GAP + _FACE
        if below:
            height += _GAP + line + _SMALL_FACE + 2 * line
        return QSize(_WIDTH, height)

    def _place(self, beside: QPointF) -> None:
        """At the side of the point that has more room, and never over it."""
        parent = self.parentWidget()
        left = beside.x() + 24
        if left + self.width() > parent.width() - 8:
            left = beside.x() - 24 - self.width()
        top = min(max(beside.y() - self.height() / 2, 8), parent.height() - self.height() - 8)
        self.move(round(max(left, 8)), round(max(top, 8)))

    # -- drawing -------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        content = self._content
        if content is None:
            return
        theme = theme_for(self)
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(QPen(QColor(theme.border), 1))
        painter.setBrush(QColor(theme.raised))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 7, 7)
        self._draw_face(painter, QRect(_GAP, _GAP, _FACE, _FACE), content.face, content.no_face, QColor(theme.border))
        self._draw_lines(painter, content.lines)
        if content.neighbours:
            self._draw_neighbours(painter, content.neighbours)

    def _draw_lines(self, painter: QPainter, lines: Sequence[str]) -> None:
        theme = theme_for(self)
        left, top = 2 * _GAP + _FACE, _GAP
        width = self.width() - left - _GAP
        for number, line in enumerate(lines):
            painter.setFont(sized(self.font(), 1.0 if number == 0 else SMALL, bold=number == 0))
            painter.setPen(QColor(theme.text if number == 0 else theme.muted))
            metrics = painter.fontMetrics()
            text = metrics.elidedText(line, Qt.TextElideMode.ElideMiddle, width)
            painter.drawText(QRect(left, top, width, metrics.height()), Qt.AlignmentFlag.AlignLeft, text)
            top += metrics.height() + 3

    def _draw_neighbours(self, painter: QPainter, neighbours: Sequence[CardNeighbour]) -> None:
        theme = theme_for(self)
        painter.setFont(sized(self.font(), SMALL))
        line = painter.fontMetrics().height()
        top = 2 * _GAP + _FACE
        painter.setPen(QColor(theme.muted))
        heading = QRect(_GAP, top, self.width() - 2 * _GAP, line)
        words = "Nearest other face" if neighbours[0].same_subject is not None else _NONE_TO_FIND
        painter.drawText(heading, Qt.AlignmentFlag.AlignLeft, words)
        top += line + 4
        step = (self.width() - 2 * _GAP) / max(len(neighbours), 4)
        for number, each in enumerate(neighbours):
            middle = _GAP + step * (number + 0.5)
            tint = QColor({True: theme.good, False: theme.error}.get(each.same_subject, theme.muted))
            box = QRect(round(middle - _SMALL_FACE / 2), top, _SMALL_FACE, _SMALL_FACE)
            self._draw_face(painter, box, each.face, "" if each.face else each.name, tint, 2.5)
            painter.setPen(tint)
            mark = {True: "✓", False: "✗"}.get(each.same_subject, "–")
            below = QRect(round(middle - step / 2), top + _SMALL_FACE + 2, round(step), line)
            text = painter.fontMetrics().elidedText(f"{mark} {each.space}", Qt.TextElideMode.ElideRight, round(step))
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, text)

    def _draw_face(
        self, painter: QPainter, box: QRect, face: QImage | None, instead: str, rim: QColor, width: float = 1.0
    ) -> None:
        theme = theme_for(self)
        painter.fillRect(box, QColor(theme.grid))
        if face is not None:
            painter.drawImage(box, face)
        elif instead:
            painter.setPen(QColor(theme.muted))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWrapAnywhere
            painter.drawText(box.adjusted(3, 3, -3, -3), flags, instead)
        painter.setPen(QPen(rim, width))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(box))


def _words(neighbour: CardNeighbour) -> str:
    same = {True: "the same subject", False: "another subject"}.get(neighbour.same_subject, _NONE_TO_FIND.lower())
    return f"nearest {neighbour.space}: {neighbour.name}, {same}"
