"""Faces in rows, one by one or in pairs, each with words below, as a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from canon_core.figures.style import CAPTION_SIZE, FAINT, INK, PAGE_WIDTH, new_figure, paper_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Image = NDArray[np.uint8]

#: Inches: the side of a face, which grows until the row is full, and the room between two groups.
_SIDE, _GAP = 0.72, 0.09
#: A line of words in units of its size, and the mean width of a letter.
_LINE, _LETTER = 1.3, 0.56


@dataclass(frozen=True, eq=False)
class FaceGroup:
    """Faces that stand side by side.

    Attributes
    ----------
    pictures : tuple of (h, w, 3) uint8 or None
        In RGB; None where there is no picture to show.
    words : tuple of str
        Lines below them; what is too long keeps its end, where names of files differ.
    """

    pictures: tuple[Image | None, ...]
    words: tuple[str, ...] = ()


def face_figure(groups: Sequence[FaceGroup], *, settings_line: str, width: float | None = None) -> Figure:
    """Groups in rows from left to right; as many a row as the width holds, in a paper's page unless it is given.

    Parameters
    ----------
    groups : sequence of FaceGroup
        At least one, all with as many pictures.
    width : float, optional
        Inches.
    """
    width = PAGE_WIDTH if width is None else width
    faces, lines = len(groups[0].pictures), max(len(group.words) for group in groups)
    columns = max(1, min(len(groups), int(width / (faces * _SIDE + _GAP))))
    side = min((width - 0.1 - columns * _GAP) / (columns * faces), 2 * _SIDE)
    below = (lines * CAPTION_SIZE * _LINE / 72 + _GAP) / side
    across, down = faces + _GAP / side, 1 + below
    rows = math.ceil(len(groups) / columns)
    letters = int(faces * side * 72 / (CAPTION_SIZE * _LETTER))
    with paper_style():
        figure, axes = new_figure(width, rows * down * side + 0.1, settings_line)
        for place, group in enumerate(groups):
            left, top = place % columns * across, place // columns * down
            for number, picture in enumerate(group.pictures):
                _show(axes, picture, left + number, top)
            words = "\n".join(_cut(line, letters) for line in group.words)
            axes.text(
                left + faces / 2, top + 1.04, words, ha="center", va="top", fontsize=CAPTION_SIZE, linespacing=_LINE
            ).set_in_layout(False)
        axes.set_xlim(0, columns * across - _GAP / side)
        axes.set_ylim(rows * down, 0)
        axes.set_aspect("equal")
        axes.axis("off")
    return figure


def _show(axes: Axes, picture: Image | None, left: float, top: float) -> None:
    from matplotlib.patches import Rectangle

    if picture is None:
        axes.add_patch(Rectangle((left, top), 1, 1, facecolor="#f0f1f3", edgecolor="none"))
        axes.text(left + 0.5, top + 0.5, "no picture", ha="center", va="center", fontsize=CAPTION_SIZE, color=FAINT)
        return
    height, width = picture.shape[:2]
    down, across = height / max(height, width), width / max(height, width)
    x, y = left + (1 - across) / 2, top + (1 - down) / 2
    # Its own pixels in PDF and SVG, whatever the figure's resolution.
    axes.imshow(picture, extent=(x, x + across, y + down, y), interpolation="none", aspect="auto")
    axes.add_patch(Rectangle((x, y), across, down, fill=False, edgecolor=INK, linewidth=0.3))


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"…{text[len(text) - max(1, letters - 1) :]}"
