"""Confidence of a study's TARs, against scores that are really repeated as often as their subjects are drawn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from canon_core.errors import Cancelled, SettingsError, StoreError
from canon_core.experiments import confidence as room
from canon_core.experiments.cells import open_cells
from canon_core.experiments.confidence import confidence_json, run_confidence, stored_confidence, with_cell
from canon_core.experiments.matrix import run_matrix
from canon_core.jobs import Event, JobContext, Partial, Progress
from canon_core.maps.kinds import MapKind
from canon_core.store.arrays import save_arrays
from canon_core.study.confidence_results import CellConfidence, confidence_line
from canon_core.study.results import FitMode, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.bootstrap import draw_subjects, resampled_tar
from canon_core.verification.intervals import intervals_of, threshold_evidence
from canon_core.verification.roc import FarRule

from .naive import evaluator
from .naive.protocol import Shape
from .template_study import Made, make_study

#: Lowest last: there, fewer than 100 impostor scores decide.
FAR = (0.5, 0.25, 0.02)
RESAMPLES = 40
SHAPE = Shape(
    subjects=26, verification_templates=4, images=2, media=6, unscored=0.0, pairs=0.9, repeated_pairs=0, seed=5
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_study(tmp_path_factory.mktemp("confidence"), SHAPE)


@pytest.fixture
def study(made: Made) -> Iterator[Study]:
    with Study.open(made.path) as opened:
        opened.refresh_states()
        opened.clear_results()
        yield opened


def asked(mode: FitMode = FitMode.AUTHORS, far: tuple[float, ...] = FAR) -> MatrixSettings:
    return MatrixSettings("ijb", ("a", "b"), MapKind.ROTATION, mode, far=far)


def slow_draws(made: Made, source: str, target: str, mode: str) -> dict[str, np.ndarray]:
    """(targets, r) TAR in every draw by scikit-learn's curve of the repeated scores."""
    sides = made.embeddings[source], made.embeddings[target]
    cell = evaluator.cell(
        made.protocol, *sides, single=source == target, kind="rotation", mode=mode, features="paper"
    )
    code = {
        subject: number for number, subject in enumerate(sorted({image.subject for image in made.protocol.images}))
    }
    pairs = [pair for pool in cell.pairs for pair in pool]
    scores = np.array([score for pool in cell.scores for score in pool])
    one, other = (
        np.array([code[made.protocol.subject(getattr(pair, side))] for pair in pairs]) for side in ("p1", "p2")
    )
    genuine = np.array([pair.genuine for pair in pairs])
    found: dict[str, list[list[float]]] = {rule: [] for rule in evaluator.RULES}
    for drawn in draw_subjects(len(code), RESAMPLES, 0).astype(int):
        times = np.where(genuine, drawn[one], drawn[one] * drawn[other])
        labels, repeated = np.repeat(genuine, times), np.repeat(scores, times)
        fars, tars, _ = roc_curve(labels, repeated, drop_intermediate=False)
        for rule in evaluator.RULES:
            row = []
            for goal in FAR:
                if rule == "conservative":
                    row.append(tars[fars <= goal].max())
                else:
                    row.append(tars[np.abs(fars - goal) <= np.abs(fars - goal).min() + 1e-12].max())
            found[rule].append(row)
    return {rule: np.array(rows).T for rule, rows in found.items()}


@pytest.mark.parametrize("mode", [FitMode.AUTHORS, FitMode.REVERSED, FitMode.DISJOINT])
def test_intervals_are_percentiles_of_repeated_scores(study: Study, made: Made, mode: FitMode) -> None:
    found = run_confidence(study, asked(mode), JobContext(), resamples=RESAMPLES)
    matrix = run_matrix(study, asked(mode), JobContext())
    slow = {pair: slow_draws(made, *pair, str(mode)) for pair in itertools.product("ab", repeat=2)}
    decided = 0
    for (source, target), rule in itertools.product(slow, FarRule):
        for number, far in enumerate(FAR):
            interval = found.interval(source, target, far, rule)
            reading = matrix.reading(source, target, far, rule)
            assert interval is not None
            assert reading is not None
            assert interval.tar == reading.point.tar
            assert interval.deciding == pytest.approx(far * reading.point.impostors)
            assert interval.low <= interval.tar <= interval.high
            if not interval.few_decide:
                decided += 1
                draws = slow[source, target][str(rule)][number]
                assert (interval.low, interval.high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))
    assert decided >= 8


def test_few_deciding_impostors_give_the_exact_interval_of_thresholds(study: Study) -> None:
    found = run_confidence(study, asked(), JobContext(), resamples=RESAMPLES, level=0.9)
    cells = open_cells(study, asked(), JobContext())
    scored = cells.scored("a", "b", JobContext())
    draws = draw_subjects(len(cells.subject_names), RESAMPLES, 0)
    resampled = resampled_tar(scored, FAR, draws)
    cell = cells.stored()[0]["a", "b"]
    assert cell is not None
    for rule in FarRule:
        points = [reading.point for reading in cell.readings[rule]]
        expected = intervals_of(points, resampled[rule], threshold_evidence(scored, points, draws), 0.9)
        assert expected[-1].unresolved
        assert found.cells["a", "b"].intervals[rule] == expected  # type: ignore[union-attr]


def test_differences_are_taken_draw_by_draw(study: Study, made: Made) -> None:
    found = run_confidence(study, asked(), JobContext(), resamples=RESAMPLES)
    slow = {pair: slow_draws(made, *pair, "authors") for pair in itertools.product("ab", repeat=2)}
    for rule in FarRule:
        single = [found.interval(name, name, FAR[0], rule) for name in "ab"]
        weaker = min("ab", key=lambda name: found.interval(name, name, FAR[0], rule).tar)  # type: ignore[union-attr]
        for pair in (("a", "b"), ("b", "a")):
            for kind, other in ((found.to_weaker, (weaker, weaker)), (found.to_reverse, pair[::-1])):
                difference = kind[pair][rule][0]
                assert difference is not None
                assert difference.other == other
                drawn = (slow[pair][str(rule)] - slow[other][str(rule)])[0]
                assert (difference.low, difference.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))
                assert not difference.few_decide
        assert None not in single
        lowest = found.to_reverse["a", "b"][rule][-1]
        assert lowest is not None
        assert lowest.unresolved


def test_a_second_run_another_level_and_another_order_draw_nothing_again(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_confidence(study, asked(), JobContext(), resamples=RESAMPLES)

    def never(*args: object, **more: object) -> None:
        raise AssertionError("drawn again")

    monkeypatch.setattr(room, "resampled_tar", never)
    again = run_confidence(study, asked(), JobContext(), resamples=RESAMPLES)
    assert again.cells == first.cells
    assert (again.to_weaker, again.to_reverse) == (first.to_weaker, first.to_reverse)
    narrow = run_confidence(study, asked(), JobContext(), resamples=RESAMPLES, level=0.5)
    turned = run_confidence(study, asked(far=FAR[::-1]), JobContext(), resamples=RESAMPLES)
    for far, rule in itertools.product(FAR, FarRule):
        one, other = (of.interval("a", "b", far, rule) for of in (first, narrow))
        assert one is not None
        assert other is not None
        assert one.low <= other.low <= other.high <= one.high
        assert turned.interval("a", "b", far, rule) == one
    assert stored_confidence(study, asked(), JobContext(), resamples=RESAMPLES).cells == first.cells
    with pytest.raises(AssertionError, match="drawn again"):
        run_confidence(study, asked(), JobContext(), resamples=RESAMPLES, seed=1)


def test_one_cell_is_resampled_and_its_differences_come_with_the_others(study: Study) -> None:
    alone = run_confidence(study, asked(), JobContext(), resamples=RESAMPLES, pairs=[("a", "b")])
    assert [pair for pair, cell in alone.cells.items() if cell is not None] == [("a", "b")]
    assert set(alone.to_weaker["a", "b"][FarRule.NEAREST]) == {None}
    more = run_confidence(study, asked(), JobContext(), resamples=RESAMPLES, pairs=[("a", "a"), ("b", "b")])
    assert None not in more.to_weaker["a", "b"][FarRule.NEAREST]
    assert set(more.to_reverse["a", "b"][FarRule.NEAREST]) == {None}
    cell = alone.cells["a", "b"]
    assert cell is not None
    empty = stored_confidence(study, asked(), JobContext(), resamples=RESAMPLES, seed=9)
    assert with_cell(empty, cell).cells["a", "b"] is cell


def test_a_cancelled_run_goes_on_where_it_stopped_and_tells_how_far_it_is(study: Study) -> None:
    seen: list[CellConfidence] = []
    steps: list[tuple[int, int]] = []

    def after_two(event: Event) -> None:
        if isinstance(event, Progress):
            steps.append((event.done, event.total))
        if isinstance(event, Partial):
            assert isinstance(event.payload, CellConfidence)
            seen.append(event.payload)
            if len(seen) == 2:
                ctx.cancel()

    ctx = JobContext(emit=after_two)
    with pytest.raises(Cancelled):
        run_confidence(study, asked(), ctx, resamples=RESAMPLES)
    kept = stored_confidence(study, asked(), JobContext(), resamples=RESAMPLES)
    assert [cell for cell in kept.cells.values() if cell is not None] == seen
    assert all(done <= total == 4 * RESAMPLES for done, total in steps)
    ctx = JobContext(emit=seen.append)  # type: ignore[arg-type]
    rest = run_confidence(study, asked(), ctx, resamples=RESAMPLES)
    assert sum(isinstance(event, Partial) for event in seen) == 2
    assert None not in rest.cells.values()


def test_single_images_have_intervals_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    people = np.repeat(rng.standard_normal((30, 6)), 4, axis=0)
    ids = np.array([f"person{number // 4}/{number}" for number in range(120)])
    with Study.create(tmp_path / "s") as opened:
        for name in "ab":
            rows = (people + 0.6 * rng.standard_normal(people.shape)) @ rng.standard_normal((6, 8))
            np.savez(tmp_path / f"{name}.npz", embs=rows.astype(np.float32), ids=ids)
            opened.import_embeddings(tmp_path / f"{name}.npz", model=name, dataset="d", ctx=JobContext())
        settings = MatrixSettings("d", ("a", "b"), mode=FitMode.IN_SAMPLE, far=(0.1, 0.05))
        found = run_confidence(opened, settings, JobContext(), resamples=RESAMPLES)
        matrix = run_matrix(opened, settings, JobContext())
    assert found.subjects == 30
    for cell in found.cells.values():
        assert cell is not None
        for rule in FarRule:
            for far, interval in zip(settings.far, cell.intervals[rule], strict=True):
                assert not interval.few_decide
                assert interval.low < interval.tar < interval.high
                assert interval.tar == matrix.tar(cell.source, cell.target, far, rule)


def test_one_image_of_each_person_has_intervals_across_models_and_none_by_itself(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    people = rng.standard_normal((80, 6))
    with Study.create(tmp_path / "s") as opened:
        for name in "ab":
            rows = (people + 0.5 * rng.standard_normal(people.shape)) @ rng.standard_normal((6, 8))
            ids = np.array([f"uuid{number}" for number in range(80)])
            np.savez(tmp_path / f"{name}.npz", embs=rows.astype(np.float32), ids=ids)
            opened.import_embeddings(tmp_path / f"{name}.npz", model=name, dataset="d", ctx=JobContext())
        settings = MatrixSettings("d", ("a", "b"), far=(0.1, 1e-3))
        found = run_confidence(opened, settings, JobContext(), resamples=RESAMPLES)
    across = found.interval("a", "b", 0.1, FarRule.CONSERVATIVE)
    alone = found.interval("a", "a", 0.1, FarRule.CONSERVATIVE)
    assert across is not None
    assert across.low < across.tar < across.high
    assert alone is not None
    assert np.isnan([alone.tar, alone.low, alone.high]).all()
    assert set(found.to_weaker["a", "b"][FarRule.NEAREST]) == {None}
    assert None not in found.to_reverse["a", "b"][FarRule.NEAREST]
    assert confidence_json(found, FarRule.NEAREST)["tar_low"][0][0] == [None, None]


def test_a_read_only_study_has_intervals_without_storing_them(made: Made, study: Study) -> None:
    study.close()
    with Study.open(made.path, read_only=True) as opened:
        opened.refresh_states()
        found = run_confidence(opened, asked(), JobContext(), resamples=RESAMPLES, pairs=[("a", "a")])
        assert found.cells["a", "a"] is not None
        assert set(stored_confidence(opened, asked(), JobContext(), resamples=RESAMPLES).cells.values()) == {None}


def test_what_cannot_be_resampled_is_refused(study: Study) -> None:
    with pytest.raises(SettingsError, match="no cell a → c"):
        run_confidence(study, asked(), JobContext(), pairs=[("a", "c")])
    with pytest.raises(SettingsError, match="two draws"):
        run_confidence(study, asked(), JobContext(), resamples=1)
    with pytest.raises(SettingsError, match="no level of 95"):
        run_confidence(study, asked(), JobContext(), level=95)
    with pytest.raises(SettingsError, match="--mode disjoint, authors or reversed"):
        run_confidence(study, asked(FitMode.IN_SAMPLE), JobContext())


def test_a_damaged_file_of_draws_is_named(study: Study) -> None:
    run_confidence(study, asked(), JobContext(), resamples=RESAMPLES, pairs=[("a", "b")])
    for path in (study.path / "results").glob("*.h5"):
        save_arrays(path, {"at_least": np.zeros(3)}, {"impostors": 3})
    with pytest.raises(StoreError):
        stored_confidence(study, asked(), JobContext(), resamples=RESAMPLES)


def test_the_document_has_the_shape_of_the_matrix_and_says_how_it_was_made(study: Study) -> None:
    found = run_confidence(study, asked(), JobContext(), resamples=RESAMPLES)
    document = confidence_json(found, FarRule.CONSERVATIVE)
    cell = found.cells["a", "b"]
    assert cell is not None
    assert document["tar_low"][0][1] == [one.low for one in cell.intervals[FarRule.CONSERVATIVE]]
    assert document["tar_high"][0][1] == [one.high for one in cell.intervals[FarRule.CONSERVATIVE]]
    assert document["unresolved"][0][1][-1] is True
    reverse = found.to_reverse["b", "a"][FarRule.CONSERVATIVE]
    assert document["differences"]["to_reverse"]["tar"][1][0] == [one.tar for one in reverse if one is not None]
    assert document["differences"]["to_weaker"]["low"][0][0] is None  # a single model is nobody's weaker one
    confidence = document["confidence"]
    assert (confidence["level"], confidence["resamples"], confidence["map"]) == (0.95, RESAMPLES, "held fixed")
    line = confidence_line(found)
    for part in ("95 %", f"{RESAMPLES} draws of 26 subjects", "maps are held fixed", "Poisson"):
        assert part in line
