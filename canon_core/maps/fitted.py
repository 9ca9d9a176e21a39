"""A fitted map: takes source embeddings into the target space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canon_core.errors import SettingsError
from canon_core.maps.kinds import MapKind
from canon_core.maps.unit import checked_rows, unit_rows


@dataclass(frozen=True, eq=False)
class FittedMap:
    """``Y ≈ X @ matrix (+ offset)`` for row vectors (paper §3.2), with what its fit was like.

    Attributes
    ----------
    kind : MapKind
    matrix : (d_source, d_target) float64
    offset : (d_target,) float64 or None
        The intercept of an affine map; None for every other kind.
    pairs : int
        Image pairs it was fitted on; 0 for the identity.
    rank : int
        Numerical rank of what was factorised: the (for an affine map: centred) source for least squares, the
        cross-covariance ``X.T @ Y`` for a rotation.
    condition : float
        Largest over smallest of its min(rows, columns) singular values; inf where the smallest is zero.
    singular_values : (min(d_source, d_target),) float64
        Of ``matrix``, descending.
    route : str
        How it was solved: ``"gram"`` (normal equations), ``"svd"`` or ``"identity"``.
    determinant : int or None
        +1 for a square rotation of full rank (it never reflects), else None.
    """

    kind: MapKind
    matrix: NDArray[np.float64]
    offset: NDArray[np.float64] | None
    pairs: int
    rank: int
    condition: float
    singular_values: NDArray[np.float64]
    route: str
    determinant: int | None

    def apply(self, embeddings: NDArray[np.floating], *, normalise: bool = True) -> NDArray[np.float32]:
        """Take embeddings into the target space.

        Parameters
        ----------
        embeddings : (n, d_source) float32
        normalise : bool
            Rows are brought to norm 1 before the map, as in the fit, and again after it (paper §3.2). False keeps
            both as they are, for features that keep norms.

        Returns
        -------
        (n, d_target) float32
            The product is taken in float32. Rows of zeros stay zero when normalised (under an affine map too).

        Raises
        ------
        SettingsError
            When the dimensions differ from the source's, or embeddings hold NaN or infinite numbers.
        """
        rows = (unit_rows(embeddings) if normalise else checked_rows(embeddings)).astype(np.float32, copy=False)
        self._check_width(rows)
        if self.kind is MapKind.NONE:
            return rows.copy()
        mapped = rows @ self.matrix.astype(np.float32)
        if self.offset is not None:
            mapped += self.offset.astype(np.float32)
        if not normalise:
            return mapped
        if self.offset is not None:
            mapped[~rows.any(axis=1)] = 0  # no face, no direction: an intercept alone would make one up
        return unit_rows(mapped).astype(np.float32, copy=False)

    def _check_width(self, rows: NDArray[np.floating]) -> None:
        if rows.ndim != 2 or rows.shape[1] != self.matrix.shape[0]:
            raise SettingsError(
                f"a map from {self.matrix.shape[0]} dimensions cannot take embeddings of shape {rows.shape}"
            )
