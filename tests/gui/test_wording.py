"""Faults in the window name its menus, not commands of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from app.wording import fault_text
from canon_core.errors import CanonError

from .conftest import PATIENCE


@pytest.mark.parametrize(
    ("remedy", "shown"),
    [
        (
            "check the path, or make a new one with `canon new STUDY`",
            "check the path, or make a new one with File → New study….",
        ),
        (
            "run `canon embed` with --dataset my faces, or `canon import` embeddings made elsewhere",
            "choose Study → Compute embeddings, or File → Import embeddings…, for embeddings made elsewhere.",
        ),
        ("run `canon embed` with --dataset my faces", "choose Study → Compute embeddings."),
        ("run `canon embed`: the dataset is looked at", "choose Study → Compute embeddings: the dataset is looked at."),
        ("put the network back, say where it lies now with `canon locate`, or add this one as another model",
         "put the network back, say where it lies now with Study → Locate…, or add this one as another model."),
        ("give a file that `canon map fit` wrote", "give a file that `canon map fit` wrote."),
    ],
)  # fmt: skip
def test_a_remedy_is_where_the_window_has_it(remedy: str, shown: str) -> None:
    assert fault_text(CanonError("something is wrong", remedy=remedy)) == f"Something is wrong; {shown}"


def test_a_study_that_is_not_there(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    window.document.open(tmp_path / "nope.canon")
    qtbot.waitUntil(window.messages.isVisible, timeout=PATIENCE)
    text = window.messages.text.text()
    assert str(tmp_path / "nope.canon") in text
    assert "File → New study…" in text
    assert "`canon" not in text
