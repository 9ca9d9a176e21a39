"""What the inspector says of a model and of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..wording import window_words
from .explanations import alignment_words, amount_text
from .fact_sheet import FactSheet

if TYPE_CHECKING:
    from canon_core.datasets.faces import Problem
    from canon_core.study.entries import DatasetEntry, ModelEntry

    from ..contents import Imported

#: Problems listed one by one; a dataset with more has another kind of problem.
_LISTED = 300


def model_sheet(entry: ModelEntry, imports: Sequence[Imported] = ()) -> FactSheet:
    """Everything about a model; ``imports`` says where embeddings that were made elsewhere came from."""
    sheet = FactSheet()
    about = entry.spec.about.get("title", "") if entry.spec.about.get("title") != entry.name else ""
    sheet.title(entry.name, "embeddings made elsewhere" if entry.imported else about)
    if entry.imported:
        _imported_model(sheet, entry, imports)
    else:
        _network(sheet, entry)
    return sheet


def dataset_sheet(entry: DatasetEntry, problems: Sequence[Problem] = ()) -> FactSheet:
    """Everything about a dataset, and the images that were left out of it."""
    sheet = FactSheet()
    sheet.title(entry.name, f"{entry.protocol}")
    if not entry.has_images:
        sheet.note("There are no images, so nothing can be embedded here: import embeddings made elsewhere.")
    elif entry.alignment is None:
        sheet.note(f"Alignment is {alignment_words(None)}.")
    sheet.facts(
        [
            ("images", f"{entry.images:,}" if entry.has_images else f"{entry.images:,}, by name only"),
            ("subjects", f"{entry.subjects:,}"),
            ("format", entry.format),
            ("alignment", alignment_words(entry.alignment) if entry.has_images else ""),
            ("folds", _folds_text(entry)),
            ("left out", f"{entry.problems:,}" if entry.problems else "nothing"),
        ]
    )
    if entry.templates is not None:
        counts = entry.templates
        sheet.heading("Templates")
        sheet.facts(
            [
                ("templates", f"{counts.templates:,}"),
                ("pairs", f"{counts.pairs:,}"),
                ("genuine", f"{counts.genuine:,}"),
                ("impostor", f"{counts.pairs - counts.genuine:,}"),
                ("galleries", ", ".join(counts.galleries) if counts.galleries else "none: no 1:N identification"),
                ("probes", f"{counts.probes:,}" if counts.probes else ""),
                ("covariates", ", ".join(counts.covariates) if counts.covariates else "none"),
            ]
        )
    _notes(sheet, entry.notes)
    if problems:
        sheet.heading("Left out, and why")
        for problem in problems[:_LISTED]:
            sheet.paragraph(f"{problem.image}: {problem.reason}")
        if len(problems) > _LISTED:
            sheet.remark(f"and {len(problems) - _LISTED:,} more")
    sheet.heading("Folder" if entry.format not in ("bin", "ids") else "File")
    sheet.facts([("path", str(entry.path))])
    sheet.digest("fingerprint", entry.fingerprint)
    return sheet


def _folds_text(entry: DatasetEntry) -> str:
    if entry.has_folds:
        return f"{entry.fold_pairs:,} pairs; choose a cell of the matrix for its fold accuracy"
    return "" if entry.has_templates else "none"


def _network(sheet: FactSheet, entry: ModelEntry) -> None:
    network, output = entry.spec.input, entry.spec.output
    sheet.facts(
        [
            ("dimensions", f"{entry.dimensions}"),
            ("parameters", f"{amount_text(entry.parameters)} ({entry.parameters:,})"),
            ("MACs an image", f"{amount_text(entry.macs)} ({entry.macs:,})"),
            ("FLOPs an image", f"{amount_text(entry.flops)} ({entry.flops:,})"),
        ]
    )
    sheet.remark("Counted from the graph at its real input size; the paper's Table 2 mixes MACs and FLOPs.")
    sheet.heading("Preprocessing")
    template = "five points of its own" if network.template is None else network.template
    if network.template == "box":
        template += f", {network.margin:g} px margin"
    sheet.facts(
        [
            ("from", entry.origin),
            ("input", f"{network.width} wide × {network.height} high, {network.color}, {network.layout}"),
            ("face laid by", template),
            ("pixels", network.scaling_text),
            ("outputs", ", ".join(output.names)),
            ("flip", output.flip),
            ("second half", "variances (PFE)" if output.pfe else ""),
        ]
    )
    _notes(sheet, entry.notes)
    about = [(name.replace("_", " "), text) for name, text in entry.spec.about.items() if name != "title"]
    if about:
        sheet.heading("About")
        sheet.facts(about)
    sheet.heading("File")
    sheet.facts([("path", str(entry.file))])
    sheet.digest("sha256", entry.sha256)


def _imported_model(sheet: FactSheet, entry: ModelEntry, imports: Sequence[Imported]) -> None:
    sheet.facts([("dimensions", f"{entry.dimensions}")])
    sheet.remark("There is no network: nothing can be embedded with this model, and how its embeddings were made is not"
                 " known here.")
    if not imports:
        sheet.heading("File")
        sheet.facts([("path", str(entry.file))])
    for source in imports:
        paired = "by the ids in the file" if source.paired_by == "id" else "row by row, in the order of the images"
        sheet.heading(f"Embeddings of {source.dataset}")
        sheet.facts(
            [
                ("from", source.file.name),
                ("paired", paired),
                ("missing", f"{source.missing:,} images have no embedding" if source.missing else "none"),
                ("unused", f"{source.unused:,} embeddings are of no image" if source.unused else "none"),
                ("path", str(source.file)),
            ]
        )


def _notes(sheet: FactSheet, notes: Sequence[str]) -> None:
    if notes:
        sheet.heading("What was recognised")
        for note in notes:
            sheet.paragraph(window_words(note))
