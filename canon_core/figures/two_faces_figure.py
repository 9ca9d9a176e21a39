"""Two faces and how alike they are before and after a map, as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from canon_core.figures.face_figure import Image
from canon_core.figures.palette import series_style
from canon_core.figures.style import (
    CAPTION_SIZE,
    FAINT,
    INK,
    PAGE_WIDTH,
    SMALL_SIZE,
    TEXT_SIZE,
    new_figure,
    paper_style,
    wrapped,
)
from canon_core.study.results import far_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ScoreLine:
    """A similarity to draw, with the thresholds that hold for it.

    Attributes
    ----------
    name : str
    score : float
    thresholds : tuple of (far, threshold)
    """

    name: str
    score: float
    thresholds: tuple[tuple[float, float], ...] = ()


def two_faces_figure(
    pictures: tuple[Image | None, Image | None],
    titles: tuple[str, str],
    scores: Sequence[ScoreLine],
    *,
    settings_line: str,
    width: float | None = None,
) -> Figure:
    """Both faces as their networks see them, between them each similarity on a line with its thresholds.

    ``width`` in inches is a paper's page unless given.
    """
    width = PAGE_WIDTH if width is None else width
    with paper_style():
        figure, whole = new_figure(width, max(0.3 * width, 0.55 * len(scores) + 0.7), settings_line)
        whole.remove()
        left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.7, 1))
        for axes, picture, title in zip((left, right), pictures, titles, strict=True):
            axes.set_title(wrapped(title, 0.26 * width, TEXT_SIZE))
            axes.axis("off")
            if picture is None:
                axes.text(0.5, 0.5, "no picture", ha="center", va="center", fontsize=SMALL_SIZE, color=FAINT)
            else:
                axes.imshow(picture, interpolation="none")
        _draw(middle, scores)
    return figure


def _draw(axes: Axes, scores: Sequence[ScoreLine]) -> None:
    values = [value for line in scores for value in (line.score, *(threshold for _, threshold in line.thresholds))]
    low, high = min(-0.1, *values) - 0.05, max(1.0, *values) + 0.02
    for row, line in enumerate(scores):
        colour = tuple(channel / 255 for channel in series_style(row).colour)
        axes.plot([low, high], [row, row], color=FAINT, linewidth=0.6, zorder=1)
        axes.plot([0, line.score], [row, row], color=colour, linewidth=3, solid_capstyle="butt", zorder=2)
        axes.plot([line.score], [row], marker="o", color=colour, markersize=5, zorder=3)
        words = f"{line.name}: " + f"{line.score:+.3f}".replace("-", "−")
        axes.text(low, row - 0.22, words, fontsize=SMALL_SIZE, va="bottom")
        for number, (far, threshold) in enumerate(sorted(line.thresholds, key=lambda each: each[1])):
            axes.plot([threshold, threshold], [row - 0.16, row + 0.16], color=INK, linewidth=0.9, zorder=4)
            axes.text(
                threshold, row + 0.2 + 0.16 * (number % 2), f"FAR {far_text(far)}", ha="center", va="top",
                fontsize=CAPTION_SIZE,
            )  # fmt: skip
    axes.set_xlim(low, high)
    axes.set_ylim(len(scores) - 0.35, -0.6)
    axes.set_yticks([])
    axes.set_xlabel("similarity")
    axes.tick_params(width=0.6, length=3, labelsize=SMALL_SIZE)
    axes.spines[["top", "right", "left"]].set_visible(False)
