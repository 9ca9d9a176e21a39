"""While files are dragged over the window, it says where a drop goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.drop_hint import drop_words
from app.main_window import MainWindow

_COPY, _LEFT, _NONE = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def mime(*paths: str) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(path) for path in paths])
    return data


def enter(widget: QWidget, data: QMimeData, at: QPoint) -> None:
    QApplication.sendEvent(widget, QDragEnterEvent(at, _COPY, data, _LEFT, _NONE))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("a.onnx", "b.ONNX"), "Drop to add 2 models"),
        (("a.onnx", "people"), "Drop to add 1 model and a dataset of faces"),
        (("lfw.bin",), "Drop to add a dataset of faces"),
        (("a.npy",), "Drop to add embeddings made elsewhere"),
        (("my.canon",), "Drop to open my.canon"),
    ],
)
def test_it_says_what_the_files_would_become(names: tuple[str, ...], words: str) -> None:
    paths = [Path("/nowhere", name) for name in names]
    assert drop_words(paths, study_open=True) == words
    if "add" in words:
        assert drop_words(paths, study_open=False) == f"{words}, to a new study"


def test_of_pictures_it_says_where_they_go() -> None:
    assert "Two faces" in drop_words([Path("/nowhere/me.JPG")], study_open=True)


def test_a_frame_shows_while_files_are_over_the_window_and_goes_with_them(window: MainWindow, qtbot: QtBot) -> None:
    data = mime("/nowhere/a.onnx")
    enter(window, data, QPoint(30, 30))
    assert window.drop_hint.isVisible()
    assert window.drop_hint.words == "Drop to add 1 model, to a new study"
    assert window.childAt(window.centre.geometry().center()) is not window.drop_hint  # drops pass through it
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert not window.drop_hint.isVisible()
    enter(window, data, QPoint(30, 30))
    QApplication.sendEvent(window, QDropEvent(QPointF(30, 30), _COPY, data, _LEFT, _NONE))
    assert not window.drop_hint.isVisible()
    qtbot.waitUntil(lambda: "make one" in window.messages.text.text())


def test_in_two_faces_the_side_is_marked_that_a_picture_would_fill(window: MainWindow, qtbot: QtBot) -> None:
    view = window.two_faces_view
    view.resize(800, 500)
    sides = view.first.canvas, view.second.canvas
    data = mime("/nowhere/me.jpg")
    enter(view, data, QPoint(10, 10))
    assert [side.hovered for side in sides] == [True, False]
    QApplication.sendEvent(view, QDragMoveEvent(QPoint(790, 10), _COPY, data, _LEFT, _NONE))
    assert [side.hovered for side in sides] == [False, True]
    QApplication.sendEvent(view, QDragLeaveEvent())
    assert [side.hovered for side in sides] == [False, False]
    enter(view, mime("/nowhere/me.jpg", "/nowhere/you.jpg"), QPoint(10, 10))
    assert [side.hovered for side in sides] == [True, True]
