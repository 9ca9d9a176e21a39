"""The pairs behind a cell, in the window: a click on a cell, a brush over its scores, keys, pictures, and files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QPushButton
from pytestqt.qtbot import QtBot

from app import pair_finding
from app.main_window import MainWindow
from app.views.roc_view import Kind
from canon_core.datasets.images import read_image
from canon_core.datasets.options import DatasetOptions
from canon_core.embedding.embed import EmbedOptions
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.pairs import PairFinder
from canon_core.experiments.shown_faces import MOST_PAIRS
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.pair_results import Against, PairKind, PairLists, PairSettings
from canon_core.study.results import MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

from .conftest import PATIENCE, open_study
from .export_clicks import export

PAIR = ("a", "b")


def choose(window: MainWindow, qtbot: QtBot, pair: tuple[str, str] = PAIR) -> None:
    """Click a cell of the matrix."""
    qtbot.waitUntil(lambda: window.matrix_view.matrix is not None, timeout=PATIENCE)
    window.actions_["view.matrix"].trigger()
    where = window.matrix_view.heat_map.field_rect(pair).center().toPoint()
    qtbot.mouseClick(window.matrix_view.heat_map, Qt.MouseButton.LeftButton, pos=where)
    qtbot.waitUntil(lambda: window.statistics.chosen is not None, timeout=PATIENCE)
    settle(window, qtbot)


def settle(window: MainWindow, qtbot: QtBot) -> None:
    """Wait until nothing is under way, and what came of it is shown."""
    for _ in range(2):
        qtbot.wait(80)
        qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    qtbot.wait(60)


def pick(box: QComboBox, data: object, qtbot: QtBot) -> None:
    """Choose an entry with the keyboard, as the list under a combo box does."""
    box.setFocus()
    place = box.findData(data)
    assert place >= 0, f"no entry {data}"
    while box.currentIndex() != place:
        qtbot.keyClick(box, Qt.Key.Key_Down if box.currentIndex() < place else Qt.Key.Key_Up)


def expected(path: Path, far: float = 1e-2) -> PairLists:
    """The same lists straight from the engine."""
    with Study.open(path, read_only=True) as study:
        study.refresh_states()
        settings = PairSettings(MatrixSettings("faces", ("a", "b")), *PAIR, far, FarRule.CONSERVATIVE)
        return PairFinder(study, settings).errors(JobContext())


@pytest.fixture
def shown(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> MainWindow:
    """The window with the pairs of a cell."""
    open_study(window, qtbot, embedded_study)
    choose(window, qtbot)
    qtbot.keyClick(window, Qt.Key.Key_8, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.pair_view.shown is not None, timeout=PATIENCE)
    settle(window, qtbot)
    return window


# -- lists -----------------------------------------------------------------------------------------------------------
def test_a_cell_shows_its_errors_as_faces(shown: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    view, lists = shown.pair_view, expected(embedded_study)
    wrong = lists.found[PairKind.FALSE_MATCHES, None]
    assert [(pair.first.number, pair.second.number) for pair in view.pairs] == list(
        zip(wrong.first.tolist(), wrong.second.tolist(), strict=True)
    )
    assert f"false matches: {wrong.total:,}" in view.settings_line
    assert "a → b" in view.settings_line
    assert "FAR 1e-2 (conservative)" in view.settings_line
    # The first pair is in full beside the list, with faces that were decoded elsewhere.
    panel = view.panel
    qtbot.waitUntil(lambda: panel.details is not None, timeout=PATIENCE)
    assert panel.pair == view.pairs[0]
    # The score that the pair is listed by comes first: it is seen without scrolling.
    assert [line.name for line in panel.bars.lines] == ["cross-model, linear map", "a alone", "b alone",
                                                        "cross-model, raw"]  # fmt: skip
    assert panel.bars.lines[0].score == pytest.approx(view.pairs[0].score)
    assert "a match" in panel.bars.lines[0].verdict
    assert panel.bars.lines[0].right is False
    assert "zeros" in panel.bars.lines[3].note
    for side, of in zip(panel.sides, (panel.pair.first, panel.pair.second), strict=True):
        qtbot.waitUntil(lambda side=side: side.face.image is not None, timeout=PATIENCE)
        assert side.title.text() == of.name.rsplit("/", 1)[-1]
    assert view.list.picture(view.pairs[0].first.image) is not None


def test_every_kind_of_error_is_listed(shown: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    view, lists = shown.pair_view, expected(embedded_study)
    for (kind, against), found in lists.found.items():
        pick(view.kind, kind, qtbot)
        if against is not None:
            pick(view.against, against, qtbot)
        assert view.listing == (kind, against)
        rows = [(pair.first.number, pair.second.number) for pair in view.pairs]
        assert rows == list(zip(found.first.tolist(), found.second.tolist(), strict=True))
        assert view.against.isVisible() == kind.compared
    pick(view.kind, PairKind.CREATED_NON_MATCHES, qtbot)
    pick(view.against, Against.SOURCE, qtbot)
    assert "created false non-matches against a alone" in view.settings_line


def test_the_list_is_walked_with_the_keyboard(shown: MainWindow, qtbot: QtBot) -> None:
    view, chosen = shown.pair_view, []
    shown.pairs_presenter.pairChosen.connect(lambda *ids: chosen.append(ids))
    pick(view.kind, PairKind.FALSE_NON_MATCHES, qtbot)
    settle(shown, qtbot)
    assert len(view.pairs) > 3
    view.list.setFocus()
    chosen.clear()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up):
        qtbot.keyClick(view.list, key)
    assert view.panel.pair == view.pairs[1]
    assert chosen == [(view.pairs[k].first.name, view.pairs[k].second.name) for k in (1, 2, 1)]
    settle(shown, qtbot)
    assert view.panel.details is not None
    assert view.panel.details.pair == view.pairs[1]


def test_a_click_in_the_list_chooses_a_pair(shown: MainWindow, qtbot: QtBot) -> None:
    view = shown.pair_view
    place = view.list.visualRect(view.list.model().index(1, 0)).center()
    qtbot.mouseClick(view.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert view.panel.pair == view.pairs[1]


def test_another_cell_or_far_has_other_pairs(shown: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    before = shown.pair_view.shown
    shown.document.change("Read at another FAR", far=1e-1)
    qtbot.waitUntil(lambda: shown.pair_view.shown not in (None, before), timeout=PATIENCE)
    settle(shown, qtbot)
    wrong = expected(embedded_study, 1e-1).found[PairKind.FALSE_MATCHES, None]
    assert shown.pair_view.shown.totals[PairKind.FALSE_MATCHES, None] == wrong.total
    choose(shown, qtbot, ("b", "b"))
    shown.actions_["view.pairs"].trigger()
    settle(shown, qtbot)
    assert shown.pair_view.shown.single
    assert [line.name for line in shown.pair_view.panel.bars.lines] == ["b"]
    assert len(shown.pair_view.shown.pairs) == 2
    shown.actions_["edit.clear_selection"].trigger()
    settle(shown, qtbot)
    assert shown.pair_view.shown is None


def test_whole_images_can_be_looked_at(shown: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    view = shown.pair_view
    pick(view.look, False, qtbot)
    settle(shown, qtbot)
    with Study.open(embedded_study, read_only=True) as study:
        faces = study.faces("faces")
        row = view.pairs[0].first.image
        pixels = read_image(faces.path(row))
    image = view.panel.sides[0].face.image
    assert image is not None
    colour = image.pixelColor(image.width() // 2, image.height() // 2)
    middle = pixels[pixels.shape[0] // 2, pixels.shape[1] // 2].astype(int)
    assert np.abs(middle - [colour.red(), colour.green(), colour.blue()]).max() < 20


# -- brushing --------------------------------------------------------------------------------------------------------
def show_scores(window: MainWindow, qtbot: QtBot) -> None:
    """Look at the histogram of the chosen cell."""
    window.actions_["view.roc"].trigger()
    window.roc_view.kind_buttons[Kind.SCORES].click()
    qtbot.waitUntil(lambda: window.roc_view.scores is not None, timeout=PATIENCE)
    settle(window, qtbot)


def brush(window: MainWindow, qtbot: QtBot, low: float, high: float) -> None:
    """Drag the mouse over an interval of the histogram."""
    plot = window.roc_view.scores_plot
    box = plot.getViewBox()
    middle = sum(box.viewRange()[1]) / 2

    def place(score: float) -> QPoint:
        return plot.mapFromScene(box.mapViewToScene(QPointF(score, middle)))

    start, end = place(low), place(high)
    qtbot.mousePress(plot.viewport(), Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 9):
        qtbot.wait(15)
        qtbot.mouseMove(plot.viewport(), start + (end - start) * step / 8)
    qtbot.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=end)


def test_brushing_scores_shows_their_pairs(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    open_study(window, qtbot, embedded_study)
    choose(window, qtbot)
    show_scores(window, qtbot)
    brush(window, qtbot, 0.2, 0.5)
    qtbot.waitUntil(lambda: window.pair_view.isVisible() and window.pair_view.shown is not None, timeout=PATIENCE)
    settle(window, qtbot)
    view = window.pair_view
    interval = view.shown.interval
    assert interval is not None
    assert interval == pytest.approx((0.2, 0.5), abs=0.02)
    assert view.listing[0] in (PairKind.GENUINE_BETWEEN, PairKind.IMPOSTORS_BETWEEN)
    for kind, genuine in ((PairKind.GENUINE_BETWEEN, True), (PairKind.IMPOSTORS_BETWEEN, False)):
        pick(view.kind, kind, qtbot)
        assert view.pairs
        assert all(interval[0] <= pair.score < interval[1] and pair.genuine == genuine for pair in view.pairs)
        scores = [pair.score for pair in view.pairs]
        assert scores == sorted(scores, reverse=not genuine)  # the farthest from its kind first
        assert view._count.text().endswith("lowest score first" if genuine else "highest score first")
    with Study.open(embedded_study, read_only=True) as study:
        study.refresh_states()
        settings = PairSettings(MatrixSettings("faces", ("a", "b")), *PAIR, 1e-2, FarRule.CONSERVATIVE)
        lists = PairFinder(study, settings).between(*interval, JobContext())
    assert {key: found.total for key, found in lists.found.items()}.items() <= dict(view.shown.totals).items()
    choose(window, qtbot, ("b", "a"))  # an interval belongs to the cell whose scores were brushed
    window.actions_["view.pairs"].trigger()
    settle(window, qtbot)
    assert view.shown.interval is None
    assert view.shown.source == "b"


def test_the_keyboard_brushes_too(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    open_study(window, qtbot, embedded_study)
    choose(window, qtbot)
    window.actions_["view.roc"].trigger()
    window.roc_view.kind_buttons[Kind.SCORES].click()
    qtbot.waitUntil(lambda: window.roc_view.scores is not None, timeout=PATIENCE)
    plot, asked = window.roc_view.scores_plot, []
    window.roc_view.intervalBrushed.connect(lambda *ends: asked.append(ends))
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    first = plot.reading.splitlines()[0]
    for _ in range(2):
        qtbot.keyClick(plot, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    last = plot.reading.splitlines()[0]
    qtbot.keyClick(plot, Qt.Key.Key_Return)
    assert len(asked) == 1
    low, high = asked[0]
    assert f"score {low:.3f}".replace("-", "−") in first
    assert f"to {high:.3f}".replace("-", "−") in last
    assert plot.brushed == pytest.approx((low, high))
    settle(window, qtbot)
    window.actions_["view.roc"].trigger()
    qtbot.keyClick(plot, Qt.Key.Key_Left)  # without Shift: nothing is taken in any more
    assert plot.brushed is None


# -- as text ---------------------------------------------------------------------------------------------------------
def test_the_list_is_copied_with_its_settings(shown: MainWindow, qtbot: QtBot) -> None:
    view = shown.pair_view
    view.copy_table_action.trigger()
    *lines, last = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t")[:3] == ["pair", "first", "second"]
    assert len(lines) == 1 + len(view.pairs)
    assert last == view.settings_line
    view.copy_pair_action.trigger()
    text = QGuiApplication.clipboard().text()
    assert view.pairs[0].first.name in text
    assert "cross-model, linear map: " in text


def test_the_command_that_makes_the_list_is_copied_and_runs(
    shown: MainWindow, embedded_study: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shlex

    from typer.testing import CliRunner

    from canon_core.cli.application import app, load_commands

    view = shown.pair_view
    pick(view.kind, PairKind.CREATED_NON_MATCHES, qtbot)
    pick(view.against, Against.SOURCE, qtbot)
    view.copy_command_action.trigger()
    program, *words = shlex.split(QGuiApplication.clipboard().text())
    assert program == "canon"
    monkeypatch.chdir(tmp_path)
    load_commands()
    done = CliRunner().invoke(app, [*words, "--read-only"])
    assert done.exit_code == 0, done.exception
    rows = list(csv.DictReader(io.StringIO((tmp_path / "pairs.csv").read_text().split("\n", 1)[1])))
    assert [(int(row["first"]), int(row["second"])) for row in rows] == [
        (pair.first.number, pair.second.number) for pair in view.pairs
    ]


def test_the_table_and_the_list_choose_the_same_pair(shown: MainWindow, qtbot: QtBot) -> None:
    view = shown.pair_view
    pick(view.kind, PairKind.FALSE_NON_MATCHES, qtbot)
    qtbot.mouseClick(view.table_button, Qt.MouseButton.LeftButton)
    view.table.setFocus()
    view.table.select_row(0)
    qtbot.keyClick(view.table, Qt.Key.Key_Down)
    assert view.panel.pair == view.pairs[1]
    assert view.list.currentIndex().row() == 1


@pytest.mark.parametrize("names", [False, True])
def test_the_list_is_exported_with_its_faces(shown: MainWindow, tmp_path: Path, qtbot: QtBot, names: bool) -> None:
    view = shown.pair_view
    found = export(shown, view.export_button, tmp_path, ["svg", "csv"], qtbot, named=names)
    drawn = found["svg"].decode()
    assert drawn.count("<image") == 2 * min(len(view.pairs), MOST_PAIRS)
    assert f"{view.pairs[0].score:.4f}" in drawn
    assert ("Person_" in drawn) == names
    comment, text = found["csv"].decode().split("\n", 1)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert comment == f"# {view.settings_line}"
    assert [float(row["score"]) for row in rows] == pytest.approx([pair.score for pair in view.pairs])
    assert ("Person_" in text) == names


# -- many pairs ------------------------------------------------------------------------------------------------------
def test_many_pairs_are_looked_for_on_request_and_can_be_cancelled(
    window: MainWindow, embedded_study: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pair_finding, "_MANY_PAIRS", 10)
    real, allowed = pair_finding.find, []

    def slow(shelf: object, study: object, question: object, ctx: JobContext) -> object:
        import time

        while not allowed:
            ctx.check()
            time.sleep(0.01)
        return real(shelf, study, question, ctx)  # type: ignore[arg-type]

    monkeypatch.setattr(pair_finding, "find", slow)
    open_study(window, qtbot, embedded_study)
    choose(window, qtbot)
    window.actions_["view.pairs"].trigger()

    def button(text: str) -> QPushButton | None:
        found = [each for each in window.pair_view.findChildren(QPushButton) if each.text() == text]
        return next((each for each in found if each.isVisible()), None)

    qtbot.waitUntil(lambda: button("Find pairs") is not None, timeout=PATIENCE)
    assert not window.jobs.rows
    qtbot.mouseClick(button("Find pairs"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(window.bridge.batch()), timeout=PATIENCE)
    window.bridge.cancel(next(iter(window.bridge.batch())))
    qtbot.waitUntil(lambda: button("Find pairs") is not None, timeout=PATIENCE)
    allowed.append(True)
    qtbot.mouseClick(button("Find pairs"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.pair_view.shown is not None, timeout=PATIENCE)
    settle(window, qtbot)
    assert window.pair_view.panel.details is not None


# -- templates, and no pictures --------------------------------------------------------------------------------------
def test_templates_without_images_are_named(window: MainWindow, template_study: Path, qtbot: QtBot) -> None:
    open_study(window, qtbot, template_study)
    choose(window, qtbot, ("north", "east"))
    window.actions_["view.pairs"].trigger()
    qtbot.waitUntil(lambda: window.pair_view.shown is not None, timeout=PATIENCE)
    settle(window, qtbot)
    view = window.pair_view
    pick(view.kind, PairKind.FALSE_NON_MATCHES, qtbot)
    settle(window, qtbot)
    pair = view.pairs[0]
    assert pair.first.name.startswith("template ")
    assert view.panel.sides[0].title.text() == pair.first.name
    assert f"subject {pair.first.subject}, {pair.first.images} images" in view.panel.sides[0].subject.text()
    assert not view.panel.sides[0].face.isVisible()
    assert not view.look.isVisible()
    assert view.panel.details is not None
    assert len(view.panel.bars.lines) == 4


def test_a_missing_picture_is_said(window: MainWindow, embedded_study: Path, qtbot: QtBot,
                                   monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    from canon_core.embedding import face_picture
    from canon_core.errors import DatasetError

    def gone(*_: object, **__: object) -> None:
        raise DatasetError("is gone")

    monkeypatch.setattr(face_picture, "thumbnail", gone)
    open_study(window, qtbot, embedded_study)
    choose(window, qtbot)
    window.actions_["view.pairs"].trigger()
    qtbot.waitUntil(lambda: window.pair_view.shown is not None, timeout=PATIENCE)
    settle(window, qtbot)
    view = window.pair_view
    assert view.panel.sides[0].face.accessibleDescription() == "is gone"
    assert view.list.reason(view.pairs[0].first.image) == "is gone"


def test_the_view_says_what_to_do_without_a_cell(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    open_study(window, qtbot, embedded_study)
    window.actions_["view.pairs"].trigger()
    settle(window, qtbot)
    assert window.pair_view.shown is None
    [button] = [each for each in window.pair_view.findChildren(QPushButton) if each.isVisible()]
    assert button.text() == "Go to the matrix"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert window.matrix_view.isVisible()


@pytest.mark.parametrize("another", [{"dataset": "more"}, {"cells": (("b", "a"),)}], ids=["dataset", "cell"])
def test_a_pair_that_could_not_be_shown_is_not_shown_later_of_something_else(
    another: dict[str, object], window: MainWindow, embedded_study: Path, tmp_path: Path, make_faces: Callable,
    qtbot: QtBot,
) -> None:  # fmt: skip
    make_faces(tmp_path / "more", subjects=8, images=4, seed=5)
    with Study.open(embedded_study) as study:
        study.add_dataset(tmp_path / "more", DatasetOptions(), JobContext(), "more")
        embed_study(study, "more", (), EmbedOptions(provider="cpu"), JobContext())
    window.computing.automatic = False
    open_study(window, qtbot, embedded_study)
    window.document.change("A map that is not computed", map=MapKind.ROTATION)
    window._open_pair(*PAIR, 3, 30)
    settle(window, qtbot)
    assert window.pair_view.shown is None
    window.document.change("Something else", **{"map": MapKind.LINEAR, **another})
    window.document.change("And back to the cell", cells=(PAIR,))
    window.actions_["study.compute_all"].trigger()
    settle(window, qtbot)
    window.actions_["view.pairs"].trigger()
    qtbot.waitUntil(lambda: window.pair_view.shown is not None, timeout=PATIENCE)
    settle(window, qtbot)
    pair = window.pair_view.panel.pair
    assert pair is None or {pair.first.image, pair.second.image} != {3, 30}


def test_an_interval_is_of_the_cell_that_was_brushed_whatever_was_looked_at_before(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    choose(window, qtbot, ("b", "a"))
    window.actions_["view.pairs"].trigger()
    qtbot.waitUntil(lambda: window.pair_view.shown is not None, timeout=PATIENCE)
    settle(window, qtbot)
    choose(window, qtbot)
    show_scores(window, qtbot)
    brush(window, qtbot, 0.2, 0.5)
    settle(window, qtbot)
    assert window.pair_view.shown.source == "a"
    assert window.pair_view.shown.interval == pytest.approx((0.2, 0.5), abs=0.05)


def test_after_a_pair_that_is_not_listed_the_first_one_can_be_clicked(shown: MainWindow, qtbot: QtBot) -> None:
    view = shown.pair_view
    first = view.pairs[0]
    shown.pairs_presenter.open_pair("a", "b", 0, 7)
    settle(shown, qtbot)
    assert view.panel.pair is not first
    assert not view.list.selectedIndexes()
    place = view.list.visualRect(view.list.model().index(0, 0)).center()
    qtbot.mouseClick(view.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert view.panel.pair is first
    assert [index.row() for index in view.list.selectedIndexes()] == [0]
