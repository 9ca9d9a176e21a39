"""A table of error rates whose fields are coloured by size: a heat map that a keyboard and a screen reader walk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractScrollArea,
    QHeaderView,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from ..theme import theme_for

_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes
    ----------
    text, spoken : str
        What is read, and what a screen reader says instead of it.
    heat : float or None
        Where its colour lies, 0…1; None without one.
    tip : str
    """

    text: str
    spoken: str = ""
    heat: float | None = None
    tip: str = ""


def heat_of(rate: float, whole: float) -> float | None:
    """Colour of a rate beside that of all pairs: the middle where equal, the ends at a tenth and at ten times."""
    if not (math.isfinite(rate) and math.isfinite(whole)) or whole <= 0:
        return None
    if rate <= 0:
        return 0.0
    return min(max(0.5 + 0.5 * math.log10(rate / whole), 0.0), 1.0)


class _Fields(QAbstractTableModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.view = parent
        self.columns: tuple[str, ...] = ()
        self.names: tuple[str, ...] = ()
        self.fields: tuple[tuple[Field, ...], ...] = ()
        self.apart: frozenset[str] = frozenset()

    def replace(
        self, columns: Sequence[str], names: Sequence[str], fields: Sequence[Sequence[Field]], apart: frozenset[str]
    ) -> None:
        self.beginResetModel()
        self.columns, self.names, self.apart = tuple(columns), tuple(names), apart
        self.fields = tuple(tuple(row) for row in fields)
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.names)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        name = (self.columns if orientation == Qt.Orientation.Horizontal else self.names)[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return name
        if role == Qt.ItemDataRole.FontRole and name in self.apart:
            font = QFont(self.view.font())
            font.setItalic(True)
            return font
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        field = self.fields[index.row()][index.column()]
        theme = theme_for(self.view)
        if role == Qt.ItemDataRole.DisplayRole:
            return field.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.names[index.row()]}, {self.columns[index.column()]}: {field.spoken or field.text}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return field.tip or None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignCenter
        if role == Qt.ItemDataRole.BackgroundRole and field.heat is not None:
            return QBrush(theme.heat(field.heat))
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(theme.muted) if field.heat is None else theme.ink(theme.heat(field.heat))
        return None


class _Roomy(QStyledItemDelegate):
    """Fields with some room around their text."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return super().sizeHint(option, index) + QSize(18, 8)


class RateTable(QTableView):
    """As high as its rows, so that what it stands in scrolls."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._fields = _Fields(self)
        self.setModel(self._fields)
        self.setItemDelegate(_Roomy(self))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setSizeAdjustPolicy(QAbstractScrollArea.SizeAdjustPolicy.AdjustToContents)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setHighlightSections(False)
            header.setSectionsClickable(False)

    def set_fields(
        self,
        columns: Sequence[str],
        names: Sequence[str],
        fields: Sequence[Sequence[Field]],
        apart: frozenset[str] = frozenset(),
    ) -> None:
        """Show these; rows and columns named in ``apart`` are set off by slanted names."""
        self._fields.replace(columns, names, fields, apart)
        self.updateGeometry()

    def text(self) -> str:
        """All of it as tab-separated values."""
        return self._lines(range(len(self._fields.names)), range(len(self._fields.columns)))

    def sizeHint(self) -> QSize:
        header, frame = self.horizontalHeader(), 2 * self.frameWidth()
        bar = self.horizontalScrollBar().sizeHint().height() if self.horizontalScrollBar().maximum() else 0
        width = self.verticalHeader().width() + header.length() + frame
        return QSize(width, header.height() + self.verticalHeader().length() + frame + bar)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def resizeEvent(self, event: QEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometry()  # a scroll bar below may have come or gone

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            chosen = self.selectedIndexes()
            rows = sorted({index.row() for index in chosen})
            columns = sorted({index.column() for index in chosen})
            QGuiApplication.clipboard().setText(self._lines(rows, columns))
            return
        super().keyPressEvent(event)

    def _lines(self, rows: Sequence[int], columns: Sequence[int]) -> str:
        known = self._fields
        lines = ["\t".join(["", *(known.columns[column] for column in columns)])]
        for row in rows:
            texts = (" ".join(known.fields[row][column].text.split()) for column in columns)
            lines.append("\t".join([known.names[row], *texts]))
        return "\n".join(lines) + "\n"
