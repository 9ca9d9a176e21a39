"""Maps between embedding spaces against independent solvers."""

from __future__ import annotations

from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes

from canon_core.errors import SettingsError
from canon_core.maps import fit as fit_module
from canon_core.maps.fit import SourceFit, fit_map
from canon_core.maps.kinds import MapKind
from canon_core.maps.unit import unit_rows


def normal(seed: int, rows: int, columns: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)


def exact_unit(embeddings: NDArray[np.floating]) -> NDArray[np.float64]:
    """Unit rows by a formula of the test's own."""
    rows = np.asarray(embeddings, np.float64)
    return rows / np.sqrt((rows**2).sum(axis=1, keepdims=True))


def conditioned(seed: int, rows: int, columns: int, condition: float) -> NDArray[np.float32]:
    """Embeddings whose unit rows have about the given condition number."""
    axes = np.linalg.qr(np.random.default_rng(seed).standard_normal((columns, columns)))[0]
    spread = np.geomspace(1.0, 1.0 / condition, columns)
    return (normal(seed + 1, rows, columns) * spread @ axes).astype(np.float32)


def relative(found: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


# -- least squares ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("condition", [1.0, 1e2, 1e4, 5e4])
@pytest.mark.parametrize(("source_width", "target_width"), [(64, 64), (32, 96), (96, 32)])
def test_linear_equals_lstsq_up_to_condition_1e5(condition: float, source_width: int, target_width: int) -> None:
    source, target = conditioned(1, 800, source_width, condition), normal(2, 800, target_width)
    fitted = fit_map(MapKind.LINEAR, source, target)
    oracle = np.linalg.lstsq(exact_unit(source), exact_unit(target), rcond=None)[0]
    assert fitted.route == "gram"
    assert fitted.condition <= 1e5
    assert relative(fitted.matrix, oracle) <= 1e-8  # 1e-5 is asked for
    assert fitted.rank == source_width
    assert fitted.condition == pytest.approx(np.linalg.cond(exact_unit(source)), rel=1e-4)
    np.testing.assert_allclose(fitted.singular_values, np.linalg.svd(fitted.matrix, compute_uv=False), rtol=1e-9)


@pytest.mark.parametrize("condition", [1e6, 1e8])
def test_linear_above_condition_1e5_leaves_out_only_what_lies_below(condition: float) -> None:
    source, target = conditioned(3, 500, 64, condition), normal(4, 500, 48)
    fitted = fit_map(MapKind.LINEAR, source, target)
    x, y = exact_unit(source), exact_unit(target)
    # Least squares on the coordinates along the principal directions that reach above 1e-5.
    lengths, directions = np.linalg.eigh(x.T @ x)
    kept = directions[:, lengths > 1e-10 * lengths[-1]]
    oracle = kept @ np.linalg.lstsq(x @ kept, y, rcond=None)[0]
    assert fitted.route == "svd"
    assert fitted.rank == kept.shape[1] < 64
    assert relative(fitted.matrix, oracle) <= 1e-4
    assert fitted.condition == pytest.approx(np.linalg.cond(x), rel=1e-3)


@pytest.mark.parametrize("pairs", [2_000, 12_000])
@pytest.mark.parametrize("fault", ["dead", "repeated", "repeated to float32"])
@pytest.mark.parametrize("kind", [MapKind.LINEAR, MapKind.AFFINE])
def test_a_dimension_without_news_costs_no_other_direction(pairs: int, fault: str, kind: MapKind) -> None:
    """Held-out predictions are those of least squares by NumPy with its own cut-off, however steep the spectrum."""
    latent = normal(50, pairs + 500, 64)
    source = latent * np.geomspace(1.0, 1e-3, 64, dtype=np.float32)
    source[:, 0] += 3
    useful = source.copy()
    extra = {
        "dead": np.zeros(len(source)),
        "repeated": source[:, 9],
        "repeated to float32": source[:, 9] + source[:, 8],
    }
    source = np.column_stack([source, extra[fault]]).astype(np.float32)
    target = latent @ np.linalg.qr(normal(51, 64, 64))[0] + 0.3 * normal(52, pairs + 500, 64)
    fitted = fit_map(kind, source[:pairs], target[:pairs])
    assert (fitted.route, fitted.rank) == ("svd", 64)

    x, y = exact_unit(source), exact_unit(target)
    if kind is MapKind.AFFINE:
        x, y = x - x[:pairs].mean(axis=0), y - y[:pairs].mean(axis=0)
    if fault == "repeated to float32":  # the oracle would take the rounding for news: it sees the rest alone
        x = x[:, : useful.shape[1]]
    wanted = x[pairs:] @ np.linalg.lstsq(x[:pairs], y[:pairs], rcond=None)[0]
    found = exact_unit(source)[pairs:] @ fitted.matrix
    if kind is MapKind.AFFINE:
        assert fitted.offset is not None
        found = found + fitted.offset - exact_unit(target)[:pairs].mean(axis=0)
    np.testing.assert_allclose(found, wanted, atol=2e-4 if fault == "repeated to float32" else 1e-8)


@pytest.mark.parametrize("pairs", [2_000, 12_000])
def test_both_routes_agree_where_one_takes_over_from_the_other(pairs: int) -> None:
    target = normal(53, pairs, 16)
    steps = [fit_map(MapKind.LINEAR, conditioned(54, pairs, 32, condition), target) for condition in (4e4, 2e5)]
    assert [step.route for step in steps] == ["gram", "svd"]
    assert steps[0].rank == 32
    assert steps[1].rank >= 30  # 1e-5 lies below all but the last of steps of 1.48
    source = conditioned(54, pairs, 32, 4e4)
    without = fit_map(MapKind.LINEAR, source, target)
    dead = fit_map(MapKind.LINEAR, np.column_stack([source, np.zeros(pairs, np.float32)]), target)
    assert (without.route, dead.route) == ("gram", "svd")
    assert relative(dead.matrix[:32], without.matrix) <= 1e-7


def test_linear_with_fewer_pairs_than_dimensions_has_minimum_norm() -> None:
    source, target = normal(5, 40, 128), normal(6, 40, 64)
    fitted = fit_map(MapKind.LINEAR, source, target)
    oracle = np.linalg.lstsq(exact_unit(source), exact_unit(target), rcond=None)[0]
    assert fitted.route == "svd"
    assert fitted.rank == 40
    assert relative(fitted.matrix, oracle) <= 1e-10
    np.testing.assert_allclose(exact_unit(source) @ fitted.matrix, exact_unit(target), atol=1e-10)


def test_a_repeated_source_dimension_shares_its_weight_as_minimum_norm_asks() -> None:
    source = normal(7, 300, 20)
    source = np.hstack([source, source[:, :3]])
    fitted = fit_map(MapKind.LINEAR, source, normal(8, 300, 10))
    assert (fitted.route, fitted.rank) == ("svd", 20)
    np.testing.assert_allclose(fitted.matrix[:3], fitted.matrix[20:], atol=1e-10)


@pytest.mark.parametrize("pairs", [400, 30])
def test_affine_equals_least_squares_with_a_column_of_ones(pairs: int) -> None:
    shift = np.linspace(0, 2, 48, dtype=np.float32)
    source, target = normal(9, pairs, 48) + shift, normal(10, pairs, 32) + 0.5
    fitted = fit_map(MapKind.AFFINE, source, target)
    x, y = exact_unit(source), exact_unit(target)
    assert fitted.offset is not None
    predicted = x @ fitted.matrix + fitted.offset
    with_ones = np.hstack([x, np.ones((pairs, 1))])
    oracle = np.linalg.lstsq(with_ones, y, rcond=None)[0]
    np.testing.assert_allclose(predicted, with_ones @ oracle, atol=1e-9)
    if pairs > 48:  # unique
        np.testing.assert_allclose(np.vstack([fitted.matrix, fitted.offset]), oracle, atol=1e-8)
    else:  # minimum norm on centred sides
        centred = np.linalg.pinv(x - x.mean(axis=0), rcond=1e-10) @ (y - y.mean(axis=0))
        np.testing.assert_allclose(fitted.matrix, centred, atol=1e-10)
        assert fitted.rank == pairs - 1


@settings(deadline=None, max_examples=40)
@given(pairs=st.integers(1, 40), width=st.integers(1, 12), target_width=st.integers(1, 12), seed=st.integers(0, 2**16))
def test_linear_leaves_an_error_orthogonal_to_the_source(pairs: int, width: int, target_width: int, seed: int) -> None:
    source, target = normal(seed, pairs, width), normal(seed + 1, pairs, target_width)
    fitted = fit_map(MapKind.LINEAR, source, target)
    x, y = exact_unit(source), exact_unit(target)
    error = y - x @ fitted.matrix
    if fitted.rank == min(pairs, width):
        assert np.abs(x.T @ error).max() < 1e-6
    assert np.linalg.norm(error) <= np.linalg.norm(y) + 1e-9  # never worse than predicting nothing


# -- rotation --------------------------------------------------------------------------------------------------------
def test_a_planted_rotation_is_found() -> None:
    rotation = np.linalg.qr(np.random.default_rng(11).standard_normal((64, 64)))[0]
    rotation[:, 0] *= np.sign(np.linalg.det(rotation))
    source = normal(12, 500, 64)
    fitted = fit_map(MapKind.ROTATION, source, source @ rotation)
    np.testing.assert_allclose(fitted.matrix, rotation, atol=1e-6)
    np.testing.assert_allclose(
        fitted.matrix, orthogonal_procrustes(exact_unit(source), exact_unit(source @ rotation))[0]
    )
    assert (fitted.determinant, fitted.rank, fitted.route) == (1, 64, "svd")


def test_a_planted_reflection_gives_determinant_1_and_differs_from_scipy_in_one_sign() -> None:
    reflection = np.linalg.qr(np.random.default_rng(13).standard_normal((32, 32)))[0]
    reflection[:, 0] *= -np.sign(np.linalg.det(reflection))
    source = normal(14, 400, 32)
    target = source @ reflection + 0.1 * normal(15, 400, 32)
    fitted = fit_map(MapKind.ROTATION, source, target)
    oracle = orthogonal_procrustes(exact_unit(source), exact_unit(target))[0]
    assert np.linalg.det(oracle) == pytest.approx(-1)
    assert np.linalg.det(fitted.matrix) == pytest.approx(1)
    # scipy's inverse after ours is the identity but for one direction that is turned round.
    eigenvalues = np.sort(np.linalg.eigvalsh((fitted.matrix @ oracle.T + oracle @ fitted.matrix.T) / 2))
    np.testing.assert_allclose(eigenvalues, [-1] + [1] * 31, atol=1e-9)


@pytest.mark.parametrize(("source_width", "target_width"), [(512, 1024), (1024, 512), (24, 32), (32, 24)])
def test_a_rotation_between_unequal_dimensions_equals_scipys_on_the_padded_side(
    source_width: int, target_width: int
) -> None:
    pairs = 1100 if max(source_width, target_width) > 100 else 200
    source, target = normal(16, pairs, source_width), normal(17, pairs, target_width)
    fitted = fit_map(MapKind.ROTATION, source, target)
    x, y = exact_unit(source), exact_unit(target)
    side = max(source_width, target_width)
    padded = [np.pad(rows, ((0, 0), (0, side - rows.shape[1]))) for rows in (x, y)]
    oracle = orthogonal_procrustes(*padded)[0][:source_width, :target_width]
    np.testing.assert_allclose(fitted.matrix, oracle, atol=1e-7)
    narrow = min(source_width, target_width)
    small = fitted.matrix @ fitted.matrix.T if source_width < target_width else fitted.matrix.T @ fitted.matrix
    np.testing.assert_allclose(small, np.eye(narrow), atol=1e-9)
    assert fitted.determinant is None
    assert fitted.rank == narrow


def test_a_rotation_from_too_few_pairs_is_a_partial_isometry() -> None:
    source, target = normal(18, 20, 64), normal(19, 20, 64)
    fitted = fit_map(MapKind.ROTATION, source, target)
    values = np.linalg.svd(fitted.matrix, compute_uv=False)
    np.testing.assert_allclose(values, [1] * 20 + [0] * 44, atol=1e-10)
    np.testing.assert_allclose(fitted.singular_values, values, atol=1e-10)
    assert (fitted.rank, fitted.determinant) == (20, None)
    # It takes nothing from outside the span of the fit's source, and reaches nothing outside its targets.
    outside = np.linalg.svd(exact_unit(source))[2][20:]
    assert np.abs(outside @ fitted.matrix).max() < 1e-9
    assert np.abs(fitted.matrix @ np.linalg.svd(exact_unit(target))[2][20:].T).max() < 1e-9


@settings(deadline=None, max_examples=40)
@given(width=st.integers(1, 8), target_width=st.integers(1, 8), pairs=st.integers(1, 30), seed=st.integers(0, 2**16))
def test_no_isometry_aligns_better_than_the_rotation(width: int, target_width: int, pairs: int, seed: int) -> None:
    source, target = normal(seed, pairs, width), normal(seed + 1, pairs, target_width)
    fitted = fit_map(MapKind.ROTATION, source, target)
    cross = exact_unit(source).T @ exact_unit(target)
    values = np.linalg.svd(cross, compute_uv=False)
    # tr(Mᵀ Xᵀ Y) is the sum of singular values, but for the last one where only a reflection reaches it.
    reached = float((fitted.matrix * cross).sum())
    lost = 2 * values[-1] if fitted.determinant == 1 and np.linalg.det(cross) < 0 else 0.0
    assert reached == pytest.approx(float(values.sum()) - lost, abs=1e-8)


def test_a_decomposition_that_does_not_converge_is_done_by_the_slower_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = normal(20, 100, 12), normal(21, 100, 12)
    expected = fit_map(MapKind.ROTATION, source, target).matrix

    def fails(*arguments: object, **keywords: object) -> None:
        raise np.linalg.LinAlgError("SVD did not converge")

    monkeypatch.setattr(fit_module.np.linalg, "svd", fails)
    np.testing.assert_allclose(fit_map(MapKind.ROTATION, source, target).matrix, expected, atol=1e-10)


# -- one source, many targets ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("pairs", [200, 20])
def test_one_source_serves_many_targets(pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    source = normal(22, pairs, 32)
    targets = [normal(23 + k, pairs, width) for k, width in enumerate((32, 16, 64))]
    alone = [[fit_map(kind, source, target) for kind in list(MapKind)[1:]] for target in targets]
    factorised = []
    solve_once = fit_module._LeastSquares.of.__func__

    def counted(cls: type, rows: NDArray[np.float64]) -> object:
        factorised.append(rows.shape)
        return solve_once(cls, rows)

    monkeypatch.setattr(fit_module._LeastSquares, "of", classmethod(counted))
    shared = SourceFit(source)
    together = [[shared.fit(kind, target) for kind in list(MapKind)[1:]] for target in targets]
    for one, other in zip(chain(*alone), chain(*together), strict=True):
        np.testing.assert_array_equal(one.matrix, other.matrix)
    assert len(factorised) == 2  # plain and centred, not once per target


# -- what is refused, and what is not --------------------------------------------------------------------------------
def test_the_identity_needs_equal_dimensions() -> None:
    fitted = fit_map(MapKind.NONE, normal(1, 5, 8), normal(2, 5, 8))
    np.testing.assert_array_equal(fitted.matrix, np.eye(8))
    assert fitted.route == "identity"
    with pytest.raises(SettingsError, match="8 and 9 dimensions cannot be compared without a map"):
        fit_map(MapKind.NONE, normal(1, 5, 8), normal(2, 5, 9))


@pytest.mark.parametrize("kind", list(MapKind)[1:])
def test_nan_and_infinity_are_refused(kind: MapKind) -> None:
    good = normal(1, 10, 4)
    for value in (np.nan, np.inf):
        bad = good.copy()
        bad[3, 1] = value
        with pytest.raises(SettingsError, match="NaN or infinite"):
            fit_map(kind, bad, good)
        with pytest.raises(SettingsError, match="NaN or infinite"):
            fit_map(kind, good, bad)


def test_no_pairs_and_unequal_pairs_are_refused() -> None:
    with pytest.raises(SettingsError, match="no image pairs"):
        fit_map(MapKind.LINEAR, np.zeros((0, 4), np.float32), np.zeros((0, 4), np.float32))
    with pytest.raises(SettingsError, match="10 source embeddings cannot be paired with 9"):
        fit_map(MapKind.LINEAR, normal(1, 10, 4), normal(1, 9, 4))
    with pytest.raises(SettingsError, match="must be a matrix"):
        fit_map(MapKind.LINEAR, normal(1, 10, 4)[0], normal(1, 9, 4))


@pytest.mark.parametrize("kind", list(MapKind)[1:])
def test_embeddings_of_zeros_give_a_map_of_zeros(kind: MapKind) -> None:
    fitted = fit_map(kind, np.zeros((6, 3), np.float32), normal(1, 6, 3))
    np.testing.assert_array_equal(fitted.matrix, np.zeros((3, 3)))
    assert (fitted.rank, fitted.condition) == (0, float("inf"))


def test_maps_are_the_same_whatever_the_scale_of_the_embeddings() -> None:
    source, target = normal(30, 100, 16), normal(31, 100, 16)
    scales = np.geomspace(1e-20, 1e20, 100, dtype=np.float32)[:, None]
    for kind in list(MapKind)[1:]:
        one, other = fit_map(kind, source, target), fit_map(kind, source * scales, target / scales)
        np.testing.assert_allclose(one.matrix, other.matrix, atol=1e-5)


def test_unit_rows_keep_zeros_and_dtype_and_leave_their_input_alone() -> None:
    rows = np.array([[3, 4], [0, 0], [1e-30, 0], [1e30, 1e30]], np.float32)
    before = rows.copy()
    unit = unit_rows(rows)
    np.testing.assert_allclose(unit, [[0.6, 0.8], [0, 0], [1, 0], [0.5**0.5, 0.5**0.5]], rtol=1e-6)
    np.testing.assert_array_equal(rows, before)
    assert unit.dtype == np.float32
    huge = unit_rows(np.array([[1e200, 0], [0, -1e-200], [0, 0]]))
    assert huge.dtype == np.float64
    np.testing.assert_array_equal(huge, [[1, 0], [0, -1], [0, 0]])


@settings(deadline=None, max_examples=50)
@given(rows=st.integers(0, 30), width=st.integers(1, 20), seed=st.integers(0, 2**16))
def test_unit_rows_have_norm_1(rows: int, width: int, seed: int) -> None:
    unit = unit_rows(normal(seed, rows, width))
    np.testing.assert_allclose(np.linalg.norm(unit.astype(np.float64), axis=1), np.ones(rows), atol=1e-6)


def test_singular_values_come_in_falling_order() -> None:
    fitted = fit_map(MapKind.LINEAR, normal(40, 90, 30), normal(41, 90, 20))
    assert fitted.singular_values.shape == (20,)
    assert all(one >= other for one, other in pairwise(fitted.singular_values))
