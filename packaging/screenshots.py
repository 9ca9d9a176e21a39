"""Pictures of every view and of the dialogs on the demo study, without a display; the best of them stand in docs/.

    .venv/bin/canon demo --no-gui
    .venv/bin/python packaging/screenshots.py demo/demo.canon pictures            # everything on every sheet
    .venv/bin/python packaging/screenshots.py demo/demo.canon docs --docs         # the dozen that the guide shows

Chapters: the views, the dialogs, and the corners: empty and half-made studies, long names, read-only, faults. What is
missing in the study (layouts, searched galleries, pairs) is computed first and kept in it, which takes a minute; then
those of docs/ take another, and a sheet of everything, some eighty pictures, two on a free computer. Networks that are
not where they were are looked for in the program. Only rendered faces are ever shown: a study whose dataset is not the
demo's is refused.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from screenshot_corners import corners, make_corners
from screenshot_scenes import Driver, Scene, dialogs, open_demo, views

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

#: Name → appearance, scale, and the window's width and height before it is scaled.
SHEETS = {
    "light": ("light", "1", 1280, 800),
    "dark": ("dark", "1", 1280, 800),
    "light-1440": ("light", "1", 2560, 1440),
    "dark-1440": ("dark", "1", 2560, 1440),
    "light-1.5x": ("light", "1.5", 1706, 960),
    "dark-1.5x": ("dark", "1.5", 1706, 960),
    "light-2x": ("light", "2", 1280, 720),
    "dark-2x": ("dark", "2", 1280, 720),
}
CHAPTERS = ("views", "dialogs", "corners")
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
#: Colours that a picture of fewer colours keeps as they are.
_EXACT = 32


def main() -> int:
    """Make the pictures of each sheet in a process of its own, because Qt reads the scale once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--docs", action="store_true", help="only those that docs/ has, under their names there")
    every = "NAME,NAME,…"
    parser.add_argument("--sheets", metavar=every, default=",".join(SHEETS), help="some of " + ", ".join(SHEETS))
    parser.add_argument("--chapters", metavar=every, default=",".join(CHAPTERS), help="some of " + ", ".join(CHAPTERS))
    parser.add_argument("--scenes", metavar=every, default="", help="some scenes only")
    parser.add_argument("--here", metavar="CORNERS", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sheets = [sheet for sheet in arguments.sheets.split(",") if sheet in SHEETS]
    scenes = {scene for scene in arguments.scenes.split(",") if scene}
    chapters = ["views"] if arguments.docs else [name for name in arguments.chapters.split(",") if name in CHAPTERS]
    if arguments.here:
        [sheet] = sheets
        scene_list = scenes_of(chapters, arguments.study.absolute(), arguments.here)
        return take(scene_list, arguments.out, sheet, scenes, docs=arguments.docs)
    if arguments.docs:
        sheets = [sheet for sheet in sheets if any(sheet == wanted for wanted, _, _ in DOCS)]
    find_networks(arguments.study)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if set(chapters) - {"views"}:
            make_corners(folder)
        for sheet in sheets:
            user = folder / sheet
            places = {f"XDG_{kind}_HOME": str(user) for kind in ("STATE", "CONFIG", "DATA", "DOCUMENTS")}
            cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))  # what numba compiled stays
            places |= {"HOME": str(user), "XDG_CACHE_HOME": cache, "QT_SCALE_FACTOR": SHEETS[sheet][1]}
            environment = {**os.environ, **places}
            command = [sys.executable, __file__, str(arguments.study), str(arguments.out), "--here", name]
            command += ["--sheets", sheet, "--chapters", ",".join(chapters), "--scenes", arguments.scenes]
            command += ["--docs"] * arguments.docs
            subprocess.run(command, check=True, env=environment)
    return 0


def find_networks(study: Path) -> None:
    """Say in a study that was moved where the demo's networks lie now: its tree tells of none that are gone."""
    from canon_core.demo.networks import NETWORKS, network_file
    from canon_core.study.study import Study

    with Study.open(study) as opened:
        for model in opened.models:
            if model.name in NETWORKS and not model.file.is_file():
                opened.locate_model(model.name, network_file(model.name))


def scenes_of(chapters: Sequence[str], study: Path, folder: Path) -> Callable[[Driver], Iterator[Scene]]:
    """The scenes of these chapters one after the other, in one window."""

    def all_of_them(driver: Driver) -> Iterator[Scene]:
        driver.settle()
        if "views" in chapters:
            yield "start", None
        if {"views", "dialogs"} & set(chapters):
            open_demo(driver, study)
        if "views" in chapters:
            yield from views(driver)
        if "dialogs" in chapters:
            yield from dialogs(driver, folder)
        if "corners" in chapters:
            yield from corners(driver, folder)

    return all_of_them


def take(
    scene_list: Callable[[Driver], Iterator[Scene]], out: Path, sheet: str, scenes: set[str], *, docs: bool
) -> int:
    """All pictures of a sheet."""
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
    missing = set(names) if docs else set(scenes)
    out.mkdir(parents=True, exist_ok=True)
    worst, started = 0, time.monotonic()
    driver = Driver(application, window)
    for scene, dialog in scene_list(driver):
        chosen = scene in names if docs else not scenes or scene in scenes
        if chosen:
            target = out / (f"{names[scene]}.png" if docs else f"{sheet}-{scene}.png")
            worst = max(worst, write(picture_of(window, dialog), target, small=docs))
        if dialog is not None:
            dialog.close()
        missing.discard(scene)
        if not missing and (docs or scenes):
            break  # the rest was not asked for
    window.shut_down()
    driver.wait(lambda: not window.isVisible())
    print(f"{sheet}: {time.monotonic() - started:.0f} s", flush=True)
    return 0 if worst <= LARGEST or not docs else 1


def picture_of(window: Any, dialog: Any) -> Any:
    """The window; a dialog lies in its middle, as a desktop would put it, on a shade."""
    from PIL import Image
    from PySide6.QtCore import QPoint, QRect, Qt
    from PySide6.QtGui import QColor, QImage, QPainter
    from PySide6.QtWidgets import QMenu

    pixmap = window.grab()
    if dialog is not None:
        above = dialog.grab()
        painter = QPainter(pixmap)
        painter.fillRect(window.rect(), QColor(0, 0, 0, 90))
        frameless = bool(dialog.windowFlags() & Qt.WindowType.FramelessWindowHint) or isinstance(dialog, QMenu)
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
    picture.save(target, optimize=small, compress_level=9 if small else 1)
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


if __name__ == "__main__":
    sys.exit(main())
