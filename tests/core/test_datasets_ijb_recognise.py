"""Recognising a dataset: by which file, and what was looked for in vain."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from canon_core.datasets.recognise import recognise
from canon_core.errors import DatasetError

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
