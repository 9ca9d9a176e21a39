"""The methods paragraph names what was done: each setting, count, model, hash and version."""

from __future__ import annotations

import hashlib
import math
import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from canon_core.datasets.options import DatasetOptions
from canon_core.embedding.embed import EmbedOptions
from canon_core.errors import StudyError
from canon_core.experiments.confidence import run_confidence
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.folds import run_folds
from canon_core.experiments.groups import run_groups
from canon_core.experiments.identify import run_identify
from canon_core.experiments.matrix import run_matrix
from canon_core.experiments.methods_text import methods_text
from canon_core.experiments.sensitivity import run_sensitivity
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.identification_results import IdentifySettings
from canon_core.study.overlay_results import Overlay, OverlayMethod, OverlayScore, OverlaySettings
from canon_core.study.results import Features, FitMode, FoldSettings, MatrixSettings
from canon_core.study.sensitivity_results import SensitivitySettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

from .naive.protocol import Shape, random_protocol
from .template_study import Made, make_study

SHAPE = Shape(
    subjects=18, verification_templates=3, images=4, media=6, unscored=0.0, pairs=0.9, repeated_pairs=0, seed=21
)
RULE = FarRule.CONSERVATIVE


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory, make_network: Callable, make_faces: Callable) -> Path:
    root = tmp_path_factory.mktemp("methods")
    make_network(root / "a.onnx", dimensions=24, seed=1)
    make_network(root / "b.onnx", dimensions=16, seed=2)
    make_faces(root / "faces", subjects=12, images=5, folds=3)
    ctx = JobContext()
    with Study.create(root / "s") as study:
        for name in ("a", "b"):
            study.add_model(root / f"{name}.onnx")
        study.add_dataset(root / "faces", DatasetOptions(), ctx)
        embed_study(study, "faces", (), EmbedOptions(provider="cpu"), ctx)
        run_matrix(study, MatrixSettings("faces", ("a", "b")), ctx)
        return study.path


@pytest.fixture
def study(faces: Path) -> Iterator[Study]:
    with Study.open(faces) as study:
        study.refresh_states()
        yield study


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    protocol = random_protocol(SHAPE)
    rng = np.random.default_rng(1)
    gender = [str(rng.choice(["0", "1"])) for _ in protocol.images]
    return make_study(tmp_path_factory.mktemp("templates"), SHAPE, covariates={"GENDER": gender})


@pytest.fixture
def templates(made: Made) -> Iterator[Study]:
    with Study.open(made.path) as study:
        study.refresh_states()
        yield study


def needs(text: str, *words: str) -> None:
    missing = [word for word in words if word not in text]
    assert not missing, f"{missing} in:\n{text}"


def test_a_matrix_names_data_models_settings_counts_and_versions(study: Study, faces: Path) -> None:
    settings = MatrixSettings("faces", ("a", "b"), seed=3)
    matrix = run_matrix(study, settings, JobContext())
    text = methods_text(study, matrix, RULE, far=1e-1, cells=[("a", "b")])
    for name in ("a", "b"):
        needs(text, hashlib.sha256((faces.parent / f"{name}.onnx").read_bytes()).hexdigest())
    needs(text, "60 images of 12 subjects", study.dataset("faces").fingerprint, "24-dimensional", "16-dimensional",
          "(x − 127.5) / 127.5", "computed on cpu", "ordinary least squares without intercept", "'3:subject'",
          "FAR rule conservative", "1e-6")  # fmt: skip
    assert matrix.single_pairs is not None
    assert matrix.cross_pairs is not None
    for count in (matrix.single_pairs.genuine, matrix.single_pairs.impostor, matrix.cross_pairs.genuine,
                  matrix.cross_pairs.impostor, *matrix.fit_pairs):  # fmt: skip
        needs(text, f"{count:,}")
    point = matrix.reading("a", "b", 1e-1, RULE).point
    needs(text, f"{point.true_accepts:,} of {point.genuine:,} genuine", f"threshold {point.threshold:.6g}",
          f"FAR of {point.far:.3g}")  # fmt: skip
    needs(text, f"numpy {np.__version__}", f"Python {platform.python_version()}", "Canon Explorer ")


@pytest.mark.parametrize(
    ("settings", "rule", "says", "never"),
    [
        ({"map": MapKind.ROTATION}, RULE, "Maps are orthogonal", "least squares"),
        ({"map": MapKind.AFFINE}, RULE, "with intercept", "without intercept"),
        ({"mode": FitMode.IN_SAMPLE}, RULE, "fitted on all images and scored on pairs of the same", "halves"),
        ({}, FarRule.NEAREST, "nearest to the target", "does not exceed"),
    ],
)
def test_other_settings_are_said_in_other_words(
    study: Study, settings: dict[str, object], rule: FarRule, says: str, never: str
) -> None:
    matrix = run_matrix(study, MatrixSettings("faces", ("a", "b"), **settings), JobContext())
    text = methods_text(study, matrix, rule)
    needs(text, says)
    assert never not in text


def claims_no_map(text: str) -> None:
    assert not re.search(r"fitted|mapped|the map\b|[Mm]aps\b|source and map|Image pairs of a fit", text), text


@pytest.mark.parametrize("rule", list(FarRule))
def test_raw_embeddings_claim_no_map(study: Study, templates: Study, rule: FarRule) -> None:
    ctx, none = JobContext(), MapKind.NONE
    two = ("a", "b")
    made = [
        (study, run_matrix(study, MatrixSettings("faces", two, none), ctx)),
        (study, run_confidence(study, MatrixSettings("faces", two, none), ctx, resamples=5)),
        (study, run_folds(study, FoldSettings("faces", two, none), ctx)),
        (templates, run_identify(templates, IdentifySettings("ijb", two, none, FitMode.AUTHORS), ctx)),
        *(
            (templates, run_matrix(templates, MatrixSettings("ijb", two, none, mode, features), ctx))
            for mode in (FitMode.REVERSED, FitMode.DISJOINT)
            for features in Features
        ),
    ]
    for where, result in made:
        text = methods_text(where, result, rule)
        needs(text, "without a map")
        claims_no_map(text.replace("without a map", ""))


def test_one_model_claims_neither_map_nor_other_models(study: Study, templates: Study) -> None:
    ctx, alone = JobContext(), ("a",)
    groups = MatrixSettings("ijb", ("a", "b"), far=(0.05,)), "a", "a", "GENDER", 0.05, RULE
    for where, result in (
        (study, run_matrix(study, MatrixSettings("faces", alone), ctx)),
        (study, run_folds(study, FoldSettings("faces", alone), ctx)),
        (templates, run_identify(templates, IdentifySettings("ijb", alone), ctx)),
        (templates, run_matrix(templates, MatrixSettings("ijb", alone), ctx)),
        (templates, run_groups(templates, *groups, ctx, resamples=5)),
    ):
        text = methods_text(where, result, RULE)
        claims_no_map(text)
        said = text.replace("with a as source and a as target", "")
        assert not re.search("cross-model|source|target model", said), text


def test_a_shuffled_control_is_not_told_as_a_fit(study: Study) -> None:
    settings = SensitivitySettings("faces", ("a", "b"), pairs=(8,), repeats=1, shuffled=True)
    control = methods_text(study, run_sensitivity(study, settings, JobContext()), RULE)
    needs(control, "control", "never with that of the same image")
    plain = methods_text(study, run_sensitivity(study, replace(settings, shuffled=False), JobContext()), RULE)
    assert "control" not in plain


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (FarRule.CONSERVATIVE, "the FPIR does not exceed the target"),
        (FarRule.NEAREST, "the larger TPIR where tied"),
    ],
)
def test_searches_have_a_rule_of_their_own(templates: Study, rule: FarRule, says: str) -> None:
    found = run_identify(templates, IdentifySettings("ijb", ("a", "b")), JobContext())
    text = methods_text(templates, found, rule)
    needs(text, f"FPIR rule {rule}", says, "score ≥ threshold")
    assert "above" not in text
    assert "pairs with score" not in text
    assert "TAR" not in text.replace("TARGET", "")


@pytest.mark.parametrize("method", list(OverlayMethod))
def test_an_overlay_counts_its_sources_dimensions_and_names_what_laid_it_out(
    study: Study, method: OverlayMethod
) -> None:
    settings = OverlaySettings("faces", ("b",), "a", method=method)
    places = np.zeros((2, 2), np.float32)
    ones = np.zeros(2, np.int64)
    result = Overlay(
        key="k", settings=settings, dataset_title="faces", before=places, after=places,
        model=np.array([0, 1], np.int16), item=ones, subject=ones.astype(np.int32), half=ones.astype(np.int8),
        subject_names=("p",), scores=(OverlayScore(0, *[math.nan] * 5),), items=(1, 1), subjects=(1, 1),
        fit_pairs=(176, 200),
    )  # fmt: skip
    text = methods_text(study, result, RULE)
    needs(text, "at least 11.0 a source dimension")  # b has 16 dimensions, a 24
    assert "poorly determined" not in text
    for package in ("umap-learn", "pynndescent", "numba"):
        assert (f"{package} {metadata.version(package)}" in text) == (method is OverlayMethod.UMAP)


def test_few_pairs_a_dimension_are_admitted(study: Study) -> None:
    matrix = run_matrix(study, MatrixSettings("faces", ("a", "b")), JobContext())
    assert min(matrix.fit_pairs) / 24 < 10
    needs(methods_text(study, matrix, RULE), "maps are poorly determined")


def test_intervals_go_with_their_cell(study: Study) -> None:
    settings = MatrixSettings("faces", ("a", "b"))
    matrix = run_matrix(study, settings, JobContext())
    confidence = run_confidence(study, settings, JobContext(), resamples=40)
    text = methods_text(study, matrix, RULE, far=1e-1, cells=[("a", "b")], confidence=confidence)
    needs(text, "95 % interval", "40 draws")
    needs(methods_text(study, confidence, RULE), "40 draws", "ordinary least squares")
    assert "interval" not in methods_text(study, matrix, RULE, far=1e-1, cells=[("a", "b")])


def test_folds_and_sensitivity_say_how_they_were_made(study: Study) -> None:
    folds = run_folds(study, FoldSettings("faces", ("a", "b")), JobContext())
    needs(methods_text(study, folds, RULE), f"{folds.pairs:,} pairs in 3 folds", "mean over folds")
    found = run_sensitivity(
        study, SensitivitySettings("faces", ("a", "b"), pairs=(8, 16), repeats=2, seed=5), JobContext()
    )
    needs(methods_text(study, found, RULE), "8, 16 image pairs", "2 repetitions", "'5:subject'", "seed 5")


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        (FitMode.AUTHORS, "in-sample on the mapped side"),
        (FitMode.REVERSED, "the second template of a pair is embedded"),
        (FitMode.DISJOINT, "enrolment images of one half"),
    ],
)
def test_templates_say_which_side_is_mapped_and_how_they_are_made(
    templates: Study, mode: FitMode, says: str
) -> None:
    settings = MatrixSettings("ijb", ("a", "b"), mode=mode, features=Features.INSIGHTFACE)
    text = methods_text(templates, run_matrix(templates, settings, JobContext()), FarRule.NEAREST)
    needs(text, says, "keep the norms", "weight images by detector score")
    entry = templates.dataset("ijb").templates
    assert entry is not None
    needs(text, f"{entry.templates:,} templates and {entry.pairs:,} pairs of them, {entry.genuine:,} genuine")
    source = templates.imported_from("a", "ijb")
    assert source is not None
    needs(text, "embeddings made elsewhere", source.sha256, source.paired_by)


def test_searches_name_galleries_and_probes(templates: Study) -> None:
    found = run_identify(templates, IdentifySettings("ijb", ("a", "b"), mode=FitMode.AUTHORS), JobContext())
    text = methods_text(templates, found, RULE)
    needs(text, f"{found.probes:,} probe templates", "FPIR rule conservative", "ties count against the probe")
    for gallery in found.any_cell.galleries:
        needs(text, f"Gallery {gallery.name} enrols {gallery.whole.enrolled:,} subjects",
              f"{gallery.whole.mated:,} probes are mated")  # fmt: skip


def test_errors_by_group_name_their_threshold_and_sizes(templates: Study) -> None:
    matrix = MatrixSettings("ijb", ("a", "b"), far=(0.05,))
    found = run_groups(templates, matrix, "a", "b", "GENDER", 0.05, RULE, JobContext(), resamples=30)
    text = methods_text(templates, found, FarRule.NEAREST)
    needs(text, f"{found.threshold:.6g}", "grouped by GENDER", "30 draws", "FAR rule conservative")
    for name, count in zip(found.groups, found.templates, strict=True):
        needs(text, f"{name}: {count:,} templates")


def test_a_model_that_was_removed_is_named(study: Study) -> None:
    matrix = run_matrix(study, MatrixSettings("faces", ("a", "b")), JobContext())
    gone = replace(matrix, settings=replace(matrix.settings, models=("a", "c")))
    with pytest.raises(StudyError, match="no model 'c'"):
        methods_text(study, gone, RULE)
