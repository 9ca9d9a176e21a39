"""What a user does with mouse and keyboard in the end-to-end tests, and the small demo study they do it on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from app import pair_finding
from app.main_window import MainWindow
from canon_core.demo.people import HELD_OUT
from canon_core.demo.study import DemoPlan
from canon_core.jobs import JobContext

from .conftest import PATIENCE

LEFT: Final = Qt.MouseButton.LeftButton
#: A dozen people and two networks: rendered, embedded and scored within seconds.
SMALL_DEMO: Final = DemoPlan(
    people=range(HELD_OUT, HELD_OUT + 12),
    fold_people=range(HELD_OUT + 1000, HELD_OUT + 1004),
    networks=("M2_R16_A", "M1_MB2_A"),
    steps=(8,),
    repeats=1,
)
PAIR: Final = SMALL_DEMO.networks[0], SMALL_DEMO.networks[1]
_Kind = TypeVar("_Kind", bound=QWidget)


def settle(window: MainWindow, qtbot: QtBot) -> None:
    """Wait until nothing is under way, and what came of it is shown."""
    for _ in range(2):
        qtbot.wait(60)
        qtbot.waitUntil(lambda: not window.bridge.working, timeout=PATIENCE)
    QApplication.processEvents()


def click(button: QWidget, qtbot: QtBot) -> None:
    assert button.isVisible()
    assert button.isEnabled()
    qtbot.mouseClick(button, LEFT)


def button(widget: QWidget, text: str, qtbot: QtBot) -> QAbstractButton:
    """The visible button of that text, once it is there."""

    def found() -> list[QAbstractButton]:
        return [each for each in widget.findChildren(QAbstractButton) if each.isVisible() and text in each.text()]

    qtbot.waitUntil(lambda: bool(found()), timeout=PATIENCE)
    return found()[0]


def open_tab(window: MainWindow, name: str, qtbot: QtBot) -> QWidget:
    """Click on a tab."""
    bar = window.tabs.tabBar()
    number = next(number for number in range(bar.count()) if bar.tabText(number) == name)
    qtbot.mouseClick(bar, LEFT, pos=bar.tabRect(number).center())
    assert window.tabs.currentIndex() == number
    return window.tabs.currentWidget()


def click_cell(window: MainWindow, pair: tuple[str, str], qtbot: QtBot) -> None:
    """Click a cell of the matrix, which is in front."""
    heat_map = window.matrix_view.heat_map
    qtbot.mouseClick(heat_map, LEFT, pos=heat_map.field_rect(pair).center().toPoint())


def dialog_of(window: MainWindow, kind: type[_Kind], qtbot: QtBot) -> _Kind:
    """The dialog of that kind, once it is open."""

    def found() -> list[_Kind]:
        return [dialog for dialog in window.findChildren(kind) if dialog.isVisible()]

    qtbot.waitUntil(lambda: bool(found()), timeout=PATIENCE)
    return found()[0]


def drop(window: QWidget, *paths: Path) -> None:
    """Let files fall on a window, as the system does."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    action, keys = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), action, data, LEFT, keys)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window, QDropEvent(QPointF(50, 50), action, data, LEFT, keys))


def answer(window: MainWindow, text: str, qtbot: QtBot) -> None:
    """Click a button of the question that is asked."""
    box = dialog_of(window, QMessageBox, qtbot)
    qtbot.mouseClick(next(each for each in box.buttons() if each.text() == text), LEFT)


class Brake:
    """Holds a job of the window at one of its reports, so that there is time to cancel it: what it did until then, and
    how it ends, is its own."""

    def __init__(self, window: MainWindow, patch: pytest.MonkeyPatch) -> None:
        self.held, self._off = threading.Event(), threading.Event()
        real = JobContext.report

        def report(ctx: JobContext, done: int, total: int, what: str) -> None:
            real(ctx, done, total, what)
            while ctx.job in window.bridge.batch() and not self._off.wait(0.005):
                self.held.set()
                ctx.check()

        patch.setattr(JobContext, "report", report)

    def release(self) -> None:
        """Let it go on."""
        self._off.set()


def begin_embedding(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_["study.embed"].trigger()


def begin_matrix(window: MainWindow, qtbot: QtBot) -> None:
    window.matrix_view.choosers.map.setFocus()
    qtbot.keyClicks(window.matrix_view.choosers.map, "r")  # rotation: its cells are not there yet


def begin_sensitivity(window: MainWindow, qtbot: QtBot) -> None:
    click(button(open_tab(window, "Sensitivity", qtbot), "Compute curves", qtbot), qtbot)


def begin_overlay(window: MainWindow, qtbot: QtBot) -> None:
    open_tab(window, "Overlay", qtbot)  # UMAP, by itself


def begin_search(window: MainWindow, qtbot: QtBot) -> None:
    click(button(open_tab(window, "1:N", qtbot), "Search galleries", qtbot), qtbot)


def begin_pairs(window: MainWindow, qtbot: QtBot) -> None:
    click_cell(window, PAIR, qtbot)
    settle(window, qtbot)
    click(button(open_tab(window, "Pairs", qtbot), "Find pairs", qtbot), qtbot)


#: Kind of job → how it is begun in the demo study.
JOBS: Final[dict[str, Callable[[MainWindow, QtBot], None]]] = {
    "embedding": begin_embedding,
    "matrix": begin_matrix,
    "sensitivity": begin_sensitivity,
    "overlay": begin_overlay,
    "search": begin_search,
    "pairs": begin_pairs,
}


def prepare(kind: str, study: Path, patch: pytest.MonkeyPatch) -> None:
    """Make the study, before it is opened, one in which there is work of that kind."""
    if kind == "embedding":
        for file in (study / "embeddings").rglob("*.h5"):
            file.unlink()
    elif kind == "pairs":
        patch.setattr(pair_finding, "many_pairs", lambda _entry: True)  # as IJB-C's are: looked for on request
