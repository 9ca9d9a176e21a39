"""What the overlay leaves out and says so, the scale of margins, and choices that are undone and remembered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from app.overlay_choice import OverlayChoice
from app.views.overlay_view import OverlayView
from canon_core.experiments import overlay_details
from canon_core.projection.kinds import OverlayMethod

from .conftest import PATIENCE, open_study
from .overlaid import pick, settle


def drawn(view: OverlayView) -> np.ndarray:
    """Points whose class is shown."""
    return np.flatnonzero(np.array(view.plot.shown)[view.plot.points.codes])


def filter_by(view: OverlayView, action: QAction) -> None:
    """Choose an entry of the menu as a user does."""
    view.tools.filter_menu.aboutToShow.emit()
    assert action.isEnabled(), action.toolTip()
    action.trigger()


def test_false_neighbours_alone_are_left_and_the_line_says_so(overlaid: MainWindow, qtbot: QtBot) -> None:
    view, details = overlaid.overlay_view, overlaid.overlays.details
    assert not view.drawing.left_text.isVisible()
    filter_by(view, view.tools.filter_menu.errors)
    qtbot.waitUntil(lambda: view.drawing.left_text.text().startswith("Only false neighbours"), timeout=PATIENCE)
    [found] = details.neighbours
    subject = view.result.subject[:60]
    wrong = np.flatnonzero(found.asked & (subject[found.after] != subject))
    assert 0 < len(wrong) < 60
    assert set(drawn(view).tolist()) == {60 + item for item in wrong} | set(wrong) | set(found.after[wrong].tolist())
    assert f"{len(drawn(view))} of 120 points" in view.drawing.left_text.text()
    assert [entry.text().split("  ")[0] for entry in view.legend.entries] == ["b (target)", "a"]
    qtbot.mouseClick(view.drawing.all_points_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(drawn(view)) == 120, timeout=PATIENCE)
    assert not view.drawing.left_text.isVisible()


def test_what_is_searched_for_can_be_shown_alone(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    view.tools.filter_menu.aboutToShow.emit()
    assert not view.tools.filter_menu.found.isEnabled()
    name = view.result.subject_names[4]
    qtbot.keyClicks(view.bar.search, name)
    filter_by(view, view.tools.filter_menu.found)
    qtbot.waitUntil(lambda: len(drawn(view)) == 10, timeout=PATIENCE)
    assert {view.result.subject_names[code] for code in view.result.subject[drawn(view)]} == {name}
    assert view.drawing.left_text.text() == f"Only found by '{name}': 10 of 120 points."


def test_hidden_classes_are_named(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    qtbot.mouseClick(view.legend.entries[1], Qt.MouseButton.LeftButton)
    assert view.drawing.left_text.text() == "Without a: 60 of 120 points."
    assert view.drawing.left_text.isVisible()
    filter_by(view, view.tools.filter_menu.errors)
    qtbot.waitUntil(lambda: view.drawing.left_text.text().startswith("Only"), timeout=PATIENCE)
    assert "; without a: " in view.drawing.left_text.text()  # the class stays hidden
    qtbot.mouseClick(view.drawing.all_points_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(drawn(view)) == 120, timeout=PATIENCE)
    assert view.legend.entries[1].isChecked()


def test_groups_of_a_covariate_can_be_shown_alone(
    window: MainWindow, bare_template_study: Path, qtbot: QtBot, umap: object
) -> None:
    open_study(window, qtbot, bare_template_study)
    window.document.change("PCA", overlay=OverlayChoice(method=OverlayMethod.PCA))
    window.actions_["view.overlay"].trigger()
    view = window.overlay_view
    qtbot.waitUntil(lambda: window.overlays.details is not None and window.overlays.current, timeout=PATIENCE)
    settle(window, qtbot)
    details = window.overlays.details
    view.tools.filter_menu.aboutToShow.emit()
    (name, group), action = next(iter(view.tools.filter_menu.groups.items()))
    filter_by(view, action)
    wanted = details.covariates[name].codes == details.covariates[name].groups.index(group)
    qtbot.waitUntil(lambda: len(drawn(view)) < len(view.result.model), timeout=PATIENCE)
    assert np.array_equal(drawn(view), np.flatnonzero(np.tile(wanted, len(view.result.models))))
    assert view.drawing.left_text.text().startswith(f"Only {name} {group}: ")


def test_margins_are_a_scale_whose_lower_half_are_the_errors(overlaid: MainWindow, qtbot: QtBot) -> None:
    view, details = overlaid.overlay_view, overlaid.overlays.details
    pick(view.bar.colour, "margin")
    qtbot.waitUntil(lambda: view.legend.scale is not None, timeout=PATIENCE)
    assert "best genuine − best impostor score" in view.legend.scale.accessibleName()
    points = view.plot.points
    fractions = np.array([np.nan if each.fraction is None else each.fraction for each in points.classes])
    shown = fractions[points.codes[60:]]
    margin = details.neighbours[0].margin
    assert np.array_equal(shown < 0.5, margin < 0)
    assert np.isnan(fractions[points.codes[:60]]).all()
    order = np.argsort(margin)
    assert (np.diff(shown[order]) >= 0).all()


def test_choices_are_undone_and_found_again(overlaid: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    view, document = overlaid.overlay_view, overlaid.document
    assert document.undo.undoText() == "Lay out by PCA"
    pick(view.bar.colour, "subject")
    qtbot.mouseClick(view.tools.lines_button, Qt.MouseButton.LeftButton)
    view.bar.subset.setCurrentIndex(1)
    view.bar.subset.activated.emit(1)
    view.bar.subjects.setValue(7)
    qtbot.waitUntil(lambda: overlaid.overlays.current and view.result.subjects[0] == 7, timeout=PATIENCE)
    assert document.undo.undoText() == "Overlay 7 subjects"
    remembered = document.state.overlay
    assert (remembered.colour, remembered.lines, remembered.subjects) == ("subject", True, 7)
    document.undo.undo()
    document.undo.undo()
    qtbot.waitUntil(lambda: not view.tools.lines_button.isChecked(), timeout=PATIENCE)
    assert document.state.overlay.subjects is None
    document.undo.redo()
    document.undo.redo()
    settle(overlaid, qtbot)
    document.close()
    qtbot.waitUntil(lambda: document.contents is None, timeout=PATIENCE)
    open_study(overlaid, qtbot, embedded_study)
    qtbot.waitUntil(lambda: overlaid.overlays.current, timeout=PATIENCE)
    settle(overlaid, qtbot)
    assert document.state.overlay == remembered
    assert view.result.settings.method is OverlayMethod.PCA
    assert view.result.subjects[0] == 7
    assert view.bar.colour.currentText() == "subject"
    assert view.tools.lines_button.isChecked()
    assert len(view.plot._content.lines) == view.result.items[0]


def test_too_many_points_for_neighbours_say_so(
    overlaid: MainWindow, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(overlay_details, "MOST_COMPARED", 30)
    view = overlaid.overlay_view
    view.bar.subset.setCurrentIndex(1)
    view.bar.subset.activated.emit(1)
    view.bar.subjects.setValue(11)
    qtbot.waitUntil(view.drawing.left_text.isVisible, timeout=PATIENCE)
    assert view.drawing.left_text.text() == (
        "Nearest faces, errors and margins are looked up among 30 points of a model at most; 55 are shown. Show fewer"
        " subjects to see them."
    )
    assert not view.drawing.all_points_button.isVisible()
    assert view.bar.colour.findText("error") < 0
    view.tools.filter_menu.aboutToShow.emit()
    assert not view.tools.filter_menu.errors.isEnabled()
