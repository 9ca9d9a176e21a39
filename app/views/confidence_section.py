"""The inspector's words and tables on how sure a cell's TARs and their differences are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from canon_core.figures.numbers import difference_text, tar_text
from canon_core.study.confidence_results import Confidence, Differences, TarDifference, confidence_line
from canon_core.study.results import Cell, Matrix, far_text
from canon_core.verification.bootstrap import DEFAULT_RESAMPLES
from canon_core.verification.intervals import FEW_DECIDE, UNRESOLVED, TarInterval
from canon_core.verification.roc import FarRule

from .bar_buttons import button_line
from .fact_sheet import FactSheet

_FEW, _UNRESOLVED = "†", "*"
_WHAT = (
    f"Subjects are drawn again {DEFAULT_RESAMPLES:,} times and the threshold is found anew in every draw; the map is"
    " held fixed."
)


def write_confidence(
    sheet: FactSheet,
    cell: Cell,
    matrix: Matrix,
    rule: FarRule,
    far: float | None,
    *,
    known: Confidence | None,
    running: bool,
    refusal: str,
    compute: Callable[[], object],
    copy: Callable[[], object],
) -> None:
    """Intervals of a cell's TAR at every FAR, and of its differences, or how to get them.

    Parameters
    ----------
    known : Confidence or None
        What is stored; None while that is looked up.
    running : bool
        Whether they are being computed.
    refusal : str
        Why they cannot be computed; empty where they can.
    compute, copy : callable
        Begins it, and copies the command that would.
    """
    targets = matrix.settings.far
    bold = targets.index(far) if far in targets else None
    found = known.cells.get((cell.source, cell.target)) if known is not None else None
    if known is None or found is None:
        sheet.heading("Confidence")
        if running:
            sheet.remark(f"Intervals are being computed. {_WHAT}")
        elif known is not None:
            sheet.remark(f"Intervals of each TAR and of its differences. {_WHAT}")
            sheet.widget(button_line("Compute confidence", _WHAT, compute, refusal))
        return
    percent = f"{100 * known.settings.level:g} %"
    sheet.heading(f"Confidence, {percent}")
    intervals = found.intervals[rule]
    sheet.table(
        ["FAR", "TAR", f"{percent} interval"],
        [
            [far_text(target), tar_text(one.tar) + _mark(one), _between(one, tar_text)]
            for target, one in zip(targets, intervals, strict=True)
        ],
        bold_row=bold,
    )
    shown: list[TarInterval | TarDifference] = list(intervals)
    lacking = []
    if not cell.single:
        for title, differences in (
            ("Minus the weaker model by itself", known.to_weaker.get((cell.source, cell.target))),
            (f"Minus {cell.target} → {cell.source}", known.to_reverse.get((cell.source, cell.target))),
        ):
            drawn = _differences(differences, rule)
            if any(one is not None for one in drawn):
                shown += [one for one in drawn if one is not None]
                _write_differences(sheet, title, targets, drawn, bold)
            else:
                lacking.append(title[0].lower() + title[1:])
    for text in _explained(shown):
        sheet.remark(text)
    if lacking:
        sheet.remark(
            f"Differences ({' and '.join(lacking)}) "
            + ("are being computed." if running else "need the intervals of those cells too.")
        )
        if not running:
            sheet.widget(button_line("Compute differences", _WHAT, compute, refusal))
    sheet.remark(f"{confidence_line(known)}.")
    sheet.widget(button_line("Copy as canon command", "The command that computes the intervals of all cells", copy))


def _write_differences(
    sheet: FactSheet,
    title: str,
    targets: Sequence[float],
    drawn: Sequence[TarDifference | None],
    bold: int | None,
) -> None:
    sheet.subheading(title)
    rows = []
    named = len({one.other for one in drawn if one is not None}) > 1
    for target, one in zip(targets, drawn, strict=True):
        if one is None:
            continue
        row = [far_text(target), difference_text(one.tar) + _mark(one), _between(one, difference_text)]
        rows.append([*row, one.other[0]] if named else row)
    sheet.table(
        ["FAR", "difference", "interval", *(["of"] if named else [])],
        rows,
        bold_row=bold if len(rows) == len(targets) else None,
    )
    if not named and title.startswith("Minus the weaker"):
        other = next(one.other[0] for one in drawn if one is not None)
        sheet.remark(f"The weaker one is {other}.")


def _differences(found: Differences | None, rule: FarRule) -> tuple[TarDifference | None, ...]:
    return () if found is None else found[rule]


def _mark(one: TarInterval | TarDifference) -> str:
    return _UNRESOLVED if one.unresolved else _FEW if one.few_decide else ""


def _between(one: TarInterval | TarDifference, text: Callable[[float], str]) -> str:
    return f"{text(one.low)} … {text(one.high)}"


def _explained(shown: Sequence[TarInterval | TarDifference]) -> list[str]:
    texts = []
    if any(one.few_decide and not one.unresolved for one in shown):
        texts.append(
            f"{_FEW} Few decide: fewer than {FEW_DECIDE:.0f} impostor scores settle the threshold. Drawing them again"
            " would give bounds far too narrow, so the exact Poisson interval of their number is taken: wide, and"
            " rightly so."
        )
    if any(one.unresolved for one in shown):
        texts.append(
            f"{_UNRESOLVED} Unresolved: fewer than {UNRESOLVED:.0f} impostor scores settle the threshold, which is left"
            " to chance. Do not rank models by these."
        )
    return texts
