"""Fitting maps between every two of several models: what pairs of models share is computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from canon_core.cores import blas_threads, usable_cores
from canon_core.jobs import JobContext
from canon_core.maps.fit import SourceFit
from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind

Pair = tuple[str, str]  #: source and target


class FitSet:
    """Fits maps between any two of several models, all on the same images.

    ``X.T @ Y`` of two models serves the maps both ways, and a rotation's transpose is the rotation back; each source is
    factorised once. The maps are those of :func:`~canon_core.maps.fit.fit_map` up to rounding in float64, whatever was
    asked for before. Everything is kept for the next maps: 8 bytes a number of the embeddings, and of the maps.

    Parameters
    ----------
    read : callable
        Gives a model's embeddings of the fit images, (n, d) float32; called once a model.
    threads : int, optional
        The usable cores unless given.
    """

    def __init__(self, read: Callable[[str], ArrayLike], *, threads: int | None = None) -> None:
        self._read = read
        self._threads = threads or usable_cores()
        self._sides: dict[str, SourceFit] = {}
        self._products: dict[tuple[bool, Pair], NDArray[np.float64]] = {}
        self._rotations: dict[Pair, FittedMap] = {}

    def fit(self, kind: MapKind, pairs: Sequence[Pair], ctx: JobContext | None = None) -> list[FittedMap]:
        """Fit maps; many at once take less time than one after the other.

        Parameters
        ----------
        kind : MapKind
        pairs : sequence of (str, str)
            Source and target of each map.
        ctx : JobContext, optional
            Checked at every model and every map.

        Raises
        ------
        SettingsError
            As :func:`~canon_core.maps.fit.fit_map`.
        Cancelled
        """
        context, kind = ctx or JobContext(), MapKind(kind)
        jobs = list(dict.fromkeys(_ordered(pair) if kind is MapKind.ROTATION else pair for pair in pairs))
        jobs = [pair for pair in jobs if kind is not MapKind.ROTATION or pair not in self._rotations]
        new = [name for name in dict.fromkeys(name for pair in jobs for name in pair) if name not in self._sides]

        def factorised(name: str) -> None:
            context.check()
            self._sides[name].factorise(kind)

        def multiplied(pair: Pair) -> None:
            context.check()
            self._products[kind is MapKind.AFFINE, pair] = self._sides[pair[0]].cross_product(
                kind, self._sides[pair[1]]
            )

        def fitted(pair: Pair) -> FittedMap:
            context.check()
            product = None if kind is MapKind.NONE else self._product(kind, pair)
            return self._sides[pair[0]].fit_to(kind, self._sides[pair[1]], product)

        with blas_threads(1), ThreadPoolExecutor(self._threads) as pool:
            self._sides.update(zip(new, pool.map(SourceFit, self._read_all(new, context)), strict=True))
            factors = [pool.submit(factorised, name) for name in dict.fromkeys(source for source, _ in jobs)]
            both_ways = dict.fromkeys(map(_ordered, jobs)) if kind is not MapKind.NONE else {}
            unknown = [pair for pair in both_ways if (kind is MapKind.AFFINE, pair) not in self._products]
            for done in [*factors, *(pool.submit(multiplied, pair) for pair in unknown)]:
                done.result()
            found = dict(zip(jobs, pool.map(fitted, jobs), strict=True))
        if kind is not MapKind.ROTATION:
            return [found[pair] for pair in pairs]
        self._rotations.update(found)
        return [self._rotation(pair) for pair in pairs]

    # -- private -------------------------------------------------------------------------------------------------
    def _read_all(self, names: Sequence[str], context: JobContext) -> Iterator[ArrayLike]:
        for name in names:
            context.check()
            yield self._read(name)

    def _product(self, kind: MapKind, pair: Pair) -> NDArray[np.float64]:
        product = self._products[kind is MapKind.AFFINE, _ordered(pair)]
        return product if _ordered(pair) == pair else product.T

    def _rotation(self, pair: Pair) -> FittedMap:
        fitted = self._rotations[_ordered(pair)]
        return fitted if _ordered(pair) == pair else replace(fitted, matrix=np.ascontiguousarray(fitted.matrix.T))


def _ordered(pair: Pair) -> Pair:
    """One order for both ways, so that results do not depend on which was asked for first."""
    return min(pair, pair[::-1])
