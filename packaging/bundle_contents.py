"""What goes into a bundle and what stays out, by name; nothing here needs PyInstaller."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

#: Modules that something names and that the program never uses: the training extra, tools, tests, other toolkits.
EXCLUDED_MODULES = (
    *("torch", "triton", "nvidia", "cuda", "tensorflow", "canon_core.demo.training"),
    *("pytest", "_pytest", "hypothesis", "mypy", "setuptools", "pip", "pkg_resources"),
    *("pandas", "IPython", "tkinter", "sympy", "mpmath", "networkx", "jinja2", "curses", "readline", "sqlite3"),
    *("numba.cuda", "numba.tests", "numba.np.ufunc.tbbpool", "scipy.conftest", "sklearn.conftest", "numpy.f2py.tests"),
    *("onnx.backend.test", "onnxruntime.transformers", "onnxruntime.quantization", "onnxruntime.tools"),
    *("umap.plot", "umap.parametric_umap", "pyqtgraph.examples", "pyqtgraph.opengl", "pyqtgraph.jupyter"),
    *("PySide6.QtNetwork", "PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtPrintSupport", "PIL.ImageQt", "PIL.ImageTk"),
    *("PIL.AvifImagePlugin", "PIL.WebPImagePlugin", "PIL._avif", "PIL._webp", "PIL._imagingcms", "PIL._imagingft"),
)

#: ONNX Runtime's providers for GPUs: 285 MB that load only beside gigabytes of CUDA libraries. Their bridge of 15 KB
#: (``…_shared``) stays: without it every start warns.
_GPU_PROVIDERS = re.compile(r"onnxruntime_providers_(cuda|tensorrt)\b")
#: Qt's plugins that a window of plots on a desktop may load.
_QT_PLUGINS = frozenset({
    *("platforms/qxcb", "platforms/qwayland", "platforms/qwayland-generic", "platforms/qwayland-egl"),
    *("platforms/qoffscreen", "platforms/qwindows", "platforms/qcocoa"),
    *("styles/qmacstyle", "styles/qmodernwindowsstyle"),
    *("imageformats/qjpeg", "imageformats/qsvg", "iconengines/qsvgicon"),
    *("platformthemes/qgtk3", "platformthemes/qxdgdesktopportal"),
    "platforminputcontexts/composeplatforminputcontextplugin",
    "platforminputcontexts/ibusplatforminputcontextplugin",
    *("xcbglintegrations/qxcb-egl-integration", "xcbglintegrations/qxcb-glx-integration"),
    *("wayland-decoration-client/adwaita", "wayland-decoration-client/bradient"),
    *("wayland-shell-integration/xdg-shell", "wayland-graphics-integration-client/qt-plugin-wayland-egl"),
})  # fmt: skip
_QT_LIBRARIES_OUT = re.compile(r"libQt6(EglF[sS]|Network|Qml|Quick|Pdf|VirtualKeyboard|PrintSupport)")
#: Parts of folders that hold tests, samples and translations (the program speaks English).
_FOLDERS_OUT = (
    *("PySide6/Qt/translations", "PySide6/translations"),
    *("matplotlib/mpl-data/sample_data", "matplotlib/mpl-data/images"),
    *("sklearn/datasets/tests", "sklearn/datasets/data", "sklearn/datasets/images", "sklearn/datasets/descr"),
    *("sklearn/svm/src", "pyqtgraph/examples"),
)  # fmt: skip
_SYSTEM_FOLDERS = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/usr/local/lib/")


#: What the program's own modules are, but for the training of the demo's networks.
_OWN_PACKAGES = ("app", "canon_core")
_TRAINING = ("canon_core", "demo", "training")


def own_modules(root: Path) -> list[Path]:
    """Files of the program's modules that every bundle has inside."""
    files = (file for package in _OWN_PACKAGES for file in (root / package).rglob("*.py"))
    return sorted(file for file in files if file.relative_to(root).parts[: len(_TRAINING)] != _TRAINING)


def wanted(destination: str, source: str = "", *, gpu: bool = False) -> bool:
    """Whether a file belongs into the bundle.

    Parameters
    ----------
    destination : str
        Path in the bundle.
    source : str
        Path it comes from. The system's own libraries stay out: the package names them as dependencies, so that they
        keep getting the distribution's security updates.
    gpu : bool
        Keep ONNX Runtime's CUDA and TensorRT providers.
    """
    path = PurePosixPath(destination.replace("\\", "/"))
    if not gpu and _GPU_PROVIDERS.search(path.name):
        return False
    if "/site-packages/nvidia/" in source.replace("\\", "/"):
        return False  # NVIDIA's own libraries are the user's to install, under NVIDIA's terms
    if _QT_LIBRARIES_OUT.match(path.name) or _is_unwanted_plugin(path):
        return False
    if any(f"{path}/".startswith(f"{folder}/") for folder in _FOLDERS_OUT):
        return False
    if path.suffix == ".dist-info" or any(part.endswith((".dist-info", ".egg-info")) for part in path.parts):
        return False  # they tell where this checkout lies; bundle.py writes names and versions anew
    return not is_system_library(path, source)


def is_system_library(destination: PurePosixPath, source: str) -> bool:
    """Whether a file is a shared library of the system, not of Python or one of its packages."""
    return (
        len(destination.parts) == 1
        and ".so" in destination.name
        and source.startswith(_SYSTEM_FOLDERS)
        and not destination.name.startswith("libpython")
    )


def without_dangling(entries: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Drop the links whose target was dropped; PyInstaller links libraries in sub-folders from the top."""
    entries = list(entries)
    there = {destination for destination, _, kind in entries if kind != "SYMLINK"}
    return [
        entry
        for entry in entries
        if entry[2] != "SYMLINK" or posixpath.normpath(PurePosixPath(entry[0]).parent / entry[1]) in there
    ]


def _is_unwanted_plugin(path: PurePosixPath) -> bool:
    if "plugins" not in path.parts or "PySide6" not in path.parts:
        return False
    name = re.sub(r"^lib|\.(so|dll|dylib)$", "", path.name)
    return f"{path.parent.name}/{name}" not in _QT_PLUGINS
