"""The ways to lay embeddings out in two dimensions."""

from __future__ import annotations

from enum import StrEnum


class OverlayMethod(StrEnum):
    """How points come to their places."""

    UMAP = "umap"  #: joint UMAP, cosine, started from the target's own layout
    PCA = "pca"  #: the target's two principal axes
    SINGULAR = "singular"  #: the two directions of the target space that the maps stretch most
