"""Verification, search and covariates of a template dataset kept together: written, read back, told apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from canon_core.datasets.covariates import Covariate, Kind
from canon_core.datasets.protocol_building import build_protocol
from canon_core.datasets.template_protocol import (
    Gallery,
    IdentificationProtocol,
    TemplateProtocols,
)
from canon_core.errors import StoreError
from canon_core.store.arrays import load_arrays, save_arrays


def protocols(*, search: bool = True) -> TemplateProtocols:
    verification = build_protocol(
        np.array([5, 5, 70, 90, 90]),
        np.array([1, 2, 3, 4, 4]),
        np.array([5, 5]),
        np.array([70, 90]),
        np.array([True, False]),
        pair_file=Path("pairs"),
    )
    searched = IdentificationProtocol(
        (Gallery("G1", np.array([0], np.int32), np.array([5])),), np.array([1, 2], np.int32), np.array([5, 90])
    )
    yaw = Covariate("YAW", Kind.MEASURE, np.array([1, np.nan, -3, 4, 5], np.float32))
    gender = Covariate("GENDER", Kind.CLASS, np.array([0, 1, np.nan, 0, 0], np.float32), ("female", "male"))
    return TemplateProtocols(verification, searched if search else None, (yaw, gender))


@pytest.mark.parametrize("search", [True, False])
def test_what_was_written_is_read_back(tmp_path: Path, search: bool) -> None:
    before = protocols(search=search)
    save_arrays(tmp_path / "p.h5", before.to_arrays(), compress=False)
    after = TemplateProtocols.from_arrays(load_arrays(tmp_path / "p.h5")[0])
    assert after.fingerprint == before.fingerprint
    assert (after.search is None) == (not search)
    assert [(each.name, each.kind, each.classes) for each in after.covariates] == [
        ("YAW", Kind.MEASURE, ()),
        ("GENDER", Kind.CLASS, ("female", "male")),
    ]
    for one, other in zip(after.covariates, before.covariates, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(after.verification.p2, before.verification.p2)


def _other_pairs(one: TemplateProtocols) -> TemplateProtocols:
    return replace(one, verification=replace(one.verification, genuine=~one.verification.genuine))


def _no_search(one: TemplateProtocols) -> TemplateProtocols:
    return replace(one, search=None)


def _other_value(one: TemplateProtocols) -> TemplateProtocols:
    return replace(one, covariates=(replace(one.covariates[0], values=one.covariates[0].values + 1), one.covariates[1]))


def _other_class(one: TemplateProtocols) -> TemplateProtocols:
    return replace(one, covariates=(one.covariates[0], replace(one.covariates[1], classes=("f", "m"))))


@pytest.mark.parametrize("change", [_other_pairs, _no_search, _other_value, _other_class])
def test_the_fingerprint_tells_every_part_apart(change: Callable[[TemplateProtocols], TemplateProtocols]) -> None:
    assert change(protocols()).fingerprint != protocols().fingerprint


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("covariate_1_values", np.array([0, 2, 0, 0, 0], np.float32), "a class that does not exist"),
        ("covariate_1_values", np.zeros(4, np.float32), "covariate GENDER is float32"),
        ("covariate_0_values", np.zeros(5), "covariate YAW is float64"),
        ("covariate_kinds", np.array(["median", "mean"], object), "mean"),
        ("covariate_kinds", np.array(["median"], object), "shorter"),
        ("covariate_0_values", None, "lacks 'covariate_0_values'"),
        ("probes", np.array([0, 9], np.int32), "a template that does not exist"),
    ],
)
def test_damage_is_an_error_that_names_the_file(name: str, value: object, says: str) -> None:
    arrays = {**protocols().to_arrays(), name: value}
    if value is None:
        del arrays[name]
    with pytest.raises(StoreError, match=says) as caught:
        TemplateProtocols.from_arrays(arrays, path=Path("study/p.h5"))
    assert caught.value.path == Path("study/p.h5")
