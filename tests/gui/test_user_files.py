"""The user's own small files."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from app import user_files


def test_recent_studies_are_kept_in_order_without_repeats_and_not_for_ever() -> None:
    for number in [*range(20), 3]:
        user_files.remember_study(Path(f"/studies/{number}.canon"))
    recent = [path.stem for path in user_files.recent_studies()]
    assert recent[:3] == ["3", "19", "18"]
    assert len(recent) == len(set(recent)) == 12
    user_files.forget_study(Path("/studies/3.canon"))
    assert "3" not in [path.stem for path in user_files.recent_studies()]


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b'{"studies": 3}', b'{"studies": [1, null]}', b"\xff\xfe"])
def test_a_damaged_file_is_as_good_as_none(content: bytes) -> None:
    user_files.state_folder().mkdir(parents=True)
    for name in ("recent.json", "window.json", "session-1.json"):
        (user_files.state_folder() / name).write_bytes(content)
    assert user_files.recent_studies() == ()
    assert isinstance(user_files.read_window(), dict)
    assert user_files.take_cut_off_session() is None


def test_a_folder_that_cannot_be_written_costs_the_memory_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(user_files, "user_state_path", lambda *_, **__: tmp_path / "file" / "below")
    assert user_files.remember_study(Path("/a.canon")) == (Path("/a.canon"),)
    user_files.end_session(1)
    assert "could not be written" in caplog.text


def test_details_of_faults_go_into_the_log_file() -> None:
    stop = user_files.log_to_file()
    logging.getLogger("app.test").error("details of %s", "a fault")
    stop()
    logging.getLogger("app.test").error("not any more")
    text = user_files.log_file().read_text()
    assert "details of a fault" in text
    assert "not any more" not in text
