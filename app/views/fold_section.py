"""The inspector's lines on a cell's accuracy over folds, as LFW's protocol has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from canon_core.study.results import Cell, FoldMatrix, folds_text

from ..wording import window_words
from .bar_buttons import button_line
from .fact_sheet import FactSheet
from .flow_layout import FlowLayout
from .shown_matrix import number_text, title_of


@dataclass(frozen=True)
class FoldButtons:
    """What the buttons do: compute, show every fold or no longer, export, copy the command."""

    compute: Callable[[], object]
    unfold: Callable[[], object]
    export: Callable[[], object]
    copy: Callable[[], object]


def write_folds(
    sheet: FactSheet, cell: Cell, known: FoldMatrix, *, running: bool, refusal: str, each: bool, buttons: FoldButtons
) -> None:
    """Mean accuracy with its standard error, of the cell and of those beside it, or how to get it.

    Parameters
    ----------
    known : FoldMatrix
        What is stored.
    running : bool
        Whether that of this cell is being computed.
    refusal : str
        Why it cannot be computed; empty where it can.
    each : bool
        Whether every fold is shown.
    """
    sheet.heading("Fold accuracy")
    source, target = cell.source, cell.target
    found = known.cells.get((source, target))
    what = (
        f"{known.folds} folds of the dataset's list of {known.pairs:,} pairs; map and threshold of a fold are those of"
        " the other folds."
    )
    if found is None:
        why = window_words(known.missing.get((source, target), ""))
        if why:
            sheet.remark(f"{why[:1].upper()}{why[1:]}.")
        elif running:
            sheet.remark(f"It is being computed: {what}")
        else:
            sheet.remark(f"Mean accuracy, as for LFW. {what}")
            tip = "Of this cell, of both models, and of the other way round"
            sheet.widget(button_line("Compute fold accuracy", tip, buttons.compute, refusal))
        return
    rows = []
    for pair in dict.fromkeys([(source, target), (source, source), (target, target), (target, source)]):
        other = known.cells.get(pair)
        if other is not None:
            rows.append([title_of(*pair), number_text(other.accuracy), f"± {number_text(other.standard_error)}"])
    sheet.table(["", "accuracy", "s.e."], rows, bold_row=0)
    if each:
        folds = zip(known.numbers, found.per_fold, found.thresholds, strict=True)
        sheet.table(
            ["fold", "accuracy", "threshold"],
            [[f"{fold}", number_text(value), number_text(threshold)] for fold, value, threshold in folds],
        )
    through = "" if cell.single else f" Map {known.settings.map}, fitted on the images of the other folds' pairs;"
    left_out = f" {found.left_out:,} pairs were left out." if found.left_out else ""
    sheet.remark(
        f"Mean over {folds_text(known)}, {found.pairs:,} pairs ± standard error (sample deviation of the folds /"
        f" √{len(known.numbers)}).{through} threshold: the smallest of the other folds' scores with most pairs right;"
        f" unit norm. Fit mode, seed and FAR have no part in it.{left_out}"
    )
    line = QWidget()
    row = FlowLayout(line, spacing=4, line_spacing=0)  # three buttons are wider than a narrow sheet
    word = "Fewer" if each else "Each fold"
    for text, name, tip, then in (
        (word, "Folds", "Accuracy and threshold of every fold" if not each else "The mean only", buttons.unfold),
        ("Export…", "Export folds", "Every fold of every cell that is known (CSV)", buttons.export),
        ("Copy command", "Copy folds command", "The canon folds command of all models", buttons.copy),
    ):
        row.addWidget(button_line(text, tip, then, name=name))
    sheet.widget(line)
