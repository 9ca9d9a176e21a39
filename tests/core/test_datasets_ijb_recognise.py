"""Recognising a dataset: by which file, and what was looked for in vain."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from canon_core.datasets.ijb import read_ijb
from canon_core.datasets.ijb_files import find_ijb
from canon_core.datasets.recognise import recognise
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext

FILES = {
    "ijbc": ("meta/ijbc_face_tid_mid.txt",),
    "ijbb": ("IJBB/meta/ijbb_face_tid_mid.txt",),
    "nist": ("protocols/test1/match.csv", "protocols/test1/enroll_templates.csv"),
    "lfw": ("pairs.txt",),
    "folder": ("Ann/1.jpg",),
}


@pytest.mark.parametrize("format_name", FILES)
def test_a_folder_is_recognised_by_its_files(tmp_path: Path, format_name: str) -> None:
    root = tmp_path / "parent" / "data"
    for name in FILES[format_name]:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1\n")
    found, reasons = recognise(root)
    assert found == format_name
    if format_name != "folder":
        assert Path(FILES[format_name][0]).name in reasons[-1]


def test_what_was_looked_for_is_said(tmp_path: Path) -> None:
    root = tmp_path / "parent" / "data"
    root.mkdir(parents=True)
    found, reasons = recognise(root)
    assert found == "folder"
    text = " ".join(reasons)
    for name in ("ijbc_face_tid_mid.txt", "ijbb_face_tid_mid.txt", "match.csv", "pairs.txt"):
        assert f"{name}" in text


def test_a_verification_set_is_recognised_and_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "lfw.bin"
    path.write_bytes(pickle.dumps(([b"x", b"y"], [True])))
    assert recognise(path)[0] == "bin"
    other = tmp_path / "notes.txt"
    other.write_text("x")
    with pytest.raises(DatasetError, match=r"is a file, not a folder, and no \.bin file \(looked for: no meta"):
        recognise(other)
    with pytest.raises(DatasetError, match="no such folder or file"):
        recognise(tmp_path / "missing")


def test_another_dataset_in_the_same_layout_is_read_without_published_counts(tmp_path: Path) -> None:
    meta = tmp_path / "meta"
    meta.mkdir()
    (meta / "demo_face_tid_mid.txt").write_text("1.jpg 1 1\n2.jpg 2 2\n3.jpg 3 3\n")
    (meta / "demo_template_pair_label.txt").write_text("1 2 1\n1 3 0\n")
    (meta / "demo_name_5pts_score.txt").write_text("".join(f"{n}.jpg {'1 ' * 10}0.5\n" for n in (1, 2, 3)))
    files, why = find_ijb(tmp_path)
    assert files is not None
    assert files.format == "ijbc"
    assert "'demo' in InsightFace's layout" in why
    found = read_ijb(tmp_path, JobContext())
    assert len(found.protocol) == 2
    assert not any("published" in warning for warning in found.warnings)


def test_two_other_datasets_in_one_folder_are_not_guessed_at(tmp_path: Path) -> None:
    meta = tmp_path / "meta"
    meta.mkdir()
    for name in ("one", "two"):
        (meta / f"{name}_face_tid_mid.txt").write_text("1.jpg 1 1\n")
    assert find_ijb(tmp_path)[0] is None


def test_a_compressed_list_of_images_is_named(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "ijbc_face_tid_mid.txt.gz").write_bytes(b"\x1f\x8b")
    files, why = find_ijb(tmp_path)
    assert files is None
    assert "ijbc_face_tid_mid.txt.gz is compressed: unpack it with gunzip" in why
