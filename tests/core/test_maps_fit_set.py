"""Maps fitted between many models at once are those fitted one by one."""

from __future__ import annotations

import tracemalloc
from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from canon_core.errors import Cancelled, SettingsError
from canon_core.jobs import JobContext
from canon_core.maps import fit_set
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


@pytest.mark.parametrize("kind", list(MapKind)[1:])
@pytest.mark.parametrize("held", [2.2, 3.5, 0.1])  # of the embeddings of one model
def test_maps_between_more_models_than_are_held_are_the_same(
    kind: MapKind, held: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(7)
    latent = rng.standard_normal((4_000, 24))
    rows_of = {
        name: (latent @ rng.standard_normal((24, 24)) + 0.3 * rng.standard_normal(latent.shape)).astype("f4")
        for name in "abcdefgh"
    }
    pairs = list(permutations(rows_of, 2))
    rng.shuffle(pairs)
    pairs = [(str(one), str(other)) for one, other in pairs]
    wanted = FitSet(rows_of.__getitem__).fit(kind, pairs)
    one = 8 * latent.size
    monkeypatch.setattr(fit_set, "_HELD_BYTES", int(held * one))
    bounded = FitSet(rows_of.__getitem__, threads=2)
    tracemalloc.start()
    try:
        for start in (0, 20):  # what is held from before may have to go in the middle
            for found, expected in zip(bounded.fit(kind, pairs[start:]), wanted[start:], strict=True):
                np.testing.assert_array_equal(found.matrix, expected.matrix)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    two = 4 if kind is MapKind.AFFINE else 2  # centred rows are copies
    assert peak < (max(held, two) + 2.5) * one  # all eight take 6.1 MB, or 12.3 MB


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
