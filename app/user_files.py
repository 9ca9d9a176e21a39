"""The user's own small files: recent studies, what was open, the log; nothing of the studies themselves."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from platformdirs import user_log_path, user_state_path

log = logging.getLogger(__name__)

_PROGRAM = "canon-explorer"
_RECENT_KEPT = 12
#: Bytes of one of these files; a larger one is not ours.
_MAX_BYTES = 4 * 2**20
_LOG_BYTES = 2**20


def state_folder() -> Path:
    """Where the window's state lies between two runs."""
    return user_state_path(_PROGRAM, appauthor=False)


def log_file() -> Path:
    """Where details of faults go: tracebacks, never embeddings."""
    return user_log_path(_PROGRAM, appauthor=False) / "canon-explorer.log"


@dataclass(frozen=True)
class Session:
    """What one running window has open. Its file is there while it is: one of a process that is gone was cut off.

    ``view`` is the state of the study's window, a moment newer than what the study itself remembers.
    """

    study: str
    read_only: bool
    view: dict[str, Any]
    pid: int


def write_session(session: Session) -> None:
    """Remember what is open."""
    _write(f"session-{session.pid}.json", {**vars(session)})


def end_session(pid: int) -> None:
    """Nothing is open any more, as the user wanted."""
    with contextlib.suppress(OSError):
        (state_folder() / f"session-{pid}.json").unlink(missing_ok=True)


def take_cut_off_session() -> Session | None:
    """The latest session that ended without saying so (a crash, a kill, a power cut); it is found only once."""
    found: list[tuple[float, Session]] = []
    for path in state_folder().glob("session-*.json"):
        saved = _read(path.name)
        study, view, pid = saved.get("study"), saved.get("view"), saved.get("pid")
        if isinstance(pid, int) and _runs(pid):
            continue
        with contextlib.suppress(OSError):
            if isinstance(study, str) and isinstance(view, dict) and isinstance(pid, int):
                found.append((path.stat().st_mtime, Session(study, saved.get("read_only") is True, view, pid)))
            path.unlink()
    return max(found, key=lambda each: each[0])[1] if found else None


def recent_studies() -> tuple[Path, ...]:
    """Studies opened lately, the latest first, whether they are still there or not."""
    paths = _read("recent.json").get("studies")
    return tuple(Path(path) for path in paths if isinstance(path, str)) if isinstance(paths, list) else ()


def remember_study(path: Path) -> tuple[Path, ...]:
    """Put a study first among the recent ones."""
    recent = (path, *(other for other in recent_studies() if other != path))[:_RECENT_KEPT]
    _write("recent.json", {"studies": [str(each) for each in recent]})
    return recent


def forget_study(path: Path) -> tuple[Path, ...]:
    """Take a study off the recent ones."""
    recent = tuple(other for other in recent_studies() if other != path)
    _write("recent.json", {"studies": [str(each) for each in recent]})
    return recent


def read_window() -> dict[str, Any]:
    """Where the window stood: geometry and docks (base64), the chosen appearance, the study that was open."""
    return _read("window.json")


def write_window(window: dict[str, Any]) -> None:
    """Remember where the window stands."""
    _write("window.json", window)


def read_detector() -> Path | None:
    """The face detector that was chosen last, where its file is still there."""
    path = _read("detector.json").get("path")
    return Path(path) if isinstance(path, str) and Path(path).is_file() else None


def write_detector(path: Path) -> None:
    """Remember a face detector."""
    _write("detector.json", {"path": str(path)})


def read_preferences() -> dict[str, Any]:
    """What the user prefers, whatever study is open."""
    return _read("preferences.json")


def write_preferences(preferences: dict[str, Any]) -> None:
    """Remember what the user prefers."""
    _write("preferences.json", preferences)


def log_to_file() -> Callable[[], None]:
    """Send the program's log to :func:`log_file`; returns what takes that back. A full disk costs the log only."""
    root = logging.getLogger()
    try:
        log_file().parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(log_file(), maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8", delay=True)
    except OSError:
        return lambda: None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.WARNING)
    root.addHandler(handler)

    def stop() -> None:
        root.removeHandler(handler)
        handler.close()

    return stop


# -- private ---------------------------------------------------------------------------------------------------------
def _read(name: str) -> dict[str, Any]:
    path = state_folder() / name
    try:
        with path.open("rb") as stream:
            found = json.loads(stream.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(name: str, content: dict[str, Any]) -> None:
    """Replace a file in one step; these files are a convenience, so a failure is logged, not shown."""
    folder = state_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(content, stream, indent=1)
            Path(temporary).replace(folder / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        log.warning("%s could not be written: %s", folder / name, error)


def _runs(pid: int) -> bool:
    """Whether a process of this user with that number runs."""
    if pid <= 0 or pid == os.getpid():
        return False
    if os.name == "nt":
        return False  # os.kill would end it there; opening the study asks its lock anyway
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
