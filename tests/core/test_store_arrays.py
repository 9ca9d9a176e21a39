"""Small files of arrays give back what was put in."""

from __future__ import annotations

import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import canon_core.store.arrays as arrays_module
from canon_core.errors import StoreError
from canon_core.store.arrays import load_arrays, save_arrays

numbers = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.int32, np.uint8, np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=40),
)
# any file name that Linux allows: bytes without NUL, odd ones as surrogates
texts = st.lists(st.binary(max_size=12).map(lambda raw: raw.replace(b"\0", b"").decode("utf-8", "surrogateescape")))


@settings(max_examples=40, deadline=None)
@given(array=numbers, strings=texts, compress=st.booleans())
def test_arrays_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, strings: list[str], compress: bool
) -> None:
    path = tmp_path_factory.mktemp("arrays") / "a.h5"
    save_arrays(path, {"x": array, "ids": strings}, {"kind": "map", "n": 3, "r": 0.1}, compress=compress)
    arrays, attributes = load_arrays(path)
    assert arrays["x"].dtype == array.dtype
    assert np.array_equal(arrays["x"], array, equal_nan=array.dtype.kind == "f")
    assert list(arrays["ids"]) == strings
    assert attributes == {"kind": "map", "n": 3, "r": 0.1}


@settings(max_examples=40, deadline=None)
@given(strings=texts, piece=st.integers(1, 40))
def test_text_comes_back_whole_however_it_is_taken_apart(
    tmp_path_factory: pytest.TempPathFactory, strings: list[str], piece: int
) -> None:
    path = tmp_path_factory.mktemp("arrays") / "a.h5"
    save_arrays(path, {"ids": strings})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays_module, "_PIECE_BYTES", piece)
        found = load_arrays(path)[0]["ids"]
    assert list(found) == strings


def test_large_arrays_are_compressed_and_read_in_parts(tmp_path: Path) -> None:
    matrix = np.tile(np.arange(1024.0), (5000, 1))
    subjects = np.array([f"Person_{index // 7:05d}" for index in range(20_000)])
    save_arrays(tmp_path / "a.h5", {"matrix": matrix, "subjects": subjects})
    assert (tmp_path / "a.h5").stat().st_size < matrix.nbytes / 20
    arrays, _ = load_arrays(tmp_path / "a.h5")
    assert np.array_equal(arrays["matrix"], matrix)
    assert np.array_equal(arrays["subjects"].astype(str), subjects)
    with h5py.File(tmp_path / "a.h5") as file:
        assert np.array_equal(file["matrix"][17], matrix[17])
    assert list(load_arrays(tmp_path / "a.h5", ["matrix"])[0]) == ["matrix"]


def test_the_same_content_has_the_same_bytes(tmp_path: Path) -> None:
    save_arrays(tmp_path / "a.h5", {"x": np.arange(5000.0), "ids": ["a"]}, {"k": "v"})
    time.sleep(1.1)  # HDF5's time stamps count seconds
    save_arrays(tmp_path / "b.h5", {"x": np.arange(5000.0), "ids": ["a"]}, {"k": "v"})
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_what_cannot_be_stored_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    save_arrays(path, {"x": np.arange(3)})
    for bad in ({"x": np.array([object()])}, {"x": [["a"], ["b"]]}, {"x": ["a\0b"]}, {"a/b": np.arange(3)}):
        with pytest.raises(ValueError, match=r"'|name"):
            save_arrays(path, {"first": np.arange(9), **bad})
    assert list(load_arrays(path)[0]["x"]) == [0, 1, 2]


def test_a_missing_array_is_named_with_the_remedy(tmp_path: Path) -> None:
    save_arrays(tmp_path / "a.h5", {"x": np.arange(3)})
    with pytest.raises(StoreError, match=r"holds no array 'matrix'; fit the map again"):
        load_arrays(tmp_path / "a.h5", ["x", "matrix"], remedy="fit the map again")
