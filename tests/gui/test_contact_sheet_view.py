"""The contact sheet: the right crop above the right name, in rows that follow the width."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from app.views.contact_sheet_view import ContactSheetView
from canon_core.embedding.contact_sheet import ContactSheet

COUNT, TILE, COLUMNS = 11, 40, 4
FAILED = 6


def sheet() -> ContactSheet:
    """Tiles of one colour each, on a grid with gaps."""
    pixels = np.full((3 * 50, COLUMNS * 50, 3), 9, np.uint8)
    corners = []
    for number in range(COUNT):
        x, y = 5 + 50 * (number % COLUMNS), 5 + 50 * (number // COLUMNS)
        pixels[y : y + TILE, x : x + TILE] = shade(number)
        corners.append((x, y))
    ids = tuple(f"Ann_{number}/Ann_{number}_0001.jpg" for number in range(COUNT))
    return ContactSheet(pixels, ids, COLUMNS, TILE, tuple(corners), ((ids[FAILED], "no <landmarks>"),))


def shade(number: int) -> tuple[int, int, int]:
    """Colour of a tile; red, green and blue differ, so that swapped channels are seen."""
    return 20 * number, 255 - 20 * number, 100


@pytest.fixture
def view(qtbot: QtBot) -> ContactSheetView:
    """A view of eleven crops on the screen."""
    widget = ContactSheetView()
    qtbot.addWidget(widget)
    widget.resize(600, 420)
    widget.set_models(["mbf", "y1"], "y1")
    widget.set_sheet(sheet(), model="y1", dataset="faces")
    widget.show()
    qtbot.waitExposed(widget)
    QApplication.processEvents()
    return widget


@pytest.mark.parametrize("width", [220, 600, 1400])
def test_every_crop_is_drawn_in_its_own_colours_and_none_over_another(view, width):
    view.resize(width, 420)
    QApplication.processEvents()
    image = view.grid.grab().toImage()
    ratio = image.devicePixelRatio()
    boxes = [view.grid.tile_rect(number) for number in range(COUNT)]
    for number, box in enumerate(boxes):
        middle = box.center()
        assert image.pixelColor(int(middle.x() * ratio), int(middle.y() * ratio)).toTuple()[:3] == shade(number)
        assert box.left() >= 0
        assert box.right() < view.grid.width()
        assert box.bottom() + 15 < view.grid.height()
        assert not any(box.intersects(other) for other in boxes[:number])


def test_wider_windows_hold_more_crops_in_a_row(view):
    rows = []
    for width in (220, 600, 1400):
        view.resize(width, 420)
        QApplication.processEvents()
        rows.append(len({view.grid.tile_rect(number).top() for number in range(COUNT)}))
    assert rows[0] > rows[1] > rows[2]


def test_names_and_reasons_are_in_the_tool_tip_as_plain_text(view):
    spot = view.grid.tile_rect(FAILED).center()
    event = QHelpEvent(QEvent.Type.ToolTip, spot, view.grid.mapToGlobal(spot))
    QApplication.sendEvent(view.grid, event)
    tip = QToolTip.text()
    QToolTip.hideText()
    assert "Ann_6/Ann_6_0001.jpg: no &lt;landmarks&gt;" in tip


def test_it_says_whose_crops_they_are_and_how_many_failed(view):
    text = view._caption.text()
    assert "11 faces of faces as y1 sees them" in text
    assert "1 could not be drawn" in text


def test_another_model_and_other_faces_are_asked_for(qtbot, view):
    with qtbot.waitSignal(view.modelChosen) as caught:
        view.model_chooser.setFocus()
        qtbot.keyClick(view.model_chooser, Qt.Key.Key_Up)
    assert caught.args == ["mbf"]
    with qtbot.waitSignal(view.reshuffleRequested):
        qtbot.mouseClick(view.reshuffle_button, Qt.MouseButton.LeftButton)


def test_models_are_set_without_asking(qtbot, view):
    with qtbot.assertNotEmitted(view.modelChosen):
        view.set_models(["a", "b", "c"], "b")
    assert view.model_chooser.currentText() == "b"


def test_the_table_lists_every_image_with_its_problem(qtbot, view):
    qtbot.mouseClick(view.table_button, Qt.MouseButton.LeftButton)
    model = view.table.model()
    assert view.table.isVisible()
    assert [model.index(FAILED, column).data() for column in (0, 1)] == ["Ann_6/Ann_6_0001.jpg", "no <landmarks>"]
    assert model.rowCount() == COUNT


def test_without_a_sheet_it_says_what_to_do_next(qtbot, view):
    view.set_empty("Add a dataset.", "Add dataset…")
    view.set_sheet(None)
    assert not view.grid.isVisible()
    button = next(child for child in view.findChildren(type(view._empty._button)) if child.isVisible())
    with qtbot.waitSignal(view.actionRequested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_crops_grow_in_a_wide_window(view):
    sides = []
    for width in (600, 1400, 2400):
        view.resize(width, 900)
        QApplication.processEvents()
        sides.append(view.grid.tile_rect(0).width())
    assert sides[0] <= sides[1] < sides[2]
