"""Embeddings made elsewhere: every format, matched by row or by id, and nothing dropped without being said."""

from __future__ import annotations

import gzip
import importlib.util
import io
import pickle
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canon_core.datasets.imported import ImportedEmbeddings, pair_rows, read_imported
from canon_core.errors import Cancelled, CanonError, DatasetError
from canon_core.jobs import JobContext
from canon_core.store.arrays import save_arrays

from .watchdog import watchdog

ROWS = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
NAMES = ["Ann/1.jpg", "Ann/2.jpg", "Bob/1.jpg", "Bob/2.jpg", "Eve/1.jpg"]


def saved(folder: Path, name: str) -> Path:
    """The same five embeddings in the format that the name asks for."""
    path = folder / name
    match name:
        case "a.npy":
            np.save(path, ROWS)
        case "double.npy":
            np.save(path, np.asfortranarray(ROWS.astype(np.float64)))
        case "only.npz":
            np.savez(path, features=ROWS, labels=np.arange(5))
        case "named.npz":
            np.savez_compressed(path, embs=ROWS, embs_f=np.array([]), names=np.array(NAMES), other=np.zeros((2, 2)))
        case "first.h5":
            with h5py.File(path, "w") as file:
                file["b/table"] = ROWS
                file["labels"] = np.arange(5)
                file["z"] = np.zeros((2, 2), int)
        case "ours.h5":
            save_arrays(path, {"embeddings": ROWS, "ids": NAMES})
        case "plain.csv":
            np.savetxt(path, ROWS, delimiter=",", fmt="%.9g")
        case "ids.csv":
            pd.DataFrame(ROWS, index=NAMES).to_csv(path, index_label="id")
        case "bare.csv":
            pd.DataFrame(ROWS, index=NAMES).to_csv(path, header=False)
        case _:
            raise ValueError(name)
    return path


def read(path: Path, **options: object) -> ImportedEmbeddings:
    return read_imported(path, JobContext(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a.npy", "double.npy", "only.npz", "first.h5", "plain.csv"])
def test_rows_are_read_from_every_format(tmp_path: Path, name: str) -> None:
    found = read(saved(tmp_path, name))
    np.testing.assert_allclose(found.rows, ROWS, rtol=1e-6)
    assert found.rows.dtype == np.float32
    assert found.ids is None
    assert found.bad_rows == ()


@pytest.mark.parametrize("name", ["named.npz", "ours.h5", "ids.csv", "bare.csv"])
def test_ids_are_taken_where_the_file_names_them(tmp_path: Path, name: str) -> None:
    found = read(saved(tmp_path, name))
    np.testing.assert_allclose(found.rows, ROWS, rtol=1e-6)
    assert found.ids == tuple(NAMES)


def test_ids_that_are_numbers_are_known_by_the_columns_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,x,y\n7,1,2\n8,3,4\n")
    found = read(path)
    assert found.ids == ("7", "8")
    assert found.rows.tolist() == [[1, 2], [3, 4]]


def test_upright_and_mirrored_are_kept_apart_as_the_authors_save_them(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, embs=ROWS, embs_f=2 * ROWS)
    found = read(path)
    np.testing.assert_array_equal(found.rows, np.stack([ROWS, 2 * ROWS], axis=1))
    assert found.dimensions == 4
    assert "mirrored" in " ".join(found.notes)


def archive(path: Path, arrays: dict[str, object]) -> Path:
    """Arrays in the format that the path's ending says."""
    if path.suffix == ".npz":
        np.savez(path, **{name: np.array(array) for name, array in arrays.items()})  # type: ignore[arg-type]
        return path
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_of_several_tables_none_is_guessed(tmp_path: Path, suffix: str) -> None:
    path = archive(tmp_path / f"a{suffix}", {"x": ROWS, "y": 2 * ROWS})
    with pytest.raises(DatasetError, match=r"2 tables that could be the embeddings: x \(5, 4\), y \(5, 4\)") as caught:
        read(path)
    assert caught.value.remedy == "say which with --array NAME"
    np.testing.assert_array_equal(read(path, array="y").rows, 2 * ROWS)
    with pytest.raises(DatasetError, match="holds no array 'w'"):
        read(path, array="w")


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize("name", ["embs", "embeddings", "Features"])
def test_a_table_called_embeddings_is_taken_before_others(tmp_path: Path, suffix: str, name: str) -> None:
    arrays = {"det_points": np.ones((5, 10), np.float32), name: ROWS, "zones": np.ones((5, 4))}
    found = read(archive(tmp_path / f"a{suffix}", arrays))
    np.testing.assert_array_equal(found.rows, ROWS)
    assert found.notes[0] == f"embeddings from array {name}"


def test_embeddings_of_several_groups_are_chosen_by_their_whole_name(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.h5", {"a/embs": ROWS, "a/ids": NAMES, "b/embs": 2 * ROWS, "b/ids": NAMES[::-1]})
    with pytest.raises(DatasetError, match=r"could be the embeddings: a/embs \(5, 4\), b/embs"):
        read(path)
    with pytest.raises(DatasetError, match="holds 2 arrays 'embs'"):
        read(path, array="embs")
    found = read(path, array="b/embs")
    np.testing.assert_array_equal(found.rows, 2 * ROWS)
    assert found.ids == tuple(NAMES[::-1])


def test_a_map_is_not_taken_for_embeddings(tmp_path: Path) -> None:
    arrays = {"matrix": np.eye(4), "format": "canon map 1", "source": "old"}
    with pytest.raises(DatasetError, match="is a map that this program wrote"):
        read(archive(tmp_path / "a.npz", arrays))


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize(
    "name", ["ids", "ID", "image_names", "img_ids", "Image_ID", "imagePaths", "keys", "files", "file_name", "uuid"]
)
def test_ids_are_known_by_many_names(tmp_path: Path, suffix: str, name: str) -> None:
    order = [3, 1, 4, 0, 2]
    found = read(archive(tmp_path / f"a{suffix}", {"embs": ROWS[order], name: [NAMES[place] for place in order]}))
    assert found.ids == tuple(NAMES[place] for place in order)
    assert f"ids from array {name}" in found.notes
    assert pair_rows(found, NAMES).rows.tolist() == [3, 1, 4, 0, 2]


def test_ids_are_found_in_the_group_of_the_embeddings(tmp_path: Path) -> None:
    arrays = {"a/ids": NAMES[::-1], "g/embs": ROWS, "g/ids": NAMES, "g/labels": ["x", "x", "y", "y", "z"]}
    assert read(archive(tmp_path / "a.h5", arrays)).ids == tuple(NAMES)


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_what_may_be_ids_is_not_passed_over(tmp_path: Path, suffix: str) -> None:
    path = archive(tmp_path / f"a{suffix}", {"embs": ROWS, "who": NAMES})
    with pytest.raises(DatasetError, match="its array 'who' may hold ids; rename it to ids, or give --ids FILE"):
        read(path)
    (tmp_path / "ids.txt").write_text("\n".join(NAMES))
    assert read(path, ids=tmp_path / "ids.txt").ids == tuple(NAMES)
    labels = archive(tmp_path / f"b{suffix}", {"embs": ROWS, "who": ["Ann", "Ann", "Bob", "Bob", "Eve"]})
    assert read(labels).ids is None, "what stands twice is no id"


# -- tables as text --------------------------------------------------------------------------------------------------
def text(folder: Path, *lines: str) -> Path:
    path = folder / "a.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    "heading", ["image_id,f0,f1", "file,f0,f1", "person_path,f0,f1", "index,f0,f1", ",f0,f1", ",0,1", "index,0,1,2,3"]
)
def test_a_heading_says_that_numbers_are_ids(tmp_path: Path, heading: str) -> None:
    width = heading.count(",")
    found = read(text(tmp_path, heading, f"0010{',0.5' * width}", f"0011{',1' * width}"))
    assert found.ids == ("0010", "0011")
    assert found.rows.tolist() == [[0.5] * width, [1] * width]


def test_ids_may_stand_in_another_column_that_is_called_so(tmp_path: Path) -> None:
    found = read(text(tmp_path, "f0,f1,image_id", "0.5,1,7", "2,3,8"))
    assert found.ids == ("7", "8")
    assert found.rows.tolist() == [[0.5, 1], [2, 3]]


def test_what_pandas_writes_by_default_is_read_back(tmp_path: Path) -> None:
    pd.DataFrame(ROWS).to_csv(tmp_path / "a.csv")
    found = read(tmp_path / "a.csv")
    np.testing.assert_allclose(found.rows, ROWS, rtol=1e-6)
    assert found.ids == ("0", "1", "2", "3", "4")
    pd.DataFrame(ROWS).to_csv(tmp_path / "a.csv", index=False)
    found = read(tmp_path / "a.csv")
    np.testing.assert_allclose(found.rows, ROWS, rtol=1e-6)
    assert found.ids is None


@pytest.mark.parametrize("names", [["12", "a7", "b"], ["nan", "a7", "inf"], ["1", "2", "c"]])
def test_one_name_in_the_first_column_makes_it_one_of_ids(tmp_path: Path, names: list[str]) -> None:
    found = read(text(tmp_path, *(f"{name},1,0.5" for name in names)))
    assert found.ids == tuple(names)
    assert found.rows.tolist() == [[1, 0.5]] * 3


def test_counted_rows_without_a_heading_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nothing says whether they are ids") as caught:
        read(text(tmp_path, "000,0.5,0.25", "001,0.5,1", "002,0,1"))
    assert "first line" in caught.value.remedy
    assert read(text(tmp_path, "x0,x1,x2", "000,0.5,0.25", "001,0.5,1")).rows.shape == (2, 3)
    assert read(text(tmp_path, "1,5,25", "2,5,1", "3,0,1")).rows.shape == (3, 3), "beside whole numbers it is one"
    assert read(text(tmp_path, "1,0.5,25", "1,5,1", "3,0,1")).rows.shape == (3, 3), "no ids stand twice"


def test_a_column_that_is_neither_id_nor_number_of_the_embedding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"its column 'label' is called neither .* \(f0, …\)"):
        read(text(tmp_path, "id,label,f0,f1", "a,1,0.5,0.25"))
    with pytest.raises(DatasetError, match="its column 'number'"):
        read(text(tmp_path, "number,f0,f1", "1,0.5,0.25"))


@pytest.mark.parametrize(
    ("lines", "wrong"), [(("a,1,0.5", ",2,0.5"), 2), (("id,x,y", "a,1,2", "", ",3,4"), 4), ((",0.5,1", "b,1,1"), 1)]
)
def test_a_row_without_an_id_is_an_error_with_its_line(tmp_path: Path, lines: tuple[str, ...], wrong: int) -> None:
    with pytest.raises(DatasetError, match=f"line {wrong}: it has no id"):
        read(text(tmp_path, *lines))


def test_ids_come_from_a_file_of_their_own(tmp_path: Path) -> None:
    path = saved(tmp_path, "a.npy")
    (tmp_path / "ids.txt").write_text("\ufeff" + "\r\n".join(NAMES) + "\r\n")
    (tmp_path / "ids.csv").write_text("name,extra\n" + "".join(f'"{name}",1\n' for name in NAMES))
    assert read(path, ids=tmp_path / "ids.txt").ids == tuple(NAMES)
    assert read(path, ids=tmp_path / "ids.csv").ids == tuple(NAMES)
    (tmp_path / "ids.txt").write_text("\n".join(NAMES[:4]))
    with pytest.raises(DatasetError, match="names 4 ids for 5 rows"):
        read(path, ids=tmp_path / "ids.txt")
    (tmp_path / "ids.txt").write_text("\n".join([*NAMES[:4], NAMES[0]]))
    with pytest.raises(DatasetError, match=r"names 'Ann/1.jpg' twice"):
        read(path, ids=tmp_path / "ids.txt")


def test_rows_without_a_usable_embedding_are_reported(tmp_path: Path) -> None:
    rows = ROWS.astype(np.float64)
    rows[1, 2], rows[3], rows[4, 0] = np.nan, 0, 1e300
    np.savez(tmp_path / "a.npz", embs=rows, ids=NAMES)
    found = read(tmp_path / "a.npz")
    assert found.bad_rows == (1, 3, 4)
    assert "3 rows hold no usable embedding (first: Ann/2.jpg)" in found.notes


# -- pairing ---------------------------------------------------------------------------------------------------------
def imported(names: list[str] | None, count: int = 5) -> ImportedEmbeddings:
    return ImportedEmbeddings(Path("e.npy"), ROWS[:count], None if names is None else tuple(names), (), ())


def test_without_ids_rows_are_matched_by_place() -> None:
    assert pair_rows(imported(None), NAMES).rows.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(DatasetError, match="holds 5 rows for 4 images, and no ids") as caught:
        pair_rows(imported(None), NAMES[:4])
    assert "--ids" in caught.value.remedy


def test_ids_that_do_not_match_are_counted_and_listed() -> None:
    pairing = pair_rows(imported(["Bob/1.jpg", "x", "Ann/1.jpg", "y", "z"]), NAMES)
    assert pairing.rows.tolist() == [2, -1, 0, -1, -1]
    assert pairing.missing == ("Ann/2.jpg", "Bob/2.jpg", "Eve/1.jpg")
    assert pairing.unused == ("x", "y", "z")
    assert not pairing.complete
    with pytest.raises(DatasetError, match="none of its 5 ids is one of the 5 images'"):
        pair_rows(imported(list("abcde")), NAMES)


@pytest.mark.parametrize(
    "spelled",
    [
        [name.replace("/", "\\") for name in NAMES],
        [f"./{name}" for name in NAMES],
        [name.replace(".jpg", ".png") for name in NAMES],
        [name.removesuffix(".jpg") for name in NAMES],
    ],
)
def test_other_spellings_of_a_path_match(spelled: list[str]) -> None:
    pairing = pair_rows(imported(spelled), NAMES)
    assert pairing.complete
    assert pairing.rows.tolist() == [0, 1, 2, 3, 4]


def test_endings_that_were_passed_over_are_said() -> None:
    assert pair_rows(imported(NAMES), NAMES).loosely == ""
    assert pair_rows(imported([f"./{name}" for name in NAMES]), NAMES).loosely == ""
    stripped = pair_rows(imported([name.replace(".jpg", ".JPG.npy") for name in NAMES]), NAMES)
    assert stripped.complete
    assert stripped.loosely == "the endings of the files"


def test_what_stands_behind_a_dot_in_a_name_counts() -> None:
    pairing = pair_rows(
        imported(["ann.lee", "bob.ray", "john.doe", "eve.x", "v1.25"]), ["ann.lee", "bob.ray", "john.smith", "eve.x"]
    )
    assert pairing.missing == ("john.smith",)
    assert pairing.unused == ("john.doe", "v1.25")
    with pytest.raises(DatasetError, match="none of its 2 ids"):
        pair_rows(imported(["ann.lee", "bob.x"], 2), ["ann.ray", "bob.y"])


def test_accents_match_however_they_are_written() -> None:
    pairing = pair_rows(imported(["Zoe\u0308/1.jpg", "Ann/1.png"], 2), ["Ann/1.jpg", "Zo\u00eb/1.jpg"])
    assert pairing.rows.tolist() == [1, 0]
    composed = pair_rows(imported(["Zoe\u0308/1.jpg"], 1), ["Zo\u00eb/1.jpg"])
    assert composed.loosely == "the way accents are written"


def test_a_spelling_that_two_rows_share_matches_neither() -> None:
    pairing = pair_rows(imported(["Ann/1.png", "Ann/1.bmp", "Bob/1", "c", "d"]), NAMES)
    assert pairing.rows.tolist() == [-1, -1, 2, -1, -1]


@given(st.permutations(range(5)), st.integers(1, 5))
def test_every_match_is_a_row_of_that_name(order: list[int], count: int) -> None:
    names = [NAMES[place] for place in order[:count]]
    pairing = pair_rows(imported(names, count), NAMES)
    for name, row in zip(NAMES, pairing.rows.tolist(), strict=True):
        assert (names[row] == name) if row >= 0 else (name not in names)
    assert set(pairing.missing) == set(NAMES) - set(names)
    assert pairing.unused == ()


# -- bad input -------------------------------------------------------------------------------------------------------
def _npy(header: str, data: bytes = b"") -> bytes:
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.npy", b"", "damaged or no array"),
        ("a.npy", b"no array", "damaged or no array"),
        (
            "a.npy",
            _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999, 512)}"),
            "cut short or claims an absurd",
        ),
        ("a.npy", _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-5, -4)}"), "absurd shape|damaged"),
        ("a.npy", _npy("{'descr': '|O', 'fortran_order': False, 'shape': (1, 1)}"), "would have to be unpickled"),
        ("a.npy", gzip.compress(_npy("")), "is compressed with gzip"),
        ("a.npz", b"PK\x03\x04 no archive", "damaged or no .npz"),
        ("a.h5", b"no hdf5", "not an HDF5 file"),
        ("a.csv", b"", "holds no embeddings"),
        ("a.csv", b"id,x,y\n", "holds no embeddings"),
        ("a.csv", b"a,1,2\nb,1\n", "line 2: it has 2 of 3 columns"),
        ("a.csv", b"a,1,2\nb,1,x\n", "line 2: 'x' is not a number"),
        ("a.csv", b"1,2\n\xff,3\n", "not UTF-8"),
        ("a.txt", b"1 2 3", "is no .npy, .npz, .h5, .hdf5, .csv, .parquet file"),
    ],
)
def test_what_holds_no_embeddings_is_refused(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=says) as caught:
        read(path)
    assert caught.value.path == path
    assert caught.value.remedy


@pytest.mark.parametrize(
    "array", [np.zeros(4), np.zeros((2, 3, 4)), np.zeros((0, 4)), np.zeros((4, 0)), np.zeros((2, 2), complex)]
)
def test_arrays_of_another_shape_or_kind_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DatasetError, match=r"instead of one row|holds no embeddings"):
        read(tmp_path / "a.npy")


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    called = tmp_path / "called"

    class Call:
        def __reduce__(self) -> tuple:
            return Path.touch, (called,)

    np.save(tmp_path / "a.npy", np.array([[Call()]], object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", embs=np.array([[Call()]], object), allow_pickle=True)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(DatasetError, match="unpickled, which is refused"):
            read(tmp_path / name)
    (tmp_path / "b.npz").write_bytes(pickle.dumps(ROWS))
    with pytest.raises(DatasetError, match=r"no \.npz"):
        read(tmp_path / "b.npz")
    assert not called.exists()


def test_an_archive_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("embs.npy", _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 512)}"))
    with pytest.raises(DatasetError, match="claims an absurd"):
        read(tmp_path / "a.npz")


def test_a_missing_file_and_a_folder_are_refused_and_reading_can_be_cancelled(tmp_path: Path) -> None:
    (tmp_path / "b.npy").mkdir()
    for path in (tmp_path / "missing.npy", tmp_path / "b.npy"):
        with pytest.raises(DatasetError, match="cannot be read"):
            read(path)
    ctx = JobContext()
    ctx.cancel()
    with pytest.raises(Cancelled):
        read_imported(saved(tmp_path, "a.npy"), ctx)


def test_parquet_is_read_or_what_it_needs_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    if importlib.util.find_spec("pyarrow") is None:
        path.write_bytes(b"PAR1")
        with pytest.raises(DatasetError, match="cannot be read without pyarrow") as caught:
            read(path)
        assert "install pyarrow" in caught.value.remedy
        monkeypatch.setattr(sys, "frozen", True, raising=False)
        with pytest.raises(DatasetError, match="this package of the program cannot read") as caught:
            read(path)
        assert caught.value.remedy == "save the embeddings as .npy, .npz, .h5 or .csv"  # nothing can be installed
        return
    pd.DataFrame({"id": NAMES, "embedding": list(ROWS)}).to_parquet(path)
    found = read(path)
    np.testing.assert_array_equal(found.rows, ROWS)
    assert found.ids == tuple(NAMES)
    pd.DataFrame(ROWS).rename(columns=str).to_parquet(path)
    np.testing.assert_array_equal(read(path).rows, ROWS)
    path.write_bytes(b"PAR1 damaged PAR1")
    with pytest.raises(DatasetError, match="is damaged"):
        read(path)


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["a.npy", "only.npz", "named.npz", "ours.h5", "ids.csv", "plain.csv"]),
    st.integers(0, 100_000),
    st.one_of(st.binary(max_size=8), st.sampled_from([b",", b"\n", b'"', b"nan", b"1e999"])),
    st.integers(0, 8),
)
def test_a_damaged_file_gives_embeddings_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, name: str, place: int, junk: bytes, removed: int
) -> None:
    path = saved(tmp_path_factory.getbasetemp(), name)
    good = path.read_bytes()
    place %= len(good) + 1
    path.write_bytes(good[:place] + junk + good[place + removed :])
    try:
        with watchdog():
            found = read(path)
    except CanonError:
        return
    assert found.rows.ndim in (2, 3)
    assert found.ids is None or len(found.ids) == len(found)


def test_the_bytes_of_an_array_are_those_numpy_reads() -> None:
    assert np.load(io.BytesIO(_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4)}"))).shape == (0, 4)
