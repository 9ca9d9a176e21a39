"""Intervals, identification and rates of groups as text for the terminal; every table carries its settings."""

from __future__ import annotations

from collections.abc import Sequence

from canon_core.cli.printing import plain_table, rate_text, say_missing
from canon_core.cli.terminal import out, say
from canon_core.figures.numbers import rate_text as far_rate_text
from canon_core.study.confidence_results import Confidence, TarDifference, confidence_line
from canon_core.study.group_results import GroupRates, few_errors, groups_line
from canon_core.study.identification_results import IdentificationCell, IdentificationMatrix, identification_line
from canon_core.study.results import FEW_FALSE_ACCEPTS, far_text, stands_beside
from canon_core.verification.group_rates import RateInterval
from canon_core.verification.identification import RANKS
from canon_core.verification.intervals import UNRESOLVED, TarInterval
from canon_core.verification.roc import FarRule

#: Models up to which every gallery of every cell is printed.
_DETAILED = 3


def print_confidence(confidence: Confidence, rule: FarRule) -> None:
    """Intervals at FAR 1e-2 (else at the first target) as a matrix, then every cell's differences there."""
    fars = confidence.settings.matrix.far
    far = 1e-2 if 1e-2 in fars else fars[0]
    place = fars.index(far)
    names = confidence.settings.matrix.models
    percent = f"{100 * confidence.settings.level:g} %"
    title = f"{percent} intervals of the TAR at FAR {far_text(far)} (rows: source, columns: target)"
    table = plain_table(title, "source \\ target", *names)
    for source in names:
        intervals = (confidence.interval(source, target, far, rule) for target in names)
        table.add_row(source, *map(_interval_text, intervals))
    out.print()
    out.print(table)
    rows = [
        (f"{source} → {target}", found[rule][place], confidence.to_reverse[source, target][rule][place])
        for (source, target), found in confidence.to_weaker.items()
    ]
    rows = [row for row in rows if row[1] is not None or row[2] is not None]
    if rows:
        differences = plain_table(
            f"Differences of TAR at FAR {far_text(far)}, same draws", "cell", "− weaker single model", "− reverse"
        )
        for name, weaker, reverse in rows:
            differences.add_row(name, _difference_text(weaker, named=True), _difference_text(reverse, named=False))
        out.print()
        out.print(differences)
    out.print()
    out.print(confidence_line(confidence))
    unresolved = {
        target
        for cell in confidence.cells.values()
        if cell is not None
        for target, interval in zip(fars, cell.intervals[rule], strict=True)
        if interval.unresolved
    }
    if unresolved:
        listed = ", ".join(far_text(target) for target in fars if target in unresolved)
        out.print(f"unresolved at FAR {listed}: fewer than {UNRESOLVED:.0f} impostor scores decide")


def print_identification(matrix: IdentificationMatrix, rule: FarRule) -> None:
    """Rank-1 and TPIR as matrices, the means, every gallery of few models, and the settings."""
    fpirs = matrix.settings.fpir
    fpir = 1e-2 if 1e-2 in fpirs else fpirs[0]
    place = fpirs.index(fpir)
    names = matrix.models
    rank = plain_table("Rank-1 (rows: source probes, columns: target galleries)", "source \\ target", *names)
    tpir = plain_table(f"TPIR at FPIR {far_text(fpir)}, mean over galleries", "source \\ target", *names)
    few = False
    for source in names:
        cells = [matrix.cells.get((source, target)) for target in names]
        rank.add_row(source, *(rate_text(None if cell is None else cell.hit_rate(1)) for cell in cells))
        texts = []
        for cell in cells:
            star = cell is not None and _few_decide(cell, rule, place)
            few |= star
            texts.append(rate_text(None if cell is None else cell.tpir[rule][place]) + ("*" if star else ""))
        tpir.add_row(source, *texts)
    for table in (rank, tpir):
        out.print(table)
        out.print()
    say_missing(matrix.missing)
    means = plain_table("Means", "", "single", "cross-model")
    found = [cell for cell in matrix.cells.values() if cell is not None]
    counted = [cell for cell in found if not (stands_beside(cell.source) or stands_beside(cell.target))]
    for number in RANKS:
        means.add_row(f"rank-{number}", *_means(counted, [cell.hit_rate(number) for cell in counted]))
    for number, target in enumerate(fpirs):
        rates = [cell.tpir[rule][number] for cell in counted]
        means.add_row(f"TPIR at FPIR {far_text(target)}", *_means(counted, rates))
    out.print(means)
    out.print()
    if len(names) <= _DETAILED:
        _print_galleries(matrix, found, rule)
    else:
        say("every gallery with its thresholds and CMC: --json FILE")
    out.print(identification_line(matrix, rule))
    if len(names) <= _DETAILED:  # every target has its stars then
        few = any(_few_decide(cell, rule, number) for cell in found for number in range(len(fpirs)))
    if few:
        out.print(f"* unresolved: fewer than {FEW_FALSE_ACCEPTS} false positives decide in a gallery")


def print_groups(found: GroupRates) -> None:
    """FMR group × group, and FNMR, each with its interval."""
    sizes = plain_table(f"Groups by {found.settings.covariate}", "group", "templates", "subjects")
    for name, templates, subjects in zip(found.groups, found.templates, found.subjects, strict=True):
        sizes.add_row(name, f"{templates:,}", f"{subjects:,}")
    fmr = plain_table("FMR with interval", "", *found.groups)
    counts = plain_table("False accepts / impostor pairs", "", *found.groups)
    for name, row in zip(found.groups, found.fmr, strict=True):
        fmr.add_row(name, *(_rate_text(rate, counts=False) for rate in row))
        counts.add_row(name, *(f"{rate.errors:,} / {rate.pairs:,}" for rate in row))
    fnmr = plain_table("FNMR (false rejects / genuine pairs)", "both templates of", "FNMR")
    for name, rate in zip([*found.groups, "two groups"], found.fnmr, strict=True):
        fnmr.add_row(name, _rate_text(rate))
    fnmr.add_row("all pairs", _rate_text(found.all_fnmr))
    for table in (sizes, fmr, counts, fnmr):
        out.print(table)
        out.print()
    out.print(f"FMR of all pairs: {_rate_text(found.all_fmr)}")
    out.print()
    out.print(groups_line(found))
    if any(few_errors(rate) for row in [*found.fmr, found.fnmr] for rate in row if rate.pairs):
        out.print(f"* unresolved: fewer than {FEW_FALSE_ACCEPTS} errors decide")


def _print_galleries(
    matrix: IdentificationMatrix, cells: Sequence[IdentificationCell], rule: FarRule
) -> None:
    ranks = plain_table(
        "By gallery", "source → target", "gallery", "subjects", "mated", "non-mated", *(f"rank-{k}" for k in RANKS)
    )
    points = plain_table("", "source → target", "gallery", "FPIR", "achieved", "threshold", "TPIR")
    for cell in cells:
        name = cell.source if cell.single else f"{cell.source} → {cell.target}"
        for gallery in cell.galleries:
            whole = gallery.whole
            sizes = " + ".join(f"{half.enrolled:,}" for half in gallery.halves) or f"{whole.enrolled:,}"
            rates = (rate_text(whole.hit_rate(k)) for k in RANKS)
            ranks.add_row(name, gallery.name, sizes, f"{whole.mated:,}", f"{whole.non_mated:,}", *rates)
        ranks.add_row(name, "all", "", "", "", *(rate_text(cell.hit_rate(k)) for k in RANKS))
        for number, fpir in enumerate(matrix.settings.fpir):
            for gallery in cell.galleries:
                point = gallery.whole.points[rule][number]
                star = "*" if point.false_positives < FEW_FALSE_ACCEPTS else ""
                numbers = far_rate_text(point.fpir), f"{point.threshold:.4f}", rate_text(point.tpir) + star
                points.add_row(name, gallery.name, far_text(fpir), *numbers)
            star = "*" if _few_decide(cell, rule, number) else ""
            points.add_row(name, "mean", far_text(fpir), "", "", rate_text(cell.tpir[rule][number]) + star)
    for table in (ranks, points):
        out.print(table)
        out.print()


def _few_decide(cell: IdentificationCell, rule: FarRule, place: int) -> bool:
    return any(
        gallery.whole.points[rule][place].false_positives < FEW_FALSE_ACCEPTS for gallery in cell.galleries
    )


def _means(cells: Sequence[IdentificationCell], values: Sequence[float]) -> list[str]:
    texts = []
    for single in (True, False):
        chosen = [value for cell, value in zip(cells, values, strict=True) if cell.single is single]
        texts.append(rate_text(sum(chosen) / len(chosen) if chosen else None))
    return texts


def _interval_text(interval: TarInterval | None) -> str:
    if interval is None:
        return "–"
    return f"{rate_text(interval.low)} … {rate_text(interval.high)}" + ("*" if interval.unresolved else "")


def _difference_text(difference: TarDifference | None, *, named: bool) -> str:
    if difference is None:
        return "–"
    text = f"{difference.tar:+.4f} ({difference.low:+.4f} … {difference.high:+.4f})"
    return text + (f" from {difference.other[0]}" if named else "") + ("*" if difference.unresolved else "")


def _rate_text(rate: RateInterval, *, counts: bool = True) -> str:
    if not rate.pairs:
        return "–"
    star = "*" if few_errors(rate) else ""
    text = f"{far_rate_text(rate.rate)} [{far_rate_text(rate.low)}, {far_rate_text(rate.high)}]{star}"
    return f"{text} ({rate.errors:,} / {rate.pairs:,})" if counts else text
