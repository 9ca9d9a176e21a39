"""The maps between two models' embedding spaces."""

from __future__ import annotations

from enum import StrEnum


class MapKind(StrEnum):
    """Which map takes source embeddings into the target space."""

    NONE = "none"  #: raw source against raw target: the control
    LINEAR = "linear"  #: ordinary least squares, no intercept (paper §3.2)
    AFFINE = "affine"  #: ordinary least squares with an intercept
    ROTATION = "rotation"  #: Wahba/Kabsch (paper §3.2)
