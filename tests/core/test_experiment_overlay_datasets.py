"""Overlays of several datasets: the maps of the first, who is who, what is shared, what is stored and written."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from canon_core.datasets.options import DatasetOptions
from canon_core.embedding.embed import EmbedOptions
from canon_core.errors import SettingsError, StoreError, StudyError
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.methods_text import methods_text
from canon_core.experiments.overlay import open_overlay, overlay_line, run_overlay, stored_overlay
from canon_core.experiments.overlay_details import overlay_details
from canon_core.experiments.overlay_export import export_overlay, overlay_json
from canon_core.experiments.overlay_faces import place_faces
from canon_core.experiments.overlay_points import OverlayPoints
from canon_core.experiments.overlay_search import points_named
from canon_core.experiments.overlay_shared import _named as named_images
from canon_core.experiments.overlay_shared import shared_subjects
from canon_core.experiments.usable import subject_half
from canon_core.jobs import JobContext
from canon_core.maps.fit import fit_map
from canon_core.maps.kinds import MapKind
from canon_core.maps.unit import unit_rows
from canon_core.store.arrays import load_arrays, save_arrays
from canon_core.study.keys import content_key
from canon_core.study.overlay_results import EVERYTHING, Overlay, OverlayLevel, OverlayMethod, OverlaySettings
from canon_core.study.results import FitMode, MatrixSettings
from canon_core.study.study import Study

from .naive.protocol import Shape
from .template_study import make_study

#: Subjects and images of each: both datasets have subjects p0, p1, … who are different people, and images of one id.
SIZES = {"d": (24, 5), "e": (9, 4)}
WIDTHS = {"a": 16, "b": 20}
BOTH = OverlaySettings("d", ("a",), "b", subjects=EVERYTHING, method=OverlayMethod.PCA, added=("e",))


def rows_of(model: str, dataset: str) -> np.ndarray:
    subjects, each = SIZES[dataset]
    whose = np.repeat(np.arange(subjects), each)
    rng = np.random.default_rng([1, list(SIZES).index(dataset)])
    latent = rng.standard_normal((subjects, 12))[whose] + 0.3 * rng.standard_normal((len(whose), 12))
    seen = np.random.default_rng([2, list(WIDTHS).index(model)]).standard_normal((12, WIDTHS[model]))
    noise = np.random.default_rng([3, len(model), len(whose)]).standard_normal((len(whose), WIDTHS[model]))
    return unit_rows(latent @ seen + 0.1 * noise).astype(np.float32)


def ids_of(dataset: str) -> list[str]:
    subjects, each = SIZES[dataset]
    return [f"p{subject:02}/{number}" for subject in range(subjects) for number in range(each)]


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    with Study.create(tmp_path / "s") as made:
        for dataset in SIZES:
            for model in WIDTHS:
                file = tmp_path / f"{model}-{dataset}.npz"
                np.savez(file, embs=rows_of(model, dataset), ids=np.array(ids_of(dataset)))
                made.import_embeddings(file, model=model, dataset=dataset, ctx=JobContext())
        yield made


def run(study: Study, **changes: object) -> Overlay:
    return run_overlay(study, replace(BOTH, **changes), JobContext())  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", [FitMode.DISJOINT, FitMode.IN_SAMPLE])
def test_added_points_go_through_the_maps_of_the_first_by_the_half_of_their_names(study: Study, mode: FitMode):
    found = run(study, mode=mode, seed=2)
    assert study.faces("e").ids == tuple(ids_of("e"))
    names = {data: [each.split("/")[0] for each in ids_of(data)] for data in SIZES}
    half = {data: np.array([subject_half(name, 2) for name in names[data]]) for data in SIZES}
    mapped = []
    for data in SIZES:
        source = rows_of("a", data)
        through = np.zeros((len(source), WIDTHS["b"]), np.float32)
        for side in (0, 1):
            fitted = half["d"] != side if mode is FitMode.DISJOINT else np.ones(len(half["d"]), bool)
            fit = fit_map(MapKind.LINEAR, rows_of("a", "d")[fitted], rows_of("b", "d")[fitted])
            through[half[data] == side] = fit.apply(source[half[data] == side])
        mapped.append(through)
    target = np.concatenate([rows_of("b", data) for data in SIZES])
    axes = np.linalg.svd(target - target.mean(axis=0), full_matrices=False)[2][:2]
    wanted = (np.concatenate(mapped) - target.mean(axis=0)) @ axes.T
    np.testing.assert_allclose(np.abs(found.after[found.rows(1)]), np.abs(wanted), atol=2e-4)
    line = overlay_line(found)
    assert "maps fitted on d alone; e through the same maps" in line
    assert ("halves by the same split of subjects' names" in line) == (mode is FitMode.DISJOINT)
    assert "d (120 images, 24 subjects): all 120 images of 24 subjects · e (36 images, 9 subjects): all 36" in line


@pytest.mark.parametrize("damage", ["an image that only the other dataset has", "a share", "a count"])
def test_numbers_of_an_added_dataset_that_no_overlay_has_are_a_damaged_file(study: Study, damage: str):
    path = study.stored("results", run(study).key)
    arrays, attributes = load_arrays(path)
    facts = json.loads(arrays["facts"][0])
    if damage == "a share":
        facts["parts"][1]["scores"][0]["after"] = 7.5
    elif damage == "a count":
        facts["parts"][1]["subjects"] = [9, -1]
    else:
        arrays["item"].reshape(2, -1)[:, -1] = 100  # "d" has 120 images, "e" 36
    arrays["facts"] = np.array([json.dumps(facts)], dtype=object)
    save_arrays(path, arrays, attributes)
    with pytest.raises(StoreError, match="not an overlay"):
        stored_overlay(study, BOTH)


def test_each_dataset_has_the_scores_that_it_has_among_its_own(study: Study):
    found = run(study)
    alone = run(study, added=())
    assert found.parts[0].scores == alone.scores
    assert [part.items for part in found.parts] == [(120, 120), (36, 36)]
    [score] = found.parts[1].scores
    source, target, raw = found.rows(1), rows_of("b", "e"), rows_of("a", "e")
    subject = found.subject[source][120:]
    near = target @ target.T
    np.fill_diagonal(near, -np.inf)
    assert score.target_own == pytest.approx(np.mean(subject[near.argmax(axis=1)] == subject))
    shared = raw @ target[:, :16].T
    np.fill_diagonal(shared, -np.inf)
    assert score.before == pytest.approx(np.mean(subject[shared.argmax(axis=1)] == subject))
    assert (score.asked, score.chance) == (36, pytest.approx(3 / 35))
    assert found.scores[0].asked == 156  # among all of both
    told = overlay_json(found)["datasets"]
    assert [each["dataset"] for each in told] == ["d", "e"]
    assert told[1]["scores"][0]["after"] == pytest.approx(score.after)
    assert overlay_json(alone)["datasets"][0]["scores"] == overlay_json(alone)["scores"]


def test_same_names_are_different_people_unless_told_otherwise(study: Study):
    found = run(study)
    assert found.subjects == (33, 33)
    assert found.subject_names.count("p03") == 2
    assert {"p03 (d)", "p03 (e)", "p20"} <= set(found.subject_labels)
    first, second = (found.subject[found.rows(0)][found.dataset == place] for place in (0, 1))
    assert not set(first) & set(second)
    assert "datasets are different people, also where names are the same (9 shown)" in overlay_line(found)
    one = run(study, same_names=True)
    assert one.subjects == (24, 24)
    assert one.subject_labels == one.subject_names
    assert set(one.subject[one.rows(0)][one.dataset == 1]) <= set(one.subject[one.rows(0)][one.dataset == 0])
    assert one.key != found.key
    assert one.parts[1].scores == found.parts[1].scores
    assert one.scores != found.scores
    assert "subjects of the same name are one person" in overlay_line(one)


def test_images_of_the_same_row_and_id_in_two_datasets_are_not_the_same_image(study: Study):
    points = OverlayPoints(study, open_overlay(study, BOTH, JobContext()), BOTH)
    shared = (points.belongs @ points.belongs.T).toarray() > 0
    np.testing.assert_array_equal(shared, np.eye(156, dtype=bool))
    found = run(study)
    details = overlay_details(study, found, JobContext())
    assert details.names == (*ids_of("d"), *ids_of("e"))
    assert details.images.tolist() == [*range(120), *range(36)]
    items = points_named(found, details, "p03/1") % 156
    assert sorted(set(items.tolist())) == [16, 120 + 13]


def faces(*images: tuple[str, str], files: bool = True) -> SimpleNamespace:
    """Cells of a dataset of these (bytes, subject): the parts that are looked at."""
    subjects = tuple(name for _, name in images)
    usable = SimpleNamespace(
        faces=SimpleNamespace(has_images=files, sha256=tuple(digest for digest, _ in images), subjects=subjects)
    )
    return SimpleNamespace(usable=usable, subject_names=sorted(set(subjects)))


def test_who_shares_images_with_the_fitted_dataset_is_of_the_half_of_those():
    halves = {name: subject_half(name, 0) for name in ("ann", "bob", "cyd", "dan", "eve", "fay")}
    zero, one = (next(name for name, half in halves.items() if half == side) for side in (0, 1))
    main = faces(("1", zero), ("2", one), ("3", zero))
    added = faces(("1", "x"), ("9", "x"), ("2", "y"), ("1", "z"), ("2", "z"), ("8", "w"), ("3", one))
    found = shared_subjects(None, main, added, 0)  # type: ignore[arg-type]
    assert found.halves == {"x": 0, "y": 1}
    # z has images of both; and who goes by the name of somebody of the other half may be that one.
    assert found.undecided == {"z", one}
    assert "3 images of an added dataset are also in the one of the maps" in found.notes[0]
    assert "2 who share images with both halves are left out" in found.notes[0]
    assert shared_subjects(None, main, faces(("7", "x")), 0).notes == ()  # type: ignore[arg-type]
    assert "cannot be told" in shared_subjects(None, main, faces(("1", "x"), files=False), 0).notes[0]  # type: ignore[arg-type]


def test_copies_of_images_are_known_by_their_bytes_whatever_they_are_called(tmp_path: Path, make_network, make_faces):
    for number, name in enumerate("ab"):
        make_network(tmp_path / f"{name}.onnx", dimensions=12 + number, seed=number)
    main = make_faces(tmp_path / "faces", subjects=10, images=4)
    names = sorted(path.name for path in main.iterdir())
    zero, one = (next(name for name in names if subject_half(name, 0) == side) for side in (0, 1))
    copies = make_faces(tmp_path / "copies", subjects=0)
    for new, old in (("one", one), ("zero", zero), ("both", one), ("both", zero)):
        (copies / new).mkdir(parents=True, exist_ok=True)
        for image in sorted((main / old).iterdir())[:3]:
            shutil.copy(image, copies / new)
    with Study.create(tmp_path / "s") as study:
        for name in "ab":
            study.add_model(tmp_path / f"{name}.onnx")
        for folder in (main, copies):
            study.add_dataset(folder, DatasetOptions(), JobContext())
            embed_study(study, folder.name, (), EmbedOptions(provider="cpu"), JobContext())
        asked = replace(BOTH, dataset="faces", added=("copies",))
        found = run_overlay(study, asked, JobContext())
        points = OverlayPoints(study, open_overlay(study, asked, JobContext()), asked)
        ids = [study.faces(data).ids[row] for data, row in zip(
            ["faces"] * 40 + ["copies"] * 6, found.item[found.rows(0)].tolist(), strict=True)]  # fmt: skip
        sample = run_overlay(study, replace(asked, mode=FitMode.IN_SAMPLE), JobContext())
    assert [part.items for part in found.parts] == [(40, 40), (6, 6)]
    assert {name.split("/")[0]: int(half) for name, half in zip(ids[40:], found.half[40:46], strict=True)} == {
        "one": 1, "zero": 0,
    }  # fmt: skip
    assert "6 images of an added dataset are also in the one of the maps" in overlay_line(found)
    assert "1 who share images with both halves are left out" in overlay_line(found)
    shared = (points.belongs @ points.belongs.T).toarray() > 0
    same = [[a.split("/")[-1] == b.split("/")[-1] for b in ids] for a in ids]
    np.testing.assert_array_equal(shared, same)
    assert sample.parts[1].items == (12, 12)


def test_subjects_of_templates_are_those_of_the_protocol(tmp_path: Path):
    shape = Shape(
        subjects=10, verification_templates=2, images=3, media=4, unscored=0.0, pairs=0.9, repeated_pairs=0, seed=6
    )
    made = make_study(tmp_path, shape)
    asked = OverlaySettings("ijb", ("a",), "b", method=OverlayMethod.PCA)
    with Study.open(made.path) as study:
        study.refresh_states()
        cells = open_overlay(study, asked, None).main
        ids = study.faces("ijb").ids
        vars(cells.usable)["faces"] = SimpleNamespace(sha256=ids, has_images=True, subjects=ids)
        wanted = set(ids[:7])
        found = named_images(study, cells, wanted)
    assert found == [
        (name, str(made.protocol.images[int(Path(name).stem) - 1].subject)) for name in ids[:7]
    ]


def test_so_many_subjects_are_drawn_of_each_and_chosen_ones_where_they_are(study: Study, monkeypatch):
    found = run(study, subjects=4)
    assert [part.subjects for part in found.parts] == [(4, 24), (4, 9)]
    assert overlay_line(found).count("drawn at random (seed 0)") == 2
    chosen = run(study, chosen=("p03", "p20"))
    assert [part.items[0] for part in chosen.parts] == [10, 4]
    only = run(study, chosen=("p20",))
    assert [part.items[0] for part in only.parts] == [5, 0]
    with pytest.raises(SettingsError, match="'d' and 'e' show no subject 'p90'"):
        run(study, chosen=("p90",))
    monkeypatch.setattr("canon_core.experiments.overlay_dataset.DEFAULT_POINTS", 100)
    assert [part.items[0] for part in run(study, subjects=None).parts] == [25, 24]


def test_an_overlay_of_one_dataset_keeps_its_key_and_its_old_file(study: Study):
    settings = replace(BOTH, added=(), subjects=None, mode=FitMode.IN_SAMPLE)
    cells = open_overlay(study, settings, None).main
    old = content_key(
        "overlay", target=cells.usable.keys["b"], sources=[cells.usable.keys["a"]],
        maps=[[cells.map_key("a", "b", 0)]], left_out="", protocol=None, level="images", features=None,
        mode="in-sample", subjects=None, chosen=[], method="pca", neighbours=None, min_dist=None, seed=0,
    )  # fmt: skip
    found = run_overlay(study, settings, JobContext())
    assert found.key == old
    path = study.stored("results", old)
    arrays, attributes = load_arrays(path)
    facts = json.loads(arrays["facts"][0])
    del facts["parts"]
    save_arrays(path, {**arrays, "facts": [json.dumps(facts)]}, attributes, compress=False)
    stored = stored_overlay(study, settings)
    assert stored is not None
    assert (stored.parts, stored.scores, stored.dataset.tolist()) == ((), found.scores, [0] * 120)


def test_it_is_stored_with_its_datasets_and_goes_with_either(study: Study, monkeypatch):
    found = run(study)
    with monkeypatch.context() as patch:
        patch.setattr("canon_core.experiments.overlay.OverlayPoints", None)
        stored = stored_overlay(study, BOTH)
    assert stored is not None
    assert (stored.parts, stored.notes, stored.key) == (found.parts, found.notes, found.key)
    np.testing.assert_array_equal(stored.dataset, np.repeat([0, 1], [120, 36]))
    assert stored_overlay(study, replace(BOTH, dataset="e", added=("d",))) is None
    study.rename_dataset("e", "other")
    renamed = stored_overlay(study, replace(BOTH, added=("other",)))
    assert renamed is not None
    assert "other (36 images" in overlay_line(renamed)
    path = study.stored("results", found.key)
    arrays, attributes = load_arrays(path)
    facts = json.loads(arrays["facts"][0])
    facts["parts"] = facts["parts"][:1]
    save_arrays(path, {**arrays, "facts": [json.dumps(facts)]}, attributes, compress=False)
    with pytest.raises(StoreError, match="not an overlay"):
        stored_overlay(study, replace(BOTH, added=("other",)))
    study.remove_dataset("other")
    assert not path.exists()


def test_what_cannot_be_added_is_refused(study: Study, tmp_path: Path):
    with pytest.raises(SettingsError, match="a dataset is named twice"):
        run(study, added=("d",))
    with pytest.raises(StudyError, match="nobody"):
        run(study, added=("nobody",))
    np.savez(tmp_path / "c.npz", embs=rows_of("a", "d"), ids=np.array(ids_of("d")))
    study.import_embeddings(tmp_path / "c.npz", model="c", dataset="d", ctx=JobContext())
    with pytest.raises(StudyError, match="'c' has no embeddings of 'e'"):
        run(study, sources=("c",))


def test_templates_are_shown_where_all_datasets_have_them(tmp_path: Path):
    shape = Shape(
        subjects=12, verification_templates=3, images=3, media=5, unscored=0.0, pairs=0.9, repeated_pairs=0, seed=4
    )
    made = make_study(tmp_path, shape)
    with Study.open(made.path) as study:
        study.refresh_states()
        for model in ("a", "b"):
            rows = made.embeddings[model][:8]
            np.savez(tmp_path / f"{model}.npz", embs=rows, ids=np.array([f"q{row % 4}/{row}" for row in range(8)]))
            study.import_embeddings(tmp_path / f"{model}.npz", model=model, dataset="flat", ctx=JobContext())
        asked = OverlaySettings("ijb", ("a",), "b", method=OverlayMethod.PCA, added=("flat",), mode=FitMode.AUTHORS)
        with pytest.raises(SettingsError, match=r"'flat' compares single images.*leave 'flat' out"):
            run_overlay(study, replace(asked, level=OverlayLevel.TEMPLATES), JobContext())
        found = run_overlay(study, asked, JobContext())
        assert [part.items[0] for part in found.parts] == [len(made.protocol.images), 8]
        assert not found.half.any()


def test_coordinates_say_of_which_dataset_each_point_is(study: Study, tmp_path: Path):
    found = run(study)
    export_overlay(study, found, tmp_path / "o.csv", with_ids=True)
    lines = [line for line in (tmp_path / "o.csv").read_text().splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    assert [(row["dataset"], row["image"], row["model"]) for row in rows] == [
        (data, name, model) for model in ("b", "a") for data in SIZES for name in ids_of(data)
    ]
    assert [float(row["after_x"]) for row in rows] == pytest.approx(found.after[:, 0].tolist(), abs=1e-9)


def test_compared_faces_lie_where_their_points_lie(study: Study):
    found = run(study, mode=FitMode.IN_SAMPLE)
    mapped = unit_rows(rows_of("a", "d") @ np.linalg.lstsq(rows_of("a", "d"), rows_of("b", "d"), rcond=None)[0])
    matrix = MatrixSettings("d", ("a", "b"), mode=FitMode.IN_SAMPLE)
    comparison = SimpleNamespace(
        settings=SimpleNamespace(source="a", target="b", matrix=matrix), source=rows_of("a", "d")[7],
        mapped=mapped[7].astype(np.float32), target=rows_of("b", "d")[50],
    )  # fmt: skip
    placed = place_faces(study, found, comparison, JobContext())  # type: ignore[arg-type]
    np.testing.assert_allclose(placed.after, found.after[[156 + 7, 50]], atol=2e-4)


def test_methods_name_every_dataset(study: Study):
    from canon_core.verification.roc import FarRule

    text = methods_text(study, run(study), FarRule.CONSERVATIVE)
    assert "Data: d, 120 images" in text
    assert "Data: e, 36 images" in text
    assert "maps fitted on d alone" in text
    assert "within e: " in text


def test_the_command_adds_datasets(study: Study, tmp_path: Path, monkeypatch, capsys):
    from canon_core.cli.application import run as canon

    path = study.path
    study.close()
    arguments = ["--dataset", "d", "--with", "e", "--source", "all", "--target", "b", "--method", "pca"]
    out, table = tmp_path / "o.svg", tmp_path / "o.csv"
    arguments += ["--colour", "dataset", "--out", str(out), "--csv", str(table), "--json", "-"]
    monkeypatch.setattr(sys, "argv", ["canon", "overlay", str(path), *arguments])
    with pytest.raises(SystemExit) as end:
        canon()
    assert not end.value.code
    told = json.loads(capsys.readouterr().out)
    assert [each["maps_fitted"] for each in told["datasets"]] == [True, False]
    assert "d (maps fitted)" in " ".join(out.read_text().split())
    assert table.read_text().count("\ne,") == 72
