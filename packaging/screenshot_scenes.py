"""The demo study gone through as a user would: every view, then every dialog, each yielded when it is ready."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The cell that every view shows.
CELL = ("V_R8_A", "M2_R16_A")
PATIENCE_S = 900.0
#: A scene's name, and the dialog or menu on top of the window.
Scene = tuple[str, Any]


@dataclass
class Driver:
    """What a user does in the window, and the patience until it is done."""

    application: Any
    window: Any

    def open(self, study: Path, *, read_only: bool = False) -> None:
        self.window.document.open(study, read_only=read_only)
        self.wait(lambda: self.window.document.contents is not None and self.window.document.contents.path == study)
        self.settle()

    def go(self, key: str) -> None:
        """Bring a view to the front."""
        self.window.actions_[f"view.{key}"].trigger()
        self.settle()

    def do(self, key: str) -> Any:
        """Choose an action; the dialog that it opened."""
        self.window.actions_[key].trigger()
        return self.dialog()

    def dialog(self) -> Any:
        """The dialog in front once it is filled."""
        self.settle()
        for above in (self.application.activeModalWidget(), self.application.activePopupWidget()):
            if above is not None:
                return above
        others = [each for each in self.application.topLevelWidgets() if each.isVisible() and each is not self.window]
        return others[-1] if others else None

    def menu(self, title: str) -> Any:
        """A menu of the menu bar, open."""
        bar = self.window.menuBar()
        action = next(each for each in bar.actions() if each.text().replace("&", "") == title)
        action.menu().popup(bar.mapToGlobal(bar.actionGeometry(action).bottomLeft()))
        return self.dialog()

    def settle(self, *, silent: bool = True) -> None:
        """Until nothing works any more, and what came of it is drawn; without the message that tells of it."""
        for _ in range(2):
            self.pause(0.25)
            self.wait(lambda: not self.window.bridge.working)
        if silent:
            self.window.messages.hide()
        self.pause(0.15)

    def wait(self, until: Callable[[], bool]) -> None:
        """Let the window work until something is there."""
        end = time.monotonic() + PATIENCE_S
        while not until():
            if time.monotonic() > end:
                raise TimeoutError("the window did not get there")
            self.pause(0.05)

    def pause(self, seconds: float) -> None:
        """Let the window work for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.application.processEvents()
            time.sleep(0.01)


def open_demo(driver: Driver, study: Path) -> None:
    """The study as the window shows it the first time, and one cell chosen."""
    from app.view_state import ViewState
    from canon_core.demo.networks import DATASET

    document = driver.window.document
    driver.open(study)
    if document.contents.dataset(DATASET) is None:
        raise SystemExit("only the demo study may be shown")
    contents = document.contents
    document.show_state(ViewState.at_first(contents.model_names, contents.dataset_names))  # whatever it was left at
    document.change("Choose a cell", cells=(CELL,))
    driver.settle()


def views(driver: Driver) -> Iterator[Scene]:
    """Every view on the chosen cell."""
    window = driver.window
    for key in ("matrix", "roc", "faces"):
        driver.go(key)
        yield key, None
    driver.go("matrix")
    matrix = window.matrix_view
    for name, button in (("difference", matrix.difference_button), ("table", matrix.table_button)):
        button.click()
        driver.settle()
        yield name, None
        button.click()
    driver.go("roc")
    for name, button in zip(("det", "scores"), list(window.roc_view.kind_buttons.values())[1:], strict=True):
        button.click()
        driver.settle()
        yield name, None
    next(iter(window.roc_view.kind_buttons.values())).click()
    driver.go("search")
    if window.search_view.matrix is None or window.search_view.compute_button.isVisible():
        window.actions_["experiment.identify"].trigger()
        driver.settle()
    yield "search", None
    driver.go("groups")
    if window.statistics.groups.covariates and window.group_view.found is None:  # a demo of old has no covariates
        window.actions_["experiment.groups"].trigger()
        driver.wait(lambda: window.group_view.found is not None)
        driver.settle()
    yield "groups", None
    driver.go("overlay")
    driver.wait(lambda: window.overlays.current)
    for name, blend in (("overlay-before", 0.0), ("overlay-after", 1.0)):
        window.overlay_view.slider.set_blend(blend)
        driver.settle()
        yield name, None
    driver.go("sensitivity")
    _show_stored_curves(driver)
    yield "sensitivity", None
    driver.go("pairs")
    if window.pair_view.shown is None:
        window.pair_view.actionRequested.emit()
        driver.wait(lambda: window.pair_view.shown is not None)
    driver.settle()
    yield "pairs", None
    window.pair_view.compareRequested.emit(window.pair_view.pairs[0])
    driver.wait(lambda: window.two_faces_view.comparison is not None)
    driver.settle()
    yield "two-faces", None
    driver.go("matrix")


def dialogs(driver: Driver, outside: Path) -> Iterator[Scene]:
    """Every dialog on the demo study; ``outside`` has files to add."""
    from app import file_choosers
    from canon_core.demo.networks import network_file

    window, commands = driver.window, driver.window.window_commands
    driver.go("matrix")
    yield "menu", driver.menu("Experiment")
    commands.palette()
    yield "palette", driver.dialog()
    commands.prefer()
    preferences = driver.dialog()
    yield "preferences", preferences
    for page, name in ((1, "computing"), (2, "files"), (3, "shortcuts")):
        commands.prefer()
        preferences = driver.dialog()
        preferences.pages.setCurrentIndex(page)
        driver.settle()
        yield f"preferences-{name}", preferences
    yield "export", driver.do("file.export")
    driver.go("roc")
    window.roc_view.export_button.click()
    yield "export-roc", driver.dialog()
    driver.go("matrix")
    adding, asks = window.commands.adding, file_choosers.choose_networks
    file_choosers.choose_networks = lambda *_: []  # the system's own dialog, which waits for somebody
    adding.add_models([])
    yield "add-models-none", driver.dialog()
    file_choosers.choose_networks = asks
    adding.add_models([network_file(CELL[0]), network_file(CELL[1]), outside / "broken.onnx"])
    yield "add-models", driver.dialog()
    adding.add_models([outside / "broken.onnx"])
    yield "add-models-fault", driver.dialog()
    adding.add_dataset(None)
    yield "add-dataset-none", driver.dialog()
    adding.add_dataset(outside / "faces")
    yield "add-dataset", driver.dialog()
    adding.import_embeddings(None)
    yield "import-none", driver.dialog()
    adding.import_embeddings(outside / "embeddings.npy")
    yield "import", driver.dialog()
    yield "clear", driver.do("study.clear")
    for key, name in (("study.preprocessing", "preprocessing"), ("study.rename", "rename"), ("study.remove", "remove")):
        window.tree.setCurrentItem(window.tree.item("model", CELL[0]))
        driver.settle()
        yield name, driver.do(key)
    yield "about", driver.do("help.about")
    commands.show_crash("Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f (most recent call first):\n"
                        '  File "canon_core/jobs.py", line 212 in _work\n  File "threading.py", line 1012 in run')
    yield "crash-log", driver.dialog()
    offer = "Canon Explorer crashed last time. What is known of it can be reported."
    window.messages.say(offer, button="Show crash log")
    driver.settle(silent=False)
    yield "crash-offer", None
    window.tree.setCurrentItem(window.tree.topLevelItem(0))
    open_again(driver)
    yield from _tour(driver)


def open_again(driver: Driver) -> None:
    """The chosen cell again, after something else was chosen."""
    driver.window.document.change("Choose a cell", cells=(CELL,))
    driver.settle()


def _tour(driver: Driver) -> Iterator[Scene]:
    tour = driver.window.demo.tour
    tour.begin()
    for step in range(1, 6):
        driver.settle()
        yield "tour" if step == 2 else f"tour-{step}", None
        tour.card.next_button.click()
    driver.settle()


def _show_stored_curves(driver: Driver) -> None:
    """The steps that the demo scored, typed as a user would."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from canon_core.demo.study import DemoPlan

    view, plan = driver.window.sensitivity_view, DemoPlan()
    view.pairs.selectAll()
    QTest.keyClicks(view.pairs, ", ".join(map(str, plan.steps)) + ", all")
    QTest.keyClick(view.pairs, Qt.Key.Key_Return)
    driver.settle()
    view.repeats.setValue(plan.repeats)
    driver.settle()
