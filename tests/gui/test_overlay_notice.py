"""What the overlay says of how things stand, and that its buttons do what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from app.views.overlay_view import OverlayView
from canon_core.projection.kinds import OverlayMethod

from .conftest import PATIENCE, open_study
from .overlaid import Slow, settle


def shows_umap(view: OverlayView) -> bool:
    return view.result is not None and view.result.settings.method is OverlayMethod.UMAP


def test_umap_that_ended_while_another_cell_was_chosen_is_there_when_one_comes_back(
    window: MainWindow, umap: Slow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose", cells=(("a", "b"),))
    window.actions_["view.overlay"].trigger()
    view = window.overlay_view
    qtbot.waitUntil(lambda: umap.asked == 1 and view.result is not None, timeout=PATIENCE)
    window.actions_["view.matrix"].trigger()
    qtbot.wait(60)
    window.document.change("Choose", cells=(("b", "a"),))
    umap.let_go.set()
    settle(window, qtbot)
    window.document.change("Choose", cells=(("a", "b"),))
    window.actions_["view.overlay"].trigger()
    settle(window, qtbot)
    assert shows_umap(view)
    assert not view.status.isVisible()
    assert umap.asked == 1


def test_umap_that_ended_while_the_tour_went_back_is_there_when_it_goes_on(
    window: MainWindow, umap: Slow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    tour, view = window.demo.tour, window.overlay_view
    tour.begin()
    for _ in range(4):
        tour.card.next_button.click()
        settle_all_but_umap(window, umap, qtbot)
    qtbot.waitUntil(lambda: umap.asked == 1 and view.result is not None, timeout=PATIENCE)
    for _ in range(3):
        tour.card.back_button.click()
    assert window.tabs.currentWidget() is window.matrix_view
    umap.let_go.set()
    settle(window, qtbot)
    for _ in range(3):
        tour.card.next_button.click()
        settle(window, qtbot)
    assert window.tabs.currentWidget() is view
    assert shows_umap(view)
    assert not view.status.isVisible()
    assert umap.asked == 1
    tour.end()


def settle_all_but_umap(window: MainWindow, umap: Slow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: umap.asked > 0 or not window.bridge.working, timeout=PATIENCE)
    qtbot.wait(60)


def test_of_one_model_another_is_what_is_missing(
    window: MainWindow, tmp_path: Path, small_data: Path, qtbot: QtBot, make_faces: Callable
) -> None:
    from canon_core.datasets.options import DatasetOptions
    from canon_core.jobs import JobContext
    from canon_core.study.study import Study

    make_faces(tmp_path / "faces", subjects=3, images=2)
    with Study.create(tmp_path / "one") as study:
        study.add_model(small_data / "a.onnx")
        study.add_dataset(tmp_path / "faces", DatasetOptions(), JobContext())
        path = study.path
    open_study(window, qtbot, path)
    window.actions_["view.overlay"].trigger()
    empty = window.overlay_view._empty
    qtbot.waitUntil(lambda: empty._button.text() == "Compute everything", timeout=PATIENCE)
    qtbot.mouseClick(empty._button, Qt.MouseButton.LeftButton)
    settle(window, qtbot)
    assert "one is so far" in empty._label.text()
    assert "embeddings" not in empty._label.text()
    assert empty._button.text() == "Add model…"
    asked = []
    action = window.actions_["study.add_model"]
    action.triggered.disconnect()  # its dialog is another test's
    action.triggered.connect(lambda: asked.append("add"))
    qtbot.mouseClick(empty._button, Qt.MouseButton.LeftButton)
    assert asked == ["add"]


def test_models_that_are_left_out_are_named_as_the_reason(overlaid: MainWindow, qtbot: QtBot) -> None:
    overlaid.document.change("Leave out b", left_out=frozenset({"b"}))
    settle(overlaid, qtbot)
    empty = overlaid.overlay_view._empty
    assert "tick them in the study tree" in empty._label.text()
    assert not empty._button.isVisible()


def test_the_stage_of_a_job_is_said_once(window: MainWindow, umap: Slow, embedded_study: Path, qtbot: QtBot) -> None:
    open_study(window, qtbot, embedded_study)
    window.actions_["view.overlay"].trigger()
    view = window.overlay_view
    qtbot.waitUntil(lambda: umap.asked == 1 and view.result is not None, timeout=PATIENCE)
    window.overlays.progressed.emit("UMAP: comparing all points, after…")
    assert view.status.label.text() == "PCA is shown until UMAP is there. UMAP: comparing all points, after…"
    assert view.bar.subset.findText("so many subjects") < 0


def test_that_a_model_by_itself_is_not_what_is_shown_is_said(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose", cells=(("a", "a"),))
    window.document.change("PCA", overlay=replace(window.document.state.overlay, method=OverlayMethod.PCA))
    window.actions_["view.overlay"].trigger()
    settle(window, qtbot)
    view = window.overlay_view
    assert view.status.label.text() == "a by itself has no map: b → a is shown."
    window.document.change("Choose", cells=(("b", "a"),))
    settle(window, qtbot)
    assert view.result.settings.sources == ("b",)
    assert not view.status.isVisible()
