"""Exports what a view shows as a user does: its button, the dialog's boxes, its fields, and Export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QWidget
from pytestqt.qtbot import QtBot

from app.dialogs.export import ExportDialog
from app.main_window import MainWindow

from .conftest import PATIENCE


def open_dialog(window: MainWindow, button: QAbstractButton, qtbot: QtBot, *, preview: bool = True) -> ExportDialog:
    """Click a view's button; the dialog, with its preview drawn unless told otherwise."""
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown(window) is not None, timeout=PATIENCE)
    dialog = shown(window)
    assert dialog is not None
    if preview:
        qtbot.waitUntil(lambda: not dialog.preview.page.image.isNull(), timeout=PATIENCE)
    return dialog


def shown(window: MainWindow) -> ExportDialog | None:
    """The dialog that is open."""
    return next((dialog for dialog in window.findChildren(ExportDialog) if dialog.isVisible()), None)


def tick(boxes: dict[str, QWidget], wanted: Sequence[str], qtbot: QtBot) -> None:
    """Click boxes until just these are ticked."""
    for key, box in boxes.items():
        if box.isVisible() and box.isChecked() != (key in wanted):  # type: ignore[attr-defined]
            qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
            assert box.isChecked() == (key in wanted)  # type: ignore[attr-defined]


def fill(dialog: ExportDialog, folder: Path, name: str, formats: Sequence[str], qtbot: QtBot) -> None:
    """Choose formats of figure and data, the folder and the name."""
    tick(dialog.figures, formats, qtbot)
    tick(dialog.tables, formats, qtbot)
    dialog.folder.line.setText(str(folder))
    dialog.name.setText(name)


def export(
    window: MainWindow,
    button: QAbstractButton,
    folder: Path,
    formats: Sequence[str],
    qtbot: QtBot,
    *,
    name: str = "out",
    named: bool = False,
) -> dict[str, bytes]:
    """What is written, by suffix."""
    dialog = open_dialog(window, button, qtbot, preview=False)
    fill(dialog, folder, name, formats, qtbot)
    if named:
        tick({"named": dialog.named}, ["named"], qtbot)
    qtbot.mouseClick(dialog.export_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown(window) is None, timeout=PATIENCE)
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    return {path.suffix[1:]: path.read_bytes() for path in folder.glob(f"{name}.*")}
