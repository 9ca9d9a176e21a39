"""The methods paragraph of a paper, from a result: every setting, count, model, hash and version behind its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from canon_core.experiments.methods_sentences import (
    FPIR_RULES,
    PACKAGES,
    UMAP_PACKAGES,
    counts_sentence,
    data_sentence,
    features_sentence,
    fit_pairs_sentence,
    fit_sentence,
    is_map,
    map_between,
    map_sentence,
    model_sentence,
    pairs_sentences,
    rule_sentence,
    scored_sentence,
    software_sentence,
)
from canon_core.figures.numbers import tar_text
from canon_core.maps.kinds import MapKind
from canon_core.study.confidence_results import Confidence, confidence_line
from canon_core.study.group_results import GroupRates
from canon_core.study.identification_results import IdentificationMatrix
from canon_core.study.overlay_results import Overlay, OverlayMethod
from canon_core.study.overlay_text import overlay_line, scores_text
from canon_core.study.results import (
    FEW_FALSE_ACCEPTS,
    FitMode,
    FoldMatrix,
    Matrix,
    beside_text,
    far_text,
    folds_text,
)
from canon_core.study.sensitivity_results import Sensitivity
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

Pair = tuple[str, str]
Result = (
    Matrix | Confidence | IdentificationMatrix | GroupRates | Sensitivity | Sequence[Sensitivity] | FoldMatrix | Overlay
)

def methods_text(
    study: Study,
    result: Result,
    rule: FarRule,
    *,
    far: float | None = None,
    cells: Sequence[Pair] = (),
    confidence: Confidence | None = None,
) -> str:
    """Paragraphs that say how a result was made: data, models, maps, scoring, what is read off it, software.

    Parameters
    ----------
    study : Study
        That holds the result's models and dataset.
    result :
        A matrix (its ROC curves belong to it), intervals, a 1:N identification, errors by group, sensitivity (or
        several that are drawn together: of one dataset, with the same models, features, seed and steps), fold
        accuracies, or an overlay.
    rule : FarRule
        By which thresholds are chosen; errors by group have their own, fold accuracies none.
    far : float, optional
        FAR target at which ``cells`` of a matrix are read off, or sensitivity is read.
    cells : sequence of (source, target)
        Of a matrix those that are read off; of sensitivity those that means are over, without any all.
    confidence : Confidence, optional
        Intervals of cells of the matrix, stated where they are known.

    Raises
    ------
    StudyError
        When a model or the dataset is no longer in the study.
    """
    if isinstance(result, Confidence):
        settings = result.settings.matrix
        dataset, kind = study.dataset(settings.dataset), map_between(settings.map, settings.models)
        said = [pairs_sentences(dataset, settings.mode, settings.seed, kind),
                map_sentence(kind), features_sentence(settings.features, dataset, kind), rule_sentence(rule),
                f"Confidence: {confidence_line(result)}."]  # fmt: skip
        return _join(study, settings.dataset, settings.models, said)
    if isinstance(result, Matrix):
        return _matrix(study, result, rule, far, cells, confidence)
    if isinstance(result, IdentificationMatrix):
        return _identification(study, result, rule)
    if isinstance(result, GroupRates):
        return _groups(study, result)
    if isinstance(result, Sensitivity):
        return _sensitivity(study, [result], rule, far, cells)
    if isinstance(result, Overlay):
        return _overlay(study, result)
    if isinstance(result, FoldMatrix):
        return _folds(study, result)
    return _sensitivity(study, result, rule, far, cells)


# -- each kind of result -----------------------------------------------------------------------------------------------
def _matrix(
    study: Study,
    matrix: Matrix,
    rule: FarRule,
    far: float | None,
    cells: Sequence[Pair],
    confidence: Confidence | None,
) -> str:
    settings = matrix.settings
    dataset, kind = study.dataset(settings.dataset), map_between(settings.map, settings.models)
    said = [
        pairs_sentences(dataset, settings.mode, settings.seed, kind),
        map_sentence(kind),
        fit_pairs_sentence(study, kind, settings.models, matrix.fit_pairs),
        features_sentence(settings.features, dataset, kind),
        counts_sentence(matrix),
        f"FAR targets: {', '.join(far_text(target) for target in settings.far)}. {rule_sentence(rule)}",
    ]
    if matrix.left_out:
        said.append(f"{len(matrix.left_out):,} images were left out because a model gave no usable embedding.")
    read = []
    if far is not None:
        single, cross = matrix.means(far, rule)
        means = [f"{tar_text(value)} {what}" for value, what in ((single, "of single models"), (cross, "across models"))
                 if value is not None]  # fmt: skip
        if means:
            beside = beside_text(settings.models)
            without = f" ({beside})" if beside else ""
            read.append(f"At a target FAR of {far_text(far)} the mean TAR is {' and '.join(means)}{without}.")
        read += [text for pair in cells if (text := _read_off(matrix, pair, far, rule, confidence))]
    if confidence is not None and any(cell is not None for cell in confidence.cells.values()):
        said.append(f"Confidence: {confidence_line(confidence)}.")
    return _join(study, settings.dataset, settings.models, said, read)


def _read_off(matrix: Matrix, pair: Pair, far: float, rule: FarRule, confidence: Confidence | None) -> str:
    reading = matrix.reading(*pair, far, rule) if pair in matrix.cells else None
    if reading is None:
        return ""
    point = reading.point
    name = pair[0] if pair[0] == pair[1] else f"{pair[0]} → {pair[1]}"
    between = ""
    interval = None if confidence is None else confidence.interval(*pair, far, rule)
    if confidence is not None and interval is not None:
        level = f"{100 * confidence.settings.level:g} %"
        between = f", {level} interval {tar_text(interval.low)} to {tar_text(interval.high)}"
    text = (
        f"{name}: TAR {tar_text(point.tar)}{between} ({point.true_accepts:,} of {point.genuine:,} genuine pairs) at an"
        f" achieved FAR of {point.far:.3g} ({point.false_accepts:,} of {point.impostors:,} impostor pairs), threshold"
        f" {point.threshold:.6g}"
    )
    cell = matrix.cells[pair]
    if cell is not None:
        text += f", EER {cell.eer:.4f}, AUC {cell.auc:.5f}"
        text += f"; with every subject weighted alike TAR {tar_text(reading.subject_tar)}"
        if cell.fits:
            held_out = "outside the fit" if cell.fits[0].held_out else "of the fit itself"
            residual = " and ".join(f"{fit.residual:.4f}" for fit in cell.fits)
            text += f"; residual of the map (1 − mean cosine) {residual} on images {held_out}"
    if matrix.unresolved(*pair, far, rule):
        text += f"; unresolved, since fewer than {FEW_FALSE_ACCEPTS} false accepts decide"
    return text + "."


def _identification(study: Study, found: IdentificationMatrix, rule: FarRule) -> str:
    settings = found.settings
    dataset, kind = study.dataset(settings.dataset), map_between(settings.map, settings.models)
    if kind is None:
        searched = " were searched in galleries of the same model."
    elif kind is MapKind.NONE:
        searched = ", embedded by the source model, were searched in galleries of the target model."
    else:
        searched = (
            ", embedded by the source model and mapped, were searched in galleries of the target model; a model by"
            " itself is searched without a map."
        )
    said = [f"1:N identification: {found.probes:,} probe templates{searched}"]
    cell = found.any_cell
    if cell is not None:
        for gallery in cell.galleries:
            sizes = " and ".join(f"{half.enrolled:,}" for half in gallery.halves) or f"{gallery.whole.enrolled:,}"
            said.append(
                f"Gallery {gallery.name} enrols {sizes} subjects; {gallery.whole.mated:,} probes are mated,"
                f" {gallery.whole.non_mated:,} are not."
            )
    said += [
        fit_sentence(dataset, settings.mode, settings.seed, kind),
        "Every probe was searched in the half of a gallery that its subject belongs to, with one threshold for both"
        " halves, single models too."
        if settings.mode is FitMode.DISJOINT
        else "",
        map_sentence(kind),
        features_sentence(settings.features, dataset, kind),
        "Hit rates at rank k pool the mated probes of all galleries; ties count against the probe. TPIR is the mean"
        f" over galleries, each at a threshold of its own. FPIR targets: {', '.join(map(far_text, settings.fpir))}."
        f" FPIR rule {rule}: {FPIR_RULES[rule]}; a probe with its highest score ≥ threshold is answered, which is a"
        " false positive where it is non-mated and a hit where it is mated and its own subject is at rank 1.",
    ]
    if found.left_out:
        said.append(f"{len(found.left_out):,} images were left out because a model gave no usable embedding.")
    fits = next((cell.fits for cell in found.cells.values() if cell is not None and cell.fits), ())
    said.append(fit_pairs_sentence(study, kind, settings.models, tuple(fit.pairs for fit in fits)))
    return _join(study, settings.dataset, settings.models, said)


def _groups(study: Study, found: GroupRates) -> str:
    settings, matrix = found.settings, found.settings.matrix
    dataset = study.dataset(matrix.dataset)
    models = tuple(dict.fromkeys((settings.source, settings.target)))
    kind = map_between(matrix.map, models)
    sizes = "; ".join(
        f"{name}: {templates:,} templates of {subjects:,} subjects"
        for name, templates, subjects in zip(found.groups, found.templates, found.subjects, strict=True)
    )
    bins = ""
    if found.edges:
        bins = f" Bins lie between {', '.join(f'{edge:.4g}' for edge in found.edges)}" + (
            " of absolute values." if found.absolute else "."
        )
    said = [
        f"Errors by group, with {settings.source} as source and {settings.target} as target.",
        pairs_sentences(dataset, matrix.mode, matrix.seed, kind),
        map_sentence(kind),
        features_sentence(matrix.features, dataset, kind),
        f"Templates are grouped by {settings.covariate}: the {found.kind} of a template's images ({sizes}).{bins}",
        f"One threshold, {found.threshold:.6g}, serves all groups: that of the whole cell at a target FAR of"
        f" {far_text(settings.far)}. {rule_sentence(settings.rule)}",
        f"FMR of two groups counts pairs in both orders. {100 * settings.level:g} % intervals are those of"
        f" {settings.resamples:,} draws of subjects (seed {settings.seed}) with {'map and ' * is_map(kind)}threshold"
        " held fixed, or Poisson's (FMR) and Wilson's (FNMR) where wider.",
        f"Over all groups FMR is {found.all_fmr.errors:,} of {found.all_fmr.pairs:,} and FNMR"
        f" {found.all_fnmr.errors:,} of {found.all_fnmr.pairs:,} pairs.",
    ]
    return _join(study, matrix.dataset, models, said)


def _sensitivity(
    study: Study, found: Sequence[Sensitivity], rule: FarRule, far: float | None, cells: Sequence[Pair]
) -> str:
    settings = found[0].settings
    dataset = study.dataset(settings.dataset)
    modes = {result.settings.mode: result for result in found}
    maps = list(dict.fromkeys(result.settings.map for result in found))
    sizes = {mode: ", ".join(f"{pairs:,}" for pairs in result.pairs) for mode, result in modes.items()}
    if len(set(sizes.values())) > 1:
        drawn = "; ".join(f"{text} image pairs with fit {mode}" for mode, text in sizes.items())
    else:
        drawn = f"{sizes[settings.mode]} image pairs"
    scored = {mode: scored_sentence(dataset, mode, settings.map) for mode in modes}
    same = len(set(scored.values())) == 1
    over = " and ".join(f"{source} → {target}" for source, target in cells)
    targets = settings.far if far is None else (far,)
    said = [
        f"Sensitivity: maps were fitted on random subsets of {drawn}, drawn without replacement, {settings.repeats}"
        f" repetitions of each size but the whole (seed {settings.seed}); every cell of a repetition is fitted on the"
        " same images.",
        "This is a control: within each subset the source's embedding of an image was paired with the target's of"
        " another image, drawn at random, and never with that of the same image."
        if settings.shuffled
        else "",
        *([scored[settings.mode]] if same else [f"With fit {mode}: {text}" for mode, text in scored.items()]),
        *(fit_sentence(dataset, mode, settings.seed, settings.map) for mode in modes),
        *(map_sentence(kind, among_others=len(maps) > 1) for kind in maps),
        features_sentence(settings.features, dataset, settings.map),
        f"TAR is the mean over {over or 'cross-model cells'} at target FARs of"
        f" {', '.join(far_text(target) for target in targets)}. {rule_sentence(rule)}",
    ]
    return _join(study, settings.dataset, settings.models, said)


def _overlay(study: Study, found: Overlay) -> str:
    settings = found.settings
    said = [
        f"Overlay: points of the target and of its sources, raw and through the maps: {overlay_line(found)}.",
        map_sentence(settings.map),
        fit_pairs_sentence(study, settings.map, settings.sources, found.fit_pairs),
    ]
    read = [f"{', '.join(settings.sources)} → {settings.target}: {scores_text(found)}."]
    packages = (*PACKAGES, *UMAP_PACKAGES) if settings.method is OverlayMethod.UMAP else PACKAGES
    return _join(study, settings.dataset, found.models, said, read, settings.added, packages)


def _folds(study: Study, found: FoldMatrix) -> str:
    settings = found.settings
    kind = map_between(settings.map, settings.models)
    if kind is None:
        sides = ""
    elif kind is MapKind.NONE:
        sides = " A pair's first image goes through the source, its second through the target."
    else:
        sides = (
            " A pair's first image goes through source and map, its second through the target. For each fold, the map"
            " of a cross-model cell was fitted on the images of the other folds' pairs."
        )
    said = [
        f"Fold accuracy: {found.pairs:,} pairs in {folds_text(found)}.{sides} For each fold, the threshold is the"
        " smallest score of the other folds' pairs that maximises their accuracy, and accuracy was taken on the fold;"
        " reported is the mean over folds.",
        map_sentence(kind),
        f"Embeddings have unit norm{', before and after the map' * is_map(kind)}; scores are cosines.",
    ]
    return _join(study, settings.dataset, settings.models, said)


# -- sentences ---------------------------------------------------------------------------------------------------------
def _join(
    study: Study,
    dataset: str,
    models: Sequence[str],
    said: Sequence[str],
    read: Sequence[str] = (),
    added: Sequence[str] = (),
    packages: Sequence[str] = PACKAGES,
) -> str:
    """The whole text: the data, the models, what was done (``said``), what was read off it, the software."""
    paragraphs = [
        " ".join(data_sentence(study.dataset(name)) for name in (dataset, *added)),
        " ".join(model_sentence(study, name, dataset) for name in models),
        " ".join(sentence for sentence in said if sentence),
        " ".join(read),
        software_sentence(packages),
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"
