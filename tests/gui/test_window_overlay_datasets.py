"""The faces of a second dataset in the overlay: added, told apart, undone, found again, exported."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from app.overlay_choice import OverlayChoice
from app.views.overlay_view import OverlayView
from canon_core.jobs import JobContext
from canon_core.projection.kinds import OverlayMethod
from canon_core.study.overlay_results import OverlayLevel
from canon_core.study.study import Study

from .conftest import PATIENCE, open_study
from .overlaid import pick, settle


@pytest.fixture(scope="session")
def two_template(tmp_path_factory: pytest.TempPathFactory, embedded_template: Path, make_faces: Callable) -> Path:
    """The small study with a second dataset of the same names, ids and places, and other faces."""
    import shutil

    from canon_core.datasets.options import DatasetOptions
    from canon_core.embedding.embed import EmbedOptions
    from canon_core.experiments.embedding import embed_study

    root = tmp_path_factory.mktemp("two")
    path = Path(shutil.copytree(embedded_template, root / "two.canon"))
    make_faces(root / "others", subjects=8, images=3, seed=9)
    with Study.open(path) as study:
        study.add_dataset(root / "others", DatasetOptions(), JobContext())
        embed_study(study, "others", (), EmbedOptions(provider="cpu"), JobContext())
    return path


@pytest.fixture
def two(tmp_path: Path, two_template: Path) -> Path:
    import shutil

    return Path(shutil.copytree(two_template, tmp_path / "two.canon"))


@pytest.fixture
def both(window: MainWindow, umap: object, two: Path, qtbot: QtBot) -> MainWindow:
    """The window with the PCA overlay of a → b in front, and a second dataset that could be added."""
    window.resize(1280, 900)
    open_study(window, qtbot, two)
    window.document.change("PCA", cells=(("a", "b"),), overlay=OverlayChoice(method=OverlayMethod.PCA))
    window.actions_["view.overlay"].trigger()
    qtbot.waitUntil(lambda: window.overlays.current, timeout=PATIENCE)
    settle(window, qtbot)
    return window


def add(window: MainWindow, qtbot: QtBot) -> OverlayView:
    window.overlay_view.bar.added.entries["others"].trigger()
    qtbot.waitUntil(lambda: window.overlays.current and bool(window.overlays.shown.parts), timeout=PATIENCE)
    settle(window, qtbot)
    return window.overlay_view


def test_a_dataset_can_be_added_and_every_number_says_of_which_it_is(both: MainWindow, qtbot: QtBot) -> None:
    view = both.overlay_view
    assert view.bar.added.isVisible()
    assert list(view.bar.added.entries) == ["others"]
    assert view.bar.colour.findText("dataset") < 0
    assert not view.bar.added.same_names.isEnabled()
    add(both, qtbot)
    assert view.result.items[0] == 60 + 24
    assert view.bar.added.button.text() == "with others"
    assert "maps fitted on faces alone; others through the same maps" in view._settings.text()
    assert "within others: " in view._score.text()
    pick(view.bar.colour, "dataset")
    texts = ["faces (maps fitted)  120", "others  48"]
    qtbot.waitUntil(lambda: [entry.text() for entry in view.legend.entries] == texts, timeout=PATIENCE)
    qtbot.mouseClick(view.legend.entries[1], Qt.MouseButton.LeftButton)
    assert view.plot.shown[:2] == (True, False)
    assert view.drawing.left_text.text() == "Without others: 120 of 168 points."
    view.bar.added.same_names.trigger()
    qtbot.waitUntil(lambda: both.overlays.current and view.result.settings.same_names, timeout=PATIENCE)
    assert view.result.subjects == (12, 12)


def test_without_another_embedded_dataset_there_is_no_choice(overlaid: MainWindow) -> None:
    assert not overlaid.overlay_view.bar.added.isVisible()


def test_it_is_undone_and_found_again(both: MainWindow, two: Path, qtbot: QtBot) -> None:
    view, document = add(both, qtbot), both.document
    assert document.undo.undoText() == "Overlay others too"
    pick(view.bar.colour, "dataset")
    qtbot.waitUntil(lambda: len(view.legend.entries) == 2, timeout=PATIENCE)
    settle(both, qtbot)
    qtbot.mouseClick(view.legend.entries[0], Qt.MouseButton.LeftButton)
    assert document.undo.undoText() == "Hide faces (maps fitted)"
    document.undo.undo()
    qtbot.waitUntil(view.legend.entries[0].isChecked, timeout=PATIENCE)
    assert view.plot.shown[0]
    document.undo.redo()
    qtbot.waitUntil(lambda: not view.plot.shown[0], timeout=PATIENCE)
    settle(both, qtbot)
    remembered = document.state.overlay
    document.close()
    qtbot.waitUntil(lambda: document.contents is None, timeout=PATIENCE)
    open_study(both, qtbot, two)
    qtbot.waitUntil(lambda: both.overlays.current, timeout=PATIENCE)
    settle(both, qtbot)
    assert document.state.overlay == remembered
    assert view.result.settings.added == ("others",)
    assert view.bar.added.entries["others"].isChecked()
    assert [entry.isChecked() for entry in view.legend.entries] == [False, True]
    assert not view.plot.shown[0]
    view.bar.added.entries["others"].trigger()
    qtbot.waitUntil(lambda: both.overlays.current and not view.result.parts, timeout=PATIENCE)


def test_faces_are_those_of_their_own_dataset(both: MainWindow, two: Path, qtbot: QtBot) -> None:
    """Both datasets have an image of this id, in the same row."""
    view = add(both, qtbot)
    details = both.overlays.details
    first, second = 0, 60
    assert details.names[first] == details.names[second]
    assert details.images[first] == details.images[second]
    shown = {}
    for point in (first, second):
        view.plot.hovered.emit(point)
        qtbot.waitUntil(lambda: view.card.content is not None and view.card.content.face is not None, timeout=PATIENCE)
        shown[point] = view.card.content
        view.plot.hovered.emit(-1)
    assert shown[first].lines[:3] == (details.names[first].rsplit("/", 1)[-1], "Person_00", "faces")
    assert shown[second].lines[2] == "others"
    assert shown[first].face != shown[second].face
    view.plot.set_selection([first, second])
    view.plot.selectionChanged.emit(view.plot.selection)
    tips = [view.faces.list.item(place).toolTip() for place in range(2)]
    assert [tip.rsplit(", ", 1)[-1] for tip in tips] == ["faces", "others"]
    assert view.faces.counts.text() == "2 images of 2 subjects"

    def pictures() -> list[object]:
        return [view.faces.list.item(place).icon().pixmap(72, 72).toImage() for place in range(2)]

    qtbot.waitUntil(lambda: pictures()[0] != pictures()[1], timeout=PATIENCE)
    assert not view.faces.pair_button.isEnabled()
    assert "Pairs are of 'faces'" in view.faces.pair_button.toolTip()
    view.plot.set_selection([1, 84 + 2])
    view.plot.selectionChanged.emit(view.plot.selection)
    assert view.faces.pair_button.isEnabled()


def test_two_compared_faces_are_marked_among_all(both: MainWindow, qtbot: QtBot) -> None:
    view, faces = add(both, qtbot), both.two_faces_view
    fingerprint = both.document.contents.dataset("faces").fingerprint
    rows = view.result.item[[3, 8]].tolist()
    both.actions_["view.two_faces"].trigger()
    for panel, row in zip((faces.first, faces.second), rows, strict=True):
        panel.set_row(row, "one", fingerprint)
    qtbot.waitUntil(lambda: faces.comparison is not None, timeout=PATIENCE)
    both.actions_["view.overlay"].trigger()
    qtbot.waitUntil(lambda: len(view.plot.placed) == 2, timeout=PATIENCE)
    first, second = view.plot.placed
    assert np.allclose(first.before, view.result.before[84 + 3], atol=1e-4)
    assert np.allclose(second.after, view.result.after[8], atol=1e-4)


def test_a_search_finds_both_and_the_table_tells_them_apart(both: MainWindow, qtbot: QtBot) -> None:
    view = add(both, qtbot)
    qtbot.keyClicks(view.bar.search, "Person_03_0001")
    qtbot.waitUntil(lambda: len(view.plot._content.marked) == 4, timeout=PATIENCE)
    assert view.found.label.text() == "2 images found"
    assert sorted((view.plot._content.marked % 84).tolist()) == [15, 15, 60 + 9, 60 + 9]
    view.bar.search.clear()
    qtbot.mouseClick(view.tools.table_button, Qt.MouseButton.LeftButton)
    lines = view.table.text().splitlines()
    assert lines[0].split("\t")[:4] == ["image", "subject", "dataset", "model"]
    assert {line.split("\t")[2] for line in lines[1:61]} == {"faces"}
    assert {line.split("\t")[2] for line in lines[61:85]} == {"others"}


def test_the_command_names_the_dataset(both: MainWindow, qtbot: QtBot) -> None:
    view = add(both, qtbot)
    words = shlex.split(view.command)
    assert "--with=others" in words
    assert words[words.index("--dataset") + 1] == "faces"
    assert "--same-names" not in words


def test_beside_single_images_images_are_shown_and_that_is_said(
    window: MainWindow, bare_template_study: Path, tmp_path: Path, qtbot: QtBot, umap: object
) -> None:
    with Study.open(bare_template_study) as study:
        for model in study.models:
            rows = np.random.default_rng(0).standard_normal((12, model.dimensions)).astype(np.float32)
            np.savez(tmp_path / "flat.npz", embs=rows, ids=np.array([f"p{row % 4}/{row}" for row in range(12)]))
            study.import_embeddings(tmp_path / "flat.npz", model=model.name, dataset="flat", ctx=JobContext())
    open_study(window, qtbot, bare_template_study)
    choice = OverlayChoice(method=OverlayMethod.PCA, level=OverlayLevel.TEMPLATES)
    window.document.change("Templates", overlay=choice)
    window.actions_["view.overlay"].trigger()
    view = window.overlay_view
    qtbot.waitUntil(lambda: window.overlays.current, timeout=PATIENCE)
    settle(window, qtbot)
    assert view.result.settings.level is OverlayLevel.TEMPLATES
    assert view.bar._level_field.isHidden() is False
    view.bar.added.entries["flat"].trigger()
    qtbot.waitUntil(lambda: window.overlays.current and bool(view.result.parts), timeout=PATIENCE)
    settle(window, qtbot)
    assert view.result.settings.level is OverlayLevel.IMAGES
    assert view.status.label.text() == "Images are shown: not every dataset has templates."
    assert view.bar._level_field.isHidden()
    window.document.undo.undo()
    qtbot.waitUntil(lambda: window.overlays.current and not view.result.parts, timeout=PATIENCE)
    assert view.result.settings.level is OverlayLevel.TEMPLATES


def test_a_renamed_dataset_stays_added_and_a_removed_one_goes(both: MainWindow, qtbot: QtBot) -> None:
    view = add(both, qtbot)
    both.document.changes.rename_dataset("others", "strangers")
    qtbot.waitUntil(lambda: both.overlays.current and view.result.settings.added == ("strangers",), timeout=PATIENCE)
    assert "strangers" in view._settings.text()
    settle(both, qtbot)
    both.document.changes.remove_dataset("strangers")
    qtbot.waitUntil(lambda: both.overlays.current and not view.result.parts, timeout=PATIENCE)
    settle(both, qtbot)
    assert not view.bar.added.isVisible()
    assert np.isfinite(view.result.after).all()
