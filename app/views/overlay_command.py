"""The ``canon overlay`` command that gives the same picture, quoted for a shell. No Qt."""

from __future__ import annotations

import shlex

from canon_core.experiments.overlay_look import OverlayLook
from canon_core.study.overlay_results import EVERYTHING, OverlayMethod, OverlaySettings


def overlay_command(study: str, settings: OverlaySettings, look: OverlayLook | None = None) -> str:
    """One overlay, and how it is looked at: what ``--out`` and ``--csv`` write then is what is seen."""
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
            *(f"--with={name}" for name in settings.added),
            *(["--same-names"] if settings.same_names else ()),
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
            *_seen(look or OverlayLook()),
        ]
    )


def _seen(look: OverlayLook) -> list[str]:
    only = ["errors"] if look.only.errors else []
    if look.only.text:
        only.append(f"found={look.only.text}")
    if look.only.covariate:
        only.append(f"{look.only.covariate}={look.only.group}")
    return [
        *(() if look.colour == OverlayLook().colour else ("--colour", look.colour)),
        *(f"--only={each}" for each in only),
        *(f"--hide={name}" for name in look.hidden),
        *(["--lines"] if look.lines else ()),
    ]
