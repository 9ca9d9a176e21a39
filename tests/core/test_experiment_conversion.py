"""Old embeddings taken into a new model's space: every form of file, in blocks, nothing lost without a word."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canon_core.datasets.imported import read_imported
from canon_core.errors import Cancelled, CanonError, DatasetError, SettingsError
from canon_core.experiments import conversion
from canon_core.experiments.conversion import convert_embeddings
from canon_core.jobs import Event, JobContext, Log
from canon_core.maps.fit import fit_map
from canon_core.maps.kinds import MapKind
from canon_core.maps.portable import MapOrigin, MapSide, PortableMap
from canon_core.store.embeddings import create_embeddings, read_embeddings, read_info
from canon_core.store.embeddings_in_place import EmbeddingsWriter

SOURCE, TARGET = 6, 9


@pytest.fixture(scope="module")
def portable() -> PortableMap:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((200, SOURCE))
    aims = rows @ rng.standard_normal((SOURCE, TARGET)) + 0.3
    origin = MapOrigin(
        "1", "s", "d", "f", MapSide("old", "a" * 64, "k"), MapSide("new", "b" * 64, "l"),
        "all 200 images", "disjoint", 0, "paper", "conservative", 1, 1, (),
    )  # fmt: skip
    return PortableMap(fit_map(MapKind.AFFINE, rows, aims), origin)


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return (5 * np.random.default_rng(1).standard_normal((50, SOURCE))).astype(np.float32)


def by_hand(portable: PortableMap, rows: np.ndarray) -> np.ndarray:
    found = np.zeros((len(rows), TARGET))
    for number, row in enumerate(rows.astype(np.float64)):
        if np.isfinite(row).all() and row.any():
            mapped = row / np.linalg.norm(row) @ portable.mapping.matrix + portable.mapping.offset
            found[number] = mapped / np.linalg.norm(mapped)
    return found


def stored(path: Path, rows: np.ndarray, done: int | None = None, **attributes: str) -> Path:
    create_embeddings(path, len(rows), rows.shape[-1], attributes, flip_kept=rows.ndim == 3)
    with EmbeddingsWriter(path) as writer:
        writer.append(rows[:done])
    return path


def write(folder: Path, form: str, rows: np.ndarray) -> Path:
    path = folder / f"old.{form.partition(' ')[0]}"
    if form == "npy":
        np.save(path, rows)
    elif form == "npy float64":
        np.save(path, rows.astype(np.float64))
    elif form == "npy fortran":
        np.save(path, np.asfortranarray(rows))
    elif form == "npz":
        np.savez(path, embs=rows)
    elif form == "csv":
        np.savetxt(path, rows, delimiter=",", fmt="%.9g")
    elif form == "h5":
        with h5py.File(path, "w") as file:
            file["features"] = rows
    else:
        stored(path, rows)
    return path


@pytest.mark.parametrize("form", ["npy", "npy float64", "npy fortran", "npz", "csv", "h5", "h5 of a study"])
@pytest.mark.parametrize("suffix", [".npy", ".h5"])
def test_every_form_gives_what_the_formula_gives_row_by_row(
    tmp_path: Path, portable: PortableMap, rows: np.ndarray, form: str, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "_BLOCK_BYTES", 7 * 4 * SOURCE)  # blocks of seven rows
    out = tmp_path / f"new{suffix}"
    report = convert_embeddings(portable, write(tmp_path, form, rows), out, JobContext())
    found = np.load(out) if suffix == ".npy" else read_embeddings(out)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_hand(portable, rows), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert (report.rows, report.bad_rows, report.flip_kept) == (50, (), False)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_what_is_written_as_h5_can_be_imported_with_its_ids(
    tmp_path: Path, portable: PortableMap, rows: np.ndarray
) -> None:
    ids = [f"Zoë/{number}.jpg" for number in range(len(rows))]
    np.savez(tmp_path / "old.npz", embs=rows, ids=np.array(ids))
    report = convert_embeddings(portable, tmp_path / "old.npz", tmp_path / "new.h5", JobContext())
    assert (report.ids, report.ids_lost) == (True, False)
    imported = read_imported(tmp_path / "new.h5", JobContext())
    assert imported.ids == tuple(ids)
    np.testing.assert_allclose(imported.rows, by_hand(portable, rows), atol=1e-5)
    info = read_info(tmp_path / "new.h5")
    assert info.complete
    assert (info.attributes["source"], info.attributes["target"]) == ("old", "new")
    assert "model_sha256" not in info.attributes, "no network made these"


def test_a_file_of_ours_keeps_its_ids_through_another_map(
    tmp_path: Path, portable: PortableMap, rows: np.ndarray
) -> None:
    np.savez(tmp_path / "old.npz", embs=rows, ids=np.array([f"i{number}" for number in range(50)]))
    convert_embeddings(portable, tmp_path / "old.npz", tmp_path / "new.h5", JobContext())
    rng = np.random.default_rng(3)
    back = fit_map(MapKind.LINEAR, rng.standard_normal((60, TARGET)), rng.standard_normal((60, SOURCE)))
    convert_embeddings(PortableMap(back, portable.origin), tmp_path / "new.h5", tmp_path / "back.h5", JobContext())
    assert read_imported(tmp_path / "back.h5", JobContext()).ids == tuple(f"i{number}" for number in range(50))


def test_ids_that_npy_has_no_place_for_are_not_lost_silently(
    tmp_path: Path, portable: PortableMap, rows: np.ndarray
) -> None:
    np.savez(tmp_path / "old.npz", embs=rows, ids=np.array([str(number) for number in range(50)]))
    report = convert_embeddings(portable, tmp_path / "old.npz", tmp_path / "new.npy", JobContext())
    assert (report.ids, report.ids_lost) == (False, True)


@pytest.mark.parametrize("form", ["npy", "npz", "h5 of a study"])
def test_rows_without_an_embedding_are_counted_and_become_zeros(
    tmp_path: Path, portable: PortableMap, rows: np.ndarray, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "_BLOCK_BYTES", 7 * 4 * SOURCE)
    damaged = rows.copy()
    damaged[3], damaged[20, 2], damaged[49] = 0, np.nan, -np.inf
    report = convert_embeddings(portable, write(tmp_path, form, damaged), tmp_path / "new.npy", JobContext())
    assert report.bad_rows == ("row 4", "row 21", "row 50")
    found = np.load(tmp_path / "new.npy")
    np.testing.assert_allclose(found, by_hand(portable, damaged), atol=1e-5)
    assert np.flatnonzero(~found.any(axis=1)).tolist() == [3, 20, 49]


@pytest.mark.parametrize("form", ["npy", "h5 of a study"])
@pytest.mark.parametrize("suffix", [".npy", ".h5"])
def test_both_flips_are_mapped_each_by_itself(
    tmp_path: Path, portable: PortableMap, rows: np.ndarray, form: str, suffix: str
) -> None:
    both = np.stack([rows, rows[::-1]], axis=1)
    both[7, 1] = 0
    report = convert_embeddings(portable, write(tmp_path, form, both), tmp_path / f"new{suffix}", JobContext())
    found = np.load(tmp_path / "new.npy") if suffix == ".npy" else read_embeddings(tmp_path / "new.h5")
    assert report.flip_kept
    assert report.bad_rows == ("row 8",)
    kept = np.arange(50) != 7
    np.testing.assert_allclose(found[kept, 0], by_hand(portable, both[kept, 0]), atol=1e-5)
    np.testing.assert_allclose(found[kept, 1], by_hand(portable, both[kept, 1]), atol=1e-5)
    assert not found[7].any(), "half an embedding is none"


def refused(portable: PortableMap, source: Path, target: Path) -> str:
    before = target.read_bytes() if target.is_file() else None
    with pytest.raises(CanonError) as caught:
        convert_embeddings(portable, source, target, JobContext())
    assert (target.read_bytes() if target.is_file() else None) == before
    return str(caught.value)


@pytest.mark.parametrize("form", ["npy", "npz", "csv", "h5", "h5 of a study"])
def test_other_dimensions_are_refused_with_both_numbers(tmp_path: Path, portable: PortableMap, form: str) -> None:
    path = write(tmp_path, form, np.ones((4, 7), np.float32))
    says = refused(portable, path, tmp_path / "new.npy")
    assert str(path) in says
    assert "7 dimensions" in says
    assert "'old' takes 6" in says


def test_what_is_read_is_not_written_over(tmp_path: Path, portable: PortableMap, rows: np.ndarray) -> None:
    path = write(tmp_path, "npy", rows)
    (tmp_path / "link.npy").symlink_to(path)
    assert "over themselves" in refused(portable, path, tmp_path / "link.npy")
    np.testing.assert_array_equal(np.load(path), rows)


def test_unfinished_missing_and_strange_files_are_refused(
    tmp_path: Path, portable: PortableMap, rows: np.ndarray
) -> None:
    out = tmp_path / "new.npy"
    assert "20 of 50" in refused(portable, stored(tmp_path / "half.h5", rows, done=20), out)
    assert "nothing.npy" in refused(portable, tmp_path / "nothing.npy", out)
    (tmp_path / "folder.npy").mkdir()
    refused(portable, tmp_path / "folder.npy", out)
    np.save(tmp_path / "flat.npy", rows[0])
    assert "(6,)" in refused(portable, tmp_path / "flat.npy", out)
    np.save(tmp_path / "none.npy", rows[:0])
    refused(portable, tmp_path / "none.npy", out)
    np.save(tmp_path / "objects.npy", np.array([[object()] * SOURCE]), allow_pickle=True)
    assert "unpickled" in refused(portable, tmp_path / "objects.npy", out)
    whole = write(tmp_path, "npy", rows)
    whole.write_bytes(whole.read_bytes()[:-10])
    assert "damaged" in refused(portable, whole, out)
    with pytest.raises(SettingsError, match=r"\.npy or \.h5"):
        convert_embeddings(portable, whole, tmp_path / "new.csv", JobContext())
    assert not out.exists()


def test_embeddings_of_another_network_are_taken_with_a_warning(
    tmp_path: Path, portable: PortableMap, rows: np.ndarray
) -> None:
    def warnings_of(sha256: str) -> list[str]:
        events: list[Event] = []
        path = stored(tmp_path / f"{sha256[0]}.h5", rows, model_sha256=sha256)
        convert_embeddings(portable, path, tmp_path / "new.npy", JobContext(emit=events.append))
        return [event.text for event in events if isinstance(event, Log) and event.level == logging.WARNING]

    assert warnings_of("a" * 64) == []
    assert "another network" in warnings_of("c" * 64)[0]


def test_cancelling_leaves_the_old_file(tmp_path: Path, portable: PortableMap, rows: np.ndarray) -> None:
    path = write(tmp_path, "npy", rows)
    (tmp_path / "new.npy").write_text("the old one")
    ctx = JobContext()
    ctx.cancel()
    with pytest.raises(Cancelled):
        convert_embeddings(portable, path, tmp_path / "new.npy", ctx)
    assert (tmp_path / "new.npy").read_text() == "the old one"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["new.npy", "old.npy"]


@settings(max_examples=100, deadline=None)
@given(place=st.integers(0, 140), new=st.binary(min_size=1, max_size=6), cut=st.integers(0, 1300))
def test_a_damaged_npy_is_a_clear_error_or_does_no_harm(
    tmp_path_factory: pytest.TempPathFactory, portable: PortableMap, rows: np.ndarray, place: int, new: bytes, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = write(folder, "npy", rows)
    data = bytearray(path.read_bytes())
    data[place : place + len(new)] = new
    path.write_bytes(data[: len(data) - cut])
    try:
        convert_embeddings(portable, path, folder / "new.npy", JobContext())
    except DatasetError:
        assert not (folder / "new.npy").exists()
        return
    assert np.load(folder / "new.npy").shape[-1] == TARGET
