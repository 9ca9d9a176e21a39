"""Embeddings made elsewhere in a study: paired with images or with ids alone, matched, replaced, and removed."""

from __future__ import annotations

import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from canon_core.datasets.options import DatasetOptions
from canon_core.embedding.embed import EmbedOptions
from canon_core.errors import Cancelled, CanonError, DatasetError, StoreError, StudyError
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.matrix import matrix_json, run_matrix, stored_matrix
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.store.embeddings import read_embeddings
from canon_core.store.embeddings_in_place import EmbeddingsWriter
from canon_core.study import drafts, register
from canon_core.study.results import FitMode, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

from .naive.protocol import Shape
from .template_study import make_study

FAR = (1e-1, 1e-2)


def people(count: int, width: int, seed: int = 0, noise: float = 0.3) -> np.ndarray:
    """One embedding for each of some people, as one of several models sees them."""
    latent = np.random.default_rng(1).standard_normal((count, 8))
    rng = np.random.default_rng([seed, 2])
    seen = latent @ rng.standard_normal((8, width)) + noise * rng.standard_normal((count, width))
    return seen.astype(np.float32)


def write(path: Path, rows: np.ndarray, ids: list[str] | None = None) -> Path:
    if ids is None:
        np.save(path.with_suffix(".npy"), rows)
        return path.with_suffix(".npy")
    np.savez(path.with_suffix(".npz"), embs=rows, ids=np.array(ids))
    return path.with_suffix(".npz")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    with Study.create(tmp_path / "s") as made:
        yield made


def test_two_imported_sets_with_shared_ids_are_fitted_and_matched_without_any_image(
    study: Study, tmp_path: Path
) -> None:
    """The paper's AIDA case (section 5): unique ids, embeddings of two unknown models, nothing else."""
    ids = [f"uuid-{number:04d}" for number in range(300)]
    one, other = people(300, 24, seed=1), people(300, 32, seed=2)
    study.import_embeddings(write(tmp_path / "a", one, ids), model="a", dataset="aida", ctx=JobContext())
    shuffled = np.random.default_rng(0).permutation(300)
    file = write(tmp_path / "b", other[shuffled], [ids[k] for k in shuffled])
    report = study.import_embeddings(file, model="b", dataset="aida", ctx=JobContext())
    assert (report.paired_by, report.matched, report.new_dataset) == ("id", 300, False)
    settings = MatrixSettings("aida", ("a", "b"), MapKind.LINEAR, FitMode.IN_SAMPLE, far=FAR)
    matrix = run_matrix(study, settings, JobContext())
    fitted = LinearRegression(fit_intercept=False).fit(unit(one), unit(other))
    scores = unit(fitted.predict(unit(one))) @ unit(other).T
    genuine, impostor = np.diag(scores), scores[~np.eye(300, dtype=bool)]
    cell = matrix.cells["a", "b"]
    assert cell is not None
    assert (cell.genuine, cell.impostors) == (300, 300 * 299)
    for reading, far in zip(cell.readings[FarRule.CONSERVATIVE], FAR, strict=True):
        threshold = np.sort(impostor)[::-1][int(far * impostor.size)]
        assert reading.point.tar == pytest.approx(np.mean(genuine > threshold), abs=1e-9)
    assert reading.point.tar > 0.9
    single = matrix.cells["a", "a"]
    assert single is not None
    assert single.genuine == 0
    assert matrix_json(matrix, FarRule.CONSERVATIVE)["tar"][0][0] == [None, None]


def test_halves_of_ids_are_fitted_and_matched_apart(study: Study, tmp_path: Path) -> None:
    ids = [f"uuid-{number:04d}" for number in range(300)]
    for name, width in (("a", 24), ("b", 32)):
        file = write(tmp_path / name, people(300, width, seed=width), ids)
        study.import_embeddings(file, model=name, dataset="aida", ctx=JobContext())
    matrix = run_matrix(study, MatrixSettings("aida", ("a", "b"), far=FAR), JobContext())
    cell = matrix.cells["a", "b"]
    assert cell is not None
    assert cell.genuine == 300
    assert sum(matrix.fit_pairs) == 300


def test_ids_with_folders_name_subjects(study: Study, tmp_path: Path) -> None:
    ids = [f"person{number // 3}/{number}.jpg" for number in range(30)]
    file = write(tmp_path / "a", people(30, 8), ids)
    study.import_embeddings(file, model="a", dataset="d", ctx=JobContext())
    entry = study.dataset("d")
    assert (entry.subjects, entry.images, entry.has_images, entry.protocol) == (10, 30, False, "all pairs")
    matrix = run_matrix(study, MatrixSettings("d", ("a",), mode=FitMode.IN_SAMPLE, far=FAR), JobContext())
    cell = matrix.cells["a", "a"]
    assert cell is not None
    assert cell.genuine == 10 * 3


def test_ids_that_do_not_match_are_named_and_left_out(study: Study, tmp_path: Path) -> None:
    ids = [f"p{number // 2}/{number}" for number in range(20)]
    rows = people(20, 8)
    study.import_embeddings(write(tmp_path / "a", rows, ids), model="a", dataset="d", ctx=JobContext())
    others = [*ids[:15], "stranger/1", "stranger/2"]
    broken = people(17, 8, seed=3)
    broken[4] = np.nan
    report = study.import_embeddings(write(tmp_path / "b", broken, others), model="b", dataset="d", ctx=JobContext())
    assert report.missing == tuple(ids[15:])
    assert report.unused == ("stranger/1", "stranger/2")
    assert report.bad_rows == (ids[4],)
    assert report.matched == 15
    matrix = run_matrix(study, MatrixSettings("d", ("a", "b"), mode=FitMode.IN_SAMPLE, far=FAR), JobContext())
    assert matrix.left_out == (ids[4], *ids[15:])


def test_rows_without_ids_are_paired_with_images_by_their_order_or_refused(study: Study, tmp_path: Path) -> None:
    study.import_embeddings(write(tmp_path / "a", people(12, 8)), model="a", dataset="d", ctx=JobContext())
    report = study.import_embeddings(write(tmp_path / "b", people(12, 9)), model="b", dataset="d", ctx=JobContext())
    assert report.paired_by == "row"
    with pytest.raises(DatasetError, match="11 rows for 12 images"):
        study.import_embeddings(write(tmp_path / "c", people(11, 8)), model="c", dataset="d", ctx=JobContext())
    assert [entry.name for entry in study.models] == ["a", "b"]


def test_another_import_takes_the_place_of_the_first_and_outdates_its_results(study: Study, tmp_path: Path) -> None:
    ids = [f"p{number // 2}/{number}" for number in range(40)]
    study.import_embeddings(write(tmp_path / "a", people(40, 8), ids), model="a", dataset="d", ctx=JobContext())
    settings = MatrixSettings("d", ("a",), mode=FitMode.IN_SAMPLE, far=FAR)
    before = run_matrix(study, settings, JobContext()).cells["a", "a"]
    file = write(tmp_path / "a2", people(40, 8, seed=9, noise=2.0), ids)
    study.import_embeddings(file, model="a", dataset="d", ctx=JobContext())
    assert stored_matrix(study, settings).cells["a", "a"] is None
    after = run_matrix(study, settings, JobContext()).cells["a", "a"]
    assert before is not None
    assert after is not None
    assert before.key != after.key


def test_the_same_import_again_keeps_results(study: Study, tmp_path: Path) -> None:
    ids = [f"p{number // 2}/{number}" for number in range(40)]
    file = write(tmp_path / "a", people(40, 8), ids)
    study.import_embeddings(file, model="a", dataset="d", ctx=JobContext())
    settings = MatrixSettings("d", ("a",), mode=FitMode.IN_SAMPLE, far=FAR)
    run_matrix(study, settings, JobContext())
    study.import_embeddings(file, model="a", dataset="d", ctx=JobContext())
    assert stored_matrix(study, settings).cells["a", "a"] is not None


def test_a_study_with_imports_opens_again_without_the_imported_file(tmp_path: Path) -> None:
    ids = [f"p{number // 2}/{number}" for number in range(40)]
    file = write(tmp_path / "a", people(40, 8), ids)
    with Study.create(tmp_path / "s") as study:
        study.import_embeddings(file, model="a", dataset="d", ctx=JobContext())
    file.unlink()
    with Study.open(tmp_path / "s") as study:
        study.refresh_states()
        assert study.embedding_state("a", "d").complete
        cell = run_matrix(study, MatrixSettings("d", ("a",), far=FAR), JobContext()).cells["a", "a"]
        assert cell is not None


def test_what_cannot_be_imported_is_refused_by_name_and_changes_nothing(study: Study, tmp_path: Path) -> None:
    ids = [f"p{number // 2}/{number}" for number in range(40)]
    study.import_embeddings(write(tmp_path / "a", people(40, 8), ids), model="a", dataset="d", ctx=JobContext())
    wider = write(tmp_path / "b", people(40, 9), ids)
    with pytest.raises(StudyError, match="9 dimensions, and model 'a' has 8"):
        study.import_embeddings(wider, model="a", dataset="d", ctx=JobContext())
    outside = write(tmp_path / "c", people(2, 8), ["../../etc/passwd", "x/y"])
    with pytest.raises(DatasetError, match="cannot be an image's id"):
        study.import_embeddings(outside, model="c", dataset="e", ctx=JobContext())
    for odd in ("p/\0x", "p/\ud800"):
        file = write(tmp_path / "f", people(2, 8), [odd + "y", "x/y"])
        with pytest.raises(DatasetError, match=r"f\.npz: .*cannot be an image's id"):
            study.import_embeddings(file, model="c", dataset="e", ctx=JobContext())
    with pytest.raises(CanonError, match="no embedding"):
        study.import_embeddings(write(tmp_path / "e", people(0, 8)), model="c", dataset="e", ctx=JobContext())
    assert [entry.name for entry in study.models] == ["a"]
    assert [entry.name for entry in study.datasets] == ["d"]


def replace_import(study: Study, tmp_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Rows that a study holds, and others that are tried to be taken in in their place."""
    ids = [f"p{number // 2}/{number}" for number in range(40)]
    old, new = people(40, 8), people(40, 8, seed=9)
    study.import_embeddings(write(tmp_path / "a", old, ids), model="a", dataset="d", ctx=JobContext())
    write(tmp_path / "b", new, ids)
    return old, new


def holds(study: Study, rows: np.ndarray, files: int = 1) -> bool:
    """Whether these are the study's current embeddings, with nothing else beside them."""
    study.refresh_states()
    return (
        study.embedding_state("a", "d").complete
        and np.array_equal(read_embeddings(study.embeddings_path("a", "d")), rows)
        and len(list((study.path / "embeddings" / "a").iterdir())) == files
    )


def test_a_refused_import_leaves_the_embeddings_it_was_to_replace(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = replace_import(study, tmp_path)

    def full(*_: object) -> None:
        raise StoreError("no space left on device")

    monkeypatch.setattr(register, "write_manifest", full)
    with pytest.raises(StoreError, match="no space"):
        study.import_embeddings(tmp_path / "b.npz", model="a", dataset="d", ctx=JobContext())
    monkeypatch.undo()
    assert holds(study, old)
    study.close()
    with Study.open(study.path) as again:
        assert holds(again, old)


def test_an_import_that_was_killed_before_the_manifest_changed_leaves_nothing(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = replace_import(study, tmp_path)
    monkeypatch.setattr(Study, "take_in", lambda *_: sys.exit())
    with pytest.raises(SystemExit):
        study.import_embeddings(tmp_path / "b.npz", model="a", dataset="d", ctx=JobContext())
    assert len(list((study.path / "embeddings" / "a").iterdir())) == 2
    study.close()
    with Study.open(study.path) as again:
        assert holds(again, old)


def test_an_import_that_was_killed_after_the_manifest_changed_has_come_in(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, new = replace_import(study, tmp_path)
    monkeypatch.setattr(drafts, "move_into_place", lambda *_: sys.exit())
    with pytest.raises(SystemExit):
        study.import_embeddings(tmp_path / "b.npz", model="a", dataset="d", ctx=JobContext())
    monkeypatch.undo()
    study.close()
    with Study.open(study.path, read_only=True) as reading:
        assert holds(reading, new, files=2)
    with Study.open(study.path) as again:
        assert holds(again, new)


@pytest.mark.parametrize(("model", "dataset"), [("new", "d"), ("a", "new"), ("new", "new")])
def test_an_import_of_something_new_that_was_killed_leaves_nothing(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, dataset: str
) -> None:
    old, _ = replace_import(study, tmp_path)
    before = sorted((study.path / "embeddings").rglob("*"))
    for name in ("take_in", "discard"):
        monkeypatch.setattr(Study, name, lambda *_: sys.exit())
    with pytest.raises(SystemExit):
        study.import_embeddings(tmp_path / "b.npz", model=model, dataset=dataset, ctx=JobContext())
    monkeypatch.undo()
    (draft,) = set((study.path / "embeddings").rglob("*~*")) - set(before)
    (draft.parent / f".{draft.name}.0a1b2c3d.tmp").touch()
    study.close()
    with Study.open(study.path) as again:
        assert sorted((again.path / "embeddings").rglob("*")) == before
        assert holds(again, old)


def test_imported_models_and_listed_datasets_are_not_embedded(study: Study, tmp_path: Path) -> None:
    ids = [f"p{number // 2}/{number}" for number in range(40)]
    study.import_embeddings(write(tmp_path / "a", people(40, 8), ids), model="a", dataset="d", ctx=JobContext())
    with pytest.raises(DatasetError, match="no images to embed"):
        embed_study(study, "d", ("a",), EmbedOptions(), JobContext())


def test_removing_a_model_forgets_its_imports(study: Study, tmp_path: Path) -> None:
    ids = [f"p{number // 2}/{number}" for number in range(40)]
    study.import_embeddings(write(tmp_path / "a", people(40, 8), ids), model="a", dataset="d", ctx=JobContext())
    path = study.embeddings_path("a", "d")
    study.remove_model("a")
    assert not path.exists()
    study.import_embeddings(write(tmp_path / "a", people(40, 9), ids), model="a", dataset="d", ctx=JobContext())
    assert study.model("a").dimensions == 9


def write_templates(folder: Path, seed: int = 0) -> int:
    """A small protocol in InsightFace's layout without images; returns the number of rows."""
    rng = np.random.default_rng(seed)
    meta = folder / "meta"
    meta.mkdir(parents=True)
    rows, pairs = [], []
    for subject in range(12):
        for template in (subject, 100 + subject):
            rows += [(template, 1000 + template * 10 + k // 2) for k in range(4)]
    for first in range(12):
        for second in range(100, 112):
            pairs.append((first, second, int(second - 100 == first)))
    names = [f"{k + 1}.jpg" for k in range(len(rows))]
    lines = [f"{name} {template} {media}" for name, (template, media) in zip(names, rows, strict=True)]
    (meta / "ijbc_face_tid_mid.txt").write_text("\n".join(lines) + "\n")
    (meta / "ijbc_template_pair_label.txt").write_text("\n".join(f"{a} {b} {c}" for a, b, c in pairs) + "\n")
    points = [f"{name} {' '.join(map(str, rng.integers(1, 99, 10)))} {rng.random():.3f}" for name in names]
    (meta / "ijbc_name_5pts_score.txt").write_text("\n".join(points) + "\n")
    return len(rows)


def test_template_pairs_without_images_are_scored_from_imported_embeddings(tmp_path: Path) -> None:
    count = write_templates(tmp_path / "IJBC")
    with Study.create(tmp_path / "s") as study:
        entry = study.add_dataset(tmp_path / "IJBC", DatasetOptions(), JobContext(), "ijbc")
        assert (entry.format, entry.has_images, entry.protocol) == ("ijbc", False, "template pairs")
        assert entry.templates is not None
        assert (entry.templates.templates, entry.templates.pairs) == (24, 144)
        for name, width in (("a", 8), ("b", 12)):
            file = write(tmp_path / name, np.random.default_rng(width).standard_normal((count, width), np.float32))
            study.import_embeddings(file, model=name, dataset="ijbc", ctx=JobContext())
        with pytest.raises(CanonError, match="'in-sample' is for single images"):
            run_matrix(study, MatrixSettings("ijbc", ("a",), mode=FitMode.IN_SAMPLE), JobContext())
        for mode in (FitMode.DISJOINT, FitMode.AUTHORS, FitMode.REVERSED):
            matrix = run_matrix(study, MatrixSettings("ijbc", ("a", "b"), mode=mode, far=FAR), JobContext())
            assert all(cell is not None for cell in matrix.cells.values())
            assert sum(matrix.fit_pairs) == 48
    with Study.open(tmp_path / "s.canon") as study:
        study.refresh_states()
        again = stored_matrix(study, MatrixSettings("ijbc", ("a", "b"), far=FAR))
        assert all(cell is not None for cell in again.cells.values())


def test_changed_protocol_files_are_read_again_and_outdate_results(tmp_path: Path) -> None:
    count = write_templates(tmp_path / "IJBC")
    with Study.create(tmp_path / "s") as study:
        study.add_dataset(tmp_path / "IJBC", DatasetOptions(), JobContext(), "ijbc")
        rows = np.random.default_rng(0).standard_normal((count, 8), np.float32)
        study.import_embeddings(write(tmp_path / "a", rows), model="a", dataset="ijbc", ctx=JobContext())
        settings = MatrixSettings("ijbc", ("a",), mode=FitMode.AUTHORS, far=FAR)
        first = run_matrix(study, settings, JobContext())
        pairs = tmp_path / "IJBC" / "meta" / "ijbc_template_pair_label.txt"
        lines = pairs.read_text().splitlines()
        pairs.write_text("\n".join(line for line in lines if line != "0 105 0") + "\n")
        second = run_matrix(study, settings, JobContext())
        assert first.single_pairs is not None
        assert second.single_pairs is not None
        assert first.single_pairs.impostor > second.single_pairs.impostor
        assert len(list((study.path / "datasets").glob("*.protocol.h5"))) == 1


def unit(rows: np.ndarray) -> np.ndarray:
    wide = rows.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


def test_templates_of_unknown_subject_are_in_neither_half_unless_genuine_pairs_say_whose_they_are(
    tmp_path: Path,
) -> None:
    """Such a template may be of a subject that the map was fitted on."""
    count = write_templates(tmp_path / "IJBC")
    meta = tmp_path / "IJBC" / "meta"
    for gallery in (1, 2):
        lines = [f"{subject},{subject + 500}" for subject in range(gallery - 1, 12, 2)]
        (meta / f"ijbc_1N_gallery_G{gallery}.csv").write_text("\n".join(["TEMPLATE_ID,SUBJECT_ID", *lines]) + "\n")
    lines = [f"{100 + subject},{subject + 500}" for subject in range(12) if subject not in (3, 4)]
    (meta / "ijbc_1N_probe_mixed.csv").write_text("\n".join(["TEMPLATE_ID,SUBJECT_ID", *lines]) + "\n")
    pairs = meta / "ijbc_template_pair_label.txt"
    kept = [line for line in pairs.read_text().splitlines() if line != "4 104 1"]  # nothing links template 104 now
    pairs.write_text("\n".join(kept) + "\n")
    with Study.create(tmp_path / "s") as study:
        study.add_dataset(tmp_path / "IJBC", DatasetOptions(), JobContext(), "d")
        protocols = study.templates("d")
        assert protocols is not None
        subject_of = dict(
            zip(
                protocols.verification.template_ids.tolist(), protocols.verification.subjects.tolist(), strict=True
            )
        )
        assert (subject_of[103], subject_of[104]) == (503, -1)
        rows = np.random.default_rng(0).standard_normal((count, 8), np.float32)
        study.import_embeddings(write(tmp_path / "a", rows), model="a", dataset="d", ctx=JobContext())
        matrix = run_matrix(study, MatrixSettings("d", ("a",), far=FAR), JobContext())
        cell = matrix.cells["a", "a"]
        assert cell is not None
        half = [zlib.crc32(f"0:{subject}".encode()) & 1 for subject in range(500, 512)]
        genuine = sum(subject != 4 for subject in range(12))
        total = sum(half[one] == half[other] and other != 4 for one in range(12) for other in range(12))
        assert (cell.genuine, cell.genuine + cell.impostors) == (genuine, total)


def test_a_dataset_found_from_a_folder_inside_it_is_called_as_the_whole(tmp_path: Path) -> None:
    write_templates(tmp_path / "IJBC")
    with Study.create(tmp_path / "s") as study:
        for _ in range(2):
            study.add_dataset(tmp_path / "IJBC" / "meta", DatasetOptions(), JobContext())
        assert [entry.name for entry in study.datasets] == ["IJBC", "IJBC-2"]


def held(study: Study) -> list[str]:
    """Every file of a study, and what its manifest says."""
    files = sorted(str(path.relative_to(study.path)) for path in study.path.rglob("*"))
    return [*files, (study.path / "study.json").read_text()]


@pytest.mark.parametrize("known", ["", "model", "dataset"])
@pytest.mark.parametrize("stage", ["reading", "rows", "manifest"])
def test_an_import_that_does_not_end_leaves_nothing_behind(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: str, stage: str
) -> None:
    ids = [f"p{number // 2}/{number}" for number in range(20)]
    file = write(tmp_path / "a", people(20, 8), ids)
    study.import_embeddings(file, model="first", dataset="one", ctx=JobContext())
    names = {"model": "first" if known == "model" else "new", "dataset": "one" if known == "dataset" else "fresh"}
    before, entries = held(study), (study.models, study.datasets)
    stop = {"reading": "reading", "rows": "importing", "manifest": "nothing"}[stage]
    ctx = JobContext(emit=lambda event: ctx.cancel() if stop in str(event) else None)
    if stage == "manifest":

        def full(folder: Path, manifest: object) -> None:
            raise StoreError("no space left on device", path=folder / "study.json")

        monkeypatch.setattr(register, "write_manifest", full)
    with pytest.raises((Cancelled, StoreError)):
        study.import_embeddings(file, **names, ctx=ctx)
    assert held(study) == before
    assert (study.models, study.datasets) == entries
    monkeypatch.undo()
    assert study.import_embeddings(file, **names, ctx=JobContext()).matched == 20


def test_a_full_disk_names_the_file_that_was_to_be_written(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(writer: EmbeddingsWriter, block: np.ndarray) -> None:
        raise StoreError("no space left on device", path=writer.path)

    monkeypatch.setattr(EmbeddingsWriter, "append", full)
    with pytest.raises(StoreError) as caught:
        study.import_embeddings(write(tmp_path / "a", people(20, 8)), model="a", dataset="d", ctx=JobContext())
    assert caught.value.path == study.path / "embeddings" / "a" / "d.h5"


def test_other_subjects_of_the_same_templates_keep_embeddings_and_renew_results(tmp_path: Path) -> None:
    shape = Shape(
        subjects=12, verification_templates=2, images=3, media=4, unscored=0, pairs=1, repeated_pairs=0, seed=3
    )
    made = make_study(tmp_path, shape)
    names = tmp_path / "data" / "meta"
    with Study.open(made.path) as study:
        settings = MatrixSettings("ijb", ("a", "b"), mode=FitMode.DISJOINT, far=FAR)
        before = run_matrix(study, settings, JobContext()).cells["a", "b"]
        keys, fingerprint = {name: study.embeddings_key(name, "ijb") for name in "ab"}, study.dataset("ijb").fingerprint
        for path in names.glob("ijbc_1N_*.csv"):
            heading, *rows = path.read_text().splitlines()
            moved = [f"{one},{int(subject) + 1000}" for one, subject in (row.split(",") for row in rows)]
            path.write_text("\n".join([heading, *moved]) + "\n")
        said: list[str] = []
        ctx = JobContext(emit=lambda event: said.append(str(event)))
        after = run_matrix(study, settings, ctx).cells["a", "b"]
        assert study.dataset("ijb").fingerprint != fingerprint
        assert any("embeddings still count" in line for line in said)
        assert {name: study.embeddings_key(name, "ijb") for name in "ab"} == keys
        assert before is not None
        assert after is not None
        assert before.key != after.key, "who the images show is in the result"
        study.import_embeddings(tmp_path / "a.npz", model="c", dataset="ijb", ctx=JobContext())
    with Study.open(made.path) as study:
        assert run_matrix(study, MatrixSettings("ijb", ("a", "b", "c"), far=FAR), JobContext()).missing == {}
        points = names / "ijbc_name_5pts_score.txt"
        first, *others = points.read_text().splitlines()
        points.write_text("\n".join([first.rpartition(" ")[0] + " 0.123", *others]) + "\n")
        with pytest.raises(StudyError, match=r"imported embeddings of 'a' are out of date .* with `canon import`"):
            run_matrix(study, settings, JobContext())


def test_models_without_any_usable_row_are_named(study: Study, tmp_path: Path) -> None:
    ids = [f"p{number // 2}/{number}" for number in range(20)]
    odd, even = people(20, 8), people(20, 8)
    odd[::2], even[1::2] = np.nan, 0
    for name, rows in {"a": people(20, 8), "void": np.full((20, 8), np.nan), "odd": odd, "even": even}.items():
        study.import_embeddings(write(tmp_path / name, rows, ids), model=name, dataset="d", ctx=JobContext())
    settings = MatrixSettings("d", ("a", "void"), mode=FitMode.IN_SAMPLE, far=FAR)
    matrix = run_matrix(study, settings, JobContext())
    assert matrix.cells["a", "a"] is not None
    assert matrix.missing["void", "a"] == "'void' has no usable embedding of 'd': all are zero or not finite"
    with pytest.raises(StudyError, match="nothing to score on 'd': 'void' has no usable embedding"):
        run_matrix(study, replace(settings, models=("void",)), JobContext())
    with pytest.raises(StudyError, match="no image of 'd' has a usable embedding in every one of odd, even"):
        run_matrix(study, replace(settings, models=("odd", "even")), JobContext())
