"""Pictures of the window on the demo study, for docs/: made without a display, all by the same script.

    .venv/bin/canon demo --no-gui
    .venv/bin/python packaging/screenshots.py demo/demo.canon docs

Only rendered faces are ever shown: a study whose dataset is not the demo's is refused.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

#: Name, appearance, scale, view, width and height of the window.
PICTURES = [
    ("window", "light", "1", "Matrix", 1280, 800),
    ("window-dark", "dark", "1", "Matrix", 1280, 800),
    ("roc-light", "light", "1", "ROC", 1280, 800),
    ("roc-dark", "dark", "1", "ROC", 1280, 800),
    ("faces-light", "light", "1", "Faces", 1100, 620),
    ("window-light-2x", "light", "2", "Matrix", 1060, 700),
    ("roc-dark-2x", "dark", "2", "ROC", 1060, 700),
]
#: Bytes a picture may have in the history.
LARGEST = 150_000


def main() -> int:
    """Make every picture, each in a process of its own, because Qt reads the scale once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        look, view, name, width, height = arguments.one
        return take(arguments.study, arguments.out / f"{name}.png", look, view, (int(width), int(height)))
    for name, look, scale, view, width, height in PICTURES:
        with tempfile.TemporaryDirectory() as user:
            folders = {f"XDG_{kind}_HOME": user for kind in ("STATE", "CONFIG", "CACHE", "DATA")}
            environment = {**os.environ, **folders, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": scale}
            one = ["--one", look, view, name, str(width), str(height)]
            command = [sys.executable, __file__, str(arguments.study), str(arguments.out), *one]
            subprocess.run(command, check=True, env=environment)
    return 0


def take(study: Path, target: Path, look: str, view: str, size: tuple[int, int]) -> int:
    """One picture: the study open, a cell chosen, the view in front."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from PIL import Image
    from PySide6.QtGui import QImage
    from PySide6.QtWidgets import QApplication

    from app.appearance import Appearance, Look
    from app.main_window import MainWindow
    from canon_core.demo.run import DATASET

    application = QApplication(sys.argv[:1])
    window = MainWindow(Appearance(application, Look(look)))
    window.resize(*size)
    window.show()
    window.document.open(study)
    wait(application, lambda: window.computing.matrix is not None)
    matrix = window.computing.matrix
    if matrix is None or matrix.settings.dataset != DATASET:
        print("only the demo study may be shown", file=sys.stderr)
        return 1
    source, target_model = matrix.models[0], matrix.models[1]
    window.document.change("Choose a cell", cells=((source, target_model),))
    wait(application, lambda: bool(window.computing.curves))
    for index in range(window.tabs.count()):
        if window.tabs.tabText(index) == view:
            window.tabs.setCurrentIndex(index)
    pause(application, 1.5)
    pixels = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    width, height = pixels.width(), pixels.height()
    picture = Image.frombuffer("RGB", (width, height), bytes(pixels.constBits()), "raw", "RGB", pixels.bytesPerLine())
    target.parent.mkdir(parents=True, exist_ok=True)
    picture.save(target, optimize=True)
    if target.stat().st_size > LARGEST:
        picture.quantize(128, dither=Image.Dither.NONE).save(target, optimize=True)
    written = target.stat().st_size
    print(f"{target}: {width}×{height}, {written:,} bytes")
    window.shut_down()
    wait(application, lambda: not window.isVisible())
    return 0 if written <= LARGEST else 1


def wait(application: object, until: Callable[[], bool], seconds: float = 60.0) -> None:
    """Let the window work until something is there."""
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end:
            raise TimeoutError("the window did not get there")
        pause(application, 0.05)


def pause(application: object, seconds: float) -> None:
    """Let the window work for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        application.processEvents()  # type: ignore[attr-defined]
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
