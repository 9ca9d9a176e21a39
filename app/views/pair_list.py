"""A list of face pairs: both faces, their names, and the score against its threshold."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSignalBlocker,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QImage, QPainter, QPalette, QResizeEvent
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from canon_core.experiments.pair_sides import PairSide
from canon_core.experiments.pairs import FacePair

from ..settled import settled
from ..theme import SMALL, sized, theme_for
from .face_image import draw_face
from .score_bars import signed

_Index = QModelIndex | QPersistentModelIndex
#: Pixels of a face in the list, and around it.
_FACE, _SPACE = 58, 6
#: Milliseconds after scrolling until pictures of what is seen are asked for.
_SETTLED_MS = 30


class _Pairs(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.pairs: tuple[FacePair, ...] = ()
        self.threshold: float | None = None

    def replace(self, pairs: Sequence[FacePair], threshold: float | None) -> None:
        self.beginResetModel()
        self.pairs, self.threshold = tuple(pairs), threshold
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.pairs)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        pair = self.pairs[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{index.row() + 1}. {pair_words(pair, self.threshold)}"
        return None


class _PairDelegate(QStyledItemDelegate):
    """Draws both faces and two lines of text."""

    def __init__(self, view: PairList) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        lines = 3 * self._view.fontMetrics().height() + 6
        return QSize(200, max(_FACE if self._view.pictures else 0, lines) + 2 * _SPACE)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        view, theme = self._view, theme_for(self._view)
        pair, box = view.pairs[index.row()], option.rect
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if chosen:
            painter.fillRect(box, view.palette().color(QPalette.ColorRole.Highlight))
        left = box.left() + _SPACE
        if view.pictures:
            for side in (pair.first, pair.second):
                place = QRect(left, box.top() + _SPACE, _FACE, _FACE)
                draw_face(painter, place, view.picture(side.image), view.missing(side.image), view)
                left += _FACE + _SPACE
        ink = view.palette().color(QPalette.ColorRole.HighlightedText) if chosen else QColor(theme.text)
        faint = ink if chosen else QColor(theme.muted)
        height, room = view.fontMetrics().height(), box.right() - left - 2 * _SPACE
        top = box.top() + (box.height() - 3 * height) // 2
        lines = [
            (_shortest_name(pair.first), ink, view.font()),
            (_shortest_name(pair.second), ink, view.font()),
            (f"{index.row() + 1} · {score_words(pair, view.threshold, kind=False)}", faint, sized(view.font(), SMALL)),
        ]
        for text, colour, font in lines:
            painter.setFont(font)
            painter.setPen(colour)
            short = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, room)
            painter.drawText(QRect(left + _SPACE, top, room, height), Qt.AlignmentFlag.AlignLeft, short)
            top += height
        painter.setPen(QColor(theme.grid))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        if option.state & QStyle.StateFlag.State_HasFocus and not chosen:
            painter.setPen(QColor(theme.accent))
            painter.drawRect(box.adjusted(0, 0, -1, -1))
        painter.restore()


class PairList(QListView):
    """Pairs to walk through with the keyboard or the mouse.

    Signals
    -------
    pairSelected(number) : int
        Place of the pair that is the current one now; −1 for none.
    picturesWanted(rows) : list of int
        Rows of images that are seen and not there yet.
    """

    pairSelected = Signal(int)
    picturesWanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Face pairs")
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setMinimumWidth(284)
        self._model = _Pairs(self)
        self.setModel(self._model)
        self.setItemDelegate(_PairDelegate(self))
        self.pictures = True
        self._images: dict[int, QImage | None] = {}
        self._reasons: dict[int, str] = {}
        self._late = settled(self, _SETTLED_MS, self._want_pictures)
        self.verticalScrollBar().valueChanged.connect(lambda _: self._late.start())
        self.selectionModel().currentChanged.connect(
            lambda now, _before: self.pairSelected.emit(now.row() if now.isValid() else -1)
        )

    # -- given from outside --------------------------------------------------------------------------------------
    def set_pairs(self, pairs: Sequence[FacePair], threshold: float | None, *, pictures: bool) -> None:
        """Show these pairs; ``pictures`` says whether there are any of them."""
        self.pictures = pictures
        self._model.replace(pairs, threshold)
        self.scrollToTop()
        self._late.start()

    def set_picture(self, row: int, image: QImage | None, reason: str = "") -> None:
        """A picture arrived, or why there is none."""
        self._images[row] = image
        if reason:
            self._reasons[row] = reason
        self.viewport().update()

    def forget_pictures(self) -> None:
        """Others are wanted: another dataset, or another look at it."""
        self._images.clear()
        self._reasons.clear()
        self._late.start()

    def select(self, number: int) -> None:
        """Make a pair the current one."""
        self.setCurrentIndex(self._model.index(number, 0))

    def choose_none(self) -> None:
        """No pair is the current one, so that each can be chosen; no signal."""
        with QSignalBlocker(self.selectionModel()):
            self.selectionModel().clear()
        self.viewport().update()

    # -- what is there -------------------------------------------------------------------------------------------
    @property
    def pairs(self) -> tuple[FacePair, ...]:
        """What is listed."""
        return self._model.pairs

    @property
    def threshold(self) -> float | None:
        """What scores are held against."""
        return self._model.threshold

    def picture(self, row: int) -> QImage | None:
        """The picture of an image; None where it is not there (yet)."""
        return self._images.get(row)

    def missing(self, row: int) -> str:
        """What to say where there is no picture."""
        return "no picture" if row in self._images or row < 0 else "…"

    def reason(self, row: int) -> str:
        """Why there is no picture."""
        return self._reasons.get(row, "")

    def _want_pictures(self) -> None:
        """Ask for the faces of what is seen, and of a page below."""
        if not self.pictures or not self._model.pairs or not self.isVisible():
            return
        first = self.indexAt(self.viewport().rect().topLeft()).row()
        tall = max(1, self.sizeHintForRow(0))
        last = first + 2 * (self.viewport().height() // tall + 1)
        wanted = [side.image for pair in self.pairs[max(0, first) : last] for side in (pair.first, pair.second)]
        missing = [row for row in dict.fromkeys(wanted) if row >= 0 and row not in self._images]
        if missing:
            self.picturesWanted.emit(missing)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._late.start()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Show:
            self._late.start()
        return super().event(event)


def short_name(side: PairSide) -> str:
    """The end of an image's path, or a template with whom it shows."""
    if side.template:
        return f"{side.name}, subject {side.subject}" + (f", {side.images} images" if side.images > 1 else "")
    return side.name.rsplit("/", 1)[-1]


def _shortest_name(side: PairSide) -> str:
    """What fits beside two faces: whom a template shows; the panel says which one it is."""
    return f"subject {side.subject}" if side.template else short_name(side)


def score_words(pair: FacePair, threshold: float | None, *, kind: bool = True) -> str:
    """The score, and on which side of its threshold it lies; with ``kind`` what the pair is."""
    text = f"{pair.words} {signed(pair.score)}" if kind else signed(pair.score)
    if threshold is None:
        return text
    return f"{text} {'≥' if pair.score >= threshold else '<'} {signed(threshold)}"


def pair_words(pair: FacePair, threshold: float | None) -> str:
    """A pair in a sentence."""
    return f"{short_name(pair.first)} and {short_name(pair.second)}: {score_words(pair, threshold)}"
