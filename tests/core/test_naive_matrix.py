"""Matrices of template studies agree, from files to printed numbers, with an evaluator written from the definitions."""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from canon_core.datasets.options import DatasetOptions
from canon_core.experiments.matrix import matrix_json, run_matrix
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.results import Cell, Features, FitMode, Matrix, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule, OperatingPoint

from .naive import evaluator as naive
from .naive.protocol import Embeddings, Protocol, Shape, random_embeddings, random_protocol, shapes
from .template_study import write_insightface, write_nist

FAR = (0.3, 0.1, 0.01, 1e-4)
SEPARATION = 1e-5
LAYOUTS = ("insightface", "insightface without 1:N files", "nist")


@st.composite
def laid_out(draw: st.DrawFn, subjects: tuple[int, int] = (5, 9)) -> tuple[str, Shape]:
    """A layout, and a protocol that it can hold: only NIST's is without detector scores, and then without any."""
    layout = draw(st.sampled_from(LAYOUTS), label="layout")
    shape = draw(shapes(subjects=subjects))
    # Without 1:N files subjects are those whom genuine pairs link, so that every pair has to be there.
    pairs = 1.0 if layout == LAYOUTS[1] else shape.pairs
    return layout, replace(shape, unscored=1.0 if layout == "nist" else 0.0, pairs=pairs)


def linked_by_genuine_pairs(protocol: Protocol) -> Protocol:
    """The protocol with the smallest template id among a subject's as the subject's name."""
    smallest = {
        subject: min(image.template for image in protocol.images if image.subject == subject)
        for subject in {image.subject for image in protocol.images}
    }
    return replace(protocol, images=tuple(replace(image, subject=smallest[image.subject]) for image in protocol.images))


def make_study(
    root: Path, layout: str, protocol: Protocol, embeddings: Mapping[str, Embeddings], lost: Sequence[int], seed: int
) -> Study:
    """Files in a published layout, and embeddings in an order of their own, paired by id.

    Each model lacks its share of the images that are lost, or has nothing but zeros for them.
    """
    if layout == "nist":
        write_nist(root / "data" / "protocols", protocol, {})
    else:
        write_insightface(root / "data" / "meta", protocol)
    if layout == LAYOUTS[1]:
        for file in (root / "data" / "meta").glob("ijbc_1N_*"):
            file.unlink()
    rng = np.random.default_rng(seed)
    study = Study.create(root / "s")
    study.add_dataset(root / "data", DatasetOptions(), JobContext(), "faces")
    ids = study.faces("faces").ids
    image_of = {one: int(one.split("/")[-1].split(".")[0]) - 1 for one in ids}
    for number, (name, rows) in enumerate(embeddings.items()):
        mine = lost[number :: len(embeddings)]
        absent = set(mine[::2])
        held = [one for one in rng.permutation(ids) if image_of[one] not in absent]
        ours = rows[[image_of[one] for one in held]].copy()
        ours[[image_of[one] in mine for one in held]] = 0.0
        arrays = {"embs": ours} if ours.ndim == 2 else {"embs": ours[:, 0], "embs_f": ours[:, 1]}
        np.savez(root / f"{name}.npz", ids=np.array(held), **arrays)
        report = study.import_embeddings(root / f"{name}.npz", model=name, dataset="faces", ctx=JobContext())
        assert (report.matched, report.paired_by) == (len(held), "id")
        assert len(report.missing) == len(absent)
    return study


def agree(read: OperatingPoint, expected: naive.Point) -> None:
    assert read.tar == pytest.approx(expected.tar, abs=1e-6, nan_ok=True)
    assert read.far == pytest.approx(expected.far, abs=1e-12, nan_ok=True)
    assert read.threshold == pytest.approx(expected.threshold, abs=SEPARATION / 2)


def compare(cell: Cell, expected: naive.Cell, printed: Mapping[str, Mapping[str, list[float | None]]]) -> None:
    """A cell of the matrix: what it holds, and what is printed of it by either rule."""
    genuine, impostors = expected.of_kind(True), expected.of_kind(False)
    assert (cell.genuine, cell.impostors) == (len(genuine), len(impostors))
    assert [(fit.pairs, fit.dimensions) for fit in cell.fits] == [
        (fit.pairs, fit.matrix.shape[0]) for fit in expected.fits
    ]
    for fit, (cosine, r2) in zip(cell.fits, expected.residuals, strict=True):
        assert fit.residual == pytest.approx(cosine, abs=1e-5)
        assert fit.r2 == pytest.approx(r2, abs=1e-4, nan_ok=True)
    for rule in naive.RULES:
        points = expected.read(FAR, rule)
        halves = [expected.read(FAR, rule, pool) for pool in range(len(expected.pairs))]
        for k, (reading, point) in enumerate(zip(cell.readings[FarRule(rule)], points, strict=True)):
            agree(reading.point, point)
            for part, of_half in zip(reading.halves, halves if len(halves) > 1 else [], strict=True):
                agree(part, of_half[k])
            by_subject = expected.subject_tar(point.threshold) if genuine and impostors else math.nan
            assert reading.subject_tar == pytest.approx(by_subject, abs=1e-6, nan_ok=True)
            for key, value in (("tar", point.tar), ("achieved_far", point.far), ("threshold", point.threshold)):
                if math.isfinite(value):
                    assert printed[rule][key][k] == pytest.approx(value, abs=SEPARATION / 2)
                else:
                    assert printed[rule][key][k] is None
    if genuine:
        assert cell.largest_subject_share == pytest.approx(expected.largest_share())
    if genuine and impostors:
        assert cell.auc == pytest.approx(expected.auc(), abs=1e-9)
        assert cell.eer == pytest.approx(expected.eer(), abs=1e-9)


def compare_matrix(
    matrix: Matrix, protocol: Protocol, embeddings: Mapping[str, Embeddings], how: Mapping[str, str], seed: int
) -> int:
    """Compare every cell that does not hang on rounding, and say how many they were."""
    printed = {rule: matrix_json(matrix, FarRule(rule)) for rule in naive.RULES}
    names = list(embeddings)
    fit_pairs = [len(rows) for rows, _ in naive.pools(protocol, how["mode"], seed)]
    compared = 0
    for (s, source), (t, target) in itertools.product(enumerate(names), repeat=2):
        cell = matrix.cells[source, target]
        if how["kind"] == "none" and embeddings[source].shape[-1] != embeddings[target].shape[-1]:
            assert cell is None
            assert printed["nearest"]["tar"][s][t] is None
            continue
        assert cell is not None, matrix.missing
        expected = naive.cell(
            protocol, embeddings[source], embeddings[target], single=source == target, seed=seed, **how
        )
        counts = {"genuine": len(expected.of_kind(True)), "impostor": len(expected.of_kind(False))}
        for rule in naive.RULES:
            assert printed[rule]["pairs"]["single" if source == target else "cross"] == counts
            assert printed[rule]["fit_pairs"] == ([] if how["kind"] == "none" else fit_pairs)
        if expected.left < naive.LEAST_LEFT or expected.closest() <= SEPARATION:
            continue
        keys = ("tar", "achieved_far", "threshold")
        of_cell = {rule: {key: printed[rule][key][s][t] for key in keys} for rule in naive.RULES}
        compare(cell, expected, of_cell)
        compared += 1
    return compared


def check(
    layout: str,
    shape: Shape,
    widths: tuple[int, ...],
    *,
    kinds: Sequence[str],
    features: Sequence[str],
    modes: Sequence[str] = naive.MODES,
    flips: bool = False,
    lost: int = 0,
    seed: int = 0,
) -> int:
    """Make a study and compare the matrices in every mode that has fit images and pairs, all kinds and features."""
    protocol = random_protocol(shape)
    models = random_embeddings(protocol, widths, shape.seed + 1, flips)
    names = [f"model {number}" for number in range(len(models))]
    gone = np.random.default_rng(shape.seed).permutation(len(protocol.images))[:lost].tolist()
    kept = [row for row in range(len(protocol.images)) if row not in gone]
    named = (linked_by_genuine_pairs(protocol) if layout == LAYOUTS[1] else protocol).without(gone)
    embeddings = {name: rows[kept] for name, rows in zip(names, models, strict=True)}
    possible = [mode for mode in modes if all(rows and pairs for rows, pairs in naive.pools(named, mode, seed))]
    compared = 0
    with tempfile.TemporaryDirectory() as folder:
        whole = dict(zip(names, models, strict=True))
        study = make_study(Path(folder), layout, protocol, whole, gone, shape.seed)
        with study:
            for mode, kind, feature in itertools.product(possible, kinds, features):
                asked = MatrixSettings(
                    "faces", tuple(embeddings), MapKind(kind), FitMode(mode), Features(feature), FAR, seed
                )
                matrix = run_matrix(study, asked, JobContext())
                how = {"kind": kind, "mode": mode, "features": feature}
                compared += compare_matrix(matrix, named, embeddings, how, seed)
    return compared


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(
    made=laid_out(),
    widths=st.sampled_from([(8, 8), (16, 24), (24, 16), (16, 16), (64, 80)]),
    kind=st.sampled_from(naive.MAPS),
    features=st.sampled_from(naive.FEATURES),
    flips=st.booleans(),
    lost=st.sampled_from([0, 0, 1, 5]),
    seed=st.sampled_from([0, 7]),
)
def test_matrices_in_every_mode_agree_on_random_protocols(
    made: tuple[str, Shape], widths: tuple[int, int], kind: str, features: str, flips: bool, lost: int, seed: int
):
    layout, shape = made
    compared = check(layout, shape, widths, kinds=[kind], features=[features], flips=flips, lost=lost, seed=seed)
    event(f"{layout}: {compared} cells compared")
    assume(compared)


SHAPE = Shape(
    subjects=9, verification_templates=2, images=4, media=3, unscored=0.0, pairs=0.9, repeated_pairs=1, seed=1
)


def test_one_study_gives_all_maps_features_and_modes():
    """What cells share is reused from one to the next, and must not change any of them."""
    cells = 3 * 2 * (3 * 9 + 3)  # modes, features; three maps of nine cells, and the diagonal where there is no map
    assert check(LAYOUTS[0], SHAPE, (8, 24, 8), kinds=naive.MAPS, features=naive.FEATURES, flips=True) >= 0.8 * cells


def test_a_rotation_between_512_and_1024_dimensions_agrees():
    """Far fewer fit images than dimensions: a partial isometry, both ways round."""
    shape = replace(SHAPE, unscored=1.0)
    assert check("nist", shape, (512, 1024), kinds=["rotation"], features=["paper"], modes=["disjoint"]) == 4
