"""What the table of images promises: stable names, codes, fingerprint, and a safe way to disk and back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from canon_core.datasets.faces import Alignment, FaceImages, Problem, faces_without_images
from canon_core.errors import DatasetError, StoreError
from canon_core.store.arrays import load_arrays, save_arrays


@pytest.fixture
def faces() -> FaceImages:
    rng = np.random.default_rng(0)
    return FaceImages(
        root=Path("/data/people"),
        ids=("Zoë/a.jpg", "Zoë/b.jpg", "Ann/c.jpg"),
        subjects=("Zoë", "Zoë", "Ann"),
        sha256=("0" * 64, "1" * 64, "2" * 64),
        file_size=np.array([10, 20, 30], np.int64),
        mtime_ns=np.array([1, 2, 3], np.int64),
        width=np.array([250, 250, 250], np.int32),
        height=np.array([240, 240, 240], np.int32),
        alignment=Alignment.LANDMARKS,
        landmarks=rng.uniform(0, 240, (3, 5, 2)).astype(np.float32),
        boxes=rng.uniform(0, 240, (3, 4)).astype(np.float32),
        scores=np.array([0.9, 0.8, 0.7], np.float32),
        problems=(Problem("Ann/d.jpg", "is cut short"),),
        detector="f" * 64,
    )


def test_codes_count_the_sorted_subjects(faces: FaceImages) -> None:
    assert faces.subject_names == ("Ann", "Zoë")
    assert faces.subject_codes.tolist() == [1, 1, 0]
    assert faces.subject_codes.dtype == np.int32
    assert len(faces) == 3


def test_faces_come_back_from_a_file_as_they_were(faces: FaceImages, tmp_path: Path) -> None:
    for number, written in enumerate(
        (faces, replace(faces, alignment=None, landmarks=None, boxes=None, scores=None, problems=(), detector=""))
    ):
        save_arrays(tmp_path / f"{number}.h5", written.to_arrays())
        read = FaceImages.from_arrays(load_arrays(tmp_path / f"{number}.h5")[0], written.root)
        assert read.fingerprint == written.fingerprint
        for name in ("root", "ids", "subjects", "sha256", "alignment", "problems", "detector"):
            assert getattr(read, name) == getattr(written, name)
        for name in ("file_size", "mtime_ns", "width", "height", "landmarks", "boxes", "scores"):
            one, other = getattr(read, name), getattr(written, name)
            assert (one is None) == (other is None)
            if one is not None:
                np.testing.assert_array_equal(one, other, strict=True)


CHANGES: dict[str, Callable[[FaceImages], dict[str, Any]]] = {
    "a byte of an image": lambda faces: {"sha256": (*faces.sha256[:2], "3" * 64)},
    "a subject": lambda faces: {"subjects": ("Zoë", "Bob", "Ann")},
    "a name": lambda faces: {"ids": ("Zoë/a.jpg", "Zoë/b.jpg", "Ann/d.jpg")},
    "where names end": lambda faces: {"ids": ("Zoë/a.jpgZoë", "/b.jpg", "Ann/c.jpg")},
    "a landmark": lambda faces: {"landmarks": np.nextafter(faces.landmarks, np.float32(1e9))},
    "a box": lambda faces: {"boxes": faces.boxes + 1},
    "a score": lambda faces: {"scores": faces.scores[::-1]},
    "no scores": lambda faces: {"scores": None},
    "the alignment": lambda faces: {"alignment": Alignment.WHOLE},
    "the order": lambda faces: {
        name: tuple(getattr(faces, name)[row] for row in (0, 2, 1)) for name in ("ids", "subjects", "sha256")
    },
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_fingerprint_changes_with(faces: FaceImages, change: str) -> None:
    assert replace(faces, **CHANGES[change](faces)).fingerprint != faces.fingerprint


def test_the_fingerprint_stays_when_the_folder_moves_or_is_copied(faces: FaceImages) -> None:
    moved = replace(faces, root=Path("/elsewhere"), mtime_ns=faces.mtime_ns + 5, problems=())
    assert moved.fingerprint == faces.fingerprint


def test_rows_may_share_files(faces: FaceImages, tmp_path: Path) -> None:
    shared = replace(faces, files=("v/1.jpg", "v/1.jpg", "v/2.jpg"))
    assert [shared.path(row) for row in range(3)] == [Path("/data/people/v") / f"{name}.jpg" for name in (1, 1, 2)]
    save_arrays(tmp_path / "t.h5", shared.to_arrays())
    read = FaceImages.from_arrays(load_arrays(tmp_path / "t.h5")[0], faces.root)
    assert (read.files, read.fingerprint) == (shared.files, faces.fingerprint)
    assert faces.path(0) == Path("/data/people/Zoë/a.jpg")


def test_rows_without_images_may_have_any_names(tmp_path: Path) -> None:
    names = ("/elsewhere/a.jpg", "../b.jpg", "C:\\c.jpg")
    rows = faces_without_images(tmp_path, names, ("Ann", "Ann", "Bob"), np.array([0.5, 0.6, 0.7], np.float32))
    assert not rows.has_images
    save_arrays(tmp_path / "t.h5", rows.to_arrays())
    read = FaceImages.from_arrays(load_arrays(tmp_path / "t.h5")[0], tmp_path)
    assert (read.ids, read.fingerprint, read.has_images) == (names, rows.fingerprint, False)
    with pytest.raises(DatasetError, match=r"no images, only their names; import embeddings"):
        read.path(0)


def test_a_table_as_long_as_ijb_c_is_read_in_a_moment() -> None:
    count = 469_375
    ids = tuple(f"{number}.jpg" for number in range(count))
    ones = np.ones(count, np.int64)
    table = replace(
        faces_without_images(Path("/data"), ids, ids),
        file_size=ones, mtime_ns=ones, width=ones.astype(np.int32), height=ones.astype(np.int32),
    ).to_arrays()  # fmt: skip
    start = time.process_time()
    FaceImages.from_arrays(table, Path("/data"))
    assert time.process_time() - start < 2  # a tenth of it in measurements; a step for each path takes more


DAMAGE: dict[str, dict[str, Any]] = {
    "an array that is missing": {"width": None},
    "text that is missing": {"sha256": None},
    "too few subjects": {"subjects": np.array(["Zoë", "Ann"], object)},
    "an image twice": {"ids": np.array(["a/b.jpg", "a/b.jpg", "a/c.jpg"], object)},
    "a path out of the dataset": {"ids": np.array(["../b.jpg", "a/b.jpg", "a/c.jpg"], object)},
    "an absolute path": {"ids": np.array(["/etc/passwd", "a/b.jpg", "a/c.jpg"], object)},
    "a hash that is none": {"sha256": np.array(["0", "1", "2"], object)},
    "landmarks that are no numbers": {"landmarks": np.full((3, 5, 2), np.nan, np.float32)},
    "landmarks of another shape": {"landmarks": np.zeros((3, 4, 2), np.float32)},
    "landmarks that are missing": {"landmarks": None},
    "numbers where text should be": {"subjects": np.arange(3)},
    "an unknown alignment": {"alignment": np.array(["sideways", ""], object)},
    "problems without reasons": {"problem_reasons": np.array([], object)},
    "fractions of bytes": {"file_size": np.ones(3)},
    "a path that goes up": {"ids": np.array(["a/../../b.jpg", "a/b.jpg", "a/c.jpg"], object)},
    "an image without a name": {"ids": np.array(["", "a/b.jpg", "a/c.jpg"], object)},
    "a file out of the dataset": {"files": np.array(["x.jpg", "x.jpg", "/etc/passwd"], object)},
    "too few files": {"files": np.array(["x.jpg", "x.jpg"], object)},
    "boxes that are missing": {"alignment": np.array(["boxes", ""], object), "boxes": None},
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_table_with_damage_is_refused(faces: FaceImages, damage: str) -> None:
    arrays = faces.to_arrays() | DAMAGE[damage]
    arrays = {name: array for name, array in arrays.items() if array is not None}
    with pytest.raises(StoreError, match="table of images is damaged") as caught:
        FaceImages.from_arrays(arrays, faces.root, path=Path("table.h5"))
    assert caught.value.path == Path("table.h5")
    assert caught.value.remedy
