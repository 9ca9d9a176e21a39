"""Docks stay wide enough to be read: in a small window, in another look, and where a narrower one is remembered."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from app.arrangement import _encoded
from app.main_window import MainWindow
from app.user_files import write_window

from .conftest import PATIENCE, open_study
from .gestures import settle

#: Pixels that names, and the inspector's numbers, need at least.
STUDY, INSPECTOR = 200, 290


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
