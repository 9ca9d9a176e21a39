"""A table that says what a picture shows, for the keyboard, the screen reader and the clipboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

_SORT_ROLE = Qt.ItemDataRole.UserRole
#: Fields that say what a row is about: source and target, curve and FAR.
_LEADING = 2
_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Entry:
    """One field: what is read, and the number it is sorted by."""

    text: str
    value: float | None = None


class _Rows(QAbstractTableModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.columns: tuple[str, ...] = ()
        self.rows: tuple[tuple[Entry, ...], ...] = ()

    def replace(self, columns: Sequence[str], rows: Sequence[Sequence[Entry]]) -> None:
        self.beginResetModel()
        self.columns = tuple(columns)
        self.rows = tuple(tuple(row) for row in rows)
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            numbers = any(row[section].value is not None for row in self.rows)  # a heading stands over its column
            side = Qt.AlignmentFlag.AlignRight if numbers else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        entry = self.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.columns[index.column()]}: {entry.text}"
        if role == _SORT_ROLE:
            return entry.text if entry.value is None else entry.value
        if role == Qt.ItemDataRole.TextAlignmentRole and entry.value is not None:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


class TableTwin(QTableView):
    """Rows of text that can be sorted, walked through with the keyboard and copied as tab-separated values."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._rows = _Rows(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSortRole(_SORT_ROLE)
        self._sorted.setSourceModel(self._rows)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(True)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setHighlightSections(False)

    def set_table(self, columns: Sequence[str], rows: Sequence[Sequence[Entry]]) -> None:
        """Show these rows, one :class:`Entry` a column, in this order until a header is clicked.

        Who walks through them keeps the place: nothing is touched where they are the same, and else the row that begins
        like the current one becomes current again, without a signal.
        """
        before, current = self._rows.rows, self.currentIndex()
        if tuple(columns) == self._rows.columns and tuple(map(tuple, rows)) == before:
            return
        number = self.row_number(current) if current.isValid() else -1
        self._rows.replace(columns, rows)
        if number >= 0 and (place := _place(before[number], number, self._rows.rows)) is not None:
            index = self._sorted.mapFromSource(self._rows.index(place, current.column()))
            selection = self.selectionModel()
            selection.blockSignals(True)
            self.setCurrentIndex(index)
            selection.blockSignals(False)
            self.scrollTo(index)
            self.viewport().update()

    def row_number(self, index: _Index) -> int:
        """Number of a shown row as it was given to :meth:`set_table`."""
        return self._sorted.mapToSource(index).row()

    def select_row(self, number: int) -> None:
        """Make the row with this number, as given to :meth:`set_table`, the current one."""
        index = self._sorted.mapFromSource(self._rows.index(number, 0))
        if index.row() != self.currentIndex().row():
            self.setCurrentIndex(index)

    def text(self) -> str:
        """All rows as tab-separated values, in the order shown."""
        return self._lines(range(self._sorted.rowCount()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            numbers = sorted({index.row() for index in self.selectedIndexes()})
            QGuiApplication.clipboard().setText(self._lines(numbers))
            return
        super().keyPressEvent(event)

    def _lines(self, shown: Sequence[int]) -> str:
        entries = [self._rows.rows[self.row_number(self._sorted.index(row, 0))] for row in shown]
        lines = ["\t".join(self._rows.columns)]
        lines += ["\t".join(" ".join(entry.text.split()) for entry in row) for row in entries]
        return "\n".join(lines) + "\n"


def _place(row: Sequence[Entry], number: int, rows: Sequence[Sequence[Entry]]) -> int | None:
    """Number of the row that begins like this one, which was at ``number``; None without any."""
    begins = [entry.text for entry in row[:_LEADING]]
    numbers = [number, *range(len(rows))] if number < len(rows) else range(len(rows))
    return next((each for each in numbers if [entry.text for entry in rows[each][:_LEADING]] == begins), None)
