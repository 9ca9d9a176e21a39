"""Docks stay wide enough to be read: in a small window, in another look, and where a narrower one is remembered."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from app.arrangement import _encoded
from app.main_window import MainWindow
from app.user_files import write_window

from .conftest import PATIENCE, open_study
from .gestures import settle

#: Pixels that names, and the inspector's numbers, need at least.
STUDY, INSPECTOR = 200, 300


def widths(window: MainWindow) -> tuple[int, int]:
    for _ in range(5):
        QApplication.processEvents()
    return window.docks[0].width(), window.docks[1].width()


def usable(window: MainWindow) -> bool:
    study, inspector = widths(window)
    return study >= STUDY and inspector >= INSPECTOR


def test_in_a_small_window_the_views_give_way_and_scroll_below_their_tabs(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose", cells=(("a", "b"),))
    window.resize(900, 600)
    assert usable(window)
    assert window.size().toTuple() == (900, 600)
    for number in range(window.tabs.count()):
        window.tabs.setCurrentIndex(number)
        settle(window, qtbot)
        assert window.centre.horizontalScrollBar().maximum() == 0, window.tabs.tabText(number)
        assert window.tabs.tabBar().tabRect(number).intersects(window.tabs.tabBar().rect())
    for view in (window.pair_view, window.two_faces_view):
        window.tabs.setCurrentWidget(view)
        settle(window, qtbot)
        assert view.sides.horizontalScrollBar().maximum() > 0
    window.resize(1280, 800)
    assert usable(window)


def test_no_view_behind_presses_the_docks_together(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1280, 800)
    window.pages.setCurrentWidget(window.tabs)
    before = widths(window)
    window.two_faces_view.setMinimumWidth(900)
    assert widths(window) == before


def test_long_names_of_models_do_not_hold_two_faces_open(window: MainWindow) -> None:
    window.two_faces_view.set_there()
    for panel in (window.two_faces_view.first, window.two_faces_view.second):
        panel.set_models(["ArcFace ResNet-100 trained with Glint360K"], "")
    assert window.two_faces_view.minimumSizeHint().width() <= 700  # between the docks at 1280


def test_a_remembered_layout_that_is_too_narrow_is_widened(qtbot: QtBot) -> None:
    narrow = QMainWindow()
    qtbot.addWidget(narrow)
    narrow.setCentralWidget(QWidget())
    for name, area in (("study", "Left"), ("inspector", "Right")):
        dock = QDockWidget(narrow)
        dock.setObjectName(f"dock-{name}")
        narrow.addDockWidget(getattr(Qt.DockWidgetArea, f"{area}DockWidgetArea"), dock)
        dock.setWidget(QWidget())
    narrow.resize(1280, 800)
    narrow.resizeDocks(narrow.findChildren(QDockWidget), [70, 160], Qt.Orientation.Horizontal)
    narrow.show()
    qtbot.waitExposed(narrow)
    assert narrow.findChildren(QDockWidget)[0].width() < STUDY
    write_window({"docks": _encoded(narrow.saveState(1))})
    window = MainWindow()
    try:
        window.show()
        qtbot.waitExposed(window)
        assert usable(window)
    finally:
        window.shut_down()
        qtbot.waitUntil(lambda: not window.isVisible(), timeout=PATIENCE)
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        vars(window).clear()


def drag(window: MainWindow, by: int, qtbot: QtBot) -> None:
    """Drag the line between the study's dock and the views."""
    dock = window.docks[0].geometry()
    start = QPoint(dock.right() + 2, dock.center().y())
    end = start + QPoint(by, 0)
    qtbot.mousePress(window, Qt.MouseButton.LeftButton, pos=start)
    move = QMouseEvent(
        QEvent.Type.MouseMove, QPointF(end), QPointF(window.mapToGlobal(end)), Qt.MouseButton.NoButton,
        Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(window, move)
    for _ in range(3):
        QApplication.processEvents()
    qtbot.mouseRelease(window, Qt.MouseButton.LeftButton, pos=end)


def test_docks_are_as_wide_as_usual_again_when_there_is_room(window: MainWindow) -> None:
    window.pages.setCurrentWidget(window.tabs)
    usual = widths(window)
    window.resize(900, 600)
    assert widths(window) != usual
    window.resize(1280, 800)
    assert widths(window) == usual
    window.resize(900, 600)
    facts = window.arrangement.facts()
    write_window({**facts, "geometry": ""})
    window.resize(1280, 800)
    window.arrangement.restore()  # the narrow docks of before, in a window with room
    window.resize(1280, 800)
    assert widths(window) == usual


def test_a_width_that_was_dragged_stays_the_next_time_too(window: MainWindow, qtbot: QtBot) -> None:
    window.pages.setCurrentWidget(window.tabs)
    study, inspector = widths(window)
    drag(window, -30, qtbot)
    assert widths(window) == (study - 30, inspector)
    window.resize(900, 600)
    assert widths(window)[0] < study - 10
    window.resize(1280, 800)
    assert widths(window) == (study - 30, inspector)
    write_window({**window.arrangement.facts(), "geometry": ""})
    window.arrangement.as_at_first()
    assert widths(window) == (study, inspector)
    window.arrangement.restore()
    window.resize(1280, 800)
    assert widths(window) == (study - 30, inspector)
