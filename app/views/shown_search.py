"""1:N identification as it is shown: a matrix of one measure, a table of all, and a cell's facts in words. No Qt."""

from __future__ import annotations

import math
from collections.abc import Sequence

from canon_core.figures.cmc_figure import CmcCurve
from canon_core.figures.curve import CurveRole
from canon_core.figures.numbers import NO_VALUE, colour_range, tar_text
from canon_core.figures.palette import tar_range
from canon_core.study.identification_results import IdentificationCell, IdentificationMatrix
from canon_core.study.results import FEW_FALSE_ACCEPTS, far_text
from canon_core.verification.identification import RANKS
from canon_core.verification.roc import FarRule

from ..chosen_curves import MAX_CURVES, pairs_to_draw
from ..wording import window_words
from .shown_matrix import Pair, ShownCell, ShownMatrix, number_text, rate_text, title_of
from .table_twin import Entry

COLUMNS = ("source", "target", "gallery", "subjects", "mated", "non-mated", *(f"rank-{rank}" for rank in RANKS))
_TPIR = "TPIR@"


def measures(fpir: Sequence[float]) -> dict[str, str]:
    """What a matrix can show, by name, with what it means."""
    found = {
        f"rank-{rank}": "Part of the mated probes whose own subject is "
        + ("found first" if rank == 1 else f"among the first {rank}")
        + "; ties count against the probe"
        for rank in RANKS
    }
    found |= {
        f"{_TPIR}{far_text(target)}": "Part of the mated probes answered with their own subject, at the threshold"
        f" that answers {far_text(target)} of the probes whose subject is not enrolled; mean over galleries"
        for target in fpir
    }
    return found


def known_measure(measure: str, fpir: Sequence[float]) -> str:
    """The measure, or rank-1 where there is none of that name."""
    return measure if measure in measures(fpir) else "rank-1"


def value_of(cell: IdentificationCell, measure: str, fpir: Sequence[float], rule: FarRule) -> float:
    """A cell's number; NaN where there is none."""
    if measure.startswith(_TPIR):
        return cell.tpir[rule][_place(measure, fpir)]
    return cell.hit_rate(int(measure.removeprefix("rank-")))


def few_decide(cell: IdentificationCell, measure: str, fpir: Sequence[float], rule: FarRule) -> bool:
    """Whether fewer than 30 false positives settle the threshold in some gallery."""
    if not measure.startswith(_TPIR):
        return False
    place = _place(measure, fpir)
    return any(gallery.whole.points[rule][place].false_positives < FEW_FALSE_ACCEPTS for gallery in cell.galleries)


def shown_search(
    matrix: IdentificationMatrix, measure: str, rule: FarRule, pending: frozenset[Pair] = frozenset()
) -> ShownMatrix:
    """One measure of every cell, models by falling single-model rank-1."""
    fpir = matrix.settings.fpir

    def single(name: str) -> float:
        cell = matrix.cells.get((name, name))
        return 1.0 if cell is None or math.isnan(cell.hit_rate(1)) else -cell.hit_rate(1)

    order = tuple(sorted(matrix.models, key=single))
    rows = []
    for source in order:
        row = []
        for target in order:
            cell = matrix.cells.get((source, target))
            found = None if cell is None else value_of(cell, measure, fpir, rule)
            value = None if found is None or math.isnan(found) else found
            star = "*" if cell is not None and value is not None and few_decide(cell, measure, fpir, rule) else ""
            waiting = cell is None and (source, target) in pending
            row.append(ShownCell(source, target, value, tar_text(value) + star, waiting))
        rows.append(tuple(row))
    scale = colour_range({cell.pair: cell.value for row in rows for cell in row}, tar_range)
    title = measure.replace(_TPIR, "TPIR at FPIR ")
    return ShownMatrix(order, tuple(rows), scale, False, title)


def why_not_searched(matrix: IdentificationMatrix, pair: Pair, *, pending: bool) -> str:
    """Why a field shows no number, as a sentence without a full stop."""
    if pair in matrix.missing:
        return window_words(matrix.missing[pair])
    if matrix.cells.get(pair) is None:
        return "being searched" if pending else "not searched yet"
    return "no mated probes, or none to choose a threshold by"


def search_facts(matrix: IdentificationMatrix, cell: IdentificationCell, rule: FarRule) -> tuple[tuple[str, str], ...]:
    """A cell as (what, how much)."""
    facts = [(f"rank-{rank}", tar_text(cell.hit_rate(rank))) for rank in RANKS]
    for place, target in enumerate(matrix.settings.fpir):
        achieved = ", ".join(
            f"{gallery.name} {rate_text(gallery.whole.points[rule][place].fpir)}" for gallery in cell.galleries
        )
        star = "*" if few_decide(cell, f"{_TPIR}{far_text(target)}", matrix.settings.fpir, rule) else ""
        facts.append(
            (f"TPIR at FPIR {far_text(target)}", f"{tar_text(cell.tpir[rule][place])}{star} (achieved {achieved})")
        )
    for gallery in cell.galleries:
        whole = gallery.whole
        facts.append(
            (
                f"gallery {gallery.name}",
                f"{whole.enrolled:,} subjects, {whole.mated:,} mated and {whole.non_mated:,} non-mated probes",
            )
        )
    if cell.fits:
        fewest = min(fit.pairs_per_dimension for fit in cell.fits)
        facts.append(("fit pairs", " + ".join(f"{fit.pairs:,}" for fit in cell.fits) + f", {fewest:.1f} a dimension"))
    return tuple(facts)


def search_lines(matrix: IdentificationMatrix, cell: IdentificationCell, rule: FarRule) -> tuple[str, str]:
    """A cell in two lines: its title with ranks, and its TPIRs with the FPIRs that were achieved in each gallery."""
    ranks = " · ".join(f"{what} {value}" for what, value in search_facts(matrix, cell, rule)[: len(RANKS)])
    rates = []
    for place, target in enumerate(matrix.settings.fpir):
        star = "*" if few_decide(cell, f"{_TPIR}{far_text(target)}", matrix.settings.fpir, rule) else ""
        achieved = ", ".join(
            f"{gallery.name} {rate_text(gallery.whole.points[rule][place].fpir)}" for gallery in cell.galleries
        )
        rates.append(f"{far_text(target)} {tar_text(cell.tpir[rule][place])}{star} ({achieved})")
    return f"{title_of(cell.source, cell.target)}: {ranks}", f"TPIR at FPIR {' · '.join(rates)}"


def search_words(matrix: IdentificationMatrix, cell: IdentificationCell, rule: FarRule) -> str:
    """A cell in words, for the screen reader."""
    facts = "; ".join(f"{what} {value}" for what, value in search_facts(matrix, cell, rule))
    return f"{title_of(cell.source, cell.target)}: {facts}"


def search_columns(matrix: IdentificationMatrix) -> tuple[str, ...]:
    """Columns of the table."""
    return (
        *COLUMNS,
        *(
            f"{what}@{far_text(target)}"
            for target in matrix.settings.fpir
            for what in ("TPIR", "FPIR", "threshold")
        ),
    )


def search_rows(matrix: IdentificationMatrix, rule: FarRule) -> tuple[list[list[Entry]], list[Pair]]:
    """A row for every gallery of every cell and one for all together, and the cell of each row."""
    rows: list[list[Entry]] = []
    pairs: list[Pair] = []
    nothing = Entry(NO_VALUE, -math.inf)
    for pair, cell in matrix.cells.items():
        if cell is None:
            why = matrix.missing.get(pair, "not searched yet")
            rows.append([Entry(pair[0]), Entry(pair[1]), Entry(why), *(nothing for _ in search_columns(matrix)[3:])])
            pairs.append(pair)
            continue
        for gallery in cell.galleries:
            whole = gallery.whole
            row = [Entry(pair[0]), Entry(pair[1]), Entry(gallery.name)]
            row += [Entry(f"{count:,}", count) for count in (whole.enrolled, whole.mated, whole.non_mated)]
            row += [_rate(whole.hit_rate(rank)) for rank in RANKS]
            for point in whole.points[rule]:
                star = "*" if point.false_positives < FEW_FALSE_ACCEPTS else ""
                row += [
                    _rate(point.tpir, star),
                    Entry(rate_text(point.fpir), point.fpir),
                    Entry(number_text(point.threshold), point.threshold),
                ]
            rows.append(row)
            pairs.append(pair)
        row = [Entry(pair[0]), Entry(pair[1]), Entry("all"), nothing, nothing, nothing]
        row += [_rate(cell.hit_rate(rank)) for rank in RANKS]
        for place, target in enumerate(matrix.settings.fpir):
            few = few_decide(cell, f"{_TPIR}{far_text(target)}", matrix.settings.fpir, rule)
            row += [_rate(cell.tpir[rule][place], "*" if few else ""), nothing, nothing]
        rows.append(row)
        pairs.append(pair)
    return rows, pairs


def cmc_curves(matrix: IdentificationMatrix, cells: Sequence[Pair]) -> tuple[CmcCurve, ...]:
    """Curves of the chosen cells and of both single models of each; of all single models where none is chosen."""
    chosen = tuple(pair for pair in cells if matrix.cells.get(pair) is not None)
    drawn = pairs_to_draw(chosen) if chosen else [(name, name) for name in matrix.models][:MAX_CURVES]
    sources = {source for source, _ in chosen}
    curves = []
    for colour, pair in enumerate(drawn):
        cell = matrix.cells.get(pair)
        if cell is None:
            continue
        role = CurveRole.CELL
        if chosen and pair not in chosen:
            role = CurveRole.SOURCE if pair[0] in sources else CurveRole.TARGET
        label = pair[0] if cell.single else f"{cell.source} → {cell.target}"
        curves.append(CmcCurve(label, cell.cmc, role, colour))
    return tuple(curves)


def _place(measure: str, fpir: Sequence[float]) -> int:
    return [far_text(target) for target in fpir].index(measure.removeprefix(_TPIR))


def _rate(value: float, star: str = "") -> Entry:
    return Entry(tar_text(value) + (star if math.isfinite(value) else ""), -math.inf if math.isnan(value) else value)
