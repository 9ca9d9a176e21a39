"""Fitting maps between two models' embeddings of the same images (paper §3.2; rank and determinant rules of ours)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from canon_core.errors import SettingsError
from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind
from canon_core.maps.unit import checked_rows, unit_rows

__all__ = ["SourceFit", "fit_map", "singular_values", "svd", "unit_rows"]

Matrix = NDArray[np.float64]

#: Condition number of the source up to which the normal equations are used: they lose twice its digits, so that at
#: 1e5 float64 leaves 1e-6, and a step of refinement most of the rest.
GRAM_CONDITION: Final = 1e5
#: Above this the normal equations are followed by one step of iterative refinement; below, they are exact to 1e-10.
_REFINE_CONDITION: Final = 1e3
#: Singular values of ``X.T @ Y`` below this fraction of the largest do not count towards a rotation's rank.
_ROTATION_RANK: Final = 1e-10
#: Rows brought to unit norm at a time.
_CHUNK: Final = 512


def fit_map(kind: MapKind, source: ArrayLike, target: ArrayLike) -> FittedMap:
    """Fit one map ``Y ≈ X @ M``; both sides are brought to unit rows first (paper §3.2).

    Parameters
    ----------
    kind : MapKind
        See :meth:`SourceFit.fit`.
    source : (n, d_source) array_like
    target : (n, d_target) array_like
        The same images in the same order.

    Raises
    ------
    SettingsError
        Without pairs, when the row counts differ, when embeddings hold NaN or infinite numbers, or for
        ``MapKind.NONE`` when the dimensions differ.
    """
    return SourceFit(source).fit(kind, target)


class SourceFit:
    """Fits maps from one source to many targets; what depends on the source alone is factorised once.

    Parameters
    ----------
    source : (n, d_source) array_like
        Brought to unit rows in float64.

    Raises
    ------
    SettingsError
        Without rows, or when they hold NaN or infinite numbers.
    """

    def __init__(self, source: ArrayLike) -> None:
        self._take(_float64_unit_rows(source))
        if not self._rows.size:
            raise SettingsError("no image pairs to fit a map on", remedy="add images or choose another fit mode")

    def _take(self, rows: Matrix) -> None:
        self._rows = rows
        self._centred: Matrix | None = None
        self._solvers: dict[MapKind, _LeastSquares] = {}

    @property
    def nbytes(self) -> int:
        """Bytes held: of the rows, and of what was worked out of them."""
        centred = 0 if self._centred is None else self._centred.nbytes
        return self._rows.nbytes + centred + sum(solver.nbytes for solver in self._solvers.values())

    @property
    def dimensions(self) -> int:
        """d_source."""
        return int(self._rows.shape[1])

    def fit(self, kind: MapKind, target: ArrayLike) -> FittedMap:
        """Fit a map to a target.

        ``LINEAR`` is ordinary least squares without intercept, of minimum norm where the source has fewer rows than
        dimensions, or dimensions that others determine: directions in which the source extends 1e-5 of its longest or
        less are left out. ``AFFINE`` centres both sides on their means, solves the same problem on what is left
        (minimum norm of the matrix, not of the intercept) and sets the intercept so that mean goes to mean.
        ``ROTATION`` maximises tr(Mᵀ Xᵀ Y) over matrices with orthonormal rows or columns (Wahba, Kabsch):
        ``U_r @ Vh_r`` of ``svd(X.T @ Y)`` at its numerical rank r; the sign of the last direction is chosen so that
        det = +1 only where r = d_source = d_target. Below full rank that is the unique partial isometry; with unequal
        dimensions the least-squares fit among such matrices when d_source ≤ d_target, and not when it is larger.
        ``NONE`` is the identity.

        Parameters
        ----------
        target : (n, d_target) array_like
            Of the same images in the same order; brought to unit rows in float64.

        Raises
        ------
        SettingsError
            As :func:`fit_map`.
        """
        wanted = _float64_unit_rows(target)
        if wanted.shape[0] == self._rows.shape[0] and not wanted.shape[1]:
            raise SettingsError("target embeddings have no dimensions")
        other = SourceFit.__new__(SourceFit)
        other._take(wanted)
        return self.fit_to(kind, other)

    def fit_to(self, kind: MapKind, target: SourceFit, product: Matrix | None = None) -> FittedMap:
        """The same map, to a target that may be the source of other maps.

        Parameters
        ----------
        product : (d_source, d_target) float64, optional
            :meth:`cross_product` of both, where it is known: transposed, it is the one of the map back.
        """
        kind = MapKind(kind)
        self._check_pairs(target)
        pairs = self._rows.shape[0]
        if kind is MapKind.NONE:
            return _identity(self.dimensions, target.dimensions)
        if product is None:
            product = self.cross_product(kind, target)
        if kind is MapKind.ROTATION:
            return _rotation(product, pairs)
        solver, offset = self._solver(kind), None
        if kind is MapKind.LINEAR:
            matrix = solver.solve(product, target._rows)
        else:
            matrix = solver.solve(product, target._centred_rows())
            offset = target._mean() - self._mean() @ matrix
        return FittedMap(
            kind=kind,
            matrix=matrix,
            offset=offset,
            pairs=pairs,
            rank=solver.rank,
            condition=solver.condition,
            singular_values=singular_values(matrix),
            route=solver.route,
            determinant=None,
        )

    def factorise(self, kind: MapKind) -> None:
        """Do now what the first map of a kind would do."""
        if kind in (MapKind.LINEAR, MapKind.AFFINE):
            self._solver(kind)

    def cross_product(self, kind: MapKind, target: SourceFit) -> Matrix:
        """(d_source, d_target) ``X.T @ Y`` of the unit rows; for an affine map both centred on their means.

        Raises
        ------
        SettingsError
            When the row counts differ.
        """
        self._check_pairs(target)
        if kind is MapKind.AFFINE:
            return np.asarray(self._centred_rows().T @ target._centred_rows())
        return np.asarray(self._rows.T @ target._rows)

    def _check_pairs(self, target: SourceFit) -> None:
        pairs, others = self._rows.shape[0], target._rows.shape[0]
        if pairs != others:
            raise SettingsError(f"{pairs} source embeddings cannot be paired with {others} target embeddings")

    # Several threads may ask for these at once: at worst two work out the same.
    def _mean(self) -> Matrix:
        return np.asarray(self._rows.mean(axis=0))

    def _centred_rows(self) -> Matrix:
        if self._centred is None:
            self._centred = self._rows - self._mean()
        return self._centred

    def _solver(self, kind: MapKind) -> _LeastSquares:
        if kind not in self._solvers:
            rows = self._centred_rows() if kind is MapKind.AFFINE else self._rows
            self._solvers[kind] = _LeastSquares.of(rows)
        return self._solvers[kind]


@dataclass(frozen=True, eq=False)
class _LeastSquares:
    """A factorised matrix ``rows``; ``solve`` finds the M of minimum norm that minimises ‖rows @ M − target‖.

    ``route`` is ``"gram"`` up to a condition of 1e5 (rows ≥ columns) and ``"svd"`` otherwise; there singular values
    up to 1e-5 of the largest count as zero (max(n, d) · eps(float32) where that is less), so that a dead or repeated
    dimension costs no direction that would be kept without it. Float32 leaves the singular value of a dimension that
    others determine at 1e-7 or less.
    """

    rows: Matrix
    route: str
    rank: int
    condition: float
    left: Matrix  #: gram: eigenvectors of the Gram matrix; svd: U_r / s_r
    right: Matrix  #: gram: eigenvectors / eigenvalues; svd: V_r

    @classmethod
    def of(cls, rows: Matrix) -> _LeastSquares:
        count, width = rows.shape
        if count >= width:
            values, vectors = np.linalg.eigh(rows.T @ rows)
            if values[0] > 0 and values[-1] <= GRAM_CONDITION**2 * values[0]:
                condition = float(np.sqrt(values[-1] / values[0]))
                return cls(rows, "gram", width, condition, vectors, vectors / values)
        left, values, right = svd(rows)
        cutoff = min(max(count, width) * float(np.finfo(np.float32).eps), 1 / GRAM_CONDITION) * values[0]
        rank = int(np.count_nonzero(values > cutoff))
        return cls(rows, "svd", rank, _condition(values), left[:, :rank] / values[:rank], right[:rank].T)

    @property
    def nbytes(self) -> int:
        """Bytes held beside the rows."""
        return self.left.nbytes + self.right.nbytes

    def solve(self, product: Matrix, target: Matrix) -> Matrix:
        """M for a target, whose ``rows.T @ target`` is known."""
        if self.route == "svd":
            return self.right @ (self.left.T @ target)
        solution = self._solve_gram(product)
        if self.condition > _REFINE_CONDITION:
            solution += self._solve_gram(self.rows.T @ (target - self.rows @ solution))
        return solution

    def _solve_gram(self, product: Matrix) -> Matrix:
        return self.right @ (self.left.T @ product)


def _rotation(product: Matrix, pairs: int) -> FittedMap:
    left, values, right = svd(product)
    full = values.size
    rank = int(np.count_nonzero(values > _ROTATION_RANK * values[0]))
    left, right = left[:, :rank], right[:rank]
    determinant = None
    if rank == left.shape[0] == right.shape[1]:
        determinant = 1
        if np.linalg.slogdet(left)[0] * np.linalg.slogdet(right)[0] < 0:
            left[:, -1] *= -1
    return FittedMap(
        kind=MapKind.ROTATION,
        matrix=left @ right,
        offset=None,
        pairs=pairs,
        rank=rank,
        condition=_condition(values),
        singular_values=(np.arange(full) < rank).astype(np.float64),
        route="svd",
        determinant=determinant,
    )


def _identity(width: int, target_width: int) -> FittedMap:
    if width != target_width:
        raise SettingsError(
            f"embeddings of {width} and {target_width} dimensions cannot be compared without a map",
            remedy="choose a linear, affine or rotation map",
        )
    ones = np.ones(width)
    return FittedMap(MapKind.NONE, np.eye(width), None, 0, width, 1.0, ones, "identity", None)


def svd(matrix: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Thin singular value decomposition; LAPACK's slower ``gesvd`` where divide and conquer does not converge (it
    happens on rank-deficient matrices)."""
    try:
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
    except np.linalg.LinAlgError:
        import scipy.linalg

        left, values, right = scipy.linalg.svd(matrix, full_matrices=False, lapack_driver="gesvd")
    return left, values, right


def singular_values(matrix: Matrix) -> Matrix:
    """Singular values, descending; LAPACK's slower ``gesvd`` where divide and conquer does not converge."""
    try:
        return np.asarray(np.linalg.svd(matrix, compute_uv=False))
    except np.linalg.LinAlgError:
        return svd(matrix)[1]


def _condition(values: Matrix) -> float:
    largest, smallest = float(values[0]), float(values[-1])
    return largest / smallest if smallest > 0 else float("inf")


def _float64_unit_rows(embeddings: ArrayLike) -> Matrix:
    rows = np.asarray(embeddings)
    if rows.dtype not in (np.float32, np.float64):
        rows = rows.astype(np.float64)
    rows = checked_rows(rows)
    unit = np.empty(rows.shape, np.float64)
    for start in range(0, len(rows), _CHUNK):
        unit[start : start + _CHUNK] = unit_rows(rows[start : start + _CHUNK].astype(np.float64, copy=False))
    return unit
