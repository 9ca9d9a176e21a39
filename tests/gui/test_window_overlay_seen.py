"""What is seen of the overlay is remembered with the study, undone, and exported as the command writes it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from typer.testing import CliRunner

from app.main_window import MainWindow
from app.overlay_choice import OverlayChoice
from app.views.overlay_view import OverlayView
from canon_core.experiments.overlay_filter import OverlayFilter
from canon_core.projection.kinds import OverlayMethod

from .conftest import PATIENCE, open_study
from .export_clicks import export
from .overlaid import pick, settle
from .test_window_overlay_filters import drawn, filter_by


def look_at(window: MainWindow, qtbot: QtBot, colour: str, *, errors: bool, hidden: int | None) -> OverlayView:
    """Colour, filter and hide by real clicks."""
    view = window.overlay_view
    pick(view.bar.colour, colour)
    qtbot.waitUntil(lambda: window.document.state.overlay.colour == colour, timeout=PATIENCE)
    settle(window, qtbot)
    if errors:
        filter_by(view, view.tools.filter_menu.errors)
        qtbot.waitUntil(lambda: view.drawing.left_text.text().startswith("Only false neighbours"), timeout=PATIENCE)
        settle(window, qtbot)
    if hidden is not None:
        qtbot.mouseClick(view.legend.entries[hidden], Qt.MouseButton.LeftButton)
        settle(window, qtbot)
    return view


def compare(window: MainWindow, qtbot: QtBot, folder: Path) -> tuple[str, str]:
    """Export from the window and by the command that it copies: both must be the same; CSV and SVG."""
    from canon_core.cli.application import app, load_commands

    load_commands()
    view = window.overlay_view
    seen = export(window, view.tools.export_button, folder, ["svg", "csv"], qtbot)
    shown = len(drawn(view))
    words = shlex.split(view.command)
    window.document.close()
    qtbot.waitUntil(lambda: window.document.contents is None and not window.document.changing, timeout=PATIENCE)
    told = CliRunner().invoke(app, [*words[1:], "--out", str(folder / "cli.svg"), "--csv", str(folder / "cli.csv")])
    assert told.exit_code == 0, told.output
    assert (folder / "cli.csv").read_bytes() == seen["csv"]
    assert (folder / "cli.svg").read_bytes() == seen["svg"]
    table = seen["csv"].decode()
    assert sum(not line.startswith("#") for line in table.splitlines()) == 1 + shown
    return table, " ".join(re.sub("<[^>]*>", " ", seen["svg"].decode()).split())


@pytest.mark.parametrize(
    ("colour", "errors", "hidden"),
    [("model", False, 1), ("error", True, 0), ("margin", False, None), ("half", True, None), ("subject", False, 7)],
)
def test_exports_are_what_is_seen_and_what_the_command_writes(
    overlaid: MainWindow, qtbot: QtBot, tmp_path: Path, colour: str, errors: bool, hidden: int | None
) -> None:
    view = look_at(overlaid, qtbot, colour, errors=errors, hidden=hidden)
    legend = [entry.text() for number, entry in enumerate(view.legend.entries) if number != hidden]
    said = view.drawing.left_text.text().rstrip(".")
    assert bool(said) == (errors or hidden is not None)
    names = [] if colour == "subject" else view.result.subject_names
    table, picture = compare(overlaid, qtbot, tmp_path)
    for text in legend:
        if colour != "subject":
            assert " ".join(text.split()) in picture, text
    if said:
        assert f"{said} shown; scores are of all" in picture
        assert said in table
    if colour == "margin":
        assert "margin of mapped points: best genuine − best impostor score" in picture
    assert not any(name in picture for name in names)


def test_a_group_is_exported_as_it_is_seen(
    window: MainWindow, bare_template_study: Path, qtbot: QtBot, tmp_path: Path, umap: object
) -> None:
    open_study(window, qtbot, bare_template_study)
    window.document.change("PCA", overlay=OverlayChoice(method=OverlayMethod.PCA))
    window.actions_["view.overlay"].trigger()
    view = window.overlay_view
    qtbot.waitUntil(lambda: window.overlays.details is not None and window.overlays.current, timeout=PATIENCE)
    settle(window, qtbot)
    view.tools.filter_menu.aboutToShow.emit()
    (name, group), action = next(iter(view.tools.filter_menu.groups.items()))
    filter_by(view, action)
    qtbot.waitUntil(lambda: len(drawn(view)) < len(view.result.model), timeout=PATIENCE)
    pick(view.bar.colour, name)
    settle(window, qtbot)
    folder = tmp_path / "out"
    folder.mkdir()
    table, picture = compare(window, qtbot, folder)
    assert f"Only {name} {group}: " in picture
    assert f"{name} {group}" in table


def test_filters_are_undone_and_found_again(overlaid: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    document = overlaid.document
    view = look_at(overlaid, qtbot, "error", errors=True, hidden=1)
    remaining = drawn(view).tolist()
    assert document.undo.undoText() == "Hide finds its subject after the map"
    document.undo.undo()
    assert document.undo.undoText() == "Show only false neighbours"
    document.undo.undo()
    qtbot.waitUntil(lambda: len(drawn(view)) == 120, timeout=PATIENCE)
    assert not view.drawing.left_text.isVisible()
    document.undo.redo()
    document.undo.redo()
    qtbot.waitUntil(lambda: drawn(view).tolist() == remaining, timeout=PATIENCE)
    settle(overlaid, qtbot)
    document.close()
    qtbot.waitUntil(lambda: document.contents is None, timeout=PATIENCE)
    open_study(overlaid, qtbot, embedded_study)
    qtbot.waitUntil(lambda: overlaid.overlays.current and overlaid.overlays.details is not None, timeout=PATIENCE)
    settle(overlaid, qtbot)
    assert document.state.overlay.only == OverlayFilter(errors=True)
    assert drawn(view).tolist() == remaining
    assert view.drawing.left_text.text().startswith("Only false neighbours; without finds its subject after the map: ")
    qtbot.mouseClick(view.drawing.all_points_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(drawn(view)) == 120, timeout=PATIENCE)
    assert document.undo.undoText() == "Show all points"


def test_a_filter_that_does_not_fit_is_left_aside_and_that_is_said(overlaid: MainWindow, qtbot: QtBot) -> None:
    view, document = overlaid.overlay_view, overlaid.document
    only = OverlayFilter(covariate="AGE", group="old", errors=True)
    document.change("Restore", overlay=OverlayChoice(method=OverlayMethod.PCA, only=only, hidden=("nobody",)))
    qtbot.waitUntil(lambda: "Not filtered by AGE old" in view.drawing.left_text.text(), timeout=PATIENCE)
    assert view.drawing.left_text.text().startswith("Only false neighbours: ")
    assert 0 < len(drawn(view)) < 120
    assert "--hide" not in view.command
    assert "AGE" not in view.command
    document.change("Restore", overlay=OverlayChoice(method=OverlayMethod.PCA, only=OverlayFilter(text="nowhere")))
    qtbot.waitUntil(lambda: not len(drawn(view)), timeout=PATIENCE)
    assert view.drawing.left_text.text() == "Only found by 'nowhere': 0 of 120 points."
    assert np.array_equal(view.plot.shown, [True, True, False])
