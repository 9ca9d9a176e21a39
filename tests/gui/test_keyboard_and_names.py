"""Whoever uses the keyboard or a screen reader reaches everything: names, order of focus, and that focus is seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QAccessible, QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QLineEdit,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.appearance import Appearance, Look
from app.main_window import MainWindow
from canon_core.projection.kinds import OverlayMethod

from .conftest import PATIENCE, open_study
from .gestures import settle


def focusable(root: QWidget) -> list[QWidget]:
    """Visible widgets of a window that the Tab key stops at, without what Qt builds inside its own."""
    found = []
    for widget in [root, *root.findChildren(QWidget)]:
        if widget.window() is not root.window() or not widget.isVisible() or not widget.isEnabled():
            continue
        if not widget.focusPolicy() & Qt.FocusPolicy.TabFocus or widget.focusProxy() is not None:
            continue
        parent = widget.parentWidget()
        inner = isinstance(parent, QAbstractSpinBox | QComboBox) and isinstance(widget, QLineEdit)
        viewport = isinstance(parent, QAbstractScrollArea) and parent.viewport() is widget
        if not inner and not viewport and not widget.objectName().startswith("qt_"):
            found.append(widget)
    return found


def nameless(root: QWidget) -> list[str]:
    """Those of them that a screen reader would only call by their kind."""
    found = []
    for widget in focusable(root):
        interface = QAccessible.queryAccessibleInterface(widget)
        if interface is None or not interface.text(QAccessible.Text.Name).strip():
            chain, at = [], widget
            while at is not None and at is not root:
                chain.append(f"{type(at).__name__}{'#' + at.objectName() if at.objectName() else ''}")
                at = at.parentWidget()
            found.append(" < ".join(chain[:4]))
    return found


def without_words(root: QWidget) -> list[str]:
    """Visible buttons that show a symbol alone and have no name of their own."""
    found = []
    for button in root.findChildren(QAbstractButton):
        if button.isVisible() and len(button.text().strip("&… ")) < 2 and not button.accessibleName():
            name = button.objectName()
            if not name.startswith("qt_"):
                found.append(f"{type(button).__name__} {button.text()!r} {name}")
    return found


# -- names ---------------------------------------------------------------------------------------------------------
def test_everything_on_the_start_page_has_a_name(window: MainWindow, qtbot: QtBot) -> None:
    window.start_page.show_recent([(Path("/nowhere/a.canon"), True)])
    assert nameless(window) == []
    assert without_words(window) == []


def test_everything_in_every_view_has_a_name(window: MainWindow, template_study: Path, qtbot: QtBot) -> None:
    open_study(window, qtbot, template_study)
    window.document.change("Choose a cell", cells=(("north", "east"),))
    window.overlays.choose("Lay out by PCA", method=OverlayMethod.PCA)  # UMAP's process takes long to start
    window.demo.tour.begin()
    problems = {}
    for number in range(window.tabs.count()):
        window.tabs.setCurrentIndex(number)
        if window.tabs.currentWidget() is window.pair_view:
            qtbot.waitUntil(window.pair_view.panel.isVisible, timeout=PATIENCE)
        qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
        qtbot.wait(60)
        if found := nameless(window) + without_words(window):
            problems[window.tabs.tabText(number)] = found
    window.demo.tour.end()
    assert problems == {}


def test_everything_that_shows_faces_has_a_name(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    open_study(window, qtbot, embedded_study)
    window.tabs.setCurrentWidget(window.faces_view)
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    qtbot.wait(60)
    assert nameless(window) + without_words(window) == []


@pytest.mark.parametrize(
    "action",
    ["edit.palette", "edit.preferences", "study.add_model", "study.add_dataset", "file.import", "file.export",
     "study.preprocessing", "study.rename", "study.remove", "study.clear", "help.about"],
)
def test_everything_in_a_dialog_has_a_name(
    window: MainWindow,
    embedded_study: Path,
    small_data: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
) -> None:
    from app import file_choosers

    monkeypatch.setattr(file_choosers, "choose_networks", lambda *_: [small_data / "a.onnx"])
    monkeypatch.setattr(file_choosers, "choose_embeddings", lambda *_: small_data / "faces" / "pairs.txt")
    open_study(window, qtbot, embedded_study)
    window.tree.setCurrentItem(window.tree.item("model", "a"))
    qtbot.waitUntil(lambda: window.actions_.refusal(action) == "", timeout=PATIENCE)
    window.actions_[action].trigger()

    def opened() -> list[QDialog]:
        return [dialog for dialog in window.findChildren(QDialog) if dialog.isVisible()]

    qtbot.waitUntil(lambda: bool(opened()), timeout=PATIENCE)
    dialog = opened()[0]
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    problems = nameless(dialog) + without_words(dialog)
    pages = getattr(dialog, "pages", None)
    for number in range(pages.count() if pages is not None else 0):
        pages.setCurrentIndex(number)
        problems += nameless(dialog) + without_words(dialog)
    dialog.reject()
    assert problems == []
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)


# -- the Tab key ---------------------------------------------------------------------------------------------------
def test_tab_reaches_everything_of_a_view_and_comes_round(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    qtbot.waitUntil(lambda: window.computing.matrix is not None and not window.bridge.busy, timeout=PATIENCE)
    qtbot.wait(100)  # what came of it is shown, and nothing comes or goes any more
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.tree.setFocus()
    reached: list[QWidget] = []
    for _ in range(200):
        at = QApplication.focusWidget()
        assert at is not None
        if at in reached:
            break
        reached.append(at)
        window.focusNextPrevChild(True)
    else:
        pytest.fail("the Tab key never comes round")
    inside = [widget for widget in focusable(window) if window.matrix_view.isAncestorOf(widget)]
    assert inside
    missing = [type(widget).__name__ for widget in inside if widget not in reached and widget.focusProxy() is None]
    assert missing == []
    for widget in (window.tree, window.tabs.tabBar()):
        assert widget in reached


# -- focus is seen -------------------------------------------------------------------------------------------------
@pytest.fixture
def themed(qtbot: QtBot, request: pytest.FixtureRequest) -> Iterator[MainWindow]:
    """The window in the appearance that the test names."""
    application = QApplication.instance()
    appearance = Appearance(application, request.param)
    window = MainWindow(appearance)
    window._appearance = None  # else closing it would end the application
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    yield window
    window.shut_down()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=PATIENCE)
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    vars(window).clear()
    appearance.choose(Look.SYSTEM)
    appearance.deleteLater()
    application.setStyleSheet("")


def picture(window: QWidget, widget: QWidget) -> np.ndarray:
    """The widget with a rim of its surroundings, as (height, width, 3) int."""
    where = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size()).adjusted(-3, -3, 3, 3)
    image = window.grab(where).toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def changed(window: QWidget, widget: QWidget, elsewhere: QWidget, qtbot: QtBot) -> int:
    """Pixels that focus changes visibly: by a tenth of the way from black to white and more."""
    pictures = []
    for focused in (elsewhere, widget):
        focused.setFocus(Qt.FocusReason.TabFocusReason)
        qtbot.waitUntil(focused.hasFocus)
        window.setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)  # as the Tab key does, and setFocus does not
        pictures.append(picture(window, widget))
    before, after = pictures
    return int((np.abs(after - before).max(axis=2) >= 26).sum())


@pytest.mark.parametrize("themed", [Look.LIGHT, Look.DARK], indirect=True, ids=["light", "dark"])
def test_focus_is_seen_on_every_kind_of_widget(themed: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    window = themed
    page = window.start_page
    unseen = {}

    def look(widget: QWidget, elsewhere: QWidget) -> None:
        pixels = changed(window, widget, elsewhere, qtbot)
        if pixels < 20:
            unseen[widget.accessibleName() or getattr(widget, "text", str)() or type(widget).__name__] = pixels

    look(page.new_button, page.demo_button)
    look(page.demo_button, page.new_button)
    look(page.demo_folder_button, page.new_button)
    open_study(window, qtbot, embedded_study)
    matrix = window.matrix_view
    qtbot.waitUntil(matrix.export_button.isVisible, timeout=PATIENCE)
    settle(window, qtbot)  # else what comes of it moves the widgets between two pictures
    for widget in (matrix.choosers.map, matrix.difference_button, matrix.table_button, matrix.heat_map,
                   window.tabs.tabBar(), window.tree):  # fmt: skip
        look(widget, matrix.export_button)
    window.document.change("Choose a cell", cells=(("a", "b"),))
    window.tabs.setCurrentWidget(window.roc_view)
    settle(window, qtbot)
    look(window.roc_view.table_button, window.tree)
    assert unseen == {}


def test_a_button_without_words_would_be_found(qtbot: QtBot) -> None:
    root = QWidget()
    qtbot.addWidget(root)
    good, bad = QPushButton("Go", root), QPushButton("×", root)
    QLineEdit(root)
    root.show()
    assert without_words(root) == ["QPushButton '×' "]
    assert nameless(root) == ["QLineEdit"]
    bad.setAccessibleName("Close")
    assert without_words(root) == []
    assert good in focusable(root)


