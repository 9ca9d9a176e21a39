"""Where the points of an overlay lie before and after their maps, and what must be said of such a picture."""

from __future__ import annotations

import math
from contextlib import nullcontext

import numpy as np

from canon_core.experiments.cell_base import Float32
from canon_core.experiments.overlay_points import OverlayPoints
from canon_core.jobs import JobContext
from canon_core.maps.fitted import FittedMap
from canon_core.projection.linear_axes import principal_axes, singular_axes
from canon_core.projection.worker_process import ProjectionWorker
from canon_core.study.overlay_results import OverlayMethod, OverlaySettings


def by_axes(
    settings: OverlaySettings,
    target: Float32,
    raws: list[Float32],
    mapped: list[Float32],
    maps: list[list[FittedMap]],
) -> tuple[Float32, Float32, tuple[str, ...]]:
    """Places before and after along two straight axes, and what must be said of them.

    Parameters
    ----------
    settings : OverlaySettings
    target : (m, d) float32
        The points in the target's space.
    raws, mapped : list of (m, d_s) and of (m, d) float32
        The points of each source, before and after its map.
    maps : list of list of FittedMap
        Of each source, one a half.

    Returns
    -------
    before, after : ((1 + sources) * m, 2) float32
        The target's points first, then those of each source.
    notes : tuple of str
    """
    if settings.method is OverlayMethod.PCA:
        axes, whose = principal_axes(target), "axes are the target's two principal ones"
    else:
        axes, own = singular_axes([mapping.matrix for both in maps for mapping in both], mapped)
        whose = "axes are the two target directions that the maps stretch most"
        if not own:
            whose = "a rotation stretches nothing: axes are the two directions along which mapped points spread most"
    before = np.concatenate([axes.place(rows) for rows in (target, *raws)])
    after = np.concatenate([axes.place(rows) for rows in (target, *mapped)])
    alone, raw, through = (_percent([axes.share(rows) for rows in some]) for some in ([target], raws, mapped))
    variance = f"they hold {alone} of the target's variance, {raw} of the raw source's, {through} of the mapped one's"
    return before, after, (f"{whose}; {variance}",)


def by_umap(
    settings: OverlaySettings,
    points: OverlayPoints,
    target: Float32,
    raws: list[Float32],
    mapped: list[Float32],
    ctx: JobContext,
    worker: ProjectionWorker | None,
) -> tuple[Float32, Float32, tuple[str, ...]]:
    """Places before and after of joint UMAP, and what must be said of them: as :func:`by_axes` returns them.

    ``worker`` is the process that computes them; one of its own unless given.

    Raises
    ------
    Cancelled
    """
    widest = max(rows.shape[1] for rows in raws)
    before = np.concatenate([np.pad(rows, ((0, 0), (0, widest - rows.shape[1]))) for rows in raws])
    after = np.concatenate(mapped)
    neighbours = min(settings.neighbours, len(target) - 1)
    with ProjectionWorker() if worker is None else nullcontext(worker) as process:
        found = process.layouts(
            target, before, after, neighbours=neighbours, min_dist=settings.min_dist, seed=settings.seed, ctx=ctx
        )
    notes = [
        "each picture is a joint UMAP of all its points, begun at the target's own and aligned to it; target points"
        f" moved by {found.moved[0]:.2f} and {found.moved[1]:.2f} of its radius"
    ]
    large = int(np.count_nonzero(np.bincount(points.subject) > neighbours))
    if large:
        notes.append(
            f"{large} subject{'s have' if large > 1 else ' has'} more {settings.level} than a point has neighbours, and"
            " may stand alone"
        )
    if found.gridded:
        notes.append(
            "the sources have no neighbours among one another: those without any in the target began on a grid beside"
            " it, and how they lie there means nothing"
        )
    if neighbours < settings.neighbours:
        notes.append(f"{neighbours} neighbours: there are no more points")
    return found.before, found.after, tuple(notes)


def padding_note(settings: OverlaySettings, target: Float32, raws: list[Float32]) -> tuple[str, ...]:
    """How spaces of unequal dimensions were made comparable before the map."""
    widths = {name: rows.shape[1] for name, rows in zip(settings.sources, raws, strict=True)}
    other = sorted({width for width in widths.values() if width != target.shape[1]})
    if not other:
        return ()
    wide = max(target.shape[1], *other)
    return (
        f"before: spaces of {', '.join(map(str, sorted({*widths.values(), target.shape[1]})))} dimensions padded with"
        f" zeros to {wide}",
    )


def _percent(shares: list[float]) -> str:
    known = [share for share in shares if not math.isnan(share)]
    if not known:
        return "–"
    return "–".join(dict.fromkeys(f"{100 * share:.1f}" for share in (min(known), max(known)))) + " %"
