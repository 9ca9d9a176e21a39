"""Sensitivity: the same cells with maps fitted on fewer pairs, stored cell by cell, on templates and on images."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from canon_core.datasets.options import DatasetOptions
from canon_core.errors import Cancelled, SettingsError
from canon_core.experiments.matrix import run_matrix
from canon_core.experiments.sensitivity import run_sensitivity, sensitivity_json, stored_sensitivity
from canon_core.figures.sensitivity_curve import (
    near_dimensions,
    sensitivity_curves,
    single_levels,
    source_dimensions,
    trusted_from,
)
from canon_core.figures.sensitivity_figure import sensitivity_figure
from canon_core.figures.statistics_tables import sensitivity_csv
from canon_core.jobs import Event, JobContext, Partial, Progress
from canon_core.maps.kinds import MapKind
from canon_core.study.results import FitMode, MatrixSettings, settings_line
from canon_core.study.sensitivity_results import SensitivitySettings, sensitivity_line, with_cell
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

FAR = (1e-1, 1e-2)
SUBJECTS, EACH = 40, 6


def seen(model: int, width: int, subjects: np.ndarray) -> np.ndarray:
    latent = np.random.default_rng(0).standard_normal((SUBJECTS, 10))[subjects]
    rng = np.random.default_rng([1, model])
    rows = latent @ rng.standard_normal((10, width)) + 0.8 * rng.standard_normal((len(subjects), width))
    return rows.astype(np.float32)


@pytest.fixture
def images(tmp_path: Path) -> Iterator[Study]:
    """Three models on the same images; ``a`` and ``twin`` are the same model."""
    subjects = np.repeat(np.arange(SUBJECTS), EACH)
    ids = [f"p{subject}/{number}" for number, subject in enumerate(subjects)]
    with Study.create(tmp_path / "s") as study:
        for name, model, width in (("a", 1, 16), ("twin", 1, 16), ("b", 2, 20)):
            file = tmp_path / f"{name}.npz"
            np.savez(file, embs=seen(model, width, subjects), ids=np.array(ids))
            study.import_embeddings(file, model=name, dataset="d", ctx=JobContext())
        yield study


@pytest.fixture
def templates(tmp_path: Path) -> Iterator[Study]:
    """Two models on a small protocol in InsightFace's layout."""
    meta = tmp_path / "IJBC" / "meta"
    meta.mkdir(parents=True)
    rows = [(subject + 100 * kind, subject) for kind in (0, 1) for subject in range(SUBJECTS) for _ in range(EACH)]
    lines = [f"{number + 1}.jpg {template} {number // 2}" for number, (template, _) in enumerate(rows)]
    (meta / "ijbc_face_tid_mid.txt").write_text("\n".join(lines) + "\n")
    points = [f"{number + 1}.jpg {' '.join(['1.5'] * 10)} 0.9" for number in range(len(rows))]
    (meta / "ijbc_name_5pts_score.txt").write_text("\n".join(points) + "\n")
    pairs = [f"{one} {100 + other} {int(one == other)}" for one in range(SUBJECTS) for other in range(SUBJECTS)]
    (meta / "ijbc_template_pair_label.txt").write_text("\n".join(pairs) + "\n")
    subjects = np.array([subject for _, subject in rows])
    with Study.create(tmp_path / "s") as study:
        study.add_dataset(tmp_path / "IJBC", DatasetOptions(), JobContext(), "d")
        for name, model, width in (("a", 1, 16), ("b", 2, 20)):
            np.save(tmp_path / f"{name}.npy", seen(model, width, subjects))
            study.import_embeddings(tmp_path / f"{name}.npy", model=name, dataset="d", ctx=JobContext())
        yield study


@pytest.mark.parametrize("kind", [MapKind.LINEAR, MapKind.ROTATION])
@pytest.mark.parametrize(
    ("protocol", "mode"),
    [
        ("images", FitMode.DISJOINT),
        ("images", FitMode.IN_SAMPLE),
        ("templates", FitMode.DISJOINT),
        ("templates", FitMode.AUTHORS),
        ("templates", FitMode.REVERSED),
    ],
)
def test_with_all_pairs_it_is_the_matrix(
    protocol: str, mode: FitMode, kind: MapKind, request: pytest.FixtureRequest
) -> None:
    study: Study = request.getfixturevalue(protocol)
    found = run_sensitivity(study, SensitivitySettings("d", ("a", "b"), kind, mode, far=FAR, pairs=(0,)), JobContext())
    matrix = run_matrix(study, MatrixSettings("d", ("a", "b"), kind, mode, far=FAR), JobContext())
    assert found.pairs == (min(matrix.fit_pairs),)
    for rule in FarRule:
        for far in FAR:
            for source, target in (("a", "b"), ("b", "a")):
                assert found.tar(source, target, 0, 0, far, rule) == pytest.approx(
                    matrix.tar(source, target, far, rule), abs=1e-3
                )
            assert found.single_mean(far, rule) == pytest.approx(matrix.means(far, rule)[0], abs=1e-12)


def test_every_cell_of_a_repetition_is_fitted_on_the_same_images(images: Study) -> None:
    settings = SensitivitySettings("d", ("a", "twin", "b"), far=FAR, pairs=(20, 50))
    found = run_sensitivity(images, settings, JobContext())
    for step in range(2):
        for repeat in range(3):
            one, other = (found.tar(name, "b", step, repeat, 1e-1, FarRule.NEAREST) for name in ("a", "twin"))
            assert one == other


def test_repetitions_differ_and_seeds_repeat_them(images: Study) -> None:
    settings = SensitivitySettings("d", ("a", "b"), far=FAR, pairs=(24,))
    first = run_sensitivity(images, settings, JobContext())
    images.clear_results()
    again = run_sensitivity(images, settings, JobContext())
    values = [first.mean(0, repeat, 1e-2, FarRule.NEAREST) for repeat in range(3)]
    assert values == [again.mean(0, repeat, 1e-2, FarRule.NEAREST) for repeat in range(3)]
    assert len(set(values)) == 3


def test_more_pairs_make_better_maps(images: Study) -> None:
    found = run_sensitivity(images, SensitivitySettings("d", ("a", "b"), far=FAR), JobContext())
    assert found.pairs[0] == 32
    assert found.repeats == (*([3] * (len(found.pairs) - 1)), 1)
    first = np.mean([found.mean(0, repeat, 1e-2, FarRule.NEAREST) for repeat in range(3)])
    last = found.mean(len(found.pairs) - 1, 0, 1e-2, FarRule.NEAREST)
    assert last is not None
    assert last > first


def test_a_cancelled_run_keeps_its_cells_and_the_next_one_does_the_rest(images: Study) -> None:
    settings = SensitivitySettings("d", ("a", "twin", "b"), far=FAR, pairs=(20, 50))
    wanted = run_sensitivity(images, settings, JobContext())
    images.clear_results()
    cells: list[object] = []
    context = JobContext(1, 0, lambda event: _stop_after(event, cells, context))
    with pytest.raises(Cancelled):
        run_sensitivity(images, settings, context)
    fresh: list[object] = []
    found = run_sensitivity(
        images, settings, JobContext(1, 0, lambda event: fresh.append(event) if isinstance(event, Partial) else None)
    )
    assert len(cells) + len(fresh) == 6
    assert found.cells == wanted.cells


def _stop_after(event: object, cells: list[object], context: JobContext) -> None:
    if isinstance(event, Partial):
        cells.append(event)
        if len(cells) == 2:
            context.cancel()


def test_the_document_has_the_promised_shape(images: Study) -> None:
    settings = SensitivitySettings("d", ("a", "twin", "b"), far=FAR, pairs=(20, 0))
    found = run_sensitivity(images, settings, JobContext())
    document = json.loads(json.dumps(sensitivity_json(found, FarRule.CONSERVATIVE), allow_nan=False))
    assert document["pairs"] == [20, found.pairs[1]]
    assert [len(row) for row in document["tar"]] == [3, 1]
    assert len(document["cells"][0][0]) == 3
    assert document["cells"][0][0][1][1] is None
    values = [document["cells"][0][0][s][t][0] for s in range(3) for t in range(3) if s != t]
    assert document["tar"][0][0][0] == pytest.approx(np.mean(values))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (SensitivitySettings("d", ("a", "b"), pairs=(100_000,)), "100,000 fit pairs cannot be drawn"),
        (SensitivitySettings("d", ("a", "b"), pairs=(1,)), "1 fit pairs cannot be drawn"),
        (SensitivitySettings("d", ("a", "b"), MapKind.NONE), "need no fit"),
        (SensitivitySettings("d", ("a", "b"), repeats=0), "draw nothing"),
        (SensitivitySettings("d", ("a", "b"), mode=FitMode.AUTHORS), "needs templates"),
    ],
)
def test_impossible_settings_are_refused(images: Study, settings: SensitivitySettings, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        run_sensitivity(images, settings, JobContext())


def test_the_figure_has_one_curve_a_result_and_its_single_models(images: Study) -> None:
    found = [
        run_sensitivity(images, SensitivitySettings("d", ("a", "b"), kind, pairs=(20, 50, 0)), JobContext())
        for kind in (MapKind.ROTATION, MapKind.LINEAR)
    ]
    figure = sensitivity_figure(found, FarRule.CONSERVATIVE)
    lines = figure.axes[0].lines
    assert len(lines) == 3  # both maps are compared with the same single models
    means = [
        np.mean([found[0].mean(step, repeat, 1e-2, FarRule.CONSERVATIVE) for repeat in range(repeats)])
        for step, repeats in enumerate(found[0].repeats)
    ]
    np.testing.assert_allclose(lines[0].get_ydata(), means)


def test_a_map_fitted_on_shuffled_pairs_is_at_chance(images: Study) -> None:
    paired = SensitivitySettings("d", ("a", "b"), far=(1e-1,), pairs=(0,), repeats=1)
    shuffled = SensitivitySettings("d", ("a", "b"), far=(1e-1,), pairs=(0,), repeats=1, shuffled=True)
    true = run_sensitivity(images, paired, JobContext()).mean(0, 0, 1e-1, FarRule.NEAREST)
    chance = run_sensitivity(images, shuffled, JobContext())
    control = chance.mean(0, 0, 1e-1, FarRule.NEAREST)
    assert true is not None
    assert control is not None
    assert true > 0.5
    assert control < 0.25
    assert sensitivity_json(chance, FarRule.NEAREST)["shuffled"] is True
    assert "shuffled: no image is paired with itself" in sensitivity_line([chance], FarRule.NEAREST)
    # It is kept apart from the true one.
    assert run_sensitivity(images, paired, JobContext()).mean(0, 0, 1e-1, FarRule.NEAREST) == true


def test_models_that_stand_beside_are_shown_and_left_out_of_means(images: Study) -> None:
    images.rename_model("twin", "twin-a")
    settings = SensitivitySettings("d", ("a", "twin-a", "b"), far=FAR, pairs=(0,))
    found = run_sensitivity(images, settings, JobContext())
    alone = run_sensitivity(images, SensitivitySettings("d", ("a", "b"), far=FAR, pairs=(0,)), JobContext())
    matrix = run_matrix(images, MatrixSettings("d", ("a", "twin-a", "b"), MapKind.ROTATION, far=FAR), JobContext())
    both = run_matrix(images, MatrixSettings("d", ("a", "b"), MapKind.ROTATION, far=FAR), JobContext())
    for far in FAR:
        rule = FarRule.CONSERVATIVE
        assert found.tar("twin-a", "b", 0, 0, far, rule) is not None
        assert found.mean(0, 0, far, rule) == alone.mean(0, 0, far, rule)
        assert found.single_mean(far, rule) == alone.single_mean(far, rule)
        assert matrix.means(far, rule) == both.means(far, rule)
    assert "means without twin-a" in sensitivity_line([found], FarRule.NEAREST)
    assert "means without twin-a" in settings_line(matrix, FarRule.NEAREST)
    assert "means without" not in settings_line(both, FarRule.NEAREST)


# -- looked up ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("protocol", "mode"), [("images", FitMode.DISJOINT), ("templates", FitMode.AUTHORS)])
def test_what_is_stored_is_found_without_fitting(
    protocol: str, mode: FitMode, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    study: Study = request.getfixturevalue(protocol)
    settings = SensitivitySettings("d", ("a", "b"), MapKind.LINEAR, mode, pairs=(20, 0), far=FAR)
    nothing = stored_sensitivity(study, settings)
    assert nothing.lacking() == (("a", "b"), ("b", "a"))
    assert not nothing.single
    computed = run_sensitivity(study, settings, JobContext())
    monkeypatch.setattr("canon_core.experiments.sensitivity.SourceFit", None)  # nothing may be fitted now
    found = stored_sensitivity(study, settings)
    assert (found.cells, found.single) == (computed.cells, computed.single)
    assert (found.pairs, found.repeats, found.available) == (computed.pairs, computed.repeats, computed.available)
    assert found.dimensions == {"a": 16, "b": 20}
    more = stored_sensitivity(study, SensitivitySettings("d", ("a", "b"), MapKind.LINEAR, mode, pairs=(20, 24)))
    assert more.lacking() == (("a", "b"), ("b", "a"))
    assert set(more.single) == {"a", "b"}


def test_another_far_of_the_paper_s_needs_no_second_computation(images: Study) -> None:
    run_sensitivity(images, SensitivitySettings("d", ("a", "b"), pairs=(20,), far=(1e-2,)), JobContext())
    found = stored_sensitivity(images, SensitivitySettings("d", ("a", "b"), pairs=(20,), far=(1e-1, 1e-3)))
    assert not found.lacking()
    images.clear_results()
    again = run_sensitivity(images, SensitivitySettings("d", ("a", "b"), pairs=(20,), far=(1e-1, 1e-3)), JobContext())
    assert found.cells == again.cells
    assert not stored_sensitivity(images, SensitivitySettings("d", ("a", "b"), pairs=(20,), far=(1e-2,))).lacking()
    elsewhere = stored_sensitivity(images, SensitivitySettings("d", ("a", "b"), pairs=(20,), far=(0.05,)))
    assert len(elsewhere.lacking()) == 2


def test_chosen_cells_alone_are_computed_in_their_order(images: Study) -> None:
    settings = SensitivitySettings("d", ("a", "twin", "b"), pairs=(20,))
    events: list[Event] = []
    among = (("twin", "b"), ("b", "a"))
    found = run_sensitivity(images, settings, JobContext(emit=events.append), among)
    arrived = [event.payload for event in events if isinstance(event, Partial)]
    assert [(cell.source, cell.target) for cell in arrived] == list(among)
    assert {pair for pair, cell in found.cells.items() if cell is not None} == set(among)
    assert set(found.single) == {"a", "twin", "b"}
    progress = [event for event in events if isinstance(event, Progress) and "fewer pairs" in event.what]
    assert {event.total for event in progress} == {2}
    again = stored_sensitivity(images, settings)
    assert again.lacking() == (("a", "twin"), ("twin", "a"))  # both are one model: their cells with b are the same
    assert again.lacking(among) == again.lacking_single(among) == ()
    whole = run_sensitivity(images, settings, JobContext())
    assert not whole.lacking()
    assert whole.cells["twin", "b"] == found.cells["twin", "b"]
    with pytest.raises(SettingsError, match="no cell across two of the models"):
        run_sensitivity(images, settings, JobContext(), [("a", "a")])


def test_a_control_counts_only_where_it_is_chosen(images: Study) -> None:
    images.rename_model("twin", "control-one")
    nothing = stored_sensitivity(images, SensitivitySettings("d", ("a", "control-one", "b"), pairs=(20,)))
    assert nothing.lacking() == (("a", "b"), ("b", "a"))
    assert nothing.lacking_single() == ("a", "b")
    assert nothing.lacking([("control-one", "a")]) == (("control-one", "a"),)
    assert nothing.lacking_single([("control-one", "a")]) == ("control-one", "a")


def test_a_cell_that_arrives_is_added_to_what_was_there(images: Study) -> None:
    settings = SensitivitySettings("d", ("a", "b"), pairs=(20,))
    nothing = stored_sensitivity(images, settings)
    whole = run_sensitivity(images, settings, JobContext())
    one = with_cell(nothing, whole.cells["a", "b"])
    assert one.averaged() == (("a", "b"),)
    assert one.mean(0, 1, 1e-2, FarRule.NEAREST) == whole.tar("a", "b", 0, 1, 1e-2, FarRule.NEAREST)


# -- curves ------------------------------------------------------------------------------------------------------------
def test_curves_average_the_chosen_cells_and_their_single_models_alone(images: Study) -> None:
    settings = SensitivitySettings("d", ("a", "twin", "b"), pairs=(20, 50), far=FAR)
    found = run_sensitivity(images, settings, JobContext())
    rule, among = FarRule.CONSERVATIVE, (("a", "b"), ("b", "a"))
    curves = sensitivity_curves([found], rule, 1e-2, among)
    assert len(curves) == 1
    assert (curves[0].cells, curves[0].wanted, curves[0].label) == (2, 2, "rotation, disjoint")
    for step, point in enumerate(curves[0].steps):
        wanted = [np.mean([found.tar(s, t, step, repeat, 1e-2, rule) for s, t in among]) for repeat in range(3)]
        assert point.values == pytest.approx(wanted)
        assert point.mean == pytest.approx(np.mean(wanted))
    matrix = run_matrix(images, MatrixSettings("d", ("a", "twin", "b"), MapKind.ROTATION, far=FAR), JobContext())
    (level,) = single_levels([found], rule, 1e-2, among)
    assert level.models == 2
    assert level.tar == pytest.approx(np.mean([matrix.tar(name, name, 1e-2, rule) for name in ("a", "b")]))
    assert f"mean over {len(among)} cells" in sensitivity_line([found], rule, 1e-2, among)


def test_pairs_near_the_dimensions_and_from_ten_a_dimension(images: Study) -> None:
    found = run_sensitivity(images, SensitivitySettings("d", ("a", "b"), pairs=(20,)), JobContext())
    assert source_dimensions([found]) == (16, 20)
    assert source_dimensions([found], [("b", "a")]) == (20,)
    low, high = near_dimensions((16, 20))
    assert 8 < low < 16
    assert 20 < high < 40
    assert trusted_from((16, 20)) == 200


def test_a_linear_map_is_worst_where_pairs_are_as_many_as_dimensions_and_a_rotation_is_not(images: Study) -> None:
    """The double descent that the shade explains, measured."""
    means = {}
    for kind in (MapKind.LINEAR, MapKind.ROTATION):
        settings = SensitivitySettings("d", ("a", "b"), kind, pairs=(8, 18, 64), repeats=5, far=FAR)
        (curve,) = sensitivity_curves([run_sensitivity(images, settings, JobContext())], FarRule.NEAREST, 1e-1)
        means[kind] = [step.mean for step in curve.steps]
    assert means[MapKind.LINEAR][1] < min(means[MapKind.LINEAR][0], means[MapKind.LINEAR][2])
    assert means[MapKind.ROTATION] == sorted(means[MapKind.ROTATION])


def test_the_table_holds_every_repetition_of_every_cell(images: Study) -> None:
    found = run_sensitivity(images, SensitivitySettings("d", ("a", "b"), pairs=(20, 0), far=FAR), JobContext())
    text = sensitivity_csv([found], FarRule.NEAREST)
    rows = list(csv.DictReader(io.StringIO(text.rsplit("#", 1)[0])))
    assert len(rows) == 2 * (3 + 1) * 2 + 2 * 2
    for row in rows:
        if row["map"] == "none":
            assert float(row["TAR"]) == found.single[row["source"]][FarRule.NEAREST][FAR.index(float(row["FAR"]))].tar
            continue
        step, repeat = found.pairs.index(int(row["fit pairs"])), int(row["repetition"]) - 1
        wanted = found.tar(row["source"], row["target"], step, repeat, float(row["FAR"]), FarRule.NEAREST)
        assert float(row["TAR"]) == wanted
        assert int(row["true accepts"]) / int(row["genuine"]) == wanted
    assert "map rotation" in text.splitlines()[-1]
