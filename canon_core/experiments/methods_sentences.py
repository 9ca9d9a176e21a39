"""The sentences that methods paragraphs are made of: data, models, pairs, maps, counts, rules, software."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Final

from canon_core.maps.kinds import MapKind
from canon_core.resources import version
from canon_core.study.entries import DatasetEntry, ModelEntry
from canon_core.study.results import FEW_PAIRS_PER_DIMENSION, Features, FitMode, Matrix
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

PACKAGES: Final = ("numpy", "scipy", "onnxruntime-gpu", "onnxruntime", "opencv-python-headless")
#: What UMAP is made of, beside these.
UMAP_PACKAGES: Final = ("umap-learn", "pynndescent", "numba")
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
FPIR_RULES: Final = {
    FarRule.CONSERVATIVE: "the threshold is the smallest observed score at which the FPIR does not exceed the target",
    FarRule.NEAREST: "the threshold is the observed score at which the FPIR is nearest to the target, the larger TPIR"
    " where tied",
}


def data_sentence(dataset: DatasetEntry) -> str:
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


def model_sentence(study: Study, name: str, dataset: str) -> str:
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


def map_between(kind: MapKind, models: Sequence[str]) -> MapKind | None:
    """The map of cross-model cells; None of one model alone, which has no such cell."""
    return kind if len(models) > 1 else None


def is_map(kind: MapKind | None) -> bool:
    """Whether there is a map at all: neither one model alone nor embeddings as they are."""
    return kind not in (None, MapKind.NONE)


def pairs_sentences(dataset: DatasetEntry, mode: FitMode, seed: int, kind: MapKind | None) -> str:
    """Which pairs are scored, and on what maps are fitted."""
    return f"{scored_sentence(dataset, mode, kind)} {fit_sentence(dataset, mode, seed, kind)}".rstrip()


def scored_sentence(dataset: DatasetEntry, mode: FitMode, kind: MapKind | None) -> str:
    """Which pairs are scored."""
    if dataset.has_templates:
        scored = "Scored are the protocol's pairs of templates"
        if kind is not None:
            which = "second" if mode is FitMode.REVERSED else "first"
            mapped = " and mapped" * is_map(kind)
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
        through = "source and map" if is_map(kind) else "the source"
        scored += (
            "; a cross-model cell on all ordered pairs of two different images, the first through"
            f" {through}, the second through the target"
        )
    return f"{scored}. Genuine pairs show one subject."


def fit_sentence(dataset: DatasetEntry, mode: FitMode, seed: int, kind: MapKind | None) -> str:
    """How subjects were split, and on what maps are fitted."""
    images = "enrolment images" if dataset.has_templates else "images"
    if mode is FitMode.DISJOINT:
        fitted = f"maps were fitted on the {images} of one half and " * is_map(kind)
        within = "the other half, both ways round" if is_map(kind) else "each half"
        singles = "" if kind is None else " Single models are scored on the same pairs."
        return (
            f"Fit mode disjoint: subjects were split into two halves (lowest bit of the CRC-32 of '{seed}:subject');"
            f" {fitted}pairs were scored within {within}, and both sets of scores pooled.{singles}"
        )
    if not is_map(kind):
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


def map_sentence(kind: MapKind | None, *, among_others: bool = False) -> str:
    """What kind of map it is; named where it is one of several."""
    if kind is None:
        return ""
    words = _MAPS[kind].replace("Maps", f"{kind.capitalize()} maps", 1) if among_others else _MAPS[kind]
    return f"{words}{' Both sides have unit norm when a map is fitted.' * is_map(kind)}"


def fit_pairs_sentence(study: Study, kind: MapKind | None, sources: Sequence[str], pairs: tuple[int, ...]) -> str:
    """How many image pairs each map was fitted on, and how many a dimension of the widest source that is."""
    if not is_map(kind) or not pairs:
        return ""
    least = min(pairs) / max(study.model(name).dimensions for name in sources)
    few = f" (fewer than {FEW_PAIRS_PER_DIMENSION:g}: maps are poorly determined)" * (least < FEW_PAIRS_PER_DIMENSION)
    return (
        f"Image pairs of a fit: {' and '.join(f'{count:,}' for count in pairs)}, at least {least:.1f} a source"
        f" dimension{few}."
    )


def features_sentence(features: Features, dataset: DatasetEntry, kind: MapKind | None) -> str:
    """How templates are made of images, and what a score is."""
    mapped = is_map(kind)
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


def counts_sentence(matrix: Matrix) -> str:
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


def rule_sentence(rule: FarRule) -> str:
    """How thresholds of pairs are chosen."""
    return f"FAR rule {rule}: {_RULES[rule]}; pairs with score ≥ threshold are accepted."


def software_sentence(packages: Sequence[str]) -> str:
    found = []
    for package in packages:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return f"Software: Canon Explorer {version()}, Python {platform.python_version()}, {', '.join(found)}."
