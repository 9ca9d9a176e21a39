"""LFW's list of pairs: folds, kinds of pairs, and every line that is not right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from canon_core.datasets.faces import FaceImages, Problem
from canon_core.datasets.lfw import FoldProtocol, read_pairs
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import read_dataset
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext

TWO_FOLDS = "2\t1\nAnn\t1\t2\nAnn\t1\tBob\t2\nBob\t1\t2\nBob\t1\tAnn\t2\n"


def people(*ids: str, problems: tuple[Problem, ...] = ()) -> FaceImages:
    count = len(ids)
    return FaceImages(
        root=Path("/data/people"),
        ids=ids,
        subjects=tuple(image.split("/")[0] for image in ids),
        sha256=("0" * 64,) * count,
        file_size=np.ones(count, np.int64),
        mtime_ns=np.ones(count, np.int64),
        width=np.ones(count, np.int32),
        height=np.ones(count, np.int32),
        alignment=None,
        problems=problems,
    )


ALL = people("Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg", "Bob/Bob_0001.jpg", "Bob/Bob_0002.jpg")


def read(tmp_path: Path, text: str | bytes, faces: FaceImages = ALL) -> tuple[FoldProtocol, tuple[Problem, ...]]:
    path = tmp_path / "pairs.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_pairs(path, faces)


def rows(protocol: FoldProtocol) -> list[tuple[int, int, bool, int]]:
    columns = (protocol.first, protocol.second, protocol.genuine, protocol.fold)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize(
    "text",
    [
        TWO_FOLDS,
        TWO_FOLDS.replace("\t", "   "),
        "\ufeff" + TWO_FOLDS.replace("\n", "\r\n") + "\r\n\r\n",
        TWO_FOLDS.replace("\t1", "\t0001").replace("2\t0001\n", "2\t1\n"),
        TWO_FOLDS.replace("\n", "\t\n"),
    ],
)
def test_pairs_are_read_in_the_order_of_the_file(tmp_path: Path, text: str) -> None:
    protocol, problems = read(tmp_path, text)
    assert rows(protocol) == [(0, 1, True, 0), (0, 3, False, 0), (2, 3, True, 1), (2, 1, False, 1)]
    assert problems == ()
    assert protocol.folds == 2
    assert (protocol.first.dtype, protocol.genuine.dtype, protocol.fold.dtype) == (np.int32, np.bool_, np.int32)


def test_a_lone_count_in_the_first_line_announces_one_fold(tmp_path: Path) -> None:
    protocol, _ = read(tmp_path, "1\nAnn\t1\t2\nAnn\t1\tBob\t2\n")
    assert rows(protocol) == [(0, 1, True, 0), (0, 3, False, 0)]


def test_names_may_hold_blanks_where_fields_are_apart_by_tabs(tmp_path: Path) -> None:
    faces = people("Al B/Al B_0001.jpg", "Al B/Al B_0002.jpg", "Bob/Bob_0002.jpg")
    protocol, _ = read(tmp_path, "1\t1\nAl B\t1\t2\nAl B\t1\tBob\t2\n", faces)
    assert rows(protocol) == [(0, 1, True, 0), (0, 2, False, 0)]


def test_another_ending_is_taken_where_there_is_no_jpg(tmp_path: Path) -> None:
    faces = people("Ann/Ann_0001.bmp", "Ann/Ann_0001.jpg", "Ann/Ann_0002.png", "Bob/Bob_0002.JPG")
    protocol, problems = read(tmp_path, "1\t1\nAnn\t1\t2\nAnn\t1\tBob\t2\n", faces)
    assert rows(protocol) == [(1, 2, True, 0), (1, 3, False, 0)]
    assert problems == ()


def test_pairs_of_images_that_are_not_there_are_named(tmp_path: Path) -> None:
    faces = people("Ann/Ann_0001.jpg", "Bob/Bob_0001.jpg", "Bob/Bob_0002.jpg", problems=(
        Problem("Ann/Ann_0002.jpg", "is cut short"),
    ))  # fmt: skip
    protocol, problems = read(tmp_path, TWO_FOLDS.replace("Ann\t1\tBob\t2", "Ann\t3\tBob\t2"), faces)
    assert rows(protocol) == [(1, 2, True, 1)]
    assert [problem.image for problem in problems] == [
        "Ann_0001 and Ann_0002",
        "Ann_0003 and Bob_0002",
        "Bob_0001 and Ann_0002",
    ]
    assert "line 2 of pairs.txt" in problems[0].reason
    assert "Ann/Ann_0002 was left out itself (is cut short)" in problems[0].reason
    assert "Ann/Ann_0003 is not in the dataset" in problems[1].reason


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no pairs"),
        ("ten\t300\n", "line 1 should say how many folds"),
        ("0\t300\n", "line 1 should say how many folds"),
        ("1\t2\t3\n", "line 1 should say how many folds"),
        ("10\t999999999\n", "line 1 should say how many folds"),
        (TWO_FOLDS.replace("2\t1\n", "2\t2\n", 1), "line 3: a genuine pair .* should stand here"),
        (TWO_FOLDS.replace("2\t1\n", "3\t1\n", 1), r"ends after 4 pairs, in line 5, where 3 × 2 × 1 were announced"),
        (TWO_FOLDS + "Ann\t1\t2\n", r"line 6: 2 × 2 × 1 pairs were announced and this is one more"),
        (TWO_FOLDS.replace("Ann\t1\t2\n", "Ann\t1\n", 1), "line 2: a genuine pair"),
        (TWO_FOLDS.replace("Ann\t1\t2\n", "Ann\t1\tx\n", 1), "line 2: 'x' is no number of an image"),
        (TWO_FOLDS.replace("Ann\t1\t2\n", "Ann\t1\t-2\n", 1), "line 2: '-2' is no number"),
        (TWO_FOLDS.replace("Ann\t1\t2\n", "Ann\t1\t1\n", 1), "line 2: an image is paired with itself"),
        (TWO_FOLDS.replace("Ann\t1\tBob\t2", "Bob\t1\tBob\t2"), "line 3: an impostor pair of one person"),
        (TWO_FOLDS.replace("Ann\t1\t2\n", "../etc\t1\t2\n", 1), "line 2: '../etc' is no name"),
        (b"1\t1\nAnn\xff\t1\t2\n", "not UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not UTF-8|not text"),
    ],
)
def test_what_is_no_list_of_pairs_is_refused_with_its_line(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(DatasetError, match=says) as caught:
        read(tmp_path, text)
    assert caught.value.path == tmp_path / "pairs.txt"
    assert caught.value.remedy


@pytest.mark.real
def test_the_real_list_holds_as_many_pairs_of_each_kind_as_it_announces(real: Path) -> None:
    loaded = read_dataset(real / "lfw", DatasetOptions(), JobContext())
    assert loaded.format == "lfw"
    assert loaded.folds is not None
    folds, faces = loaded.folds, loaded.faces
    assert len(faces) == 3811
    assert len(faces.subject_names) == 2086
    assert faces.problems == ()
    codes = faces.subject_codes
    np.testing.assert_array_equal(codes[folds.first] == codes[folds.second], folds.genuine)
    for fold in range(5):
        assert folds.genuine[folds.fold == fold].tolist() == [True] * 300 + [False] * 300
    line = (real / "lfw" / "pairs.txt").read_text().splitlines()[1 + 600 + 300]  # first impostor pair of fold 2
    name, number, other, other_number = line.split("\t")
    assert faces.ids[folds.first[900]] == f"{name}/{name}_{int(number):04d}.jpg"
    assert faces.ids[folds.second[900]] == f"{other}/{other}_{int(other_number):04d}.jpg"
