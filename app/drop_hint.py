"""What a drop would do, said over the views while files are dragged over the window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from .file_choosers import EMBEDDINGS
from .theme import LARGE, sized, theme_for

_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
#: Pixels between the frame and the edges of what it lies over.
_EDGE = 10


def drop_words(paths: Sequence[Path], *, study_open: bool) -> str:
    """What dropping these would do, by their names alone: nothing on a disk is looked at while the mouse moves."""
    endings = [path.suffix.lower() for path in paths]
    if ".canon" in endings:
        return f"Drop to open {paths[endings.index('.canon')].name}"
    networks = endings.count(".onnx")
    parts = [f"{networks} model{'s' * (networks != 1)}"] if networks else []
    if any(ending == ".bin" or ending not in {".onnx", *EMBEDDINGS, *_PICTURES} for ending in endings):
        parts.append("a dataset of faces")
    if any(ending in EMBEDDINGS for ending in endings):
        parts.append("embeddings made elsewhere")
    if not parts:
        return "Pictures are compared in the view Two faces: drop them there. A dataset is a folder of them."
    return f"Drop to add {' and '.join(parts)}{'' if study_open else ', to a new study'}"


class DropHint(QWidget):
    """A frame and words over a widget; the mouse, and what it drags, pass through."""

    def __init__(self, window: QWidget, over: QWidget) -> None:
        super().__init__(window)
        self._over = over
        self._words = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    @property
    def words(self) -> str:
        """What is said."""
        return self._words

    def say(self, words: str) -> None:
        """Show the frame with these words."""
        self._words = words
        self.setAccessibleName(words)
        over = self._over
        self.setGeometry(QRect(over.mapTo(self.parentWidget(), over.rect().topLeft()), over.size()))
        self.show()
        self.raise_()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = theme_for(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(_EDGE, _EDGE, -_EDGE, -_EDGE)
        ground = QColor(theme.accent)
        ground.setAlpha(28)
        painter.setPen(QPen(QColor(theme.accent), 3, Qt.PenStyle.DashLine))
        painter.setBrush(ground)
        painter.drawRoundedRect(frame, 10, 10)
        painter.setFont(sized(self.font(), LARGE, bold=True))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        box = painter.boundingRect(frame.adjusted(40, 40, -40, -40), flags, self._words)
        painter.setPen(QPen(QColor(theme.accent), 1))
        painter.setBrush(QColor(theme.raised))
        painter.drawRoundedRect(box.adjusted(-18, -12, 18, 12), 8, 8)
        painter.setPen(QColor(theme.text))
        painter.drawText(box, flags, self._words)
