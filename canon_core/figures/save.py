"""Figures to files: PDF and SVG with text that stays text, PNG at print resolution; the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from canon_core.errors import SettingsError
from canon_core.figures.style import paper_style
from canon_core.store.atomic import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: File formats; what each would otherwise say about when and by which program it was made is left out.
FORMATS: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}


def save_figure(figure: Figure, stem: Path, formats: Sequence[str] = tuple(FORMATS)) -> tuple[Path, ...]:
    """Write a figure as ``stem.pdf``, ``stem.svg``, …; a file is either the old one or the whole new one.

    Parameters
    ----------
    figure : Figure
        From this package.
    stem : path
        Folder and name without suffix; dots in the name stay.
    formats : sequence of str
        Of ``pdf``, ``svg``, ``png``.

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
    stem = Path(stem)
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise SettingsError(f"no figure format '{unknown[0]}'", remedy=f"choose among {', '.join(FORMATS)}")
    paths = []
    with paper_style():
        for name in formats:
            buffer = io.BytesIO()
            figure.savefig(buffer, format=name, metadata=FORMATS[name])
            path = stem.with_name(f"{stem.name}.{name}")
            write_atomically(path, buffer.getvalue())
            paths.append(path)
    return tuple(paths)
