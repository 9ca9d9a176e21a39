"""Faces that are drawn while another dataset is chosen are not shown as that one's."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

import canon_core.embedding.contact_sheet as drawing
from app.main_window import MainWindow
from canon_core.jobs import JobContext
from canon_core.study.study import Study

from .conftest import open_study
from .gestures import settle


def test_a_dataset_without_images_shows_no_faces_of_the_one_before(
    window: MainWindow, embedded_study: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, values = tmp_path / "ids.txt", tmp_path / "values.npy"
    ids.write_text("".join(f"p{number // 3}/{number}.png\n" for number in range(12)))
    np.save(values, np.random.default_rng(0).normal(size=(12, 8)).astype(np.float32))
    with Study.open(embedded_study) as study:
        study.import_embeddings(values, model="elsewhere", dataset="names", ids=ids, ctx=JobContext())
    real, begun, gate = drawing.contact_sheet, threading.Event(), threading.Event()

    def slow(*given: Any, **more: Any) -> object:
        begun.set()
        gate.wait(10)
        return real(*given, **more)

    window.computing.automatic = False
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose", dataset="faces")
    settle(window, qtbot)
    monkeypatch.setattr(drawing, "contact_sheet", slow)
    window.actions_["view.faces"].trigger()
    qtbot.waitUntil(begun.is_set)
    window.document.change("Choose", dataset="names")
    qtbot.wait(100)
    gate.set()
    settle(window, qtbot)
    assert window.faces_view.sheet is None
    assert window.faces_view.command == ""
