"""Overlays of studies: which points, through which map, with which score; stored, drawn and written."""

from __future__ import annotations

import csv
import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from canon_core.errors import Cancelled, SettingsError, StoreError, StudyError
from canon_core.experiments.overlay import (
    Overlay,
    OverlayLevel,
    OverlayMethod,
    OverlaySettings,
    open_overlay,
    overlay_line,
    run_overlay,
    stored_overlay,
)
from canon_core.experiments.overlay_colours import colouring
from canon_core.experiments.overlay_export import export_overlay, overlay_json
from canon_core.experiments.overlay_layout import _percent as percent
from canon_core.experiments.overlay_points import OverlayPoints
from canon_core.experiments.usable import subject_half
from canon_core.figures.overlay_figure import overlay_figure
from canon_core.figures.save import save_figure
from canon_core.jobs import JobContext
from canon_core.maps.fit import fit_map
from canon_core.maps.kinds import MapKind
from canon_core.maps.unit import unit_rows
from canon_core.study.results import Features, FitMode
from canon_core.study.study import Study

from .naive import evaluator
from .naive.protocol import Shape
from .template_study import Made, make_study

SUBJECTS, EACH = 30, 5
WIDTHS = {"a": 16, "b": 20, "c": 16}


def embeddings(model: int, width: int, subjects: np.ndarray) -> np.ndarray:
    latent = np.random.default_rng(0).standard_normal((SUBJECTS, 12))[subjects]
    latent = latent + 0.35 * np.random.default_rng(1).standard_normal(latent.shape)
    rng = np.random.default_rng([2, model])
    return (latent @ rng.standard_normal((12, width)) + 0.1 * rng.standard_normal((len(subjects), width))).astype("f4")


def whose() -> np.ndarray:
    return np.repeat(np.arange(SUBJECTS), EACH)


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    ids = [f"p{subject}/{number}" for number, subject in enumerate(whose())]
    with Study.create(tmp_path / "s") as made:
        for number, (name, width) in enumerate(WIDTHS.items()):
            np.savez(tmp_path / f"{name}.npz", embs=embeddings(number, width, whose()), ids=np.array(ids))
            made.import_embeddings(tmp_path / f"{name}.npz", model=name, dataset="d", ctx=JobContext())
        yield made


def settings(**changes: object) -> OverlaySettings:
    return OverlaySettings(**{"dataset": "d", "sources": ("a",), "target": "b", "method": OverlayMethod.PCA, **changes})  # type: ignore[arg-type]


def run(study: Study, **changes: object) -> Overlay:
    return run_overlay(study, settings(**changes), JobContext())


def rows_of(study: Study, name: str) -> np.ndarray:
    ids = study.faces("d").ids
    order = [int(image.split("/")[1]) for image in ids]
    return unit_rows(embeddings(list(WIDTHS).index(name), WIDTHS[name], whose())[order])


def test_the_score_is_at_chance_before_and_near_the_weaker_model_after(study: Study):
    found = run(study)
    [score] = found.scores
    assert score.asked == found.items[0] == SUBJECTS * EACH
    assert score.chance == pytest.approx((EACH - 1) / (SUBJECTS * EACH - 1))
    assert score.before < 0.15
    assert score.after > min(score.source_own, score.target_own) - 0.1
    assert min(score.source_own, score.target_own) > 0.8


def test_a_source_point_goes_through_the_map_that_its_half_was_not_fitted_on(study: Study):
    found = run(study, mode=FitMode.DISJOINT, seed=3)
    source, target = rows_of(study, "a"), rows_of(study, "b")
    names = np.array(study.faces("d").subjects)
    half = np.array([subject_half(name, 3) for name in names])
    expected = np.zeros_like(target)
    for side in (0, 1):
        other = fit_map(MapKind.LINEAR, source[half != side], target[half != side])
        expected[half == side] = other.apply(source[half == side])
    centred = target - target.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    wanted = (expected - target.mean(axis=0)) @ axes.T
    places = found.after[found.rows(1)]
    np.testing.assert_allclose(np.abs(places), np.abs(wanted), atol=1e-4)
    np.testing.assert_array_equal(found.half[found.rows(1)], half)
    assert [found.subject_names[code] for code in found.subject[found.rows(0)]] == names.tolist()
    assert "through the map fitted on the other" in overlay_line(found)


def test_in_sample_has_one_map_and_no_halves(study: Study):
    found = run(study, mode=FitMode.IN_SAMPLE)
    assert found.fit_pairs == (SUBJECTS * EACH,)
    assert not found.half.any()
    assert "through the map fitted on the other" not in overlay_line(found)


def test_unequal_dimensions_are_padded_and_that_is_said(study: Study):
    assert "16, 20 dimensions padded with zeros to 20" in overlay_line(run(study))
    assert "padded" not in overlay_line(run(study, target="c"))


def test_several_sources_share_one_target(study: Study):
    both = run(study, sources=("a", "c"))
    count = both.items[0]
    assert both.models == ("b", "a", "c")
    assert both.before.shape == both.after.shape == (3 * count, 2)
    np.testing.assert_array_equal(both.model, np.repeat([0, 1, 2], count))
    for number, name in ((1, "a"), (2, "c")):
        alone = run(study, sources=(name,))
        np.testing.assert_allclose(both.after[both.rows(number)], alone.after[alone.rows(1)], atol=1e-5)
        assert both.scores[number - 1] == alone.scores[0]
    with pytest.raises(SettingsError, match="twice"):
        run(study, sources=("a", "b"))


def test_random_subjects_are_drawn_whole_from_the_seed_and_said(study: Study):
    found, again, other = run(study, subjects=7), run(study, subjects=7), run(study, subjects=7, seed=1)
    assert found.items == (7 * EACH, SUBJECTS * EACH)
    assert found.subjects == (7, SUBJECTS)
    assert found.subject_names == again.subject_names != other.subject_names
    assert "35 of 150 images of 7 of 30 subjects, drawn at random (seed 0)" in overlay_line(found)
    assert run(study, subjects=0).items[0] == SUBJECTS * EACH


def test_by_default_as_many_subjects_are_drawn_as_make_a_quick_picture(study: Study, monkeypatch):
    monkeypatch.setattr("canon_core.experiments.overlay_dataset.DEFAULT_POINTS", 100)
    assert run(study).items[0] == 50
    assert run(study, sources=("a", "c")).items[0] == 30


def test_chosen_subjects_are_shown_and_no_others(study: Study):
    found = run(study, chosen=("p3", "p11"))
    assert set(found.subject_names) == {"p3", "p11"}
    assert "chosen" in overlay_line(found)
    with pytest.raises(SettingsError, match=r"p31.*did you mean"):
        run(study, chosen=("p31",))


def test_shares_of_several_sources_go_from_the_least_to_the_greatest():
    assert percent([0.12, 0.098]) == "9.8–12.0 %"
    assert percent([0.5]) == "50.0 %"
    assert percent([1.0, float("nan"), 0.02]) == "2.0–100.0 %"
    assert percent([float("nan")]) == "–"


def test_singular_directions_say_when_a_rotation_has_none(study: Study):
    assert "maps stretch most" in overlay_line(run(study, method=OverlayMethod.SINGULAR))
    turned = run(study, method=OverlayMethod.SINGULAR, target="c", map=MapKind.ROTATION)
    assert "a rotation stretches nothing" in overlay_line(turned)


def test_a_stored_overlay_is_read_and_not_computed_again(study: Study, monkeypatch):
    assert stored_overlay(study, settings()) is None
    found = run(study)
    monkeypatch.setattr("canon_core.experiments.overlay.OverlayPoints", None)
    start = time.perf_counter()
    stored = stored_overlay(study, settings())
    assert time.perf_counter() - start < 1.0
    assert stored is not None
    for name in ("before", "after", "model", "item", "subject", "half"):
        np.testing.assert_array_equal(getattr(stored, name), getattr(found, name))
        assert getattr(stored, name).dtype == getattr(found, name).dtype
    assert (stored.scores, stored.notes, stored.subject_names) == (found.scores, found.notes, found.subject_names)
    assert overlay_line(stored) == overlay_line(found)
    assert run(study).key == found.key
    assert stored_overlay(study, settings(seed=1)) is None
    assert stored_overlay(study, settings(method=OverlayMethod.UMAP)) is None


def test_a_renamed_model_keeps_its_overlay_and_a_removed_one_takes_it_along(study: Study):
    found = run(study, sources=("a", "c"))
    study.rename_model("c", "new")
    stored = stored_overlay(study, settings(sources=("a", "new")))
    assert stored is not None
    assert stored.models == ("b", "a", "new")
    path = study.stored("results", found.key)
    assert path.exists()
    study.remove_model("new")
    assert not path.exists()


def rewritten(path: Path, damage: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    """Store a file again with other arrays, or with other facts."""
    from canon_core.store.arrays import load_arrays, save_arrays

    arrays, attributes = load_arrays(path)
    facts = json.loads(arrays["facts"][0])
    damage(arrays, facts)
    arrays["facts"] = np.array([json.dumps(facts)], dtype=object)
    save_arrays(path, arrays, attributes)


def put(name: str, value: object, where: object = slice(None)) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def damage(arrays: dict[str, Any], facts: dict[str, Any]) -> None:
        if name in arrays:
            arrays[name][where] = value
        else:
            facts[name] = value

    return damage


def score(name: str, value: object) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda arrays, facts: facts["scores"][0].update({name: value})


@pytest.mark.parametrize(
    "damage",
    [
        lambda arrays, facts: arrays.update(before=arrays["before"][1:]),
        lambda arrays, facts: arrays.update(subject_names=arrays["subject_names"].repeat(2)),
        put("model", 99),
        put("model", 0),
        put("item", 10**12),
        put("item", -1),
        put("item", 0, 3),
        put("subject", 1, 0),
        put("half", 2),
        put("before", np.nan),
        put("after", np.inf, 0),
        put("before", 1e30, 5),
        put("items", [SUBJECTS * EACH, -3]),
        put("subjects", [0, 0]),
        put("fit_pairs", [-1]),
        put("left_out", -1),
        put("seconds", math.nan),
        score("before", 7.5),
        score("target_own", -0.1),
        score("after", math.nan),
        score("asked", 10**9),
        score("asked", -1),
    ],
)
def test_a_damaged_file_is_named(study: Study, damage: Callable[[dict[str, Any], dict[str, Any]], None]):
    path = study.stored("results", run(study).key)
    rewritten(path, damage)
    for ask in (lambda: stored_overlay(study, settings()), lambda: run(study)):
        with pytest.raises(StoreError, match="not an overlay") as raised:
            ask()
        assert raised.value.path == path
        assert "delete" in raised.value.remedy


def test_a_template_that_the_protocol_has_not_is_a_damaged_file(made: Made):
    wanted = OverlaySettings("ijb", ("a",), "b", level=OverlayLevel.TEMPLATES, method=OverlayMethod.PCA)
    with Study.open(made.path) as study:
        path = study.stored("results", run_overlay(study, wanted, JobContext()).key)
        assert stored_overlay(study, wanted) is not None
        rewritten(path, put("item", 10**12))
        with pytest.raises(StoreError, match="not an overlay"):
            stored_overlay(study, wanted)
        path.unlink()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"map": MapKind.NONE}, "without a map"),
        ({"sources": ()}, "needs a source"),
        ({"neighbours": 1}, "at least 2 neighbours"),
        ({"min_dist": 1.5}, "between 0 and 1"),
        ({"level": OverlayLevel.TEMPLATES}, "no templates"),
        ({"mode": FitMode.AUTHORS}, "needs templates"),
        ({"subjects": -1}, "fewer than no subjects"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(study: Study, changes: dict[str, object], message: str):
    with pytest.raises(SettingsError, match=message):
        run(study, **changes)


def test_a_model_without_embeddings_is_named(study: Study):
    with pytest.raises(StudyError, match="nobody"):
        run(study, sources=("nobody",))


def test_it_can_be_cancelled(study: Study):
    context = JobContext()
    context.cancel()
    with pytest.raises(Cancelled):
        run_overlay(study, settings(), context)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    shape = Shape(
        subjects=16, verification_templates=3, images=3, media=5, unscored=0.3, pairs=0.9, repeated_pairs=0, seed=11
    )
    return make_study(tmp_path_factory.mktemp("templates"), shape, flips=True)


@pytest.mark.parametrize("features", list(Features))
@pytest.mark.parametrize("mode", [FitMode.DISJOINT, FitMode.AUTHORS])
def test_templates_are_points_too_each_through_its_map(made: Made, mode: FitMode, features: Features):
    protocol, source, target = made.protocol, made.embeddings["a"], made.embeddings["b"]
    asked = OverlaySettings(
        "ijb", ("a",), "b", mode=mode, features=features, level=OverlayLevel.TEMPLATES, method=OverlayMethod.PCA
    )
    with Study.open(made.path) as study:
        study.refresh_states()
        found = run_overlay(study, asked, JobContext())
        cells = open_overlay(study, asked, JobContext())
        points = OverlayPoints(study, cells, asked)
        raw = points.raw("a", JobContext())
        mapped = points.mapped("a", raw, cells.main.maps("a", "b", JobContext()), JobContext())
    assert points.item.tolist() == protocol.templates
    fits = [evaluator.fit("linear", *(evaluator.upright(rows, fitted) for rows in (source, target)))
            for fitted, _ in evaluator.pools(protocol, str(mode))]  # fmt: skip
    made_of = [{image.medium for image in protocol.images if image.template == one} for one in protocol.templates]
    shared = (points.belongs @ points.belongs.T).toarray() > 0
    for place, one in enumerate(protocol.templates):
        subject = protocol.subject(one)
        assert found.subject_names[found.subject[place]] == str(subject)
        mapping = fits[evaluator.half(subject, 0) if mode is FitMode.DISJOINT else 0]
        for rows, through in ((raw, None), (mapped, mapping)):
            wanted = evaluator.unit(evaluator.template(protocol, one, source, str(features), through))
            np.testing.assert_allclose(rows[place], wanted, atol=2e-5)
        assert shared[place].tolist() == [bool(made_of[place] & other) for other in made_of]


def test_images_of_a_template_protocol_are_not_compared_within_a_medium(made: Made):
    asked = OverlaySettings("ijb", ("a",), "b", method=OverlayMethod.PCA)
    with Study.open(made.path) as study:
        study.refresh_states()
        points = OverlayPoints(study, open_overlay(study, asked, JobContext()), asked)
        order = [int(name.split("/")[-1].split(".")[0]) - 1 for name in study.faces("ijb").ids]
        [score] = run_overlay(study, asked, JobContext()).scores
    images = [made.protocol.images[row] for row in order]
    shared = (points.belongs @ points.belongs.T).toarray() > 0
    for row, image in enumerate(images):
        assert shared[row].tolist() == [at == row or other.medium == image.medium for at, other in enumerate(images)]
        assert points.subject_names[points.subject[row]] == str(image.subject)
    partners = [any(a.subject == b.subject and a.medium != b.medium for b in images) for a in images]
    assert score.asked == sum(partners)


# -- drawn and written -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("colour", ["model", "subject"])
def test_the_figure_shows_scores_settings_and_every_model(study: Study, tmp_path: Path, colour: str):
    found = run(study, sources=("a", "c"))
    classes = colouring(colour, found, None, named=False)
    [path] = save_figure(overlay_figure(found, classes, lines=True), tmp_path / "o", ["svg"])
    text = re.sub(r"\s+", " ", path.read_text())
    assert "before: raw" in text
    assert "after: linear map" in text
    assert "drawn at random" in text or "all 150 images" in text
    assert f"{100 * found.scores[0].after:.1f}" in text
    for name in ("b (target)", "subject 0") if colour == "model" else ("other subjects", "subject 0"):
        if name != "subject 0" or colour == "subject":
            assert name in text
    assert "p3" not in text  # nobody is named unless asked


@pytest.mark.parametrize("with_ids", [False, True])
def test_coordinates_are_written_a_line_a_point(study: Study, tmp_path: Path, with_ids: bool):
    found = run(study)
    out = tmp_path / "o.csv"
    export_overlay(study, found, out, with_ids=with_ids)
    lines = out.read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert len(rows) == len(found.model)
    faces = study.faces("d")
    for number in (0, 17, 200):
        row = rows[number]
        item, code = int(found.item[number]), int(found.subject[number])
        assert row["image"] == (faces.ids[item] if with_ids else str(item))
        assert row["subject"] == (found.subject_names[code] if with_ids else str(code))
        assert row["model"] == found.models[found.model[number]]
        assert [float(row[name]) for name in ("before_x", "before_y", "after_x", "after_y")] == pytest.approx(
            [*found.before[number].tolist(), *found.after[number].tolist()], abs=1e-9
        )
    assert any("map linear" in line for line in lines if line.startswith("# settings"))


def test_subjects_that_a_spreadsheet_would_run_are_letters(study: Study, tmp_path: Path):
    found = run(study)
    named = replace(found, subject_names=("=1+1", *found.subject_names[1:]))
    export_overlay(study, named, tmp_path / "o.csv", with_ids=True)
    lines = [line for line in (tmp_path / "o.csv").read_text().splitlines() if not line.startswith("#")]
    assert {row["subject"] for row in csv.DictReader(lines)} == {"'=1+1", *found.subject_names[1:]}


def test_json_holds_the_scores_and_no_nan(study: Study):
    alone = overlay_json(run(study, chosen=("p1", "p2"), mode=FitMode.IN_SAMPLE))
    text = json.dumps(alone, allow_nan=False)
    assert json.loads(text)["scores"][0]["source"] == "a"


def test_the_command_writes_picture_and_coordinates(study: Study, tmp_path: Path, monkeypatch, capsys):
    from canon_core.cli.application import run as canon

    path = study.path
    study.close()
    out, table = tmp_path / "o.pdf", tmp_path / "o.csv"
    arguments = ["--source", "all", "--target", "b", "--method", "pca", "--out", str(out), "--csv", str(table)]
    monkeypatch.setattr(sys, "argv", ["canon", "overlay", str(path), *arguments, "--json", "-"])
    with pytest.raises(SystemExit) as end:
        canon()
    assert not end.value.code
    document = json.loads(capsys.readouterr().out)
    assert document["sources"] == ["a", "c"]
    assert out.read_bytes().startswith(b"%PDF")
    assert len(table.read_text().splitlines()) > 3 * SUBJECTS * EACH


def test_chosen_subjects_are_named_one_by_one_and_may_have_commas(study: Study, monkeypatch, capsys):
    from canon_core.cli.application import run as canon

    path = study.path
    study.close()
    arguments = ["--source", "a", "--target", "b", "--method", "pca", "--mode", "in-sample"]
    monkeypatch.setattr(
        sys, "argv", ["canon", "overlay", str(path), *arguments, "--chosen", "p1", "--chosen=p2", "--json", "-"]
    )
    with pytest.raises(SystemExit) as end:
        canon()
    assert not end.value.code
    assert json.loads(capsys.readouterr().out)["shown"]["subjects"] == 2
    monkeypatch.setattr(sys, "argv", ["canon", "overlay", str(path), *arguments, "--chosen", "Smith, p1"])
    with pytest.raises(SystemExit):
        canon()
    assert "'Smith, p1'" in " ".join(capsys.readouterr().err.split())


def test_umap_gives_an_overlay_of_the_same_points_and_says_who_may_stand_alone(study: Study):
    found = run(study, method=OverlayMethod.UMAP, subjects=12, neighbours=4)
    straight = run(study, subjects=12)
    np.testing.assert_array_equal(found.item, straight.item)
    assert found.scores == straight.scores
    assert np.isfinite(found.before).all()
    assert not np.allclose(found.before, straight.before)
    assert "UMAP (cosine, 4 neighbours, min-dist 0.1, seed 0)" in overlay_line(found)
    assert "12 subjects have more images than a point has neighbours" in overlay_line(found)
