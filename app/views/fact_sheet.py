"""A column of facts: headings, names with values, small tables and notes; as text too, to be copied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from ..theme import LARGE, SMALL, TITLE
from .labels import Note, TextLabel


class FactSheet(QWidget):
    """Is filled once from top to bottom; what is shown next is another sheet."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: list[str] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(12, 2, 8, 12)
        self._column.setSpacing(6)

    def minimumSizeHint(self) -> QSize:
        # The height follows from the width; asking for more would leave empty room to scroll through.
        return QSize(super().minimumSizeHint().width(), 0)

    def text(self) -> str:
        """All of it as plain text; tables tab-separated."""
        return "\n".join(self._lines) + "\n"

    def title(self, text: str, below: str = "") -> None:
        """What the sheet is about, and one muted line below."""
        self._column.addWidget(TextLabel(text, size=TITLE, bold=True))
        self._lines.append(text)
        if below:
            self.remark(below)

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._column.addSpacing(8)
        self._column.addWidget(TextLabel(text, size=LARGE, bold=True))
        self._lines += ["", text]

    def subheading(self, text: str) -> None:
        """Begin a part of a section."""
        self._column.addSpacing(3)
        self._column.addWidget(TextLabel(text, bold=True))
        self._lines += ["", text]

    def remark(self, text: str) -> None:
        """A muted line."""
        self._column.addWidget(TextLabel(text, muted=True, size=SMALL))
        self._lines.append(text)

    def paragraph(self, text: str) -> None:
        """Words that wrap."""
        self._column.addWidget(TextLabel(text))
        self._lines.append(text)

    def note(self, text: str) -> None:
        """Something to know before trusting a number; nothing where ``text`` is empty."""
        if text:
            self._column.addWidget(Note(text))
            self._lines.append(f"Note: {text}")

    def facts(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Names at the left, values at the right; pairs without a value are left out."""
        grid = _grid(self._column)
        grid.setColumnStretch(1, 1)
        for row, (name, value) in enumerate((name, value) for name, value in pairs if value):
            label = TextLabel(name, muted=True, wrap=False)
            shown = TextLabel(value)
            shown.setAccessibleName(f"{name}: {value}")
            grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(shown, row, 1)
            self._lines.append(f"{name}\t{value}")

    def digest(self, name: str, value: str) -> None:
        """A long hash: its beginning is shown, all of it is in the tip and in the copied text."""
        self.facts([(name, f"{value[:16]}…" if len(value) > 17 else value)])
        self._lines[-1] = f"{name}\t{value}"
        self._column.itemAt(self._column.count() - 1).layout().itemAt(1).widget().setToolTip(value)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, bold_row: int | None = None) -> None:
        """A small table; the first column names the rows, numbers stand at the right."""
        grid = _grid(self._column)
        for column, text in enumerate(columns):
            grid.addWidget(TextLabel(text, muted=True, size=SMALL, wrap=False), 0, column, _side(column))
            grid.setColumnStretch(column, 1 if column else 0)
        for row, texts in enumerate(rows, start=1):
            for column, text in enumerate(texts):
                label = TextLabel(text, bold=row - 1 == bold_row, muted=column == 0, wrap=False)
                label.setAccessibleName(f"{texts[0]}, {columns[column]}: {text}")
                grid.addWidget(label, row, column, _side(column))
        self._lines += ["\t".join(columns), *("\t".join(texts) for texts in rows)]

    def widget(self, widget: QWidget) -> None:
        """A drawing."""
        self._column.addWidget(widget)

    def finish(self) -> None:
        """Push everything to the top."""
        self._column.addStretch(1)


def _grid(column: QVBoxLayout) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(7)  # six columns of a cell fit into the narrowest inspector
    grid.setVerticalSpacing(3)
    column.addLayout(grid)
    return grid


def _side(column: int) -> Qt.AlignmentFlag:
    return Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
