"""A figure as it will be printed, on a page of its own size, with what is known of its files below."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from ..theme import SMALL, theme_for
from ..views.labels import TextLabel

#: Pixels an inch of the preview: sharp on a screen of twice the usual resolution.
PREVIEW_DPI = 200
_MARGIN = 14
_MM = 25.4


@dataclass(frozen=True)
class FigurePicture:
    """A drawn figure: its picture (PNG), and how many inches it is wide and high."""

    png: bytes
    width: float
    height: float


@dataclass(frozen=True)
class FileSize:
    """How many bytes a figure has in one format."""

    format: str
    size: int


class Page(QWidget):
    """The figure, as large as there is room for, white as paper in light and dark; or words where there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self._words = ""
        self.setMinimumSize(300, 260)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Preview of the figure")

    @property
    def image(self) -> QImage:
        """What is shown; null without a figure."""
        return self._image

    def show_image(self, image: QImage) -> None:
        """Show this."""
        self._image, self._words = image, ""
        self.update()

    def show_words(self, words: str) -> None:
        """Say why there is no figure."""
        self._image, self._words = QImage(), words
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(560, 420)

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme = theme_for(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor(theme.grid))
        if self._image.isNull():
            painter.setPen(QColor(theme.muted))
            box = self.rect().adjusted(24, 24, -24, -24)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._words)
            return
        room = self.rect().adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        width, height = self._image.width(), self._image.height()
        scale = min(room.width() / width, room.height() / height, 1.0)
        page = QRectF(0, 0, width * scale, height * scale)
        page.moveCenter(QRectF(self.rect()).center())
        # Scaled by averaging: lines of half a point keep their weight.
        ratio = self.devicePixelRatioF()
        shown = self._image.scaled(
            max(1, round(page.width() * ratio)), max(1, round(page.height() * ratio)),
            Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation,
        )  # fmt: skip
        painter.fillRect(page, QColor("#ffffff"))
        painter.drawImage(page, shown)
        painter.setPen(QPen(QColor(theme.border), 1))
        painter.drawRect(page)


class FigurePreview(QWidget):
    """The page, and below it its size and those of its files."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.page = Page()
        self.facts = TextLabel(muted=True, size=SMALL)
        self.facts.setAccessibleName("Size of the page and of the files")
        self._picture: FigurePicture | None = None
        self._sizes: dict[str, int] = {}
        self._dpi = 0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.page, 1)
        column.addWidget(self.facts)

    def wait(self, dpi: int) -> None:
        """Another figure is being drawn; the last one stays in sight until it is there."""
        self._dpi, self._sizes = dpi, {}
        if self._picture is None:
            self.page.show_words("Drawing…")
        self.facts.setText("Drawing…")

    def show_part(self, part: object) -> None:
        """A picture or a file's size came."""
        if isinstance(part, FigurePicture):
            self._picture = part
            self.page.show_image(QImage.fromData(part.png))
        elif isinstance(part, FileSize):
            self._sizes[part.format] = part.size
        self._say()

    def show_words(self, words: str) -> None:
        """There is no figure; say why."""
        self._picture, self._sizes = None, {}
        self.page.show_words(words)
        self.facts.setText("")

    def _say(self) -> None:
        picture = self._picture
        if picture is None:
            return
        parts = [
            f"{picture.width * _MM:.0f} × {picture.height * _MM:.0f} mm ({picture.width:.2f} × {picture.height:.2f} in)"
        ]
        for name, size in self._sizes.items():
            pixels = f" {picture.width * self._dpi:.0f} × {picture.height * self._dpi:.0f} pixels," * (name == "png")
            parts.append(f"{name.upper()}{pixels} {_bytes(size)}")
        text = " · ".join(parts)
        self.facts.setText(text)
        self.page.setAccessibleDescription(text)


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1000))} kB"
