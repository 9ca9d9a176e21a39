"""The overlay of the chosen cell in the window: laid out, moved, selected in, asked about, one with the other views."""

from __future__ import annotations

import json
import shlex
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

import canon_core.experiments.overlay as experiment
from app.jobs_panel import JobPhase
from app.main_window import MainWindow
from app.views.overlay_command import overlay_command
from canon_core.errors import SettingsError
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.projection.kinds import OverlayMethod
from canon_core.study.overlay_results import Overlay, OverlaySettings
from canon_core.study.overlay_text import overlay_line
from canon_core.study.results import FitMode

from .conftest import PATIENCE, open_study
from .export_clicks import export
from .overlaid import Slow, pick, settle


def test_pca_is_there_at_once_and_umap_follows_from_a_job_that_says_what_it_does(
    window: MainWindow, umap: Slow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    window.actions_["view.overlay"].trigger()
    view, overlays = window.overlay_view, window.overlays
    qtbot.waitUntil(lambda: view.result is not None, timeout=PATIENCE)
    assert view.result.settings.method is OverlayMethod.PCA
    qtbot.waitUntil(lambda: "optimising the layout" in view.status.label.text(), timeout=PATIENCE)
    assert "PCA is shown until UMAP is there" in view.status.label.text()
    assert view.status.cancel_button.isVisible()
    umap.let_go.set()
    qtbot.waitUntil(lambda: overlays.current, timeout=PATIENCE)
    settle(window, qtbot)
    assert view.result.settings.method is OverlayMethod.UMAP
    assert not view.status.isVisible()
    assert "UMAP (cosine, 15 neighbours" in view._settings.text()


def test_umap_can_be_cancelled_and_computed_after_all(
    window: MainWindow, umap: Slow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    window.actions_["view.overlay"].trigger()
    view = window.overlay_view
    qtbot.waitUntil(lambda: umap.asked == 1, timeout=PATIENCE)
    qtbot.waitUntil(view.status.cancel_button.isVisible, timeout=PATIENCE)
    qtbot.mouseClick(view.status.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(view.status.compute_button.isVisible, timeout=2000)
    [row] = window.jobs.rows.values()
    assert row.phase is JobPhase.CANCELLED
    settle(window, qtbot)
    assert umap.asked == 1  # not again by itself
    umap.let_go.set()
    qtbot.mouseClick(view.status.compute_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.overlays.current, timeout=PATIENCE)


def test_other_settings_end_the_job_that_nobody_waits_for(
    window: MainWindow, umap: Slow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    window.actions_["view.overlay"].trigger()
    qtbot.waitUntil(lambda: umap.asked == 1, timeout=PATIENCE)
    view = window.overlay_view
    view.bar.settings_button.click()
    view.bar.neighbours.setValue(7)
    qtbot.waitUntil(lambda: umap.asked == 2, timeout=PATIENCE)
    umap.let_go.set()
    qtbot.waitUntil(lambda: window.overlays.current, timeout=PATIENCE)
    assert window.overlays.shown.settings.neighbours == 7


def test_a_umap_that_fails_says_why_and_pca_stays(
    window: MainWindow, embedded_study: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = experiment.run_overlay

    def failing(study: object, settings: OverlaySettings, ctx: JobContext, worker: object = None) -> Overlay:
        if settings.method is OverlayMethod.UMAP:
            raise SettingsError("the neighbours are too many", remedy="take fewer")
        return real(study, settings, ctx)

    monkeypatch.setattr(experiment, "run_overlay", failing)
    open_study(window, qtbot, embedded_study)
    window.actions_["view.overlay"].trigger()
    view = window.overlay_view
    qtbot.waitUntil(lambda: "neighbours are too many" in view.status.label.text(), timeout=PATIENCE)
    assert view.result.settings.method is OverlayMethod.PCA
    assert view.status.compute_button.text() == "Try again"


def test_the_slider_moves_source_points_and_the_scores_stand_at_its_ends(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    result = view.result
    point = result.items[0] + 3
    there = view.plot.points.places(view.plot.blend)[point]
    assert np.allclose(there, result.after[point])
    view.slider.slider.setFocus()
    qtbot.keyClick(view.slider.slider, Qt.Key.Key_Home)
    assert np.allclose(view.plot.points.places(view.plot.blend)[point], result.before[point])
    [score] = result.scores
    assert view.slider._before.number.text() == f"{100 * score.before:.1f} %"
    assert view.slider._after.number.text() == f"{100 * score.after:.1f} %"
    assert overlay_line(result) == view._settings.text()
    qtbot.mouseClick(view.slider.play_button, Qt.MouseButton.LeftButton)
    assert view.slider.playing
    qtbot.waitUntil(lambda: not view.slider.playing, timeout=PATIENCE)
    assert view.slider.blend == view.plot.blend == 1.0


def test_selected_points_list_their_faces_and_may_be_shown_alone(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    assert not view.faces.isVisible()
    plot = view.plot
    number = 7
    at = plot.position_of(number).toPoint()
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=at)
    assert len(plot.selection) == 1
    qtbot.waitUntil(view.faces.isVisible)
    assert view.faces.title.text() == "1 point selected"
    assert view.faces.list.count() == 1
    listed = view.faces.list.item(0)
    item = int(plot.selection[0]) % view.result.items[0]
    assert overlaid.overlays.details.names[item] in listed.toolTip()
    subject = view.result.subject_names[view.result.subject[plot.selection[0]]]
    settle(overlaid, qtbot)
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert view.faces.counts.text() == "60 images of 12 subjects"
    plot.set_selection([number])
    plot.selectionChanged.emit(plot.selection)
    qtbot.mouseClick(view.faces.only_button, Qt.MouseButton.LeftButton)
    subject = view.result.subject_names[view.result.subject[number]]
    qtbot.waitUntil(lambda: overlaid.overlays.current, timeout=PATIENCE)
    settle(overlaid, qtbot)
    assert view.result.subject_names == (subject,)
    assert view.result.items[0] == 5
    assert view.status.all_button.isVisible()
    qtbot.mouseClick(view.status.all_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.result is not None and view.result.items[0] == 60, timeout=PATIENCE)


def test_a_lasso_over_a_part_selects_that_part(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    qtbot.mouseClick(view.tools.tool_buttons[view.plot.tool.LASSO], Qt.MouseButton.LeftButton)
    plot = view.plot
    places = [plot.position_of(number) for number in range(120)]
    half = plot.width() // 2
    corners = [QPoint(1, 1), QPoint(half, 1), QPoint(half, plot.height() - 2), QPoint(1, plot.height() - 2)]
    qtbot.mousePress(plot, Qt.MouseButton.LeftButton, pos=corners[0])
    for corner in [*corners[1:], corners[0] + QPoint(0, 4)]:
        qtbot.mouseMove(plot, corner)
    qtbot.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=corners[0] + QPoint(0, 4))
    wanted = {number for number, place in enumerate(places) if place.x() < half}
    assert len(wanted ^ set(plot.selection.tolist())) <= 2  # points on the line itself
    assert 0 < len(wanted) < 120


def test_the_card_of_a_point_shows_its_face_and_its_neighbours(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    number = 64
    qtbot.mouseMove(view.plot, view.plot.position_of(number).toPoint())
    under = view.plot._content.under
    assert under >= 0
    qtbot.waitUntil(lambda: view.card.content is not None and view.card.content.face is not None, timeout=PATIENCE)
    content, details = view.card.content, overlaid.overlays.details
    item = under % 60
    assert content.lines[0] == details.names[item].rsplit("/", 1)[-1]
    assert content.lines[1] == view.result.subject_names[view.result.subject[under]]
    assert [each.space for each in content.neighbours] == ["raw", "mapped", "a", "b"]
    near = int(details.neighbours[0].after[item])
    assert content.neighbours[1].same_subject == (view.result.subject[near] == view.result.subject[item])
    assert "nearest mapped" in view.card.accessibleDescription()
    qtbot.mouseMove(view.slider.slider)
    QApplication.sendEvent(view.plot, QEvent(QEvent.Type.Leave))
    assert view.card.content is None


def test_of_a_subject_with_nothing_else_to_find_no_neighbour_is_wrong(overlaid: MainWindow, qtbot: QtBot) -> None:
    view, details = overlaid.overlay_view, overlaid.overlays.details
    near = replace(details.neighbours[0], asked=np.zeros(60, bool))
    overlaid.overlays.details = replace(details, neighbours=(near,))
    qtbot.mouseMove(view.plot, view.plot.position_of(64).toPoint())
    qtbot.waitUntil(lambda: view.card.content is not None and bool(view.card.content.neighbours), timeout=PATIENCE)
    assert {each.same_subject for each in view.card.content.neighbours} == {None}
    assert "no other of this subject to find" in view.card.accessibleDescription()
    assert "another subject" not in view.card.accessibleDescription()


def test_errors_and_subjects_can_be_coloured(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    pick(view.bar.colour, "error")
    qtbot.waitUntil(lambda: len(view.legend.entries) == 3, timeout=PATIENCE)
    [score] = view.result.scores
    right = int(view.legend.entries[1].text().rsplit(" ", 1)[-1])
    assert right == round(score.after * score.asked)
    pick(view.bar.colour, "subject")
    qtbot.waitUntil(lambda: len(view.legend.entries) == 8, timeout=PATIENCE)
    assert "5 other subjects" in view.legend.entries[-1].text()
    selected = view.plot.selection
    qtbot.mouseClick(view.legend.entries[-1], Qt.MouseButton.LeftButton)
    assert view.plot.shown[7] is False
    assert np.array_equal(selected, view.plot.selection)


def test_source_target_and_map_are_those_of_every_view(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    pick(view.bar.target, "a")
    qtbot.waitUntil(lambda: overlaid.document.state.cells == (("b", "a"),), timeout=PATIENCE)
    qtbot.waitUntil(lambda: overlaid.overlays.current, timeout=PATIENCE)
    settle(overlaid, qtbot)
    assert view.result.models == ("a", "b")
    assert (view.bar.source.currentText(), view.bar.target.currentText()) == ("b", "a")
    assert "padded with zeros" in view._settings.text()
    pick(view.bar.map, "rotation")
    qtbot.waitUntil(lambda: overlaid.document.state.map is MapKind.ROTATION, timeout=PATIENCE)
    qtbot.waitUntil(lambda: overlaid.overlays.current, timeout=PATIENCE)
    assert view.bar.map.currentText() == "rotation"
    overlaid.document.undo.undo()
    assert overlaid.document.state.map is MapKind.LINEAR


def test_a_search_rings_what_it_finds(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    name = view.result.subject_names[4]
    qtbot.keyClicks(view.bar.search, name.upper())
    qtbot.waitUntil(lambda: len(view.plot._content.marked) > 0, timeout=PATIENCE)
    assert {view.result.subject_names[code] for code in view.result.subject[view.plot._content.marked]} == {name}
    assert len(view.plot._content.marked) == 10
    assert view.found.label.text() == "5 images found"
    view.bar.search.setText("nobody of this name")
    qtbot.waitUntil(lambda: view.found.label.text() == "nothing found here", timeout=PATIENCE)
    view.bar.search.clear()
    qtbot.waitUntil(lambda: len(view.plot._content.marked) == 0, timeout=PATIENCE)


def test_lines_join_the_images_of_the_same_face(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    qtbot.mouseClick(view.tools.lines_button, Qt.MouseButton.LeftButton)
    assert len(view.plot._content.lines) == 60
    assert (view.plot._content.lines[:, 0] - 60 == view.plot._content.lines[:, 1]).all()
    view.plot.set_selection([3, 64])
    view.plot.selectionChanged.emit(view.plot.selection)
    assert view.plot._content.lines.tolist() == [[63, 3], [64, 4]]


def test_the_table_says_what_the_picture_shows(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    qtbot.mouseClick(view.tools.table_button, Qt.MouseButton.LeftButton)
    assert view.table.isVisible()
    view.tools.copy_table_action.trigger()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert len(lines) == 1 + 120 + 1
    assert lines[-1] == view._settings.text()
    fields = lines[1 + 60 + 2].split("\t")
    details = overlaid.overlays.details
    assert fields[:3] == [details.names[2], view.result.subject_names[view.result.subject[62]], "a"]
    assert fields[5] == f"{view.result.after[62][0]:.3f}"
    assert ("(same subject)" in fields[8]) == (
        view.result.subject[details.neighbours[0].after[2]] == view.result.subject[2]
    )
    view.table.select_row(5)
    assert view.plot._content.current == 5


def test_the_command_names_every_setting(overlaid: MainWindow) -> None:
    view = overlaid.overlay_view
    view.tools.copy_command_action.trigger()
    words = shlex.split(QGuiApplication.clipboard().text())
    assert words[:2] == ["canon", "overlay"]
    for name, value in {
        "--source": "a", "--target": "b", "--dataset": "faces", "--map": "linear", "--mode": "disjoint",
        "--method": "pca", "--seed": "0", "--level": "images",
    }.items():  # fmt: skip
        assert words[words.index(name) + 1] == value
    chosen = overlay_command("S", OverlaySettings("d", ("a", "c"), "b", chosen=("x, y", "-z"), mode=FitMode.IN_SAMPLE))
    assert "--source a,c" in chosen
    assert [word for word in shlex.split(chosen) if "chosen" in word] == ["--chosen=x, y", "--chosen=-z"]
    assert "--neighbours 15 --min-dist 0.1" in chosen


def test_a_double_click_on_a_cell_shows_its_overlay(overlaid: MainWindow, qtbot: QtBot) -> None:
    overlaid.actions_["view.matrix"].trigger()
    heat_map = overlaid.matrix_view.heat_map
    qtbot.waitUntil(lambda: heat_map.isVisible() and overlaid.matrix_view.matrix is not None, timeout=PATIENCE)
    where = heat_map.field_rect(("b", "a")).center().toPoint()
    qtbot.mouseClick(heat_map, Qt.MouseButton.LeftButton, pos=where)
    qtbot.mouseDClick(heat_map, Qt.MouseButton.LeftButton, pos=where)
    assert overlaid.tabs.currentWidget() is overlaid.overlay_view
    qtbot.waitUntil(lambda: overlaid.overlays.current, timeout=PATIENCE)
    assert overlaid.overlays.shown.models == ("a", "b")


def test_empty_states_say_what_to_do(window: MainWindow, small_study: Path, qtbot: QtBot) -> None:
    window.actions_["study.automatic"].setChecked(False)
    open_study(window, qtbot, small_study)
    window.actions_["view.overlay"].trigger()
    view = window.overlay_view
    qtbot.waitUntil(lambda: "takes two models" in view._empty._label.text(), timeout=PATIENCE)
    assert view._empty._button.text() == "Compute everything"
    assert not view.bar.isVisible()


def test_without_a_map_the_overlay_offers_one(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    overlaid.document.change("Set map none", map=MapKind.NONE)
    qtbot.waitUntil(lambda: view.result is None, timeout=PATIENCE)
    assert "nothing moves" in view._empty._label.text()
    qtbot.mouseClick(view._empty._button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: overlaid.document.state.map is MapKind.LINEAR, timeout=PATIENCE)
    qtbot.waitUntil(lambda: view.result is not None, timeout=PATIENCE)


def test_closing_the_study_forgets_its_points(overlaid: MainWindow, qtbot: QtBot) -> None:
    overlaid.document.close()
    qtbot.waitUntil(lambda: overlaid.document.contents is None, timeout=PATIENCE)
    settle(overlaid, qtbot)
    assert overlaid.overlays.shown is None
    assert overlaid.overlay_view.card.content is None


@pytest.mark.parametrize("kind", ["csv", "svg"])
def test_the_picture_and_its_coordinates_are_exported_without_names(
    overlaid: MainWindow, qtbot: QtBot, tmp_path: Path, kind: str
) -> None:
    view = overlaid.overlay_view
    text = export(overlaid, view.tools.export_button, tmp_path, [kind], qtbot)[kind].decode()
    assert "was written" in overlaid.messages.text.text()
    if kind == "csv":
        rows = [line for line in text.splitlines() if not line.startswith("#")]
        assert len(rows) == 1 + 120
        assert float(rows[1 + 60].split(",")[-2]) == pytest.approx(float(view.result.after[60][0]), abs=1e-4)
    else:
        assert "<svg" in text
    assert not any(name in text for name in view.result.subject_names)


def test_the_copied_command_gives_the_same_overlay(overlaid: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    from typer.testing import CliRunner

    from canon_core.cli.application import app, load_commands

    load_commands()

    view = overlaid.overlay_view
    view.tools.copy_command_action.trigger()
    words = shlex.split(QGuiApplication.clipboard().text())
    shown = view.result
    overlaid.document.close()
    qtbot.waitUntil(lambda: overlaid.document.contents is None and not overlaid.document.changing, timeout=PATIENCE)
    found = CliRunner().invoke(app, [*words[1:], "--json", "-"])
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert told["scores"][0]["after"] == pytest.approx(shown.scores[0].after)
    assert told["method"] == "pca"
    assert told["target"] == "b"


def test_an_overlay_that_is_looked_up_while_the_study_changes_appears(
    window: MainWindow, embedded_study: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, asked, real = threading.Event(), [], experiment.run_overlay

    def slow(study: object, settings: OverlaySettings, ctx: JobContext, *more: object) -> Overlay:
        asked.append(settings)
        while not go.wait(0.01):
            ctx.check()
        return real(study, settings, ctx, *more)

    monkeypatch.setattr(experiment, "run_overlay", slow)
    window.computing.automatic = False
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose", cells=(("a", "b"),))
    window.actions_["view.overlay"].trigger()
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=PATIENCE)
    cleared: list[int] = []
    window.document.changes.clear_cached((), cleared.append)
    qtbot.waitUntil(lambda: bool(cleared), timeout=PATIENCE)
    go.set()
    qtbot.waitUntil(lambda: window.overlays.shown is not None, timeout=PATIENCE)
    qtbot.waitUntil(lambda: window.overlays.details is not None, timeout=PATIENCE)


def test_umap_that_was_left_for_something_else_begins_again_when_it_is_wanted_again(
    window: MainWindow, umap: Slow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose", cells=(("a", "b"),))
    window.actions_["view.overlay"].trigger()
    qtbot.waitUntil(lambda: umap.asked == 1, timeout=PATIENCE)
    pick(window.overlay_view.bar.method, "PCA")
    qtbot.waitUntil(lambda: window.overlays.current, timeout=PATIENCE)
    settle(window, qtbot)
    pick(window.overlay_view.bar.method, "UMAP")
    qtbot.waitUntil(lambda: umap.asked == 2, timeout=PATIENCE)
    window.document.change("Choose", cells=(("b", "a"),))
    window.document.change("Choose", cells=(("a", "b"),))  # and back before the job has ended
    umap.let_go.set()
    qtbot.waitUntil(lambda: window.overlays.current, timeout=PATIENCE)


def test_many_items_are_a_job_s_work(
    window: MainWindow, umap: Slow, embedded_study: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app import overlays

    monkeypatch.setattr(overlays, "_AT_ONCE", 10)
    umap.let_go.set()
    window.computing.automatic = False
    jobs: list[str] = []
    window.bridge.started.connect(lambda _number, title: jobs.append(title))
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose", cells=(("a", "b"),))
    window.actions_["view.overlay"].trigger()
    settle(window, qtbot)
    assert window.overlays.shown is None  # nothing was laid out while somebody waits
    window.overlays.compute()
    qtbot.waitUntil(lambda: window.overlays.details is not None, timeout=PATIENCE)
    qtbot.waitUntil(lambda: window.overlays.details.neighbours != (), timeout=PATIENCE)
    assert any(title.startswith("Overlay of") for title in jobs)
    assert "Neighbours of overlay points" in jobs
