"""Figures to files: PDF and SVG with text that stays text, PNG at print resolution; the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from canon_core.errors import SettingsError
from canon_core.figures.style import paper_style
from canon_core.store.output import write_output

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: File formats; what each would otherwise say about when and by which program it was made is left out.
FORMATS: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}


#: Pixels an inch of a PNG, and of pictures inside PDF and SVG, unless others are asked for: print.
PRINT_DPI = 300


def figure_bytes(figure: Figure, format: str, dpi: float = PRINT_DPI) -> bytes:  # noqa: A002 - matplotlib's word
    """A figure as the content of a file, of one of :data:`FORMATS`.

    Raises
    ------
    SettingsError
        For another format.
    """
    _check(format)
    buffer = io.BytesIO()
    with paper_style():
        figure.savefig(buffer, format=format, metadata=FORMATS[format], dpi=dpi)
    return buffer.getvalue()


def save_figure(
    figure: Figure, stem: Path, formats: Sequence[str] = tuple(FORMATS), dpi: float = PRINT_DPI
) -> tuple[Path, ...]:
    """Write a figure as ``stem.pdf``, ``stem.svg``, …; a file is either the old one or the whole new one.

    Parameters
    ----------
    figure : Figure
        From this package.
    stem : path
        Folder and name without suffix; dots in the name stay.
    formats : sequence of str
        Of ``pdf``, ``svg``, ``png``.
    dpi : float
        Pixels an inch of PNG, and of what PDF and SVG hold as a picture.

    Returns
    -------
    tuple of Path
        The files, in the order of ``formats``.

    Raises
    ------
    SettingsError
        For a format that is none of these; nothing is written then.
    StoreError
        When a file cannot be written.
    """
    for name in formats:
        _check(name)
    stem, paths = Path(stem), []
    for name in formats:
        path = figure_path(stem, name)
        write_output(path, figure_bytes(figure, name, dpi))
        paths.append(path)
    return tuple(paths)


def figure_path(stem: Path, format: str) -> Path:  # noqa: A002
    """The file of a figure in one format; dots in the stem's name stay."""
    return stem.with_name(f"{stem.name}.{format}")


def _check(format: str) -> None:  # noqa: A002
    if format not in FORMATS:
        raise SettingsError(f"no figure format '{format}'", remedy=f"choose among {', '.join(FORMATS)}")
