"""Networks that the user is about to add, each with what was found out about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from canon_core.errors import CanonError

if TYPE_CHECKING:
    from canon_core.jobs import JobContext
    from canon_core.models.resolve import ResolvedModel
    from canon_core.models.spec import ModelSpec


@dataclass
class Candidate:
    """One ONNX file. ``preset`` and ``spec`` are what the user chose instead of what was found; at most one is set."""

    path: Path
    name: str = ""  #: as the user wrote it; empty: made of the file's name
    preset: str = ""
    spec: ModelSpec | None = None
    resolved: ResolvedModel | None = None
    error: CanonError | None = None
    looking: bool = True

    @property
    def title(self) -> str:
        """What the list shows."""
        return self.name or self.path.stem

    @property
    def usable(self) -> bool:
        """Whether it can be added as it is."""
        return self.error is None and not self.looking

    @property
    def state(self) -> str:
        """What the list shows beside the name."""
        if self.looking:
            return "looking…"
        return "cannot be used" if self.error is not None else "ready"

    def choose(self, *, preset: str = "", spec: ModelSpec | None = None) -> None:
        """Use this instead of what was found; neither goes back to that."""
        self.preset, self.spec, self.looking, self.error = preset, spec, True, None


@dataclass(frozen=True)
class Answer:
    """What was found out about a file, asked with these choices."""

    path: Path
    preset: str
    spec: ModelSpec | None
    resolved: ResolvedModel | None
    error: CanonError | None


@dataclass(frozen=True)
class Question:
    """A file to look into, and with which choices."""

    path: Path
    preset: str
    spec: ModelSpec | None


def look_into(questions: list[Question], ctx: JobContext) -> None:
    """Look into each file; every :class:`Answer` is a partial result. Runs in the engine."""
    from canon_core.models.resolve import resolve_model

    for question in questions:
        ctx.check()
        try:
            resolved = resolve_model(question.path, preset=question.preset or None, spec=question.spec)
        except CanonError as error:
            ctx.partial(Answer(question.path, question.preset, question.spec, None, error))
        else:
            ctx.partial(Answer(question.path, question.preset, question.spec, resolved, None))
