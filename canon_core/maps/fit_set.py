"""Fitting maps between every two of several models: what pairs of models share is computed once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from canon_core.cores import blas_threads, usable_cores
from canon_core.jobs import JobContext
from canon_core.maps.fit import SourceFit
from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind

Pair = tuple[str, str]  #: source and target

#: Bytes of embeddings held in float64; beyond it they are read again. All ten models of IJB-C take 583 MB.
_HELD_BYTES: Final = 768 * 2**20


class FitSet:
    """Fits maps between any two of several models, all on the same images.

    ``X.T @ Y`` of two models serves the maps both ways, and a rotation's transpose is the rotation back; each source is
    factorised once. The maps are those of :func:`~canon_core.maps.fit.fit_map` up to rounding in float64, whatever was
    asked for before. For the next maps products and rotations are kept, and of the embeddings (8 bytes a number) those
    used last, within :data:`_HELD_BYTES`; maps between more are fitted some models at a time.

    Parameters
    ----------
    read : callable
        Gives a model's embeddings of the fit images, (n, d) float32; called once a model where all can be held.
    threads : int, optional
        The usable cores unless given.
    """

    def __init__(self, read: Callable[[str], ArrayLike], *, threads: int | None = None) -> None:
        self._read = read
        self._threads = threads or usable_cores()
        self._sides: OrderedDict[str, SourceFit] = OrderedDict()
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

        found: dict[Pair, FittedMap] = {}
        with blas_threads(1), ThreadPoolExecutor(self._threads) as pool:
            for batch in self._batches(jobs, kind, pool, context):
                factors = [pool.submit(factorised, name) for name in dict.fromkeys(source for source, _ in batch)]
                both_ways = dict.fromkeys(map(_ordered, batch)) if kind is not MapKind.NONE else {}
                unknown = [pair for pair in both_ways if (kind is MapKind.AFFINE, pair) not in self._products]
                for done in [*factors, *(pool.submit(multiplied, pair) for pair in unknown)]:
                    done.result()
                found.update(zip(batch, pool.map(fitted, batch), strict=True))
                self._forget()
        if kind is not MapKind.ROTATION:
            return [found[pair] for pair in pairs]
        self._rotations.update(found)
        return [self._rotation(pair) for pair in pairs]

    # -- private -------------------------------------------------------------------------------------------------
    def _batches(
        self, jobs: Sequence[Pair], kind: MapKind, pool: Executor, context: JobContext
    ) -> Iterator[list[Pair]]:
        """The jobs in their order, as many at a time as embeddings can be held for; these are in place."""
        batch: list[Pair] = []
        needed: dict[str, int] = {}
        coming: dict[str, NDArray[Any]] = {}
        sizes: dict[str, int] = {}

        def get(pair: Pair) -> dict[str, int]:
            for name in pair:
                if name in self._sides:
                    sizes[name] = self._sides[name].nbytes
                elif name not in coming:
                    context.check()
                    coming[name] = np.asarray(self._read(name))
                    sizes[name] = 8 * coming[name].size * (2 if kind is MapKind.AFFINE else 1)
            return {name: sizes[name] for name in pair}

        for pair in jobs:
            more = get(pair)
            if batch and sum({**needed, **more}.values()) > _HELD_BYTES:
                self._take(needed, coming, pool)
                yield batch
                batch, needed = [], {}
                more = get(pair)  # some may have been let go of meanwhile
            batch.append(pair)
            needed |= more
        if batch:
            self._take(needed, coming, pool)
            yield batch

    def _take(self, needed: Mapping[str, int], coming: dict[str, NDArray[Any]], pool: Executor) -> None:
        """Put the embeddings of some models in place, as those used last; ``needed`` are the bytes of each."""
        new = [name for name in needed if name in coming]
        for name in needed:
            if name not in coming:
                self._sides.move_to_end(name)
        self._forget(len(needed) - len(new), sum(needed[name] for name in new))
        self._sides.update(zip(new, pool.map(SourceFit, [coming.pop(name) for name in new]), strict=True))

    def _forget(self, least: int = 2, more: int = 0) -> None:
        """Let go of the embeddings used longest ago, to hold so many bytes more; of ``least`` models they stay."""
        while len(self._sides) > least and sum(side.nbytes for side in self._sides.values()) + more > _HELD_BYTES:
            self._sides.popitem(last=False)

    def _product(self, kind: MapKind, pair: Pair) -> NDArray[np.float64]:
        product = self._products[kind is MapKind.AFFINE, _ordered(pair)]
        return product if _ordered(pair) == pair else product.T

    def _rotation(self, pair: Pair) -> FittedMap:
        fitted = self._rotations[_ordered(pair)]
        return fitted if _ordered(pair) == pair else replace(fitted, matrix=np.ascontiguousarray(fitted.matrix.T))


def _ordered(pair: Pair) -> Pair:
    """One order for both ways, so that results do not depend on which was asked for first."""
    return min(pair, pair[::-1])
