"""A target and its sources before and after their maps, side by side, as a figure for a paper."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from canon_core.figures.palette import RGB, margin_colour, series_style
from canon_core.figures.point_classes import Colouring, ColourScale, PointClass
from canon_core.figures.roc_figure import SHAPES, entry_width
from canon_core.figures.style import (
    FAINT,
    PAGE_WIDTH,
    SMALL_SIZE,
    name_lines,
    new_figure,
    paper_style,
)
from canon_core.projection.density import halo_of
from canon_core.study.overlay_results import Overlay, OverlayMethod
from canon_core.study.overlay_text import overlay_line, scores_text

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Points beyond which PDF and SVG hold them as a picture.
_VECTOR_POINTS = 20_000
#: Percent of the coordinates at each end that the frame need not hold; how many points that are is said.
_STRAGGLERS = 0.4
#: Groups take turns in this many rounds, so that none lies on top of all others.
_ROUNDS = 16
#: Inches that the scale of a colouring takes above the panels, and stops of its gradient.
_SCALE_HEIGHT, _STOPS = 0.42, 24


@dataclass(frozen=True, eq=False)
class _Group:
    """Points that are drawn alike."""

    name: str
    rows: NDArray[np.int64]
    colour: tuple[float, float, float] | str
    shape: str
    grey: bool
    step: bool
    halo: bool


def overlay_figure(
    result: Overlay,
    colouring: Colouring,
    *,
    left: str = "",
    lines: bool = False,
    width: float | None = None,
) -> Figure:
    """Before and after side by side, each with its share of nearest neighbours that show the same subject.

    Parameters
    ----------
    result : Overlay
    colouring : Colouring
        The classes of the points; hidden ones are not drawn. Legend and scale are those of the window.
    left : str
        Which points are drawn, in words; empty where all are. The scores stay those of all points.
    lines : bool
        Join each source point to the same image (or template) in the target, where both are drawn.
    width : float, optional
        Inches; a paper's page unless given.
    """
    width = PAGE_WIDTH if width is None else width
    groups, shown = list(_groups(colouring)), colouring.shown
    named = [group for group in groups if not group.step]
    labels = [f"{name_lines(group.name)}  {len(group.rows):,}" for group in named]
    columns = max(1, min(len(named), int(width // max(map(entry_width, labels), default=1))))
    legend = math.ceil(len(named) / columns) * SMALL_SIZE * 1.6 / 72
    scale = _SCALE_HEIGHT if colouring.scale is not None else 0.0
    said = [overlay_line(result), scores_text(result)]
    if left:
        said.insert(0, f"{left} shown; scores are of all")
    with paper_style():
        figure, whole = new_figure(width, 0.5 * width + 0.25 + legend + scale, " · ".join(said))
        whole.remove()
        panels = figure.subplots(1, 2)
        sides = (("before: raw", result.before), (f"after: {result.settings.map} map", result.after))
        for number, (axes, (title, places)) in enumerate(zip(panels, sides, strict=True)):
            if lines:
                _join(axes, result, places, shown)
            _draw(axes, groups, places, int(np.count_nonzero(shown)))
            shares = [(score.before, score.after)[number] for score in result.scores]
            axes.set_title(f"{title} · {_same(shares)}")
            axes.set_aspect("equal", adjustable="box")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_color(FAINT)
        drawn = [places[shown] if shown.any() else places for _, places in sides]
        if result.settings.method is OverlayMethod.UMAP:  # clouds may lie anywhere, some points far from any
            frames = [_frame(axes, places, _STRAGGLERS) for axes, places in zip(panels, drawn, strict=True)]
        else:
            everything = np.concatenate(drawn)
            frames = [_frame(axes, everything) for axes in panels]
        for axes, places, frame in zip(panels, drawn, frames, strict=True):
            _say_outside(axes, places if shown.any() else places[:0], *frame)
        if result.settings.method is OverlayMethod.UMAP:
            _mark(panels[0], frames[1])
        if colouring.scale is not None:
            _add_scale(figure, panels, colouring.scale)
        handles = [_handle(group) for group in named]
        figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False, columnspacing=1.2)
    return figure


def _groups(colouring: Colouring) -> Iterator[_Group]:
    """The classes that are drawn."""
    for code, each in enumerate(colouring.classes):
        if not each.hidden:
            rows = np.flatnonzero(colouring.codes == code)
            grey = each.series is None and each.fraction is None
            shape = "o" if each.series is None else SHAPES[series_style(each.series).marker]
            yield _Group(each.name, rows, _colour(each), shape, grey, each.fraction is not None, each.halo)


def _colour(each: PointClass) -> tuple[float, float, float] | str:
    if each.fraction is not None:
        return _rgb(margin_colour(each.fraction))
    return FAINT if each.series is None else _rgb(series_style(each.series).colour)


def _rgb(colour: RGB) -> tuple[float, float, float]:
    red, green, blue = colour
    return red / 255, green / 255, blue / 255


def _draw(axes: Axes, groups: list[_Group], places: NDArray[np.float32], count: int) -> None:
    """Grey ones first, then halos, then the others in turns."""
    rng = np.random.default_rng(0)
    size = 16.0 * min(1.0, max(0.12, math.sqrt(600 / max(count, 1)) / 2))
    shuffled = [(group, rng.permutation(group.rows)) for group in groups]
    halo = halo_of(count)
    behind = [(group, rows, 1.0 if group.grey else 1.5) for group, rows in shuffled if group.grey or group.halo]
    front = [
        (group, rows[turn::_ROUNDS], 2.0)
        for turn in range(_ROUNDS)
        for group, rows in shuffled
        if not (group.grey or group.halo)
    ]
    for group, part, order in (*behind, *front):
        if part.size:
            axes.scatter(
                places[part, 0],
                places[part, 1],
                s=size * (0.6 if group.grey else (1 + halo) ** 2 if group.halo else 1.0),  # of the area
                color=group.colour,
                marker=group.shape,
                linewidths=0,
                alpha=0.35 if group.grey else 0.75 * (1 - 0.5 * halo * group.halo),
                rasterized=count > _VECTOR_POINTS,
                zorder=order,
            )


def _join(axes: Axes, result: Overlay, places: NDArray[np.float32], shown: NDArray[np.bool_]) -> None:
    """Lines between points that are both drawn."""
    from matplotlib.collections import LineCollection

    targets, count = result.rows(0), result.items[0]
    pieces = []
    for number in range(1, 1 + len(result.settings.sources)):
        both = shown[targets] & shown[result.rows(number)]
        pieces.append(np.stack([places[targets][both], places[result.rows(number)][both]], axis=1))
    axes.add_collection(
        LineCollection(
            list(np.concatenate(pieces)),
            colors=FAINT,
            linewidths=0.25,
            alpha=0.35 * min(1.0, math.sqrt(300 / max(count, 1))),
            zorder=0.5,
            rasterized=len(places) > _VECTOR_POINTS,
        )
    )


def _add_scale(figure: Figure, panels: NDArray[np.object_], scale: ColourScale) -> None:
    """The bar of a colouring by a number: its ends, zero in the middle, and what it stands for."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    colours = [_rgb(margin_colour(stop / _STOPS)) for stop in range(_STOPS + 1)]
    mappable = ScalarMappable(
        Normalize(scale.low, scale.high), LinearSegmentedColormap.from_list("margins", colours)
    )
    bar = figure.colorbar(mappable, ax=list(panels), location="top", fraction=0.05, pad=0.02, shrink=0.5, aspect=40)
    low, high = scale.ends
    bar.set_ticks([scale.low, 0.0, scale.high], labels=[low, "0", high])
    bar.set_label(scale.title, fontsize=SMALL_SIZE)
    bar.outline.set_linewidth(0.4)


def _frame(
    axes: Axes, places: NDArray[np.float32], stragglers: float = 0.0
) -> tuple[NDArray[np.floating], float]:
    """A square around all but some percent of coordinates that lie far out; its centre and half its side."""
    low, high = np.percentile(places, [stragglers, 100 - stragglers], axis=0)
    centre, half = (low + high) / 2, 0.55 * float((high - low).max()) or 1.0
    axes.set_xlim(centre[0] - half, centre[0] + half)
    axes.set_ylim(centre[1] - half, centre[1] + half)
    return centre, half


def _mark(axes: Axes, frame: tuple[NDArray[np.floating], float]) -> None:
    """Show in the left panel what the right one holds: their scales differ, their coordinates do not."""
    from matplotlib.patches import Rectangle

    (left, bottom), half = frame[0] - frame[1], frame[1]
    axes.add_patch(
        Rectangle((left, bottom), 2 * half, 2 * half, fill=False, edgecolor=FAINT, linewidth=0.6, linestyle=(0, (3, 3)))
    )
    axes.text(
        0.015, 0.015, "dashed: what the right panel shows", transform=axes.transAxes, ha="left", va="bottom",
        fontsize=SMALL_SIZE - 1, color=FAINT,
    )  # fmt: skip


def _say_outside(axes: Axes, places: NDArray[np.float32], centre: NDArray[np.floating], half: float) -> None:
    outside = int((np.abs(places - centre) > half).any(axis=1).sum())
    if outside:
        axes.text(
            0.985, 0.015, f"{outside:,} of {len(places):,} points lie outside", transform=axes.transAxes,
            ha="right", va="bottom", fontsize=SMALL_SIZE - 1, color=FAINT,
        )  # fmt: skip


def _handle(group: _Group) -> Artist:
    from matplotlib.lines import Line2D

    return Line2D(
        [], [], linestyle="none", marker=group.shape, color=group.colour, markeredgewidth=0,
        markersize=6.0 if group.halo else 4.5, alpha=0.5 if group.halo else 1.0,
    )  # fmt: skip


def _same(shares: list[float]) -> str:
    found = sorted(share for share in shares if not math.isnan(share))
    if not found:
        return "nobody is shown twice"
    ends = dict.fromkeys(f"{100 * share:.1f}" for share in (found[0], found[-1]))
    return f"nearest is same subject: {'–'.join(ends)} %"
