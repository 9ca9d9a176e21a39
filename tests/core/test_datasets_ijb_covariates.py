"""Covariates beside InsightFace's lists: matched by the images' names, and nothing that scores depend on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from canon_core.datasets.covariates import Kind
from canon_core.datasets.ijb import read_ijb
from canon_core.datasets.ijb_covariates import read_image_covariates
from canon_core.datasets.template_protocol import TemplateProtocols
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext

IMAGES = ("1.jpg", "2.jpg", "3.jpg")


def covariates(path: Path, text: str) -> tuple[dict[str, list[object]], tuple[str, ...]]:
    path.write_text(text)
    found, warnings = read_image_covariates(path, IMAGES, JobContext())
    values: dict[str, list[object]] = {}
    for each in found:
        known = ["?" if np.isnan(value) else value for value in each.values.tolist()]
        if each.kind is Kind.CLASS:
            known = [value if value == "?" else each.classes[int(value)] for value in known]  # type: ignore[call-overload]
        values[each.name] = known
    return values, warnings


def test_they_are_matched_by_name_in_any_order(tmp_path: Path) -> None:
    values, warnings = covariates(tmp_path / "c.csv", "Yaw,Name,Cover\n2.5,3.jpg,mask\n-1,1.jpg,\n4,2.jpg,cap\n")
    assert values == {"YAW": [-1, 4, 2.5], "COVER": ["?", "cap", "mask"]}
    assert warnings == ()


def test_images_without_a_row_are_unknown_and_rows_without_an_image_are_counted(tmp_path: Path) -> None:
    values, warnings = covariates(tmp_path / "c.csv", "NAME,YAW\n1.jpg,0.5\n9.jpg,3\n8.jpg,4\n")
    assert values == {"YAW": [0.5, "?", "?"]}
    assert warnings == ("c.csv says nothing of 2 of 3 images", "c.csv has 2 rows of no image, which were passed over")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("NAME,YAW\n1.jpg,1\n2.jpg,2\n1.jpg,3\n", "line 4: it and line 2 are both of image 1.jpg"),
        ("NAME,YAW\n7.jpg,1\n", "names no image of the dataset"),
        ("IMAGE,YAW\n1.jpg,1\n", "names no column NAME"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DatasetError, match=said) as fault:
        covariates(tmp_path / "c.csv", text)
    assert fault.value.path == tmp_path / "c.csv"


def test_a_dataset_brings_them_and_compares_what_it_did_without(tmp_path: Path) -> None:
    meta = tmp_path / "meta"
    meta.mkdir()
    (meta / "own_face_tid_mid.txt").write_text("1.jpg 1 1\n2.jpg 4 2\n3.jpg 9 3\n")
    (meta / "own_template_pair_label.txt").write_text("1 9 1\n4 9 0\n")
    point = "46 62 87 60 68 77 52 99 86 98 0.9"
    (meta / "own_name_5pts_score.txt").write_text("".join(f"{name} {point}\n" for name in IMAGES))
    before = read_ijb(tmp_path, JobContext())
    assert before.covariates == ()
    assert "covariates" not in before.notes[0]
    (meta / "own_covariates.csv").write_text("NAME,YAW\n1.jpg,1.5\n2.jpg,2\n3.jpg,3\n")
    after = read_ijb(tmp_path, JobContext())
    assert [each.name for each in after.covariates] == ["YAW"]
    assert after.notes[0].endswith("covariates: YAW")
    assert meta / "own_covariates.csv" in after.sources
    one, other = (TemplateProtocols(each.protocol, each.search, each.covariates) for each in (before, after))
    assert one.compared == other.compared == one.fingerprint != other.fingerprint
