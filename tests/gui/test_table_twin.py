"""The table beside a picture: headings stand over their columns."""

from __future__ import annotations

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.views.table_twin import Entry, TableTwin


def test_headings_stand_over_their_columns(qtbot: QtBot) -> None:
    table = TableTwin("Cells")
    qtbot.addWidget(table)
    table.set_table(("model", "TAR"), ((Entry("a"), Entry("–")), (Entry("b"), Entry(".976", 0.976))))
    model = table.model()
    role = Qt.ItemDataRole.TextAlignmentRole
    sides = [model.headerData(column, Qt.Orientation.Horizontal, role) for column in range(2)]
    assert Qt.AlignmentFlag(sides[0]) & Qt.AlignmentFlag.AlignLeft
    assert Qt.AlignmentFlag(sides[1]) & Qt.AlignmentFlag.AlignRight
