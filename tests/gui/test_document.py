"""Choosing, undoing, and changing the study under the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.document import Document
from app.engine_bridge import EngineBridge
from app.view_state import ViewState
from canon_core.datasets.options import DatasetOptions
from canon_core.maps.kinds import MapKind
from canon_core.study.study import Study

from .conftest import document_of

PATIENCE = 20_000


@pytest.fixture
def document(bridge: EngineBridge, qtbot: QtBot, embedded_study: Path) -> Iterator[Document]:
    with document_of(bridge, qtbot, lambda document: document.open(embedded_study)) as document:
        yield document


def settled(document: Document, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not document.bridge.busy, timeout=PATIENCE)


def test_a_choice_is_undone_and_done_again_under_its_name(document: Document) -> None:
    before = document.state
    document.change("Set map rotation", map=MapKind.ROTATION)
    after = document.state
    assert document.undo.undoText() == "Set map rotation"
    document.undo.undo()
    assert document.state == before
    assert document.undo.redoText() == "Set map rotation"
    document.undo.redo()
    assert document.state == after


def test_what_changes_nothing_is_no_step(document: Document) -> None:
    document.change("Set map linear", map=MapKind.LINEAR)
    assert document.undo.count() == 0


def test_walking_through_cells_is_one_step(document: Document) -> None:
    for pair in (("a", "a"), ("a", "b"), ("b", "b")):
        document.change(f"Choose {pair}", kind="cells", cells=(pair,))
    assert document.undo.count() == 1
    document.change("Set map rotation", map=MapKind.ROTATION)
    document.undo.undo()
    assert document.state.cells == (("b", "b"),)
    document.undo.undo()
    assert document.state.cells == ()


def test_walking_there_and_back_is_no_step(document: Document) -> None:
    document.change("Choose", cells=(("a", "b"),))
    count = document.undo.count()
    document.change("Walk", kind="walk", cells=(("b", "a"),))
    document.change("Walk", kind="walk", cells=(("a", "b"),))
    assert document.undo.count() == count
    assert document.undo.undoText() == "Choose"


def test_steps_that_are_apart_in_time_are_undone_apart(
    document: Document, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.document._MERGE_MS", 20)
    document.change("Choose a", kind="cells", cells=(("a", "a"),))
    qtbot.wait(40)
    document.change("Choose b", kind="cells", cells=(("b", "b"),))
    document.undo.undo()
    assert document.state.cells == (("a", "a"),)


def test_a_renamed_model_keeps_its_embeddings_and_its_place(document: Document, qtbot: QtBot) -> None:
    document.change("Choose", cells=(("a", "b"),), model="a")
    document.changes.rename_model("a", "first")
    settled(document, qtbot)
    assert document.contents.model_names == ("first", "b")
    assert document.contents.states["first", "faces"].complete
    assert (document.state.cells, document.state.model) == ((("first", "b"),), "first")
    assert document.undo.count() == 0  # the steps before it speak of a name that is gone


def test_a_removed_model_leaves_the_selection(document: Document, qtbot: QtBot) -> None:
    document.change("Choose", cells=(("a", "b"), ("b", "b")), model="a")
    document.changes.remove_model("a")
    settled(document, qtbot)
    assert document.contents.model_names == ("b",)
    assert document.state.cells == (("b", "b"),)
    assert document.state.model == ""


def test_a_name_that_is_taken_is_refused_in_one_sentence(document: Document, qtbot: QtBot) -> None:
    with qtbot.waitSignal(document.faulted, timeout=PATIENCE) as faulted:
        document.changes.rename_model("a", "b")
    assert "there is a model 'b' already" in faulted.args[0].sentence()
    assert document.contents.model_names == ("a", "b")


def test_another_study_replaces_this_one_and_a_wrong_path_does_not(
    document: Document, qtbot: QtBot, tmp_path: Path
) -> None:
    with qtbot.waitSignal(document.faulted, timeout=PATIENCE):
        document.open(tmp_path / "nothing.canon")
    assert document.contents.name == "done"
    document.create(tmp_path / "other")
    qtbot.waitUntil(lambda: document.contents is not None and document.contents.name == "other", timeout=PATIENCE)
    settled(document, qtbot)
    with Study.open(tmp_path / "done.canon"):
        pass  # it was given back


def test_opening_the_open_study_again_reopens_it(document: Document, qtbot: QtBot, embedded_study: Path) -> None:
    document.change("Set map rotation", map=MapKind.ROTATION)
    with qtbot.waitSignal(document.opened, timeout=PATIENCE):
        document.open(embedded_study)
    assert document.state.map is MapKind.ROTATION
    settled(document, qtbot)


def test_the_study_itself_remembers_a_moment_later(
    document: Document, qtbot: QtBot, embedded_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document._study_timer.setInterval(10)
    document.change("Set map rotation", map=MapKind.ROTATION)
    qtbot.waitUntil(lambda: document.study.view.get("state", {}).get("map") == "rotation", timeout=PATIENCE)
    with Study.open(embedded_study, read_only=True) as other:
        assert ViewState.from_json(other.view["state"]) == document.state


def test_what_the_study_does_not_have_is_no_step(document: Document) -> None:
    document.change("Choose a cell of nobody", cells=(("a", "nobody"),))
    assert document.state.cells == ()
    assert document.undo.count() == 0


def test_a_view_that_was_not_opened_is_not_that_of_the_next_study(
    document: Document, qtbot: QtBot, tmp_path: Path
) -> None:
    document.open(tmp_path / "gone.canon", view={"state": {"map": "rotation", "seed": 77}})
    settled(document, qtbot)
    document.create(tmp_path / "fresh.canon")
    qtbot.waitUntil(lambda: document.study is not None and document.contents.name == "fresh", timeout=PATIENCE)
    settled(document, qtbot)
    assert document.state == ViewState()


def test_an_added_dataset_is_chosen_by_a_step_of_its_own(
    document: Document, qtbot: QtBot, tmp_path: Path, make_faces: Callable
) -> None:
    make_faces(tmp_path / "more", subjects=4, images=3)
    document.change("Set seed 1", seed=1)
    document.changes.add_dataset(
        tmp_path / "more", DatasetOptions(), "more", lambda _: None, lambda _: None, lambda: None
    )
    qtbot.waitUntil(lambda: document.state.dataset == "more", timeout=PATIENCE)
    settled(document, qtbot)
    assert document.undo.undoText() == "Choose more"  # not taken back along with an older choice
    document.undo.undo()
    assert (document.state.dataset, document.state.seed) == ("faces", 1)
    document.undo.redo()
    assert (document.state.dataset, document.state.seed) == ("more", 1)
