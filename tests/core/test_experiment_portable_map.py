"""A map to use elsewhere is fitted on everything and carries what held-out maps of its kind reached."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from canon_core.datasets.options import DatasetOptions
from canon_core.embedding.embed import EmbedOptions
from canon_core.errors import Cancelled, SettingsError, StudyError
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.matrix import run_matrix
from canon_core.experiments.portable_map import fit_portable_map
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.results import FitMode, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

FAR = (1e-1, 1e-2)
SUBJECTS, IMAGES = 14, 5


def seen(width: int, seed: int, subjects: list[int]) -> np.ndarray:
    """What one model makes of some images: a projection of who they show, with noise."""
    who = np.random.default_rng(0).standard_normal((SUBJECTS, 6))
    rng = np.random.default_rng(seed)
    rows = who[subjects] @ rng.standard_normal((6, width)) + 0.6 * rng.standard_normal((len(subjects), width))
    return rows.astype(np.float32)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)


def ijbc(folder: Path) -> tuple[Path, list[int], np.ndarray]:
    """IJB-C's files without its images: an enrolment template and two others a subject; subjects, enrolment rows."""
    meta = folder / "IJBC" / "meta"
    meta.mkdir(parents=True)
    images, subjects, enrolled = [], [], []
    for subject in range(SUBJECTS):
        for template, count in ((1 + subject, 3), (101 + subject, 2), (201 + subject, 1)):
            for _ in range(count):
                images.append(f"{len(images) + 1}.jpg {template} {len(images)}")
                subjects.append(subject)
                enrolled.append(template < 100)
    pairs = [
        f"{1 + one} {base + other} {int(one == other)}"
        for one in range(SUBJECTS)
        for base in (101, 201)
        for other in range(SUBJECTS)
    ]
    points = " ".join(["50"] * 10)
    names = [f"{row + 1}.jpg {points} 0.9" for row in range(len(images))]
    for name, lines in (("face_tid_mid", images), ("template_pair_label", pairs), ("name_5pts_score", names)):
        (meta / f"ijbc_{name}.txt").write_text("\n".join(lines) + "\n")
    return meta.parent, subjects, np.array(enrolled)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("portable")
    ctx = JobContext()
    subjects = [number // IMAGES for number in range(SUBJECTS * IMAGES)]
    ids = [f"p{subject:02d}/{number}" for number, subject in enumerate(subjects)]
    with Study.create(root / "s") as study:
        where, in_templates, enrolled = ijbc(root)
        study.add_dataset(where, DatasetOptions(), ctx, name="templates")
        for name, width, seed in (("old", 12, 1), ("new", 9, 2)):
            np.savez(root / f"{name}.npz", embs=seen(width, seed, subjects), ids=np.array(ids))
            study.import_embeddings(root / f"{name}.npz", model=name, dataset="singles", ctx=ctx)
            np.save(root / f"{name}.npy", seen(width, seed, in_templates))
            study.import_embeddings(root / f"{name}.npy", model=name, dataset="templates", ctx=ctx)
    np.save(root / "enrolled.npy", enrolled)
    return root


@pytest.fixture
def study(folder: Path) -> Iterator[Study]:
    with Study.open(folder / "s.canon") as opened:
        opened.refresh_states()
        opened.clear_results()
        yield opened


def settings(
    dataset: str = "singles",
    models: tuple[str, ...] = ("old", "new"),
    kind: MapKind = MapKind.LINEAR,
    mode: FitMode = FitMode.DISJOINT,
) -> MatrixSettings:
    return MatrixSettings(dataset, models, kind, mode, far=FAR)


def test_single_images_are_all_fitted_on(study: Study, folder: Path) -> None:
    portable = fit_portable_map(study, settings(), FarRule.CONSERVATIVE, JobContext())
    rows = [unit(np.load(folder / f"{name}.npz")["embs"]) for name in ("old", "new")]
    expected = np.linalg.lstsq(*rows, rcond=None)[0]
    np.testing.assert_allclose(portable.mapping.matrix, expected, atol=1e-6)
    assert portable.mapping.pairs == SUBJECTS * IMAGES
    assert portable.origin.fitted_on == "all 70 images"


def test_of_templates_the_enrolment_images_are_fitted_on_and_no_others(study: Study, folder: Path) -> None:
    portable = fit_portable_map(study, settings("templates", kind=MapKind.ROTATION), FarRule.NEAREST, JobContext())
    enrolled = np.load(folder / "enrolled.npy")
    one, other = (unit(np.load(folder / f"{name}.npy"))[enrolled] for name in ("old", "new"))
    left, _, right = np.linalg.svd(one.T @ other, full_matrices=False)
    np.testing.assert_allclose(portable.mapping.matrix, left @ right, atol=1e-6)
    assert portable.origin.fitted_on == "all 42 enrolment images"


@pytest.mark.parametrize("dataset", ["singles", "templates"])
@pytest.mark.parametrize("rule", list(FarRule))
def test_the_tars_it_carries_are_those_of_the_matrix(study: Study, dataset: str, rule: FarRule) -> None:
    matrix = run_matrix(study, settings(dataset), JobContext())
    study.clear_results()
    origin = fit_portable_map(study, settings(dataset), rule, JobContext()).origin
    cell = matrix.cells["old", "new"]
    assert cell is not None
    assert (origin.genuine, origin.impostors) == (cell.genuine, cell.impostors)
    assert origin.rule == rule
    for far, found in zip(FAR, origin.measured, strict=True):
        reading = matrix.reading("old", "new", far, rule)
        assert reading is not None
        assert found.far == far
        assert found.tar == reading.point.tar
        assert found.achieved_far == reading.point.far
        assert found.threshold == reading.point.threshold
        assert found.false_accepts == reading.point.false_accepts
        assert (found.source_tar, found.target_tar) == (
            matrix.tar("old", "old", far, rule),
            matrix.tar("new", "new", far, rule),
        )


def test_it_says_that_the_tars_are_held_out_or_that_they_flatter(study: Study) -> None:
    held_out = fit_portable_map(study, settings(), FarRule.CONSERVATIVE, JobContext()).origin
    assert (held_out.mode, held_out.seed) == ("disjoint", 0)
    assert "nothing is left to measure it on" in held_out.note
    inside = fit_portable_map(study, settings(mode=FitMode.IN_SAMPLE), FarRule.CONSERVATIVE, JobContext()).origin
    assert "flatter" in inside.note
    assert inside.measured[1].tar != held_out.measured[1].tar


def test_it_names_its_data_and_both_models_by_their_hashes(study: Study) -> None:
    origin = fit_portable_map(study, settings(), FarRule.CONSERVATIVE, JobContext()).origin
    assert (origin.study, origin.dataset) == ("s", "singles")
    assert origin.fingerprint == study.dataset("singles").fingerprint
    for side, name in ((origin.source, "old"), (origin.target, "new")):
        imported = study.imported_from(name, "singles")
        assert imported is not None
        assert side.name == name
        assert side.sha256 == imported.sha256
        assert side.embeddings == study.embeddings_key(name, "singles")
    assert origin.source.sha256 != origin.target.sha256


def test_of_a_network_the_hash_is_that_of_its_file(tmp_path: Path, make_network, make_faces) -> None:
    make_faces(tmp_path / "faces", subjects=8, images=3)
    with Study.create(tmp_path / "n") as study:
        for name, width in (("a", 12), ("b", 8)):
            study.add_model(make_network(tmp_path / f"{name}.onnx", dimensions=width, seed=width))
        study.add_dataset(tmp_path / "faces", DatasetOptions(), JobContext())
        embed_study(study, "faces", (), EmbedOptions(provider="cpu"), JobContext())
        study.refresh_states()
        origin = fit_portable_map(study, settings("faces", ("a", "b")), FarRule.NEAREST, JobContext()).origin
    assert origin.source.sha256 == hashlib.sha256((tmp_path / "a.onnx").read_bytes()).hexdigest()


def test_what_cannot_be_a_map_is_refused(study: Study, folder: Path) -> None:
    def refused(chosen: MatrixSettings) -> str:
        with pytest.raises((SettingsError, StudyError)) as caught:
            fit_portable_map(study, chosen, FarRule.NEAREST, JobContext())
        return str(caught.value)

    assert "nothing to write" in refused(settings(kind=MapKind.NONE))
    assert "two different models" in refused(settings(models=("old",)))
    assert "--mode disjoint" in refused(settings(mode=FitMode.AUTHORS))
    study.import_embeddings(folder / "old.npz", model="third", dataset="elsewhere", ctx=JobContext())
    study.refresh_states()
    assert "'third' has no embeddings of 'singles'" in refused(settings(models=("old", "third")))
    study.remove_model("third")
    study.remove_dataset("elsewhere")


def test_a_study_open_read_only_stays_as_it_is(folder: Path) -> None:
    with Study.open(folder / "s.canon") as opened:
        opened.clear_results()
    before = sorted((folder / "s.canon").rglob("*.h5"))
    with Study.open(folder / "s.canon", read_only=True) as opened:
        opened.refresh_states()
        found = fit_portable_map(opened, settings(), FarRule.CONSERVATIVE, JobContext())
    assert len(found.origin.measured) == 2
    assert sorted((folder / "s.canon").rglob("*.h5")) == before


def test_cancelling_is_heard(study: Study) -> None:
    ctx = JobContext()
    ctx.cancel()
    with pytest.raises(Cancelled):
        fit_portable_map(study, settings(), FarRule.CONSERVATIVE, ctx)


def test_images_without_a_usable_embedding_are_left_out_of_the_fit(study: Study, folder: Path) -> None:
    table = np.load(folder / "old.npz")
    rows = table["embs"].copy()
    rows[3], rows[40] = np.nan, 0
    np.savez(folder / "holes.npz", embs=rows, ids=table["ids"])
    study.import_embeddings(folder / "holes.npz", model="holes", dataset="singles", ctx=JobContext())
    study.refresh_states()
    portable = fit_portable_map(study, settings(models=("holes", "new")), FarRule.CONSERVATIVE, JobContext())
    kept = np.delete(np.arange(SUBJECTS * IMAGES), [3, 40])
    one, other = unit(rows[kept]), unit(np.load(folder / "new.npz")["embs"][kept])
    np.testing.assert_allclose(portable.mapping.matrix, np.linalg.lstsq(one, other, rcond=None)[0], atol=1e-6)
    assert portable.origin.fitted_on == "all 68 images"
    study.remove_model("holes")
