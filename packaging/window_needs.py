"""What the desktop window needs of the system: shared libraries that Qt's wheels do not carry, and a font.

The table was read off the wheels: every library that QtCore, QtGui, QtWidgets, QtSvg, QtOpenGL, QtDBus and the
platform plugins ``xcb`` and ``offscreen`` name as needed and that they do not bring along.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

#: Shared library -> the package of Debian and Ubuntu that holds it.
LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxcb.so.1": "libxcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-glx.so.0": "libxcb-glx0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
FONT_PACKAGE = "fonts-dejavu-core"
_FONT_SUFFIXES = (".ttf", ".otf", ".ttc")

#: Run inside the environment: Qt itself, and the plugin that a display on Linux needs, really load.
PROBE = """
import ctypes, sys
from pathlib import Path
import PySide6
from PySide6 import QtGui, QtOpenGLWidgets, QtSvg, QtTest, QtWidgets
if sys.platform == "linux":
    ctypes.CDLL(str(Path(PySide6.__file__).parent / "Qt" / "plugins" / "platforms" / "libqxcb.so"))
"""


def missing_libraries() -> list[str]:
    """Names of the shared libraries that do not load here; none are looked for outside Linux."""
    if sys.platform != "linux":
        return []
    return [library for library in LIBRARIES if not _loads(library)]


def font_missing() -> bool:
    """Whether no scalable font lies where fontconfig looks by default: Qt's wheels carry none."""
    if sys.platform != "linux":
        return False
    data_home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    data_dirs = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    folders = ["/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", f"{data_home}/fonts"]
    folders += [f"{folder}/fonts" for folder in data_dirs if folder]
    return not any(_holds_font(Path(folder).expanduser()) for folder in folders)


def packages(libraries: list[str], font: bool) -> list[str]:
    """The packages of Debian and Ubuntu to install for what is missing."""
    return sorted({LIBRARIES[library] for library in libraries} | ({FONT_PACKAGE} if font else set()))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _holds_font(folder: Path) -> bool:
    return any(
        name.lower().endswith(_FONT_SUFFIXES) for _, _, names in os.walk(folder, followlinks=True) for name in names
    )
