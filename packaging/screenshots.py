"""Pictures of every view and of the dialogs on the demo study, without a display; the best of them stand in docs/.

    .venv/bin/canon demo --no-gui
    .venv/bin/python packaging/screenshots.py demo/demo.canon pictures            # every view on every sheet
    .venv/bin/python packaging/screenshots.py demo/demo.canon docs --docs         # the dozen that the guide shows

What is missing in the study (layouts, searched galleries, pairs) is computed first and kept in it. Only rendered faces
are ever shown: a study whose dataset is not the demo's is refused. Groups are not pictured: the demo's files tell
nothing of its people but who they are, so there is no covariate to tell errors by.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

#: Name → appearance, scale, and the window's width and height before it is scaled.
SHEETS = {
    "light": ("light", "1", 1280, 800),
    "dark": ("dark", "1", 1280, 800),
    "light-1440": ("light", "1", 2560, 1440),
    "dark-1440": ("dark", "1", 2560, 1440),
    "light-2x": ("light", "2", 1280, 720),
    "dark-2x": ("dark", "2", 1280, 720),
}
#: Pictures that docs/ has: sheet, scene, name.
DOCS = [
    ("light", "matrix", "window"),
    ("dark", "matrix", "window-dark"),
    ("light", "start", "start"),
    ("light", "faces", "faces"),
    ("light", "roc", "roc"),
    ("light", "search", "search"),
    ("light", "overlay-before", "overlay-before"),
    ("light", "overlay-after", "overlay-after"),
    ("dark", "overlay-after", "overlay-dark"),
    ("light", "sensitivity", "sensitivity"),
    ("light", "pairs", "pairs"),
    ("light", "two-faces", "two-faces"),
]
#: Bytes a picture may have in the history.
LARGEST = 150_000
#: The cell that every view shows, and the models that only the demo's controls need.
CELL = ("V_R8_A", "M2_R16_A")
CONTROLS = ("twin-seed", "twin-data", "control-untrained", "control-pca")
PATIENCE_S = 900.0
#: Colours that a picture of fewer colours keeps as they are.
_EXACT = 32


def main() -> int:
    """Make the pictures of each sheet in a process of its own, because Qt reads the scale once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--docs", action="store_true", help="only those that docs/ has, under their names there")
    parser.add_argument("--sheets", default=",".join(SHEETS), help="some of " + ", ".join(SHEETS))
    parser.add_argument("--scenes", default="", help="some scenes only")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sheets = [sheet for sheet in arguments.sheets.split(",") if sheet in SHEETS]
    scenes = {scene for scene in arguments.scenes.split(",") if scene}
    if arguments.here:
        [sheet] = sheets
        return take(arguments.study.absolute(), arguments.out, sheet, scenes, docs=arguments.docs)
    if arguments.docs:
        sheets = [sheet for sheet in sheets if any(sheet == wanted for wanted, _, _ in DOCS)]
    for sheet in sheets:
        with tempfile.TemporaryDirectory() as user:
            folders = {f"XDG_{kind}_HOME": user for kind in ("STATE", "CONFIG", "DATA", "DOCUMENTS")}
            environment = {**os.environ, **folders, "HOME": user, "QT_SCALE_FACTOR": SHEETS[sheet][1]}
            command = [sys.executable, __file__, str(arguments.study), str(arguments.out), "--here", "--sheets", sheet]
            command += ["--docs"] * arguments.docs + ["--scenes", arguments.scenes] * bool(scenes)
            subprocess.run(command, check=True, env=environment)
    return 0


def take(study: Path, out: Path, sheet: str, scenes: set[str], *, docs: bool) -> int:
    """All pictures of a sheet."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from PySide6.QtWidgets import QApplication

    from app.appearance import Appearance, Look
    from app.main_window import MainWindow

    look, _, width, height = SHEETS[sheet]
    application = QApplication(sys.argv[:1])
    window = MainWindow(Appearance(application, Look(look)))
    window.preferences.change(stay_awake=False)
    window.resize(width, height)
    window.show()
    names = {scene: name for wanted, scene, name in DOCS if wanted == sheet}
    out.mkdir(parents=True, exist_ok=True)
    worst = 0
    for scene, dialog in Scenes(application, window, study).all():
        chosen = scene in names if docs else not scenes or scene in scenes
        if chosen:
            target = out / (f"{names[scene]}.png" if docs else f"{sheet}-{scene}.png")
            worst = max(worst, write(picture_of(window, dialog), target, small=docs))
        if dialog is not None:
            dialog.close()
    window.shut_down()
    wait(application, lambda: not window.isVisible())
    return 0 if worst <= LARGEST or not docs else 1


@dataclass
class Scenes:
    """Goes through the window as a user would; each scene is ready when it is yielded."""

    application: Any
    window: Any
    study: Path

    def all(self) -> Iterator[tuple[str, Any]]:
        """Name of each scene, and the dialog on top of it."""
        window, commands = self.window, self.window.window_commands
        self.settle()
        yield "start", None
        self.open()
        for key, name in (("matrix", "matrix"), ("roc", "roc"), ("faces", "faces")):
            self.go(key)
            yield name, None
            if key == "matrix":
                window.matrix_view.difference_button.click()
                self.settle()
                yield "difference", None
                window.matrix_view.difference_button.click()
        self.go("search")
        if window.search_view.matrix is None or window.search_view.compute_button.isVisible():
            window.actions_["experiment.identify"].trigger()
            self.settle()
        yield "search", None
        self.go("overlay")
        wait(self.application, lambda: window.overlays.current)
        for name, blend in (("overlay-before", 0.0), ("overlay-after", 1.0)):
            window.overlay_view.slider.set_blend(blend)
            self.settle()
            yield name, None
        self.go("sensitivity")
        self.show_stored_curves()
        yield "sensitivity", None
        self.go("pairs")
        if window.pair_view.shown is None:
            window.pair_view.actionRequested.emit()
            wait(self.application, lambda: window.pair_view.shown is not None)
        self.settle()
        yield "pairs", None
        window.pair_view.compareRequested.emit(window.pair_view.pairs[0])
        wait(self.application, lambda: window.two_faces_view.comparison is not None)
        self.settle()
        yield "two-faces", None
        self.go("matrix")
        for name, begin in (
            ("palette", commands.palette), ("preferences", commands.prefer),
            ("export", window.actions_["file.export"].trigger),
        ):  # fmt: skip
            begin()
            self.settle()
            yield name, self.application.activeModalWidget()
        window.demo.tour.begin()
        self.settle()
        window.demo.tour.card.next_button.click()
        self.settle()
        yield "tour", None
        window.demo.tour.end()

    def open(self) -> None:
        """The study with the ten networks, and one cell chosen."""
        from app.view_state import ViewState
        from canon_core.demo.networks import DATASET

        window = self.window
        window.document.open(self.study)
        wait(self.application, lambda: window.document.contents is not None)
        if window.document.contents.dataset(DATASET) is None:
            raise SystemExit("only the demo study may be shown")
        self.settle()
        window.messages.hide()
        first = ViewState(dataset=DATASET, left_out=frozenset(CONTROLS))  # whatever the study was left at
        window.document.show_state(first)
        window.document.change("Choose a cell", cells=(CELL,))
        self.settle()

    def show_stored_curves(self) -> None:
        """The steps that the demo scored, typed as a user would."""
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        from canon_core.demo.study import DemoPlan

        view, plan = self.window.sensitivity_view, DemoPlan()
        view.pairs.selectAll()
        QTest.keyClicks(view.pairs, ", ".join(map(str, plan.steps)) + ", all")
        QTest.keyClick(view.pairs, Qt.Key.Key_Return)
        self.settle()
        view.repeats.setValue(plan.repeats)
        self.settle()

    def go(self, key: str) -> None:
        self.window.actions_[f"view.{key}"].trigger()
        self.settle()

    def settle(self) -> None:
        """Until nothing works any more, and what came of it is drawn."""
        for _ in range(2):
            pause(self.application, 0.4)
            wait(self.application, lambda: not self.window.bridge.working)
        self.window.messages.hide()
        pause(self.application, 0.3)


def picture_of(window: Any, dialog: Any) -> Any:
    """The window; a dialog lies in its middle, as a desktop would put it, on a shade."""
    from PIL import Image
    from PySide6.QtCore import QPoint, QRect, Qt
    from PySide6.QtGui import QColor, QImage, QPainter

    pixmap = window.grab()
    if dialog is not None:
        above = dialog.grab()
        painter = QPainter(pixmap)
        painter.fillRect(window.rect(), QColor(0, 0, 0, 90))
        frameless = bool(dialog.windowFlags() & Qt.WindowType.FramelessWindowHint)
        corner = window.rect().center() - QPoint(dialog.width() // 2, dialog.height() // 2)
        corner = dialog.mapTo(window, QPoint(0, 0)) if frameless else corner
        painter.drawPixmap(corner, above)
        painter.setPen(QColor(128, 128, 128))
        painter.drawRect(QRect(corner, dialog.size()))
        painter.end()
    image = pixmap.toImage().convertToFormat(QImage.Format.Format_RGB888)
    size = image.width(), image.height()
    return Image.frombuffer("RGB", size, bytes(image.constBits()), "raw", "RGB", image.bytesPerLine())


def write(picture: Any, target: Path, *, small: bool) -> int:
    """Write it, where it is to be small with as few colours as bring it below the limit; its bytes."""
    picture.save(target, optimize=True)
    for colours in (256, 128, 64) if small else ():
        if target.stat().st_size <= LARGEST:
            break
        fewer_colours(picture, colours).save(target, optimize=True)
    written = target.stat().st_size
    print(f"{target}: {picture.width}×{picture.height}, {written:,} bytes", flush=True)
    return written


def fewer_colours(picture: Any, colours: int) -> Any:
    """The same in few colours: those of grounds and texts as they are, and others that no pixel is far from."""
    from PIL import Image

    counted = picture.getcolors(picture.width * picture.height)
    frequent = [colour for _, colour in sorted(counted, reverse=True)[:_EXACT]]
    spread = picture.quantize(colours - _EXACT, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).getpalette()
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for colour in frequent for value in colour] + spread[: 3 * (colours - _EXACT)])
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


def wait(application: Any, until: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    """Let the window work until something is there."""
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end:
            raise TimeoutError("the window did not get there")
        pause(application, 0.05)


def pause(application: Any, seconds: float) -> None:
    """Let the window work for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        application.processEvents()
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
