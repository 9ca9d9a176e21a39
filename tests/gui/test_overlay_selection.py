"""The faces of selected points: told apart by their captions, picked two at a time, shown alone where that can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app import overlay_selection
from app.main_window import MainWindow
from app.overlay_choice import OverlayChoice
from app.views.face_list import FaceList, captions
from canon_core.projection.kinds import OverlayMethod
from canon_core.study.overlay_results import OverlayLevel

from .conftest import PATIENCE, open_study
from .overlaid import Slow, settle


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a/Aaron_Eckhart_0001.jpg", "a/Aaron_Eckhart_0002.jpg"], ["0001", "0002"]),
        (["a/Aaron_Eckhart_0001.jpg", "b/Abel_Pacheco_0001.jpg"], ["Aaron_Eckhart_0001", "Abel_Pacheco_0001"]),
        (["ann/0001.jpg", "bob/0001.jpg"], ["ann/0001", "bob/0001"]),
        (["template 20038", "template 7"], ["20038", "7"]),
        (["template 20038"], ["template 20038"]),
        (["a/x_1.png", "a/x.png"], ["x_1", "x"]),
        ([], []),
    ],
)
def test_captions_hold_what_differs(names: list[str], told: list[str]) -> None:
    assert captions(names) == told


def select(window: MainWindow, points: list[int]) -> FaceList:
    plot = window.overlay_view.plot
    plot.set_selection(points)
    plot.selectionChanged.emit(plot.selection)
    return window.overlay_view.faces


def click(faces: FaceList, row: int, qtbot: QtBot, key: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    at = faces.list.visualItemRect(faces.list.item(row)).center()
    qtbot.mouseClick(faces.list.viewport(), Qt.MouseButton.LeftButton, key, at)


def test_any_two_faces_of_the_list_can_be_opened_as_a_pair(overlaid: MainWindow, qtbot: QtBot) -> None:
    faces = select(overlaid, [0, 1, 2, 5, 61, 70])
    settle(overlaid, qtbot)
    control, asked = Qt.KeyboardModifier.ControlModifier, []
    overlaid.overlay_faces.pairRequested.connect(lambda *told: asked.append(told))
    assert not faces.pair_button.isEnabled()
    assert "Ctrl" in faces.pair_button.toolTip()
    click(faces, 3, qtbot)
    assert not faces.pair_button.isEnabled()
    click(faces, 0, qtbot, control)
    listed = [faces.list.item(row).data(Qt.ItemDataRole.UserRole) for row in (3, 0)]
    assert list(faces.picked) == listed
    qtbot.mouseClick(faces.pair_button, Qt.MouseButton.LeftButton)
    assert asked == [("a", "b", *(int(overlaid.overlay_view.result.item[item]) for item in listed))]
    settle(overlaid, qtbot)
    overlaid.actions_["view.overlay"].trigger()
    settle(overlaid, qtbot)
    click(faces, 1, qtbot)
    click(faces, 2, qtbot, Qt.KeyboardModifier.ShiftModifier)
    assert faces.pair_button.isEnabled()
    click(faces, 0, qtbot, control)  # three are no pair
    assert not faces.pair_button.isEnabled()


def test_more_subjects_than_can_be_chosen_are_refused_not_cut(
    overlaid: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlay_selection, "MOST_CHOSEN", 2)
    faces = select(overlaid, [0, 5, 10])
    assert not faces.only_button.isEnabled()
    assert faces.only_button.toolTip() == "At most 2 subjects can be chosen; these are 3"
    faces = select(overlaid, [0, 5])
    assert faces.only_button.isEnabled()
    qtbot.mouseClick(faces.only_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: overlaid.overlay_view.result.subjects[0] == 2, timeout=PATIENCE)


def test_templates_are_counted_as_templates(
    window: MainWindow, umap: Slow, bare_template_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, bare_template_study)
    choice = OverlayChoice(method=OverlayMethod.PCA, level=OverlayLevel.TEMPLATES)
    window.document.change("Templates", overlay=choice)
    window.actions_["view.overlay"].trigger()
    qtbot.waitUntil(lambda: window.overlays.current and window.overlays.details is not None, timeout=PATIENCE)
    settle(window, qtbot)
    faces = select(window, [0, 1, 2])
    subjects = len(np.unique(window.overlay_view.result.subject[:3]))
    assert faces.counts.text() == f"3 templates of {subjects} subject{'s' * (subjects != 1)}"


def test_a_point_of_a_hidden_class_is_not_ringed(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    view.plot.set_current(3)
    there = view.plot.grab().toImage()
    view.plot.set_current(-1)
    none = view.plot.grab().toImage()
    assert there != none
    view.legend.entries[0].click()
    settle(overlaid, qtbot)
    without = view.plot.grab().toImage()
    view.plot.set_current(3)
    assert view.plot.grab().toImage() == without
