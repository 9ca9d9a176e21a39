"""Applying fitted maps, and measuring what they leave unexplained."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import r2_score

from canon_core.errors import SettingsError
from canon_core.maps.fit import fit_map
from canon_core.maps.kinds import MapKind
from canon_core.maps.residual import residual

KINDS = (MapKind.LINEAR, MapKind.AFFINE, MapKind.ROTATION)


def normal(seed: int, rows: int, columns: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_mapped_embeddings_are_the_normalised_product(kind: MapKind) -> None:
    source, target, others = normal(1, 200, 24), normal(2, 200, 16), 7 * normal(3, 50, 24)
    fitted = fit_map(kind, source, target)
    mapped = fitted.apply(others)
    rows = others.astype(np.float64) / np.linalg.norm(others.astype(np.float64), axis=1, keepdims=True)
    expected = rows @ fitted.matrix + (0 if fitted.offset is None else fitted.offset)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert mapped.dtype == np.float32
    np.testing.assert_allclose(mapped, expected, atol=2e-6)


@pytest.mark.parametrize("kind", [*KINDS, MapKind.NONE])
def test_rows_of_zeros_stay_zero(kind: MapKind) -> None:
    fitted = fit_map(kind, normal(1, 50, 8) + 1, normal(2, 50, 8) + 1)
    others = normal(3, 4, 8)
    others[2] = 0
    mapped = fitted.apply(others)
    np.testing.assert_array_equal(mapped[2], np.zeros(8))
    np.testing.assert_allclose(np.linalg.norm(mapped[[0, 1, 3]], axis=1), 1, atol=1e-6)


def test_norms_are_kept_when_asked() -> None:
    source, target = normal(1, 200, 24), normal(2, 200, 24)
    fitted = fit_map(MapKind.ROTATION, source, target)
    others = 5 * normal(3, 20, 24)
    kept = fitted.apply(others, normalise=False)
    np.testing.assert_allclose(np.linalg.norm(kept, axis=1), np.linalg.norm(others, axis=1), rtol=1e-5)
    identity = fit_map(MapKind.NONE, source, target)
    np.testing.assert_array_equal(identity.apply(others, normalise=False), others)


def test_the_identity_only_normalises() -> None:
    others = 5 * normal(3, 20, 24)
    fitted = fit_map(MapKind.NONE, others, others)
    np.testing.assert_allclose(fitted.apply(others), others / np.linalg.norm(others, axis=1, keepdims=True), rtol=1e-6)


def test_applying_to_other_dimensions_or_nan_is_refused() -> None:
    fitted = fit_map(MapKind.LINEAR, normal(1, 20, 4), normal(2, 20, 5))
    with pytest.raises(SettingsError, match="from 4 dimensions cannot take"):
        fitted.apply(normal(3, 2, 5))
    with pytest.raises(SettingsError, match="NaN"):
        fitted.apply(np.full((1, 4), np.nan, np.float32))


@pytest.mark.parametrize("kind", KINDS)
def test_residual_is_one_minus_mean_cosine_and_scikit_learns_r2(kind: MapKind) -> None:
    source = normal(1, 300, 24)
    target = source @ normal(2, 24, 12) + 0.5 * normal(3, 300, 12) + 1
    fitted = fit_map(kind, source[:200], target[:200])
    found = residual(fitted, source[200:], target[200:])
    rows = source[200:] / np.linalg.norm(source[200:], axis=1, keepdims=True)
    wanted = target[200:] / np.linalg.norm(target[200:], axis=1, keepdims=True)
    predicted = rows @ fitted.matrix + (0 if fitted.offset is None else fitted.offset)
    cosines = (predicted * wanted).sum(axis=1) / np.linalg.norm(predicted, axis=1)
    assert found.pairs == 100
    assert found.cosine == pytest.approx(1 - cosines.mean(), abs=1e-6)
    assert found.r2 == pytest.approx(r2_score(wanted, predicted, multioutput="variance_weighted"), abs=1e-5)


def test_a_perfect_map_leaves_nothing() -> None:
    source = normal(1, 100, 16)
    fitted = fit_map(MapKind.LINEAR, source, source)
    found = residual(fitted, source, source)
    assert found.cosine == pytest.approx(0, abs=1e-12)
    assert found.r2 == pytest.approx(1, abs=1e-12)


def test_an_affine_map_explains_a_shift_that_a_linear_one_cannot() -> None:
    source = normal(1, 500, 8)
    shifted = source / np.linalg.norm(source, axis=1, keepdims=True) + 3.0
    linear, affine = (residual(fit_map(kind, source, shifted), source, shifted) for kind in KINDS[:2])
    assert affine.r2 > 0.9 > linear.r2


def test_r2_of_targets_that_are_all_the_same_is_not_a_number() -> None:
    source, target = normal(1, 20, 4), np.ones((20, 4), np.float32)
    found = residual(fit_map(MapKind.LINEAR, source, target), source, target)
    assert np.isnan(found.r2)
    assert 0 <= found.cosine < 2


def test_residual_of_no_pairs_is_not_a_number_and_of_other_shapes_refused() -> None:
    fitted = fit_map(MapKind.LINEAR, normal(1, 20, 4), normal(2, 20, 5))
    nothing = residual(fitted, np.zeros((0, 4), np.float32), np.zeros((0, 5), np.float32))
    assert np.isnan(nothing.cosine)
    assert np.isnan(nothing.r2)
    with pytest.raises(SettingsError, match="do not fit"):
        residual(fitted, normal(1, 20, 4), normal(2, 19, 5))
