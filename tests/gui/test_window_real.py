"""Real faces and real networks: the window's numbers are the command line's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.dialogs.add_dataset import AddDatasetDialog
from app.dialogs.add_model import AddModelDialog
from app.dialogs.format_fields import Way
from app.main_window import MainWindow
from canon_core.experiments.matrix import matrix_json

PATIENCE = 60_000
#: Types one ``canon`` command after the other, in one process because each start costs a second.
TYPED = """
import json, sys
from canon_core.cli import main
for line in json.loads(sys.argv[1]):
    sys.argv = ["canon", *line]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
"""


@pytest.mark.real
def test_clicks_and_commands_give_the_same_matrix(window: MainWindow, real: Path, tmp_path: Path, qtbot: QtBot) -> None:
    faces, landmarks = real / "lfw250", real / "lfw250" / "landmarks.csv"
    networks = [real / "models" / f"{name}.onnx" for name in ("mfV2", "mfV3")]

    window.document.create(tmp_path / "clicked.canon")
    qtbot.waitUntil(lambda: window.document.contents is not None, timeout=PATIENCE)
    window.commands.adding.add_models(networks)
    models = window.findChild(AddModelDialog)
    qtbot.waitUntil(models.add_button.isEnabled, timeout=PATIENCE)
    qtbot.mouseClick(models.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(window.document.contents.models) == 2, timeout=PATIENCE)
    window.commands.adding.add_dataset(faces)
    dialog = window.findChild(AddDatasetDialog)
    dialog.ways.button(Way.LANDMARKS).click()
    dialog.landmarks.set_path(landmarks)
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(window.document.contents.datasets) == 1, timeout=PATIENCE)
    window.actions_["study.compute_all"].trigger()
    qtbot.waitUntil(lambda: window.document.contents.results == 4 and not window.bridge.busy, timeout=PATIENCE)
    clicked = matrix_json(window.computing.matrix, window.document.state.rule)

    study = tmp_path / "typed.canon"
    lines: list[list[object]] = [
        ["new", study],
        *(["add-model", study, network] for network in networks),
        ["add-dataset", study, faces, "--landmarks", landmarks],
        ["embed", study, "--provider", "cpu"],
        ["matrix", study, "--json", "-"],
    ]
    shown = subprocess.run(
        [sys.executable, "-c", TYPED, json.dumps([[str(word) for word in line] for line in lines])],
        check=True,
        capture_output=True,
        text=True,
    )
    typed = json.loads(shown.stdout)
    for key in ("tar", "achieved_far", "threshold", "pairs", "fit_pairs", "models", "far", "map", "mode", "seed"):
        assert json.loads(json.dumps(clicked[key])) == typed[key], key
