"""Error rates of groups of a study's templates, against loops over pairs."""

from __future__ import annotations

import itertools
import shutil
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from canon_core.datasets.covariates import Covariate, Kind
from canon_core.datasets.template_groups import template_groups
from canon_core.errors import Cancelled, DatasetError, SettingsError, StoreError
from canon_core.experiments import groups as room
from canon_core.experiments.cells import open_cells
from canon_core.experiments.groups import groups_json, run_groups
from canon_core.jobs import JobContext
from canon_core.store.arrays import save_arrays
from canon_core.study.group_results import GroupRates, few_errors, groups_line
from canon_core.study.results import FitMode, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification import group_rates
from canon_core.verification.bootstrap import draw_subjects
from canon_core.verification.group_rates import RateInterval, group_counts, wilson_interval
from canon_core.verification.pair_plan import PairPlan
from canon_core.verification.roc import FarRule
from canon_core.verification.template_scores import ScoredPairs

from .naive.protocol import Protocol, Shape, random_protocol
from .template_study import Made, make_study, write_nist

FAR = (0.3, 0.05)
SHAPE = Shape(
    subjects=18, verification_templates=3, images=4, media=6, unscored=0.0, pairs=0.9, repeated_pairs=0, seed=21
)
RESAMPLES = 30


def columns(protocol: Protocol) -> dict[str, list[str]]:
    """Gender by subject, with some images wrong or unknown; yaw of either sign."""
    rng = np.random.default_rng(1)
    gender = []
    for image in protocol.images:
        own = image.subject % 2
        gender.append(str(rng.choice([str(own), str(1 - own), ""], p=[0.75, 0.15, 0.1])))
    yaw = [f"{rng.uniform(-90, 90):.2f}" if rng.random() < 0.9 else "NaN" for _ in protocol.images]
    return {"GENDER": gender, "YAW": yaw}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_study(tmp_path_factory.mktemp("groups"), SHAPE, covariates=columns(random_protocol(SHAPE)))


@pytest.fixture
def study(made: Made) -> Iterator[Study]:
    with Study.open(made.path) as opened:
        opened.refresh_states()
        opened.clear_results()
        yield opened


def asked(mode: FitMode = FitMode.AUTHORS) -> MatrixSettings:
    return MatrixSettings("ijb", ("a", "b"), mode=mode, far=FAR)


def group_of(protocol: Protocol, template: int, covariate: str) -> str:
    """By the images of the template, one after the other."""
    values = [
        value
        for image, value in zip(protocol.images, columns(protocol)[covariate], strict=True)
        if image.template == template and value not in ("", "NaN")
    ]
    if not values:
        return "unknown"
    if covariate == "GENDER":
        commonest, times = Counter(values).most_common(1)[0]
        return commonest if 2 * times > len(values) else "mixed"
    middle = float(np.median([abs(np.float32(value)) for value in values]))
    return next((name for edge, name in ((15, "|YAW| < 15"), (30, "15 ≤ |YAW| < 30"), (60, "30 ≤ |YAW| < 60"))
                 if middle < edge), "|YAW| ≥ 60")  # fmt: skip


def run(study: Study, covariate: str = "GENDER", mode: FitMode = FitMode.AUTHORS, **more: object) -> GroupRates:
    return run_groups(
        study, asked(mode), "a", "b", covariate, FAR[0], FarRule.CONSERVATIVE, JobContext(),
        resamples=RESAMPLES, **more,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize("mode", [FitMode.AUTHORS, FitMode.REVERSED, FitMode.DISJOINT])
@pytest.mark.parametrize("covariate", ["GENDER", "YAW"])
def test_counts_of_every_group_are_those_of_loops(study: Study, made: Made, covariate: str, mode: FitMode) -> None:
    found = run(study, covariate, mode)
    cells = open_cells(study, asked(mode), JobContext())
    cell = cells.stored()[0]["a", "b"]
    assert cell is not None
    assert found.threshold == cell.readings[FarRule.CONSERVATIVE][0].point.threshold
    named = {template: group_of(made.protocol, template, covariate) for template in made.protocol.templates}
    impostors: Counter[tuple[str, str]] = Counter()
    accepted: Counter[tuple[str, str]] = Counter()
    genuine: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    templates = set()
    for pool, scored in enumerate(cells.scored("a", "b", JobContext())):
        pairs = zip(*cells.pair_ids(pool), scored.in_order(), strict=True)  # type: ignore[attr-defined]
        for p1, p2, same, score in pairs:
            templates |= {int(p1), int(p2)}
            one, other = named[int(p1)], named[int(p2)]
            if mode is FitMode.REVERSED:
                one, other = other, one
            hit = score >= np.float32(found.threshold)
            if same:
                genuine[one if one == other else "two"] += 1
                rejected[one if one == other else "two"] += not hit
            else:
                impostors[one, other] += 1
                accepted[one, other] += hit
    sizes = Counter(named[template] for template in templates)
    assert set(found.groups) == set(sizes)
    assert found.templates == tuple(sizes[name] for name in found.groups)
    for (row, one), (column, other) in itertools.product(enumerate(found.groups), repeat=2):
        assert found.impostors[row][column] == impostors[one, other]
        assert found.false_accepts[row][column] == accepted[one, other]
        rate = found.fmr[row][column]
        both = {(one, other), (other, one)}
        assert rate.pairs == sum(impostors[each] for each in both)
        assert rate.errors == sum(accepted[each] for each in both)
        if rate.pairs:
            assert rate.low <= rate.rate <= rate.high
    for name, rate in zip([*found.groups, "two"], found.fnmr, strict=True):
        assert (rate.pairs, rate.errors) == (genuine[name], rejected[name])
    assert found.all_fmr.errors == sum(accepted.values()) == cell.readings[FarRule.CONSERVATIVE][0].point.false_accepts
    assert found.all_fnmr.pairs == cell.genuine
    assert 1 - found.all_fnmr.rate == pytest.approx(cell.readings[FarRule.CONSERVATIVE][0].point.tar)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    subjects=st.integers(2, 8),
    groups=st.integers(1, 4),
    pairs=st.integers(1, 400),
    pools=st.integers(1, 2),
)
def test_draws_count_every_pair_as_often_as_its_subjects(
    seed: int, subjects: int, groups: int, pairs: int, pools: int
) -> None:
    rng = np.random.default_rng(seed)
    codes, of_template = rng.integers(0, subjects, 20), rng.integers(0, groups, 20)
    scored, listed = [], []
    for _ in range(pools):
        first, second = rng.integers(0, 20, (2, pairs))
        plan = PairPlan.of(first, second, codes[first] == codes[second], codes)
        score = rng.integers(-3, 4, pairs).astype(np.float32)
        scored.append(ScoredPairs(plan, score[plan.genuine.pair], score[plan.impostors.pair]))
        listed += zip(first, second, score, strict=True)
    draws = draw_subjects(subjects, 6, seed % 1000)
    found = group_counts(scored, of_template, groups, 1.0, draws)
    for draw, drawn in enumerate([np.ones(subjects, int), *draws.astype(int)]):
        impostors, accepted = np.zeros((2, groups, groups))
        genuine, rejected = np.zeros((2, groups + 1))
        for one, other, score in listed:
            group = of_template[one], of_template[other]
            if codes[one] == codes[other]:
                place = group[0] if group[0] == group[1] else groups
                genuine[place] += drawn[codes[one]]
                rejected[place] += drawn[codes[one]] * (score < 1)
            else:
                impostors[group] += drawn[codes[one]] * drawn[codes[other]]
                accepted[group] += drawn[codes[one]] * drawn[codes[other]] * (score >= 1)
        if draw == 0:  # everybody once: the data themselves
            np.testing.assert_array_equal(found.impostors, impostors)
            np.testing.assert_array_equal(found.false_accepts, accepted)
            np.testing.assert_array_equal(found.genuine, genuine)
            np.testing.assert_array_equal(found.false_rejects, rejected)
        else:
            np.testing.assert_array_equal(found.drawn_impostors[draw - 1], impostors)
            np.testing.assert_array_equal(found.drawn_false_accepts[draw - 1], accepted)
            np.testing.assert_array_equal(found.drawn_genuine[draw - 1], genuine)
            np.testing.assert_array_equal(found.drawn_false_rejects[draw - 1], rejected)


def test_intervals_cover_what_they_should_on_simulated_scores() -> None:
    """Some subjects attract false accepts: intervals of independent pairs alone cover 63 to 95 %."""
    subjects, shared = 60, 0.3
    rng = np.random.default_rng(2022)
    codes = np.concatenate([np.arange(subjects), np.repeat(np.arange(subjects), 4)])
    first, second = (
        side.ravel() for side in np.meshgrid(np.arange(subjects), np.arange(subjects, codes.size), indexing="ij")
    )
    plan = PairPlan.of(first, second, codes[first] == codes[second], codes)
    own = plan.subjects(plan.genuine, np.arange(plan.genuine.size))[0]
    one, other = plan.subjects(plan.impostors, np.arange(plan.impostors.size))
    draws = draw_subjects(subjects, 150, 1)
    covered: dict[float, list[bool]] = {}
    recognised = []
    for _ in range(60):
        liked, easy = rng.standard_normal((2, subjects))
        genuine = 2.9 + 0.5 * easy[own] + 0.8 * rng.standard_normal(own.size)
        alone = np.sqrt(1 - 2 * shared**2)
        impostors = shared * (liked[one] + liked[other]) + alone * rng.standard_normal(one.size)
        scored = [ScoredPairs(plan, genuine.astype("f4"), impostors.astype("f4"))]
        for threshold in (1.8, 2.6):
            counts = group_counts(scored, (codes % 2).astype(np.int64), 2, threshold, draws)
            rates = itertools.chain.from_iterable(counts.false_match_rates())
            true = stats.norm.sf(threshold)
            covered.setdefault(threshold, []).extend(rate.low <= true <= rate.high for rate in rates)
            missed = stats.norm.cdf((threshold - 2.9) / np.hypot(0.5, 0.8))
            recognised += [rate.low <= missed <= rate.high for rate in counts.false_non_match_rates()[:2]]
    assert all(0.9 <= np.mean(each) <= 1.0 for each in covered.values()), covered
    assert 0.91 <= np.mean(recognised) <= 0.99


def test_wilson_is_that_of_scipy() -> None:
    counts, totals = np.array([0, 1, 7, 50, 50]), np.array([10, 9, 30, 50, 1000])
    low, high = wilson_interval(counts, totals, 0.9)
    for place, (count, total) in enumerate(zip(counts.tolist(), totals.tolist(), strict=True)):
        expected = stats.binomtest(count, total).proportion_ci(0.9, method="wilson")
        assert (low[place], high[place]) == (pytest.approx(expected.low, abs=1e-12), pytest.approx(expected.high))


def test_no_errors_still_leave_room_above() -> None:
    plan = PairPlan.of([0, 0, 1, 1], [2, 3, 2, 3], [True, False, False, True], [0, 1, 0, 1])
    scored = ScoredPairs(plan, np.ones(2, "f4"), np.zeros(2, "f4"))
    counts = group_counts([scored], np.zeros(4, np.int64), 1, 0.5, draw_subjects(2, 10))
    rate = counts.false_match_rates()[0][0]
    assert (rate.low, rate.rate) == (0.0, 0.0)
    assert rate.high == pytest.approx(min(1.0, stats.chi2.ppf(0.975, 2) / 2 / 2))
    missed = counts.false_non_match_rates()
    assert missed[0].high == pytest.approx(stats.binomtest(0, 2).proportion_ci(method="wilson").high)
    assert np.isnan([missed[1].rate, missed[1].low, missed[1].high]).all()
    assert few_errors(rate)
    assert not few_errors(RateInterval(30, 1000, 0.0, 1.0))


# -- groups ----------------------------------------------------------------------------------------------------------
def measure(name: str, values: list[float]) -> Covariate:
    return Covariate(name, Kind.MEASURE, np.array(values, np.float32))


def test_a_head_turned_left_is_as_one_turned_right() -> None:
    yaw = measure("YAW", [-40, 40, 3, -61, np.nan, 15])
    template = np.array([0, 0, 1, 2, 3, 4])
    groups = template_groups(yaw, template, np.ones(5, bool))
    assert groups.names == ("|YAW| < 15", "15 ≤ |YAW| < 30", "30 ≤ |YAW| < 60", "|YAW| ≥ 60", "unknown")
    assert groups.codes.tolist() == [2, 0, 3, 4, 1]
    assert (groups.edges, groups.absolute) == ((15.0, 30.0, 60.0), True)
    signed = template_groups(yaw, template, np.ones(5, bool), absolute=False, edges=[0])
    assert signed.names == ("YAW < 0", "YAW ≥ 0", "unknown")
    assert signed.codes.tolist() == [1, 1, 0, 2, 1]  # −40 and 40 have a median of 0


def test_other_measures_are_cut_at_quartiles_of_the_templates_asked_for() -> None:
    size = measure("FACE_SIZE", list(map(float, range(100))))
    groups = template_groups(size, np.arange(100), np.arange(100) < 80)
    assert np.bincount(groups.codes[:80]).tolist() == [20, 20, 20, 20]
    assert set(groups.codes[80:]) == {-1}
    assert len(groups.edges) == 3
    same = template_groups(measure("X", [2.0, 2.0, 2.0]), np.arange(3), np.ones(3, bool))
    assert len(same.names) == 1
    near = template_groups(measure("X", [1.0, 30.00001, 30.00004, 50.0]), np.arange(4), np.ones(4, bool),
                           edges=[30, 30.00003])  # fmt: skip
    assert near.names == ("X < 30", "30 ≤ X < 30.00003", "X ≥ 30.00003")


def test_what_cannot_be_grouped_is_refused() -> None:
    everyone = np.ones(2, bool)
    gender = Covariate("GENDER", Kind.CLASS, np.array([0, 1], np.float32), ("f", "m"))
    with pytest.raises(SettingsError, match=r"has classes \(f, m\)"):
        template_groups(gender, np.arange(2), everyone, edges=[1.0])
    with pytest.raises(SettingsError, match="numbers that rise"):
        template_groups(measure("AGE", [20, 30]), np.arange(2), everyone, edges=[30, 20])
    with pytest.raises(SettingsError, match="known of none"):
        template_groups(measure("AGE", [np.nan, np.nan]), np.arange(2), everyone)


# -- the experiment --------------------------------------------------------------------------------------------------
def test_what_is_stored_is_read(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(study)

    def never(*args: object, **more: object) -> None:
        raise AssertionError("counted again")

    monkeypatch.setattr(room, "group_counts", never)
    assert groups_json(run(study, "gender")) == groups_json(first)
    with pytest.raises(AssertionError, match="counted again"):
        run(study, "YAW")


def test_what_is_counted_is_what_the_files_say_now(tmp_path: Path) -> None:
    protocol = random_protocol(SHAPE)
    known = columns(protocol)
    made = make_study(tmp_path, SHAPE, covariates=known)
    with Study.open(made.path) as study:
        before = run(study)
        other = {"0": "1", "1": "0"}
        swapped = {**known, "GENDER": [other.get(value, value) for value in known["GENDER"]]}
        shutil.rmtree(tmp_path / "data" / "protocols")
        write_nist(tmp_path / "data" / "protocols", protocol, swapped)
        after = run(study)
    counted = dict(zip(before.groups, before.templates, strict=True))
    assert counted["0"] != counted["1"]
    assert dict(zip(after.groups, after.templates, strict=True)) == {
        other.get(name, name): count for name, count in counted.items()
    }


def test_one_model_by_itself_has_groups_too(study: Study) -> None:
    found = run_groups(
        study, asked(), "b", "b", "YAW", FAR[1], FarRule.NEAREST, JobContext(), edges=(45,), resamples=RESAMPLES
    )
    assert found.groups == ("|YAW| < 45", "|YAW| ≥ 45") or found.groups[-1] == "unknown"
    assert "map" not in groups_line(found)


def test_the_line_and_the_document_say_how_it_was_made(study: Study) -> None:
    found = run(study, "YAW")
    line = groups_line(found)
    for part in ("a → b", "map linear", "one threshold for all", "at FAR 0.3 (conservative)", "absolute values, bins"):
        assert part in line
    document = groups_json(found)
    assert document["groups"] == list(found.groups)
    assert document["fmr"][0][1] == document["fmr"][1][0]
    assert document["fmr"][0][1]["errors"] == found.fmr[0][1].errors
    assert len(document["fnmr"]) == len(found.groups) + 1
    assert document["ordered"]["impostors"][0][1] == found.impostors[0][1]
    assert document["confidence"]["threshold"] == "held fixed"


def test_what_a_study_cannot_answer_is_refused(study: Study, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no covariate 'AGE'; it has GENDER, YAW"):
        run(study, "AGE")
    with pytest.raises(SettingsError, match="no model 'c'"):
        run_groups(study, asked(), "a", "c", "YAW", FAR[0], FarRule.NEAREST, JobContext())
    with pytest.raises(SettingsError, match=r"not read at a FAR of 0\.01"):
        run_groups(study, asked(), "a", "b", "YAW", 0.01, FarRule.NEAREST, JobContext())
    ctx = JobContext()
    ctx.cancel()
    with pytest.raises(Cancelled):
        run_groups(study, asked(), "a", "b", "YAW", FAR[0], FarRule.NEAREST, ctx)
    np.save(tmp_path / "a.npy", np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32))
    with Study.create(tmp_path / "s") as other:
        other.import_embeddings(tmp_path / "a.npy", model="a", dataset="d", ctx=JobContext())
        with pytest.raises(DatasetError, match="none at all"):
            run_groups(
                other, MatrixSettings("d", ("a",), far=FAR), "a", "a", "YAW", FAR[0], FarRule.NEAREST, JobContext()
            )


def test_a_damaged_file_of_groups_is_named(study: Study) -> None:
    run(study)
    newest = max((study.path / "results").glob("*.h5"), key=lambda path: path.stat().st_mtime_ns)
    save_arrays(newest, {"groups": ["{}"]}, {})
    with pytest.raises(StoreError, match="not rates of groups"):
        run(study)


def test_counts_of_many_templates_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every template is a subject of its own: one table of them all would hold 3,000 × 3,000 counts."""
    rng = np.random.default_rng(0)
    side = 3_000
    p1, p2 = np.repeat(np.arange(side), 4), side + rng.integers(0, side, 4 * side)
    plan = PairPlan.of(p1, p2, np.zeros(4 * side, bool), np.arange(2 * side))
    scored = [ScoredPairs(plan, np.empty(0, np.float32), rng.random(4 * side).astype(np.float32))]
    groups, draws = rng.integers(0, 3, 2 * side), draw_subjects(2 * side, 3, 0)
    whole = group_counts(scored, groups, 3, 0.5, draws)
    monkeypatch.setattr(group_rates, "_TABLE", 1 << 18)
    tracemalloc.start()
    try:
        parts = group_counts(scored, groups, 3, 0.5, draws)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * side**2  # a table takes as much, and half as much again to pick a group from
    for name in ("impostors", "false_accepts", "drawn_impostors", "drawn_false_accepts"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    assert whole.impostors.sum() == 4 * side
