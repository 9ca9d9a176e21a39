"""The methods paragraph of a paper, from a result: every setting, count, model, hash and version behind its numbers."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Final

from canon_core.figures.numbers import tar_text
from canon_core.maps.kinds import MapKind
from canon_core.resources import version
from canon_core.study.confidence_results import Confidence, confidence_line
from canon_core.study.entries import DatasetEntry, ModelEntry
from canon_core.study.group_results import GroupRates
from canon_core.study.identification_results import IdentificationMatrix
from canon_core.study.overlay_results import Overlay, OverlayMethod
from canon_core.study.overlay_text import overlay_line, scores_text
from canon_core.study.results import (
    FEW_FALSE_ACCEPTS,
    FEW_PAIRS_PER_DIMENSION,
    Features,
    FitMode,
    FoldMatrix,
    Matrix,
    beside_text,
    far_text,
)
from canon_core.study.sensitivity_results import Sensitivity
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

Pair = tuple[str, str]
Result = (
    Matrix | Confidence | IdentificationMatrix | GroupRates | Sensitivity | Sequence[Sensitivity] | FoldMatrix | Overlay
)

_PACKAGES: Final = ("numpy", "scipy", "onnxruntime-gpu", "onnxruntime", "opencv-python-headless")
#: What UMAP is made of, beside these.
_UMAP_PACKAGES: Final = ("umap-learn", "pynndescent", "numba")
_MAPS: Final = {
    MapKind.NONE: "Embeddings of different models were compared as they are, without a map.",
    MapKind.LINEAR: "Maps are ordinary least squares without intercept (of minimum norm where there are fewer pairs"
    " than dimensions) from source to target image embeddings.",
    MapKind.AFFINE: "Maps are ordinary least squares with intercept from source to target image embeddings.",
    MapKind.ROTATION: "Maps are orthogonal (Wahba's problem, solved after Kabsch by the singular value decomposition of"
    " the cross-covariance; semi-orthogonal where dimensions differ) from source to target image embeddings.",
}
_RULES: Final = {
    FarRule.CONSERVATIVE: "the threshold is the smallest observed score whose FAR does not exceed the target",
    FarRule.NEAREST: "the threshold is that of the ROC point whose FAR is nearest to the target, the larger TAR where"
    " tied",
}
#: Of searches: false positives are counted among the highest scores of non-mated probes.
_FPIR_RULES: Final = {
    FarRule.CONSERVATIVE: "the threshold is the smallest observed score at which the FPIR does not exceed the target",
    FarRule.NEAREST: "the threshold is the observed score at which the FPIR is nearest to the target, the larger TPIR"
    " where tied",
}


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
        dataset, kind = study.dataset(settings.dataset), _between(settings.map, settings.models)
        said = [_pairs(dataset, settings.mode, settings.seed, kind),
                _maps(kind), _features(settings.features, dataset, kind), _rule(rule),
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
    dataset, kind = study.dataset(settings.dataset), _between(settings.map, settings.models)
    said = [
        _pairs(dataset, settings.mode, settings.seed, kind),
        _maps(kind),
        _fit_pairs(study, kind, settings.models, matrix.fit_pairs),
        _features(settings.features, dataset, kind),
        _counts(matrix),
        f"FAR targets: {', '.join(far_text(target) for target in settings.far)}. {_rule(rule)}",
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
    dataset, kind = study.dataset(settings.dataset), _between(settings.map, settings.models)
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
        _fit_words(dataset, settings.mode, settings.seed, kind),
        "Every probe was searched in the half of a gallery that its subject belongs to, with one threshold for both"
        " halves, single models too."
        if settings.mode is FitMode.DISJOINT
        else "",
        _maps(kind),
        _features(settings.features, dataset, kind),
        "Hit rates at rank k pool the mated probes of all galleries; ties count against the probe. TPIR is the mean"
        f" over galleries, each at a threshold of its own. FPIR targets: {', '.join(map(far_text, settings.fpir))}."
        f" FPIR rule {rule}: {_FPIR_RULES[rule]}; a probe with its highest score ≥ threshold is answered, which is a"
        " false positive where it is non-mated and a hit where it is mated and its own subject is at rank 1.",
    ]
    if found.left_out:
        said.append(f"{len(found.left_out):,} images were left out because a model gave no usable embedding.")
    fits = next((cell.fits for cell in found.cells.values() if cell is not None and cell.fits), ())
    said.append(_fit_pairs(study, kind, settings.models, tuple(fit.pairs for fit in fits)))
    return _join(study, settings.dataset, settings.models, said)


def _groups(study: Study, found: GroupRates) -> str:
    settings, matrix = found.settings, found.settings.matrix
    dataset = study.dataset(matrix.dataset)
    models = tuple(dict.fromkeys((settings.source, settings.target)))
    kind = _between(matrix.map, models)
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
        _pairs(dataset, matrix.mode, matrix.seed, kind),
        _maps(kind),
        _features(matrix.features, dataset, kind),
        f"Templates are grouped by {settings.covariate}: the {found.kind} of a template's images ({sizes}).{bins}",
        f"One threshold, {found.threshold:.6g}, serves all groups: that of the whole cell at a target FAR of"
        f" {far_text(settings.far)}. {_rule(settings.rule)}",
        f"FMR of two groups counts pairs in both orders. {100 * settings.level:g} % intervals are those of"
        f" {settings.resamples:,} draws of subjects (seed {settings.seed}) with {'map and ' * _is_map(kind)}threshold"
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
    scored = {mode: _scored(dataset, mode, settings.map) for mode in modes}
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
        *(_fit_words(dataset, mode, settings.seed, settings.map) for mode in modes),
        *(_maps(kind, among_others=len(maps) > 1) for kind in maps),
        _features(settings.features, dataset, settings.map),
        f"TAR is the mean over {over or 'cross-model cells'} at target FARs of"
        f" {', '.join(far_text(target) for target in targets)}. {_rule(rule)}",
    ]
    return _join(study, settings.dataset, settings.models, said)


def _overlay(study: Study, found: Overlay) -> str:
    settings = found.settings
    said = [
        f"Overlay: points of the target and of its sources, raw and through the maps: {overlay_line(found)}.",
        _maps(settings.map),
        _fit_pairs(study, settings.map, settings.sources, found.fit_pairs),
    ]
    read = [f"{', '.join(settings.sources)} → {settings.target}: {scores_text(found)}."]
    packages = (*_PACKAGES, *_UMAP_PACKAGES) if settings.method is OverlayMethod.UMAP else _PACKAGES
    return _join(study, settings.dataset, found.models, said, read, settings.added, packages)


def _folds(study: Study, found: FoldMatrix) -> str:
    settings = found.settings
    kind = _between(settings.map, settings.models)
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
        f"Fold accuracy: {found.pairs:,} pairs in {found.folds} folds.{sides} For each fold, the threshold is the"
        " smallest score of the other folds' pairs that maximises their accuracy, and accuracy was taken on the fold;"
        " reported is the mean over folds.",
        _maps(kind),
        f"Embeddings have unit norm{', before and after the map' * _is_map(kind)}; scores are cosines.",
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
    packages: Sequence[str] = _PACKAGES,
) -> str:
    """The whole text: the data, the models, what was done (``said``), what was read off it, the software."""
    paragraphs = [
        " ".join(_data(study.dataset(name)) for name in (dataset, *added)),
        " ".join(_model(study, name, dataset) for name in models),
        " ".join(sentence for sentence in said if sentence),
        " ".join(read),
        _software(packages),
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def _data(dataset: DatasetEntry) -> str:
    counts = f"{dataset.images:,} images of {dataset.subjects:,} subjects"
    if dataset.templates is not None:
        templates = dataset.templates
        counts += (
            f", {templates.templates:,} templates and {templates.pairs:,} pairs of them, {templates.genuine:,} genuine"
        )
    alignment = {
        None: "nothing says where faces lie",
        "arcface": "images are crops on the ArcFace template",
        "landmarks": "faces were aligned by five landmarks",
        "boxes": "faces were cut out by boxes",
        "whole": "whole images were used, without alignment",
    }.get(dataset.alignment, str(dataset.alignment))
    if not dataset.has_images:
        alignment = "there were no images, only embeddings made elsewhere"
    left_out = f"; {dataset.problems:,} images were left out when it was read" if dataset.problems else ""
    return (
        f"Data: {dataset.name}, {counts}{left_out} (format {dataset.format}; {alignment}; fingerprint of the images"
        f" {dataset.fingerprint})."
    )


def _model(study: Study, name: str, dataset: str) -> str:
    model = study.model(name)
    state = study.embedding_state(name, dataset)
    provider = f", computed on {state.provider}" if state.provider else ""
    if model.imported:
        source = study.imported_from(name, dataset)
        which = (
            "of this dataset there are none"
            if source is None
            else f"rows paired with images by {source.paired_by}, SHA-256 of the paired rows {source.sha256}"
        )
        return f"{name}: {model.dimensions}-dimensional embeddings made elsewhere ({which})."
    return (
        f"{name}: {model.dimensions}-dimensional embeddings by a network of {model.parameters:,} parameters"
        f" (ONNX, SHA-256 {model.sha256}; input {_input(model)}{provider})."
    )


def _input(model: ModelEntry) -> str:
    given, output = model.spec.input, model.spec.output
    template = "own five points" if given.template is None else f"template {given.template}"
    if given.template == "box":
        template += f" with a margin of {given.margin:g} pixels"
    flip = {"none": "no flip", "sum": "summed with the mirrored image's", "keep": "the mirrored image's kept apart"}
    return (
        f"{given.width} × {given.height} {given.color.upper()}, {template}, {given.scaling_text},"
        f" {flip[output.flip]}"
    )


def _between(kind: MapKind, models: Sequence[str]) -> MapKind | None:
    """The map of cross-model cells; None of one model alone, which has no such cell."""
    return kind if len(models) > 1 else None


def _is_map(kind: MapKind | None) -> bool:
    """Whether there is a map at all: neither one model alone nor embeddings as they are."""
    return kind not in (None, MapKind.NONE)


def _pairs(dataset: DatasetEntry, mode: FitMode, seed: int, kind: MapKind | None) -> str:
    """Which pairs are scored, and on what maps are fitted."""
    return f"{_scored(dataset, mode, kind)} {_fit_words(dataset, mode, seed, kind)}".rstrip()


def _scored(dataset: DatasetEntry, mode: FitMode, kind: MapKind | None) -> str:
    """Which pairs are scored."""
    if dataset.has_templates:
        scored = "Scored are the protocol's pairs of templates"
        if kind is not None:
            which = "second" if mode is FitMode.REVERSED else "first"
            mapped = " and mapped" * _is_map(kind)
            scored += (
                f"; of a cross-model cell the {which} template of a pair is embedded by the source model{mapped}, the"
                " other by the target model"
            )
        return f"{scored}."
    if dataset.one_image_each:
        if kind is None:
            return "No subject has two images: a single model has impostor pairs only."
        return (
            "No subject has two images: a cross-model genuine pair is one image seen by both models, an impostor pair"
            " two images."
        )
    scored = "A single model is scored on all unordered pairs of images"
    if kind is not None:
        through = "source and map" if _is_map(kind) else "the source"
        scored += (
            "; a cross-model cell on all ordered pairs of two different images, the first through"
            f" {through}, the second through the target"
        )
    return f"{scored}. Genuine pairs show one subject."


def _fit_words(dataset: DatasetEntry, mode: FitMode, seed: int, kind: MapKind | None) -> str:
    """How subjects were split, and on what maps are fitted."""
    images = "enrolment images" if dataset.has_templates else "images"
    if mode is FitMode.DISJOINT:
        fitted = f"maps were fitted on the {images} of one half and " * _is_map(kind)
        within = "the other half, both ways round" if _is_map(kind) else "each half"
        singles = "" if kind is None else " Single models are scored on the same pairs."
        return (
            f"Fit mode disjoint: subjects were split into two halves (lowest bit of the CRC-32 of '{seed}:subject');"
            f" {fitted}pairs were scored within {within}, and both sets of scores pooled.{singles}"
        )
    if not _is_map(kind):
        return ""
    if mode is FitMode.IN_SAMPLE:
        return "Fit mode in-sample: maps were fitted on all images and scored on pairs of the same images."
    if mode is FitMode.AUTHORS:
        return (
            "Fit mode authors: maps were fitted on all enrolment images, which are those that are mapped, so that"
            " cross-model figures are in-sample on the mapped side."
        )
    return (
        "Fit mode reversed: maps were fitted on all enrolment images; the mapped images lie outside the fit, while the"
        " target's are its regression targets and every subject was seen."
    )


def _maps(kind: MapKind | None, *, among_others: bool = False) -> str:
    """What kind of map it is; named where it is one of several."""
    if kind is None:
        return ""
    words = _MAPS[kind].replace("Maps", f"{kind.capitalize()} maps", 1) if among_others else _MAPS[kind]
    return f"{words}{' Both sides have unit norm when a map is fitted.' * _is_map(kind)}"


def _fit_pairs(study: Study, kind: MapKind | None, sources: Sequence[str], pairs: tuple[int, ...]) -> str:
    """How many image pairs each map was fitted on, and how many a dimension of the widest source that is."""
    if not _is_map(kind) or not pairs:
        return ""
    least = min(pairs) / max(study.model(name).dimensions for name in sources)
    few = f" (fewer than {FEW_PAIRS_PER_DIMENSION:g}: maps are poorly determined)" * (least < FEW_PAIRS_PER_DIMENSION)
    return (
        f"Image pairs of a fit: {' and '.join(f'{count:,}' for count in pairs)}, at least {least:.1f} a source"
        f" dimension{few}."
    )


def _features(features: Features, dataset: DatasetEntry, kind: MapKind | None) -> str:
    """How templates are made of images, and what a score is."""
    mapped = _is_map(kind)
    if not dataset.has_templates:
        return f"Image embeddings have unit norm{', after the map too' * mapped}; scores are cosines."
    if features is Features.INSIGHTFACE:
        return (
            f"Templates keep the norms of image embeddings{', before and after the map' * mapped}, sum flips where a"
            " model keeps them, weight images by detector score, average within media, and have unit norm; scores are"
            " cosines."
        )
    return (
        f"Templates are made of image embeddings of unit norm{' (after the map too)' * mapped}, weighted by detector"
        " score, averaged within media, and have unit norm; scores are cosines."
    )


def _counts(matrix: Matrix) -> str:
    parts = []
    if matrix.single_pairs is not None:
        parts.append(
            f"a single model on {matrix.single_pairs.genuine:,} genuine and {matrix.single_pairs.impostor:,} impostor"
            " pairs"
        )
    if matrix.cross_pairs is not None:
        parts.append(
            f"a cross-model cell on {matrix.cross_pairs.genuine:,} and {matrix.cross_pairs.impostor:,}"
        )
    return f"This scores {', '.join(parts)}." if parts else ""


def _rule(rule: FarRule) -> str:
    """How thresholds of pairs are chosen."""
    return f"FAR rule {rule}: {_RULES[rule]}; pairs with score ≥ threshold are accepted."


def _software(packages: Sequence[str]) -> str:
    found = []
    for package in packages:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return f"Software: Canon Explorer {version()}, Python {platform.python_version()}, {', '.join(found)}."
