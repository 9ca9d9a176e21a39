"""What a network sees of some of the faces: aligned crops with their names."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from ..theme import SMALL, sized, theme_for
from .bar_buttons import button_row, table_button, tool_button
from .empty_state import EmptyState
from .flow_layout import FlowLayout
from .labels import SettingsLabel
from .table_twin import Entry, TableTwin

if TYPE_CHECKING:
    from canon_core.embedding.contact_sheet import ContactSheet

#: Side of a crop on the screen, and the gap around it, in pixels.
_SIDE, _GAP = 112, 12
#: Width from which crops grow, and how much larger they get at most.
_WIDE, _LARGEST = 1400, 1.3


class CropGrid(QWidget):
    """Crops in rows that follow the width, each with the end of its name below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Aligned faces")
        self._crops: tuple[QImage, ...] = ()
        self._ids: tuple[str, ...] = ()
        self._failed: dict[str, str] = {}

    def set_sheet(self, sheet: ContactSheet | None) -> None:
        """Show the tiles of a sheet."""
        self._crops = tuple(_image(sheet.pixels, corner, sheet.tile) for corner in sheet.corners) if sheet else ()
        self._ids = sheet.ids if sheet else ()
        self._failed = dict(sheet.failed) if sheet else {}
        self.setAccessibleDescription(f"{len(self._ids)} faces: {', '.join(self._ids[:20])}")
        self.updateGeometry()
        self.update()

    def tile_rect(self, number: int) -> QRect:
        """Where a crop is drawn."""
        columns, left, side = self._columns(self.width())
        row, column = divmod(number, columns)
        return QRect(left + column * (side + _GAP), _GAP + row * self._step(side), side, side)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        columns, _, side = self._columns(width)
        return _GAP + -(-len(self._crops) // columns) * self._step(side)

    def sizeHint(self) -> QSize:
        width = 6 * (_SIDE + _GAP) + _GAP
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        return QSize(_SIDE + 2 * _GAP, 0)

    def _columns(self, width: int) -> tuple[int, int, int]:
        """How many there are in a row, where the first begins, and the side of a crop."""
        side = round(_SIDE * min(max(width / _WIDE, 1.0), _LARGEST))
        columns = max(1, (width - _GAP) // (side + _GAP))
        used = min(columns, max(1, len(self._crops)))
        return columns, max(_GAP, (width - used * (side + _GAP) + _GAP) // 2), side

    def _step(self, side: int) -> int:
        return side + 4 + self.fontMetrics().height() + _GAP

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = theme_for(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setFont(sized(self.font(), SMALL))
        metrics = painter.fontMetrics()
        for number, (crop, name) in enumerate(zip(self._crops, self._ids, strict=True)):
            box = self.tile_rect(number)
            if not box.adjusted(0, 0, 0, 40).intersects(event.rect()):
                continue
            painter.drawImage(box, crop)
            failed = name in self._failed
            painter.setPen(QPen(QColor(theme.error if failed else theme.border), 2 if failed else 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box.adjusted(0, 0, -1, -1))
            painter.setPen(QColor(theme.error if failed else theme.muted))
            text = metrics.elidedText(name.rsplit("/", 1)[-1], Qt.TextElideMode.ElideMiddle, box.width())
            below = QRect(box.left(), box.bottom() + 3, box.width(), self.fontMetrics().height())
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, text)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            for number, name in enumerate(self._ids):
                if self.tile_rect(number).adjusted(0, 0, 0, 20).contains(event.pos()):
                    text = f"{name}: {self._failed[name]}" if name in self._failed else name
                    QToolTip.showText(event.globalPos(), f"<span>{html.escape(text)}</span>", self)
                    return True
            QToolTip.hideText()
            return True
        return super().event(event)


class ContactSheetView(QWidget):
    """A contact sheet with the choice of the model whose crops are shown.

    Signals
    -------
    modelChosen(name), reshuffleRequested(), exportRequested(), actionRequested() :
        Another model's crops, other faces, the button for export; the button of the empty state.
    """

    modelChosen = Signal(str)
    reshuffleRequested = Signal()
    exportRequested = Signal()
    actionRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sheet: ContactSheet | None = None
        self.command = ""  #: that gives the same faces; empty where none are shown
        self.grid = CropGrid()
        self.table = TableTwin("Aligned faces as a table")
        self._empty = EmptyState("Add a model and a dataset: the faces appear here as the model will see them.")
        self._scroll = QScrollArea()
        self._scroll.setWidget(self.grid)
        self._scroll.setWidgetResizable(True)
        self._scroll.setAccessibleName("Faces as the model sees them")
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._stack = QStackedWidget()
        for page in (self._empty, self._scroll, self.table):
            self._stack.addWidget(page)
        self.model_chooser = QComboBox()
        self.model_chooser.setAccessibleName("model")
        self.model_chooser.setToolTip("Whose crops are shown: each network sees the faces in its own way")
        self.model_chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.model_chooser.textActivated.connect(self.modelChosen)
        self.reshuffle_button = tool_button("Other faces", "Draw another sample of the dataset")
        self.reshuffle_button.clicked.connect(self.reshuffleRequested)
        self.table_button = table_button("The same as a table, for the keyboard and the screen reader", self._show)
        self.export_button = tool_button("Export…", "Save these faces as figure (PDF, SVG, PNG), or their list (CSV)")
        self.export_button.clicked.connect(self.exportRequested)
        label = QLabel("as seen by")
        label.setBuddy(self.model_chooser)
        chooser = QWidget()
        pair = QHBoxLayout(chooser)
        pair.setContentsMargins(0, 0, 0, 0)
        pair.setSpacing(5)
        pair.addWidget(label)
        pair.addWidget(self.model_chooser)
        self._bar = QWidget()
        row = FlowLayout(self._bar, spacing=14)
        row.addWidget(chooser)
        row.addWidget(button_row(self.reshuffle_button, self.table_button, self.export_button))
        self._caption = SettingsLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        layout.addWidget(self._bar)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self._caption)
        self._empty.actionRequested.connect(self.actionRequested)
        self._show()

    # -- given from outside --------------------------------------------------------------------------------------
    def set_models(self, names: Sequence[str], current: str = "") -> None:
        """Models to choose among; no signal."""
        if [self.model_chooser.itemText(number) for number in range(self.model_chooser.count())] != list(names):
            self.model_chooser.clear()
            self.model_chooser.addItems(list(names))
        if current in names:
            self.model_chooser.setCurrentIndex(list(names).index(current))
        self._show()

    def set_sheet(
        self, sheet: ContactSheet | None, *, model: str = "", dataset: str = "", command: str = ""
    ) -> None:
        """Show a sheet drawn without captions for ``model``, and the command that draws it; None shows the empty
        state."""
        self._sheet, self.command = sheet, command
        self.grid.set_sheet(sheet)
        if sheet is not None:
            reasons = dict(sheet.failed)
            rows = [[Entry(name), Entry(reasons.get(name, ""))] for name in sheet.ids]
            self.table.set_table(("image", "problem"), rows)
            of = f" of {dataset}" if dataset else ""
            failed = f", {len(reasons)} could not be drawn" if reasons else ""
            self._caption.setText(
                f"{len(sheet.ids)} faces{of} as {model} sees them, in RGB for the eye{failed}. Faces should be "
                "upright, centred and of one size; where they are not, no number that follows is right."
            )
        self._show()

    @property
    def sheet(self) -> ContactSheet | None:
        """What is shown."""
        return self._sheet

    @property
    def settings_line(self) -> str:
        """Which faces these are, and as whom they are seen."""
        return self._caption.text()

    def set_empty(self, text: str, action_text: str = "") -> None:
        """What to say while there is no sheet, and on the button below it."""
        self._empty.set_message(text, action_text)

    def _show(self) -> None:
        there = self._sheet is not None
        self._bar.setVisible(there)
        self._caption.setVisible(there)
        if not there:
            self._stack.setCurrentWidget(self._empty)
        else:
            self._stack.setCurrentWidget(self.table if self.table_button.isChecked() else self._scroll)


def _image(pixels: np.ndarray, corner: tuple[int, int], tile: int) -> QImage:
    x, y = corner
    crop = np.ascontiguousarray(pixels[y : y + tile, x : x + tile])
    height, width = crop.shape[:2]
    return QImage(crop.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
