"""Fitted maps on the disk: as they were, or refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from canon_core.errors import StoreError
from canon_core.maps.fit import fit_map
from canon_core.maps.kinds import MapKind
from canon_core.store.arrays import load_arrays, save_arrays
from canon_core.study.map_files import load_map, save_map


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    source, target = rng.standard_normal((50, 4)), rng.standard_normal((50, 3))
    save_map(tmp_path / "map.h5", fit_map(MapKind.AFFINE, source, target), {"source": "a"})
    return tmp_path / "map.h5"


def test_a_map_is_read_as_it_was_written(stored: Path) -> None:
    found = load_map(stored)
    assert found is not None
    assert found.kind is MapKind.AFFINE
    assert found.matrix.shape == (4, 3)
    rows = np.random.default_rng(1).standard_normal((5, 4))
    np.testing.assert_allclose(
        found.apply(rows, normalise=False), rows @ found.matrix + found.offset, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("matrix", np.full((4, 3), np.nan)),
        ("matrix", np.zeros(12)),
        ("matrix", np.zeros((4, 5))),
        ("offset", np.array([0.0, np.inf, 0.0])),
    ],
)
def test_a_damaged_map_is_refused_by_its_name(stored: Path, name: str, values: np.ndarray) -> None:
    arrays, facts = load_arrays(stored)
    save_arrays(stored, {**arrays, name: values}, facts)
    with pytest.raises(StoreError, match=r"map\.h5: not a map this program wrote; delete the file"):
        load_map(stored)
