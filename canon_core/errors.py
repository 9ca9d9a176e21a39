"""The only exceptions that leave ``canon_core``: each says what happened, to which file, and what to do."""

from __future__ import annotations

from pathlib import Path


class CanonError(Exception):
    """The input or the environment is at fault.

    Parameters
    ----------
    problem : str
        One clause saying what is wrong, e.g. ``"not an ONNX file"``.
    path : path, optional
        The file or folder it is about.
    remedy : str, optional
        What the user can do about it, as an imperative clause.
    """

    def __init__(self, problem: str, *, path: str | Path | None = None, remedy: str = "") -> None:
        self.problem = problem
        self.path = Path(path) if path is not None else None
        self.remedy = remedy
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """``path: problem; remedy.`` on one line."""
        text = f"{self.path}: {self.problem}" if self.path is not None else self.problem
        if self.remedy:
            text = f"{text}; {self.remedy}"
        return " ".join(text.split()).rstrip(".") + "."


class ModelError(CanonError):
    """A network or its preprocessing spec cannot be used."""


class DatasetError(CanonError):
    """A dataset, one of its files, or what it lacks."""


class StudyError(CanonError):
    """A study folder, or what is asked of it."""


class UnknownName(StudyError):
    """A study has no model or dataset of that name, or none any more."""


class StudyInUse(StudyError):
    """Another process holds the study; ``owner`` describes it (program, pid, host, since)."""

    def __init__(self, path: str | Path, owner: str) -> None:
        self.owner = owner
        super().__init__(
            f"in use by {owner}", path=path, remedy="wait for it, close it there, or open the study read-only"
        )


class StoreError(CanonError):
    """A file of embeddings, maps or results that cannot be read or written."""


class SettingsError(CanonError):
    """Settings that contradict each other or do not fit the data."""


class Cancelled(Exception):
    """The user cancelled the job. Not a fault: nothing is reported but the cancellation."""
