"""What tests of the overlay share: a UMAP that waits, and how its choosers are used."""

from __future__ import annotations

import threading

from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from canon_core.jobs import JobContext
from canon_core.projection.kinds import OverlayMethod
from canon_core.study.overlay_results import Overlay, OverlaySettings

from .conftest import PATIENCE


class Slow:
    """A UMAP that waits until it is let go, and then is PCA's picture: what the window does is the same."""

    def __init__(self, real: object) -> None:
        self._real = real
        self.let_go = threading.Event()
        self.asked = 0

    def __call__(
        self, study: object, settings: OverlaySettings, ctx: JobContext, worker: object = None
    ) -> Overlay:
        from dataclasses import replace

        if settings.method is not OverlayMethod.UMAP:
            return self._real(study, settings, ctx)
        self.asked += 1
        ctx.report(1, 2, "optimising the layout")
        while not self.let_go.wait(0.01):
            ctx.check()
        found = self._real(study, replace(settings, method=OverlayMethod.PCA), ctx)
        return replace(found, settings=settings, after=found.after * 2)


def settle(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.bridge.working, timeout=PATIENCE)
    qtbot.wait(60)
    qtbot.waitUntil(lambda: not window.bridge.working, timeout=PATIENCE)
    QApplication.processEvents()


def pick(box: QComboBox, text: str) -> None:
    """Choose an entry as a user does."""
    index = box.findText(text)
    assert index >= 0, [box.itemText(number) for number in range(box.count())]
    box.setCurrentIndex(index)
    box.activated.emit(index)
