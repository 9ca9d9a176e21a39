"""The CSV of landmarks, as many programs write it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canon_core.datasets.landmarks import POINT_COLUMNS, mirrored, read_landmarks, why_unusable
from canon_core.errors import DatasetError

NUMBERS = "30,40,60,41,45,55,33,70,58,71"
POINTS = np.array(NUMBERS.split(","), np.float32).reshape(5, 2)
HEADER = ",".join(["path", *POINT_COLUMNS, "score"])


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "points.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        f"Ann/a.jpg,{NUMBERS}\n",
        f"Ann/a.jpg,{NUMBERS},0.5",
        f"{HEADER}\nAnn/a.jpg,{NUMBERS},0.5\n",
        f"image,x1,y1,x2,y2,x3,y3,x4,y4,x5,y5\nAnn/a.jpg,{NUMBERS}\n",
        f"\ufeff{HEADER}\r\nAnn/a.jpg,{NUMBERS},0.5\r\n\r\n",
        f'"Ann/a.jpg", {NUMBERS.replace(",", " , ")}\n',
        f"Ann\\a.jpg,{NUMBERS}\n",
        f"./Ann/a.jpg,{NUMBERS}\n",
        f"people/Ann/a.jpg,{NUMBERS}\n",
        f"/data/people/Ann/a.jpg,{NUMBERS}\n",
        f"\n\nAnn/a.jpg,{NUMBERS},\n",
    ],
)
def test_a_line_is_understood_however_it_is_written(tmp_path: Path, text: str) -> None:
    found = read_landmarks(written(tmp_path, text), Path("/data/people"))
    assert list(found) == ["Ann/a.jpg"]
    np.testing.assert_array_equal(found["Ann/a.jpg"].points, POINTS, strict=True)
    assert found["Ann/a.jpg"].score == (0.5 if "0.5" in text else None)


def test_columns_are_taken_by_name_where_all_are_named(tmp_path: Path) -> None:
    names = ["score", *POINT_COLUMNS[::-1], "note", "path"]
    row = ["0.25", *NUMBERS.split(",")[::-1], "hello", "Ann/a.jpg"]
    found = read_landmarks(written(tmp_path, f"{','.join(names)}\n{','.join(row)}\n"))
    np.testing.assert_array_equal(found["Ann/a.jpg"].points, POINTS)
    assert found["Ann/a.jpg"].score == 0.25


_names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1).map(str.strip)
_number = st.floats(-1e4, 1e4, width=32)


@given(
    st.dictionaries(
        _names.filter(lambda name: name.strip(".")), st.lists(_number, min_size=10, max_size=10), min_size=1
    )
)
def test_every_file_of_the_csv_module_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: dict) -> None:
    stream = io.StringIO()
    csv.writer(stream).writerows([f"S/{name}", *numbers] for name, numbers in rows.items())
    path = tmp_path_factory.mktemp("csv") / "points.csv"
    path.write_bytes(stream.getvalue().encode())
    found = read_landmarks(path)
    assert {f"S/{name}": numbers for name, numbers in rows.items()} == {
        image: row.points.ravel().tolist() for image, row in found.items()
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"a/b.jpg,{NUMBERS}\na/c.jpg,1,2,3\n", "line 2 has 4 fields"),
        (f"a/b.jpg,{NUMBERS},1,9\n", "line 1 has 13 fields"),
        (f"a/b.jpg,{NUMBERS}\n\na/c.jpg,{NUMBERS.replace('55', 'nan')}\n", "line 3: 'nan' is not a finite number"),
        (f"a/b.jpg,{NUMBERS.replace('55', 'inf')}\n", "line 1: 'inf' is not a finite number"),
        (f"a/b.jpg,{NUMBERS.replace('55', '1e99')}\n", "line 1: '1e99' is not a finite number"),
        (f"a/b.jpg,{NUMBERS.replace('55', 'left')}\n", "line 1: 'left' is not a finite number"),
        (f"a/b.jpg,{NUMBERS},high\n", "the score 'high' is not a finite number"),
        (f",{NUMBERS}\n", "line 1 names no image"),
        (f"a/b.jpg,{NUMBERS}\na/c.jpg,{NUMBERS}\na\\b.jpg,{NUMBERS}\n", "lines 1 and 3 both hold landmarks of a/b.jpg"),
        (f"{HEADER}\n", "holds no landmarks"),
        ("", "holds no landmarks"),
        (b"a/b.jpg,\xff\xfe,1\n", "not UTF-8"),
        (b"a/b.jpg,\0\n", "line 1 is not text"),
        (HEADER.replace("score", "nose_x") + "\n", "names a column twice"),
    ],
)
def test_a_fault_is_told_with_its_line_and_a_remedy(tmp_path: Path, text: str | bytes, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(DatasetError, match=says) as caught:
        read_landmarks(path)
    assert caught.value.path == path
    assert caught.value.remedy


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(DatasetError, match=r"no such file|is a folder"):
            read_landmarks(path)


def test_points_of_a_face_cut_off_by_the_border_are_believed_and_others_are_not() -> None:
    assert why_unusable(POINTS, 100, 100) is None
    assert why_unusable(POINTS - 40, 100, 100) is None
    assert "far outside" in (why_unusable(POINTS + 300, 100, 100) or "")
    assert "far outside" in (why_unusable(POINTS - 300, 100, 100) or "")
    assert why_unusable(np.full((5, 2), 50, np.float32), 100, 100) == "landmarks coincide"


def test_points_counted_from_the_subjects_side_are_noticed() -> None:
    assert not mirrored(POINTS)
    assert mirrored(POINTS[[1, 0, 2, 4, 3]])
