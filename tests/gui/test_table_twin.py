"""Tables that are filled again and again while a job runs, and somebody who walks through them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from app.views.table_twin import Entry, TableTwin

from .conftest import PATIENCE, open_study
from .gestures import settle


@pytest.fixture
def twin(qtbot: QtBot) -> TableTwin:
    table = TableTwin("Numbers")
    qtbot.addWidget(table)
    table.show()
    table.set_table(("source", "target", "TAR"), rows_of(a=1.0, b=2.0, c=3.0))
    return table


def rows_of(**values: float) -> list[list[Entry]]:
    return [[Entry("net"), Entry(name), Entry(f"{value:.1f}", value)] for name, value in values.items()]


def test_who_walks_through_a_table_keeps_the_place_when_it_is_filled_again(twin: TableTwin, qtbot: QtBot) -> None:
    told: list[int] = []
    twin.setFocus()
    qtbot.keyClick(twin, Qt.Key.Key_Down)
    twin.select_row(1)
    twin.selectionModel().currentRowChanged.connect(lambda index: told.append(index.row()))
    twin.set_table(("source", "target", "TAR"), rows_of(a=1.0, b=2.0, c=3.0))
    assert twin.currentIndex().row() == 1
    twin.set_table(("source", "target", "TAR"), rows_of(a=1.5, b=2.5, c=3.5))  # cells arrived
    assert twin.currentIndex().row() == 1
    twin.set_table(("source", "target", "TAR"), rows_of(b=9.0, a=1.5, c=3.5))  # in another order
    assert twin.currentIndex().row() == 0
    assert told == []
    qtbot.keyClick(twin, Qt.Key.Key_Down)
    assert twin.currentIndex().row() == 1
    assert [index.row() for index in twin.selectionModel().selectedRows()] == [1]
    twin.set_table(("source", "target", "TAR"), rows_of(c=3.5))
    assert not twin.currentIndex().isValid()


@pytest.mark.parametrize("view", ["matrix", "roc"])
def test_a_look_into_the_study_during_a_job_leaves_the_keyboard_s_place(
    view: str, window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose", cells=(("a", "b"),))
    window.actions_[f"view.{view}"].trigger()
    settle(window, qtbot)
    page = window.matrix_view if view == "matrix" else window.roc_view
    qtbot.mouseClick(page.table_button, Qt.MouseButton.LeftButton)
    page.table.setFocus()
    page.table.select_row(2)
    window.document.refresh()
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    settle(window, qtbot)
    assert page.table.currentIndex().row() == 2


def test_headings_stand_over_their_columns(qtbot: QtBot) -> None:
    table = TableTwin("Cells")
    qtbot.addWidget(table)
    table.set_table(("model", "TAR"), ((Entry("a"), Entry("–")), (Entry("b"), Entry(".976", 0.976))))
    model = table.model()
    role = Qt.ItemDataRole.TextAlignmentRole
    sides = [model.headerData(column, Qt.Orientation.Horizontal, role) for column in range(2)]
    assert Qt.AlignmentFlag(sides[0]) & Qt.AlignmentFlag.AlignLeft
    assert Qt.AlignmentFlag(sides[1]) & Qt.AlignmentFlag.AlignRight
