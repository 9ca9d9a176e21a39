"""Where the program's own files lie: ``resources/`` in a checkout, ``canon_core/_resources`` in a wheel."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_resources"


def resource(*parts: str) -> Path:
    """Path of a bundled file or folder, e.g. ``resource("presets")``.

    Raises
    ------
    FileNotFoundError
        When the installation is incomplete.
    """
    root = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "resources"
    path = root.joinpath(*parts)
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: the installation is incomplete; install the program again")
    return path


def documentation() -> Path:
    """Folder of the guide and the pages it links to, with their pictures.

    Raises
    ------
    FileNotFoundError
        When the installation is incomplete.
    """
    return resource("docs") if _INSTALLED.is_dir() else resource("..", "docs")


def packaged() -> bool:
    """Whether the program runs from a bundle of its own Python, into which its user cannot install anything."""
    return bool(getattr(sys, "frozen", False))


def window_package() -> str:
    """Name of the package that holds the window: ``app`` in a checkout, ``canon_app`` once installed from a wheel.

    A wheel renames it because ``app`` at the top of site-packages would collide with other people's packages.
    """
    return "canon_app" if _INSTALLED.is_dir() else "app"


def version() -> str:
    """The program's version, from its installed metadata."""
    try:
        return metadata.version("canon-explorer")
    except metadata.PackageNotFoundError:
        return "0 (not installed)"
