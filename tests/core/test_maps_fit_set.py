"""Maps fitted between many models at once are those fitted one by one."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from canon_core.errors import Cancelled, SettingsError
from canon_core.jobs import JobContext
from canon_core.maps.fit import fit_map
from canon_core.maps.fit_set import FitSet
from canon_core.maps.kinds import MapKind

WIDTHS = {"a": 24, "b": 24, "c": 40, "d": 16}


def embeddings(rows: int) -> dict[str, NDArray[np.float32]]:
    """Models that see the same latent, with means of their own."""
    rng = np.random.default_rng(rows)
    latent = rng.standard_normal((rows, 24))
    return {
        name: (latent @ rng.standard_normal((24, width)) + 0.3 * rng.standard_normal((rows, width)) + 1).astype("f4")
        for name, width in WIDTHS.items()
    }


@pytest.mark.parametrize("rows", [300, 20])  # more, and fewer, than dimensions
@pytest.mark.parametrize("kind", [MapKind.LINEAR, MapKind.AFFINE, MapKind.ROTATION])
def test_every_map_is_the_one_fitted_alone(kind: MapKind, rows: int) -> None:
    rows_of = embeddings(rows)
    pairs = [*permutations(WIDTHS, 2), ("a", "a")]
    for pair, found in zip(pairs, FitSet(rows_of.__getitem__).fit(kind, pairs), strict=True):
        alone = fit_map(kind, rows_of[pair[0]], rows_of[pair[1]])
        np.testing.assert_allclose(found.matrix, alone.matrix, atol=1e-9)
        np.testing.assert_allclose(found.singular_values, alone.singular_values, atol=1e-9)
        for fact in ("kind", "pairs", "rank", "route", "determinant"):
            assert getattr(found, fact) == getattr(alone, fact)
        if rows > max(WIDTHS.values()):  # else the smallest singular value is rounding
            assert found.condition == pytest.approx(alone.condition, rel=1e-6)
        if alone.offset is None:
            assert found.offset is None
        else:
            np.testing.assert_allclose(found.offset, alone.offset, atol=1e-9)


@pytest.mark.parametrize("kind", [MapKind.LINEAR, MapKind.ROTATION])
def test_a_map_does_not_depend_on_what_was_asked_for_before(kind: MapKind) -> None:
    rows_of = embeddings(200)
    pairs = list(permutations(WIDTHS, 2))
    together = FitSet(rows_of.__getitem__).fit(kind, pairs)
    one_by_one = FitSet(rows_of.__getitem__, threads=1)
    for pair, found in reversed(list(zip(pairs, together, strict=True))):
        np.testing.assert_array_equal(one_by_one.fit(kind, [pair])[0].matrix, found.matrix)


def test_embeddings_are_read_once_a_model() -> None:
    rows_of, read = embeddings(100), []
    maps = FitSet(lambda name: read.append(name) or rows_of[name])
    for kind in MapKind:
        maps.fit(kind, [("a", "b"), ("b", "a"), ("a", "b")])
    assert read == ["a", "b"]


def test_what_cannot_be_fitted_is_refused_and_a_cancelled_fit_ends() -> None:
    rows_of = embeddings(100)
    rows_of["b"] = rows_of["b"][:99]
    maps = FitSet(rows_of.__getitem__)
    for kind in MapKind:
        with pytest.raises(SettingsError, match="100 source embeddings cannot be paired with 99"):
            maps.fit(kind, [("a", "b")])
    with pytest.raises(SettingsError, match="without a map"):
        maps.fit(MapKind.NONE, [("a", "c")])
    stopped = JobContext()
    stopped.cancel()
    with pytest.raises(Cancelled):
        maps.fit(MapKind.LINEAR, [("a", "c")], stopped)
