"""What the program stands on: versions, memory, and the libraries its window needs."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from importlib import metadata
from typing import Final

from canon_core.cores import usable_cores
from canon_core.models.providers import Row
from canon_core.resources import version

#: Packages by the names they are installed under, and what is lost without them; empty: nothing works.
_PACKAGES: Final = {
    "numpy": "",
    "scipy": "",
    "h5py": "",
    "onnx": "",
    "onnxruntime-gpu": "",
    "opencv-python-headless": "",
    "pydantic": "",
    "matplotlib": "figures",
    "PySide6-Essentials": "the window",
    "pyqtgraph": "the window",
}
#: Libraries Qt's wheels expect of the system, and the packages of Debian and Ubuntu that hold them.
_WINDOW_LIBRARIES: Final = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}


def versions() -> tuple[Row, ...]:
    """The program, Python, and every package it needs."""
    rows = [
        Row("Versions", "canon-explorer", "ok", version()),
        Row("Versions", "Python", "ok", f"{platform.python_version()} ({sys.executable})"),
    ]
    for package, loss in _PACKAGES.items():
        found = _installed(package) or (_installed("onnxruntime") if package == "onnxruntime-gpu" else None)
        if found is not None:
            rows.append(Row("Versions", found[0], "ok", found[1]))
        else:
            text = f"not installed: no {loss}" if loss else "not installed"
            rows.append(Row("Versions", package, "missing", text, "install the program again with its dependencies"))
    if _installed("onnxruntime-gpu") and _installed("onnxruntime"):
        text = "onnxruntime and onnxruntime-gpu are both installed and overwrite each other"
        rows.append(Row("Versions", "onnxruntime", "warn", text, "uninstall both, then install onnxruntime-gpu"))
    return tuple(rows)


def computer() -> tuple[Row, ...]:
    """System, cores and memory."""
    return (
        Row("Computer", "System", "ok", platform.platform()),
        Row("Computer", "Cores", "ok", f"{usable_cores()} usable of {os.cpu_count()}"),
        Row("Computer", "Memory", "ok", _memory()),
    )


def window_libraries() -> tuple[Row, ...]:
    """System libraries of the window, with the line that installs those that are missing; Qt is not loaded."""
    if sys.platform != "linux":
        return (Row("Window", "System libraries", "ok", "nothing needed on this system"),)
    absent = [library for library in _WINDOW_LIBRARIES if not _loads(library)]
    if not absent:
        return (Row("Window", "System libraries", "ok", "all found"),)
    packages = " ".join(sorted({_WINDOW_LIBRARIES[library] for library in absent}))
    text = f"{', '.join(absent)} not found: the window cannot open, everything else works"
    return (Row("Window", "System libraries", "missing", text, f"sudo apt-get install {packages}"),)


def _installed(package: str) -> tuple[str, str] | None:
    try:
        return package, metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.1f} GiB"
    except (AttributeError, OSError, ValueError):
        return "unknown"


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
