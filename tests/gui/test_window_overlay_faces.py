"""Faces that are compared are marked in the overlay; two points, and a field of the matrix, lead to other views."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from canon_core.embedding.face_picture import Picture
from canon_core.maps.kinds import MapKind

from .conftest import PATIENCE
from .export_clicks import open_dialog, shown
from .overlaid import settle


def test_two_compared_images_are_marked_on_their_own_points_while_map_and_cell_agree(
    overlaid: MainWindow, qtbot: QtBot
) -> None:
    view = overlaid.overlay_view
    rows = view.result.item[[3, 8]].tolist()
    faces = overlaid.two_faces_view
    fingerprint = overlaid.document.contents.dataset(overlaid.document.state.dataset).fingerprint
    overlaid.actions_["view.two_faces"].trigger()
    for panel, row in zip((faces.first, faces.second), rows, strict=True):
        panel.set_row(row, "one", fingerprint)
    qtbot.waitUntil(lambda: faces.comparison is not None, timeout=PATIENCE)
    assert faces.comparison.settings.first == Picture(row=rows[0], fingerprint=fingerprint)
    overlaid.actions_["view.overlay"].trigger()
    qtbot.waitUntil(lambda: len(view.plot.placed) == 2, timeout=PATIENCE)
    first, second = view.plot.placed
    # PCA has axes: an image of the dataset lies where its own points lie.
    assert np.allclose(first.before, view.result.before[60 + 3], atol=1e-4)
    assert np.allclose(second.before, view.result.before[8], atol=1e-4)
    assert np.allclose(second.after, view.result.after[8], atol=1e-4)
    assert (first.label, second.label) == ("first face, a", "second face, b")
    assert view.drawing.placed_note.text() == "The two compared faces, placed on the picture's axes, exactly."
    overlaid.document.change("Rotate", map=MapKind.ROTATION)
    qtbot.waitUntil(lambda: overlaid.overlays.current, timeout=PATIENCE)
    qtbot.waitUntil(lambda: view.plot.placed == (), timeout=PATIENCE)
    assert not view.drawing.placed_note.isVisible()


def test_two_points_are_opened_as_a_pair(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    view.plot.set_selection([3])
    view.plot.selectionChanged.emit(view.plot.selection)
    assert not view.faces.pair_button.isEnabled()
    assert "Select two points" in view.faces.pair_button.toolTip()
    view.plot.set_selection([3, 63])
    view.plot.selectionChanged.emit(view.plot.selection)
    assert "the same face" in view.faces.pair_button.toolTip()
    view.plot.set_selection([3, 68])
    view.plot.selectionChanged.emit(view.plot.selection)
    names = overlaid.overlays.details.names
    qtbot.mouseClick(view.faces.pair_button, Qt.MouseButton.LeftButton)
    assert overlaid.tabs.currentWidget() is overlaid.pair_view
    panel = overlaid.pair_view.panel
    qtbot.waitUntil(
        lambda: panel.pair is not None and panel.pair.first.name == names[8] and panel.details is not None,
        timeout=PATIENCE,
    )
    assert panel.pair.second.name == names[3]  # the target's point
    assert panel.details.scores
    settle(overlaid, qtbot)


def test_the_menu_of_a_field_chooses_it_and_leads_to_its_views(overlaid: MainWindow, qtbot: QtBot) -> None:
    overlaid.actions_["view.matrix"].trigger()
    heat_map = overlaid.matrix_view.heat_map
    qtbot.waitUntil(lambda: heat_map.isVisible() and overlaid.matrix_view.matrix is not None, timeout=PATIENCE)
    settle(overlaid, qtbot)

    def open_menu() -> dict[str, object]:
        where = heat_map.field_rect(("b", "a")).center().toPoint()
        at = heat_map.mapToGlobal(where)
        event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, where, at)
        QApplication.sendEvent(heat_map, event)
        menu = overlaid.cell_menu.menu
        return {action.text(): action for action in menu.actions() if action.text()}

    actions = open_menu()
    files = ["Save map…", "Save scores…"]
    assert list(actions) == ["Show ROC", "Show overlay", "Show pairs", "Confidence", *files, "Copy command"]
    assert overlaid.document.state.cells == (("b", "a"),)
    actions["Copy command"].trigger()
    command = QGuiApplication.clipboard().text()
    assert command.startswith("canon matrix ")
    assert "--models a,b" in command
    overlaid.cell_menu.menu.close()
    qtbot.waitUntil(lambda: overlaid.cell_menu.menu is None, timeout=PATIENCE)
    for text, page in (("Show ROC", overlaid.roc_view), ("Show pairs", overlaid.pair_view)):
        overlaid.actions_["view.matrix"].trigger()
        open_menu()[text].trigger()
        assert overlaid.tabs.currentWidget() is page
        overlaid.cell_menu.menu.close()
        qtbot.waitUntil(lambda: overlaid.cell_menu.menu is None, timeout=PATIENCE)
    settle(overlaid, qtbot)


def test_the_menu_key_opens_the_menu_of_the_current_field(overlaid: MainWindow, qtbot: QtBot) -> None:
    overlaid.actions_["view.matrix"].trigger()
    heat_map, asked = overlaid.matrix_view.heat_map, []
    qtbot.waitUntil(lambda: heat_map.isVisible() and overlaid.matrix_view.matrix is not None, timeout=PATIENCE)
    heat_map.menuRequested.connect(lambda *told: asked.append(told))
    where = heat_map.field_rect(("b", "a")).center().toPoint()
    qtbot.mouseClick(heat_map, Qt.MouseButton.LeftButton, pos=where)
    QApplication.sendEvent(heat_map, QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(0, 0), QPoint(0, 0)))
    assert asked[0][:2] == ("b", "a")
    overlaid.cell_menu.menu.close()
    qtbot.waitUntil(lambda: overlaid.cell_menu.menu is None, timeout=PATIENCE)
    settle(overlaid, qtbot)


def test_a_preview_that_is_still_drawn_holds_up_no_face_below_the_cursor(
    overlaid: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from canon_core.figures import save

    drawing, let_go, drawn = threading.Event(), threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> bytes:  # as Matplotlib does: nothing interrupts it
        drawing.set()
        let_go.wait(10)
        drawn.set()
        return b""

    monkeypatch.setattr(save, "figure_bytes", slow)
    view = overlaid.overlay_view
    dialog = open_dialog(overlaid, view.tools.export_button, qtbot, preview=False)
    qtbot.waitUntil(drawing.is_set, timeout=PATIENCE)
    qtbot.mouseClick(dialog.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown(overlaid) is None, timeout=PATIENCE)
    view.plot.hovered.emit(5)
    qtbot.waitUntil(lambda: view.card.content is not None and view.card.content.face is not None, timeout=PATIENCE)
    assert not drawn.is_set()
    let_go.set()
    settle(overlaid, qtbot)
