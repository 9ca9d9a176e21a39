"""The inspector's few lines on a cell's errors by group; the whole table has a view of its own."""

from __future__ import annotations

from collections.abc import Callable

from canon_core.study.group_results import GroupRates, few_errors
from canon_core.study.results import FEW_FALSE_ACCEPTS, far_text
from canon_core.verification.group_rates import RateInterval

from .bar_buttons import button_line
from .fact_sheet import FactSheet
from .shown_matrix import number_text, rate_text


def write_groups(sheet: FactSheet, found: GroupRates | None, covariate: str, look: Callable[[], object]) -> None:
    """FMR within each group and FNMR of each, or where to get them; ``look`` shows the view of groups."""
    sheet.heading(f"By {covariate}")
    tip = "FMR of every two groups and FNMR of every group, with counts and intervals"
    if found is None:
        sheet.remark(
            "Who is taken for whom, and who is not recognised, at this cell's one threshold. Not counted yet at this"
            " FAR."
        )
        sheet.widget(button_line("Errors by group…", tip, look))
        return
    rows = []
    for number, name in enumerate(found.groups):
        rows.append([name, _rate(found.fmr[number][number]), _rate(found.fnmr[number])])
    rows.append(["all pairs", _rate(found.all_fmr), _rate(found.all_fnmr)])
    sheet.table(["group", "FMR within", "FNMR"], rows)
    shown = [rate for number in range(len(found.groups)) for rate in (found.fmr[number][number], found.fnmr[number])]
    words = (
        f"One threshold for all groups, {number_text(found.threshold)}, that of all pairs at FAR"
        f" {far_text(found.settings.far)} ({found.settings.rule})."
    )
    if any(rate.pairs and few_errors(rate) for rate in [*shown, found.all_fmr, found.all_fnmr]):
        words += f" *: fewer than {FEW_FALSE_ACCEPTS} errors decide."
    sheet.remark(words)
    sheet.widget(button_line("All groups, with intervals…", tip, look))


def _rate(rate: RateInterval) -> str:
    return rate_text(rate.rate) + ("*" if rate.pairs and few_errors(rate) else "")
