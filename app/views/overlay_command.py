"""The ``canon overlay`` command that gives the same picture, quoted for a shell. No Qt."""

from __future__ import annotations

import shlex

from canon_core.study.overlay_results import EVERYTHING, OverlayMethod, OverlaySettings


def overlay_command(study: str, settings: OverlaySettings) -> str:
    """One overlay."""
    if settings.chosen:
        subset = [f"--chosen={name}" for name in settings.chosen]
    elif settings.subjects is None:
        subset = []
    else:
        subset = ["--subjects", "all" if settings.subjects == EVERYTHING else str(settings.subjects)]
    umap = ["--neighbours", str(settings.neighbours), "--min-dist", f"{settings.min_dist:g}"]
    return shlex.join(
        [
            *("canon", "overlay", study),
            *("--dataset", settings.dataset),
            *("--source", ",".join(settings.sources)),
            *("--target", settings.target),
            *("--map", settings.map.value),
            *("--mode", settings.mode.value),
            *("--features", settings.features.value),
            *("--level", settings.level.value),
            *subset,
            *("--method", settings.method.value),
            *(umap if settings.method is OverlayMethod.UMAP else ()),
            *("--seed", str(settings.seed)),
        ]
    )
