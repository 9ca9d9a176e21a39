"""What was found while files were read: counted, listed, and to be copied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from ..theme import LARGE
from ..views.labels import TextLabel
from ..wording import window_words

if TYPE_CHECKING:
    from canon_core.datasets.faces import Problem
    from canon_core.study.entries import DatasetEntry
    from canon_core.study.imports import ImportReport

#: Things listed on the screen in each section; all of them are copied.
_LISTED = 1000


@dataclass(frozen=True)
class Section:
    """Things that share a fate, said in ``title`` with their number; ``line`` tells one of them, when it is shown."""

    title: str
    things: Sequence[Any]
    line: Callable[[Any], str] = str


@dataclass(frozen=True)
class Report:
    """What a file or folder held.

    Attributes
    ----------
    title : str
        Of the window.
    headline : str
        What was done, in a sentence.
    notes : sequence of str
        What was taken for what, and what is unusual.
    sections : sequence of Section
        What was left out.
    """

    title: str
    headline: str
    notes: Sequence[str] = ()
    sections: Sequence[Section] = ()

    def text(self, listed: int | None = None) -> str:
        """All of it as lines; at most ``listed`` things in each section."""
        lines = [*self.notes]
        for section in self.sections:
            lines += ["", f"{section.title}:"]
            lines += [f"    {section.line(thing)}" for thing in section.things[:listed]]
            if listed is not None and len(section.things) > listed:
                lines.append(f"    … and {len(section.things) - listed:,} more, which Copy has too")
        return "\n".join(lines).lstrip("\n") + "\n"


class ReportDialog(QDialog):
    """Shows a report until it is closed."""

    def __init__(self, report: Report, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(report.title)
        self.resize(640, 420)
        self._report = report
        self.headline = TextLabel(report.headline, size=LARGE)
        self.list = QPlainTextEdit(report.text(_LISTED))
        self.list.setReadOnly(True)
        self.list.setAccessibleName("What was found")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy_button = self.buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        self.copy_button.setToolTip("Copy all of it as text")
        self.copy_button.clicked.connect(self.copy)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.headline)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.buttons)

    def copy(self) -> None:
        """All of it to the clipboard."""
        QGuiApplication.clipboard().setText(f"{self._report.headline}\n\n{self._report.text()}")


def dataset_report(entry: DatasetEntry, problems: Sequence[Problem]) -> Report:
    """What was recognised of a dataset, and which images were left out of it."""
    images = f"{entry.images:,} images" + ("" if entry.has_images else ", by name only,")
    templates = "" if entry.templates is None else (
        f", {entry.templates.templates:,} templates and {entry.templates.pairs:,} pairs"
        f" ({entry.templates.genuine:,} genuine)"
    )
    count = f"{len(problems):,} image{' was' if len(problems) == 1 else 's (or pairs) were'} left out"
    return Report(
        "Dataset added",
        f"Added '{entry.name}': {images} of {entry.subjects:,} subjects{templates}.",
        tuple(map(window_words, entry.notes)),
        (Section(count, problems, lambda problem: f"{problem.image}: {problem.reason}"),) if problems else (),
    )


def import_report(report: ImportReport) -> Report:
    """What was taken of a file of embeddings, and what was not."""
    notes = []
    if report.new_dataset:
        notes.append(f"Made dataset '{report.dataset}' of the ids alone.")
    if report.new_model:
        notes.append(f"Made model '{report.model}', of which there are embeddings only.")
    notes.append(
        f"{report.matched:,} of {report.rows:,} images have an embedding, paired by {report.paired_by};"
        f" {len(report.missing):,} missing, {len(report.unused):,} unused, {len(report.bad_rows):,} unusable."
    )
    if report.flip_kept:
        notes.append("The mirrored image's embedding is kept apart.")
    notes += [f"{note[:1].upper()}{window_words(note[1:])}." for note in report.notes]
    sections = [
        Section(f"{len(names):,} {what}", names)
        for names, what in (
            (report.missing, "images of the dataset have no embedding, and are left out of every result"),
            (report.unused, "embeddings are of no image of the dataset, and were not taken"),
            (report.bad_rows, "embeddings are unusable (not finite, or nothing but zeros), and are left out"),
        )
        if names
    ]
    return Report(
        "Embeddings imported",
        f"Imported {report.matched:,} embeddings of {report.dimensions} dimensions as model '{report.model}' on dataset"
        f" '{report.dataset}'.",
        notes,
        sections,
    )
