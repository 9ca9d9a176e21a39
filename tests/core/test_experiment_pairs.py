"""The pairs behind a cell: every list is what a slow look at all pairs finds, for images and for templates."""

from __future__ import annotations

import csv
import io
import itertools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from canon_core.errors import Cancelled, SettingsError, StoreError
from canon_core.experiments import pair_stream
from canon_core.experiments import pairs as experiment
from canon_core.experiments.matrix import run_matrix
from canon_core.experiments.pair_details import pair_details, pair_of
from canon_core.experiments.pair_sides import PairSide
from canon_core.experiments.pairs import FacePair, PairFinder, pairs_csv
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.store.arrays import save_arrays
from canon_core.study.pair_results import Against, PairKind, PairLists, PairSettings, PairThresholds, pairs_line
from canon_core.study.results import FitMode, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.pair_search import FoundPairs
from canon_core.verification.roc import FarRule

from .naive import evaluator
from .naive.protocol import Shape
from .template_study import make_study

FAR = (1e-1, 1e-2)
#: Enough images for four tiles of the matrix of pairs, so that a model by itself is scored below the diagonal too.
PEOPLE, EACH = 180, 3
SUBJECTS = [f"p{number // EACH}" for number in range(PEOPLE * EACH)]
IDS = [f"{subject}/{number}.jpg" for number, subject in enumerate(SUBJECTS)]
WIDTHS = {"a": 10, "b": 8, "c": 10}
ALL = 100_000


def seen(width: int, seed: int) -> np.ndarray:
    who = np.random.default_rng(0).standard_normal((PEOPLE, 7))
    rng = np.random.default_rng(seed)
    rows = np.repeat(who, EACH, axis=0) @ rng.standard_normal((7, width))
    return (rows + 1.4 * rng.standard_normal(rows.shape)).astype(np.float32)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=-1, keepdims=True)


EMBEDDED = {name: seen(width, seed) for seed, (name, width) in enumerate(WIDTHS.items())}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pairs")
    with Study.create(root / "s") as study:
        for name, rows in EMBEDDED.items():
            np.savez(root / f"{name}.npz", embs=rows, ids=np.array(IDS))
            study.import_embeddings(root / f"{name}.npz", model=name, dataset="singles", ctx=JobContext())
    return root


@pytest.fixture
def study(folder: Path) -> Iterator[Study]:
    with Study.open(folder / "s.canon") as opened:
        opened.refresh_states()
        yield opened


def asked(
    source: str = "a", target: str = "b", mode: FitMode = FitMode.DISJOINT, count: int = ALL, **more: object
) -> PairSettings:
    matrix = MatrixSettings("singles", tuple(WIDTHS), mode=mode, far=FAR, **more)  # type: ignore[arg-type]
    return PairSettings(matrix, source, target, FAR[1], FarRule.CONSERVATIVE, count)


# -- the oracle ------------------------------------------------------------------------------------------------------
def conservative(scores: np.ndarray, genuine: np.ndarray, far: float) -> float:
    """The smallest score of any pair that no more than a share of impostors reach."""
    impostors = np.sort(scores[~genuine])[::-1]
    first_too_many = impostors[int(far * len(impostors))]
    return float(scores[scores > first_too_many].min())


@dataclass(frozen=True, eq=False)
class Table:
    """Every pair: what is compared, its pool, whether it is genuine, and its scores in the cell, of the target alone
    and of the source alone."""

    first: np.ndarray
    second: np.ndarray
    pool: np.ndarray
    genuine: np.ndarray
    scores: np.ndarray

    def row(self, first: int, second: int) -> int:
        [row] = np.flatnonzero((self.first == first) & (self.second == second))
        return int(row)

    def limit(self, cell: int, far: float = FAR[1]) -> float:
        """The conservative threshold; a model by itself has every pair once."""
        once = np.full(len(self.first), True) if cell == 0 else self.first < self.second
        return conservative(self.scores[once, cell], self.genuine[once], far)

    @property
    def limits(self) -> list[float]:
        return [self.limit(cell) for cell in range(3)]


def slow(source: str, target: str, mode: FitMode, kind: MapKind = MapKind.LINEAR) -> Table:
    half = np.array([zlib.crc32(f"0:{subject}".encode()) & 1 for subject in SUBJECTS])
    people = np.array(SUBJECTS)
    columns: list[list[np.ndarray]] = []
    for pool in (0, 1) if mode is FitMode.DISJOINT else (0,):
        rows = np.flatnonzero(half == pool) if mode is FitMode.DISJOINT else np.arange(len(SUBJECTS))
        fit = np.flatnonzero(half != pool) if mode is FitMode.DISJOINT else rows
        x, y = unit(EMBEDDED[source]), unit(EMBEDDED[target])
        mapped = unit(x @ np.linalg.lstsq(x[fit], y[fit], rcond=None)[0]) if kind is MapKind.LINEAR else x
        first, second = np.array(list(itertools.permutations(rows.tolist(), 2))).T
        scores = [(one[first] * other[second]).sum(axis=1) for one, other in ((mapped, y), (y, y), (x, x))]
        columns.append(
            [first, second, np.full(len(first), pool), people[first] == people[second], np.stack(scores, axis=1)]
        )
    return Table(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))


def check_lists(lists: PairLists, table: Table, limits: list[float]) -> None:
    """Every list against a look at all pairs; a score of NaN is neither right nor wrong."""
    known = ~np.isnan(table.scores)
    wrong = ((table.scores >= limits) != table.genuine[:, None]) & known
    right = ~wrong & known
    for (kind, against), found in lists.found.items():
        other = {None: 0, Against.TARGET: 1, Against.SOURCE: 2}[against]
        if against is None:
            wanted = wrong[:, 0]
        elif "created" in kind:
            wanted = wrong[:, 0] & right[:, other]
        else:
            wanted = wrong[:, other] & right[:, 0]
        rows = np.flatnonzero(wanted & (table.genuine == ("non-matches" in kind)))
        worst_is_high = ("non-matches" in kind) == ("repaired" in kind)
        rows = rows[np.argsort(table.scores[rows, 0] * (-1 if worst_is_high else 1), kind="stable")]
        assert found.total == len(found) == len(rows)
        ours = sorted(zip(found.first.tolist(), found.second.tolist(), found.pool.tolist(), strict=True))
        slow_ones = (table.first[rows].tolist(), table.second[rows].tolist(), table.pool[rows].tolist())
        assert ours == sorted(zip(*slow_ones, strict=True))
        assert (found.genuine == ("non-matches" in kind)).all()
        same = table.scores[rows][_same(found, table, rows), : found.scores.shape[1]]
        np.testing.assert_allclose(found.scores, same, atol=1e-5)
        assert (np.diff(found.scores[:, 0]) * (-1 if worst_is_high else 1) >= 0).all()


def _same(found: FoundPairs, table: Table, rows: np.ndarray) -> list[int]:
    """Where each pair that was found stands among some rows of the table; a pair that is listed twice stands once."""
    place = {pair: number for number, pair in enumerate(zip(table.first[rows].tolist(), table.second[rows].tolist(),
                                                            strict=True))}
    return [place[pair] for pair in zip(found.first.tolist(), found.second.tolist(), strict=True)]


@pytest.mark.parametrize("mode", [FitMode.DISJOINT, FitMode.IN_SAMPLE])
def test_errors_of_images_are_those_of_a_look_at_all_pairs(study: Study, mode: FitMode) -> None:
    table = slow("a", "b", mode)
    lists = PairFinder(study, asked(mode=mode)).errors(JobContext())
    limits = table.limits
    assert [lists.thresholds.cell, lists.thresholds.target, lists.thresholds.source] == pytest.approx(limits, abs=1e-5)
    assert lists.thresholds.raw is None
    assert len(lists.found) == 10
    assert min(found.total for found in lists.found.values()) > 20  # else it is no test
    check_lists(lists, table, limits)


def test_errors_agree_with_the_numbers_of_the_matrix(study: Study) -> None:
    matrix = run_matrix(study, asked().matrix, JobContext())
    for pair in (("a", "b"), ("b", "a"), ("c", "c")):
        lists = PairFinder(study, asked(*pair, count=7)).errors(JobContext())
        reading = matrix.reading(*pair, FAR[1], FarRule.CONSERVATIVE)
        assert reading is not None
        wrong = lists.found[PairKind.FALSE_MATCHES, None], lists.found[PairKind.FALSE_NON_MATCHES, None]
        assert wrong[0].total == reading.point.false_accepts
        assert wrong[1].total == reading.point.genuine - reading.point.true_accepts
        assert [len(found) for found in wrong] == [7, 7]
        assert len(lists.found) == (2 if pair[0] == pair[1] else 10)


def test_without_a_map_the_raw_cell_is_the_cell(study: Study) -> None:
    lists = PairFinder(study, asked("a", "c", map=MapKind.NONE)).errors(JobContext())
    table = slow("a", "c", FitMode.DISJOINT, MapKind.NONE)
    check_lists(lists, table, table.limits)
    with pytest.raises(SettingsError, match="10 and 8 dimensions"):
        PairFinder(study, asked("a", "b", map=MapKind.NONE))


def test_an_interval_holds_its_pairs(study: Study) -> None:
    table = slow("a", "b", FitMode.DISJOINT)
    finder = PairFinder(study, asked(count=50))
    lists = finder.between(0.30, 0.33, JobContext())
    for kind, genuine in ((PairKind.GENUINE_BETWEEN, True), (PairKind.IMPOSTORS_BETWEEN, False)):
        score = table.scores[:, 0]
        inside = np.flatnonzero((table.genuine == genuine) & (score >= 0.30) & (score < 0.33))
        found = lists.found[kind, None]
        assert found.total == len(inside) > 10
        best = inside[np.argsort(-score[inside])][:50]
        np.testing.assert_array_equal(found.first, table.first[best])
        np.testing.assert_array_equal(found.second, table.second[best])
    with pytest.raises(SettingsError, match="no score lies between"):
        finder.between(0.3, 0.3, JobContext())
    everything = finder.between(-np.inf, np.inf, JobContext())
    assert sum(found.total for found in everything.found.values()) == len(table.first)


def test_pairs_have_names(study: Study) -> None:
    finder = PairFinder(study, asked(count=3))
    lists = finder.errors(JobContext())
    found = lists.found[PairKind.CREATED_MATCHES, Against.TARGET]
    for pair, first, scores in zip(finder.shown(found), found.first.tolist(), found.scores.tolist(), strict=True):
        assert pair.first == PairSide(first, IDS[first], SUBJECTS[first], first)
        assert pair.words == "impostor"
        assert [pair.score, pair.target_score, pair.source_score] == scores


# -- templates -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mode", [FitMode.AUTHORS, FitMode.REVERSED, FitMode.DISJOINT])
def test_errors_of_templates_are_those_of_a_look_at_all_pairs(tmp_path: Path, mode: FitMode) -> None:
    made = make_study(tmp_path, Shape(30, 3, 3, 60, 0.3, 0.9, 2, seed=5))
    how = {"kind": "linear", "mode": str(mode), "features": "paper"}
    a, b = made.embeddings["a"], made.embeddings["b"]
    cells = [
        evaluator.cell(made.protocol, a, b, **how),
        evaluator.cell(made.protocol, b, b, single=True, **how),
        evaluator.cell(made.protocol, a, a, single=True, **how),
    ]
    turn = mode is FitMode.REVERSED
    pairs = [(pool, pair) for pool, each in enumerate(cells[0].pairs) for pair in each]
    sides = [[pair.p1 for _, pair in pairs], [pair.p2 for _, pair in pairs]]
    table = Table(
        *map(np.array, reversed(sides) if turn else sides),
        np.array([pool for pool, _ in pairs]),
        np.array([pair.genuine for _, pair in pairs]),
        np.array([[score for pool in cell.scores for score in pool] for cell in cells]).T,
    )
    limits = [conservative(column, table.genuine, FAR[0]) for column in table.scores.T]
    settings = PairSettings(
        MatrixSettings("ijb", ("a", "b"), mode=mode, far=FAR), "a", "b", FAR[0], FarRule.CONSERVATIVE, ALL
    )
    with Study.open(made.path) as study:
        study.refresh_states()
        finder = PairFinder(study, settings)
        lists = finder.errors(JobContext())
        ids = study.templates("ijb").verification.template_ids
        named = {
            listing: replace(found, first=ids[found.first], second=ids[found.second])
            for listing, found in lists.found.items()
        }
        assert [lists.thresholds.cell, lists.thresholds.target, lists.thresholds.source] == pytest.approx(
            limits, abs=1e-5
        )
        check_lists(PairLists(settings, lists.thresholds, named), table, limits)
        # One pair by itself, with the images of both templates.
        pair = finder.shown(lists.found[PairKind.FALSE_NON_MATCHES, None])[0]
        details = pair_details(finder, pair, lists.thresholds, JobContext())
        fresh = pair_details(
            finder, pair_of(finder, pair.first.number, pair.second.number), lists.thresholds, JobContext()
        )
        faces = study.faces("ijb")
        for side, images in zip((pair.first, pair.second), details.images, strict=True):
            template = int(side.name.removeprefix("template "))
            own = [row for row, image in enumerate(made.protocol.images) if image.template == template]
            assert sorted(int(faces.ids[row].split("/")[-1].split(".")[0]) - 1 for row in images) == own
            assert side.images == len(own)
            scores = [float(faces.scores[row]) for row in images]
            assert scores == sorted(scores, reverse=True)
            assert side.subject == str(made.protocol.subject(template))
        two = [int(side.name.removeprefix("template ")) for side in (pair.first, pair.second)]
        known = table.scores[np.flatnonzero((table.first == two[0]) & (table.second == two[1]))[0]]
        for one in (details, fresh):
            assert [score.score for score in one.scores[:2]] == pytest.approx([known[2], known[1]], abs=1e-5)
            assert one.scores[3].score == pytest.approx(known[0], abs=1e-5)
            assert "zeros" in one.scores[2].note  # 12 and 20 dimensions
            assert one.scores[2].threshold is None


@pytest.mark.parametrize("chunk", [37, pair_stream._CHUNK])
@pytest.mark.parametrize(
    ("mode", "broken"), [(FitMode.AUTHORS, "a"), (FitMode.AUTHORS, "b"), (FitMode.REVERSED, "b")]
)
def test_a_template_that_cancels_out_in_one_model_shifts_no_other_score(
    tmp_path: Path, mode: FitMode, broken: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pair_stream, "_CHUNK", chunk)
    made = make_study(tmp_path, Shape(14, 3, 3, 20, 1.0, 1.0, 0, seed=8))
    # A template of two images that no map is fitted on; without detector scores the two weigh the same.
    verified = {pair.p2 for pair in made.protocol.pairs} - {pair.p1 for pair in made.protocol.pairs}
    images = {t: [row for row, one in enumerate(made.protocol.images) if one.template == t] for t in verified}
    lost = min(template for template, rows in images.items() if len(rows) == 2)
    rows = {name: each.copy() for name, each in made.embeddings.items()}
    rows[broken][images[lost][1]] = -rows[broken][images[lost][0]]
    np.save(tmp_path / "broken.npy", rows[broken])

    turn = mode is FitMode.REVERSED
    how = {"kind": "linear", "mode": str(mode), "features": "paper"}
    cells = [
        evaluator.cell(made.protocol, rows[one], rows[two], single=one == two, **how)
        for one, two in (("a", "b"), ("b", "b"), ("a", "a"))
    ]
    pairs = cells[0].pairs[0]
    scores = np.array([cell.scores[0] for cell in cells]).T
    gone = np.array([pair.p2 == lost for pair in pairs])
    through = not turn and broken == "b"  # whether the cell embeds second templates with the broken model
    for column, left_out in enumerate((through, broken == "b", broken == "a")):
        scores[gone & left_out, column] = np.nan
    p1, p2, genuine = (np.array([getattr(pair, name) for pair in pairs]) for name in ("p1", "p2", "genuine"))
    first, second = (p2, p1) if turn else (p1, p2)
    seen = ~np.isnan(scores[:, 0])
    limits = [conservative(column[~np.isnan(column)], genuine[~np.isnan(column)], FAR[0]) for column in scores.T]
    table = Table(first[seen], second[seen], np.zeros(seen.sum(), int), genuine[seen], scores[seen])

    settings = PairSettings(
        MatrixSettings("ijb", ("a", "b"), mode=mode, far=FAR), "a", "b", FAR[0], FarRule.CONSERVATIVE, ALL
    )
    with Study.open(made.path) as study:
        study.import_embeddings(tmp_path / "broken.npy", model=broken, dataset="ijb", ctx=JobContext())
        study.refresh_states()
        finder = PairFinder(study, settings)
        lists = finder.errors(JobContext())
        whole = finder.between(-2, 2, JobContext())
        ids = study.templates("ijb").verification.template_ids
        pair = next(each for found in whole.found.values() for each in finder.shown(found)
                    if through or lost in ids[[each.first.number, each.second.number]])  # fmt: skip
        details = pair_details(finder, pair, lists.thresholds, JobContext()).scores
    named = {
        listing: replace(found, first=ids[found.first], second=ids[found.second])
        for listing, found in {**lists.found, **whole.found}.items()
    }
    if not through:  # the cell has the pair, the broken model by itself has no score of it
        alone = dict(zip("ab", details[:2], strict=True))
        assert (alone[broken].score, alone[broken].accepted) == (None, None)
        assert "cancel out" in alone[broken].note
        assert alone["ab".replace(broken, "")].score is not None
    assert [lists.thresholds.cell, lists.thresholds.target, lists.thresholds.source] == pytest.approx(limits, abs=1e-5)
    check_lists(replace(lists, found={key: named[key] for key in lists.found}), table, limits)
    for kind, matched in ((PairKind.GENUINE_BETWEEN, True), (PairKind.IMPOSTORS_BETWEEN, False)):
        found, own = named[kind, None], np.flatnonzero(table.genuine == matched)
        assert len(found) == len(own)
        np.testing.assert_allclose(found.scores, table.scores[own][_same(found, table, own)], atol=1e-5)


# -- one pair --------------------------------------------------------------------------------------------------------
def test_a_pair_is_scored_in_every_way(study: Study) -> None:
    finder = PairFinder(study, asked("a", "c", count=5))
    lists = finder.errors(JobContext())
    table, raw = slow("a", "c", FitMode.DISJOINT), slow("a", "c", FitMode.DISJOINT, MapKind.NONE)
    limits = table.limits
    assert lists.thresholds.raw == pytest.approx(raw.limit(0), abs=1e-5)
    for kind in (PairKind.FALSE_MATCHES, PairKind.FALSE_NON_MATCHES):
        for pair in finder.shown(lists.found[kind, None]):
            rows = pair.first.number, pair.second.number
            cell, target, source = table.scores[table.row(*rows)].tolist()
            expected = [source, target, float(raw.scores[raw.row(*rows), 0]), cell]
            ours = pair_details(finder, pair, lists.thresholds, JobContext()).scores
            again = pair_details(finder, pair_of(finder, *rows), lists.thresholds, JobContext()).scores
            for scores in (ours, again):
                assert [score.score for score in scores] == pytest.approx(expected, abs=1e-5)
                assert [score.threshold for score in scores] == pytest.approx(
                    [limits[2], limits[1], lists.thresholds.raw, limits[0]], abs=1e-5
                )
            # The pair that lies at the threshold itself is accepted, however its score was rounded.
            assert [score.accepted for score in ours] == [score.accepted for score in again]
            assert ours[3].accepted == (kind is PairKind.FALSE_MATCHES)


def test_two_images_of_different_halves_have_no_held_out_score(study: Study) -> None:
    half = [zlib.crc32(f"0:{subject}".encode()) & 1 for subject in SUBJECTS]
    finder = PairFinder(study, asked())
    limits = finder.thresholds(JobContext())
    pair = pair_of(finder, half.index(0), half.index(1))
    mapped = pair_details(finder, pair, limits, JobContext()).scores[3]
    assert mapped.score is None
    assert mapped.accepted is None
    assert "different halves" in mapped.note


def test_a_model_by_itself_has_one_score(study: Study) -> None:
    finder = PairFinder(study, asked("b", "b", count=1))
    lists = finder.errors(JobContext())
    [pair] = finder.shown(lists.found[PairKind.FALSE_MATCHES, None])
    [score] = pair_details(finder, pair, lists.thresholds, JobContext()).scores
    assert (score.name, score.score, score.accepted) == ("b", pair.score, True)
    assert pair.target_score is None


def test_an_image_is_no_pair_with_itself_within_one_model(tmp_path: Path) -> None:
    """Where nobody has two images, genuine pairs are one image seen by both models."""
    rng = np.random.default_rng(3)
    with Study.create(tmp_path / "s") as study:
        for name, width in (("a", 6), ("b", 5)):
            np.save(tmp_path / f"{name}.npy", rng.standard_normal((40, width)).astype(np.float32))
            study.import_embeddings(tmp_path / f"{name}.npy", model=name, dataset="d", ctx=JobContext())
        entry = study.dataset("d")
        if not entry.one_image_each:
            pytest.skip("ids alone are no subjects here")
        matrix = MatrixSettings("d", ("a", "b"), mode=FitMode.IN_SAMPLE, far=FAR)
        finder = PairFinder(study, PairSettings(matrix, "a", "b", FAR[1], FarRule.CONSERVATIVE))
        lists = finder.errors(JobContext())
        missed = lists.found[PairKind.FALSE_NON_MATCHES, None]
        assert missed.total > 0
        assert (missed.first == missed.second).all()
        assert lists.found[PairKind.CREATED_NON_MATCHES, Against.TARGET].total == 0
        assert finder.shown(missed)[0].target_score is None


# -- keeping ---------------------------------------------------------------------------------------------------------
def test_what_took_long_is_stored_and_read(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "_WORTH_STORING", -1.0)
    settings = asked(count=11)
    first = PairFinder(study, settings).errors(JobContext())
    between = PairFinder(study, settings).between(0.1, 0.2, JobContext())

    def never(*args: object) -> None:
        raise AssertionError("looked for again")

    monkeypatch.setattr(experiment, "search_pairs", never)
    again = PairFinder(study, settings)
    for one, other in (
        (first, again.errors(JobContext())),
        (between, again.between(0.1, 0.2, JobContext())),
        (first, again.stored()),
        (between, again.stored(interval=(0.1, 0.2))),
    ):
        assert other is not None
        assert one.thresholds == other.thresholds
        assert list(one.found) == list(other.found)
        for listing, found in one.found.items():
            for name in ("total", "pool", "first", "second", "genuine", "scores"):
                np.testing.assert_array_equal(getattr(found, name), getattr(other.found[listing], name))
    assert again.stored(interval=(0.1, 0.3)) is None
    with pytest.raises(AssertionError, match="again"):
        PairFinder(study, replace(settings, far=FAR[0])).errors(JobContext())
    newest = max((study.path / "results").glob("*.h5"), key=lambda path: path.stat().st_mtime_ns)
    save_arrays(newest, {"kinds": ["false matches"]}, {})
    with pytest.raises(StoreError, match="not a list of pairs"):
        again.between(0.1, 0.2, JobContext())
    newest.unlink()


def test_a_search_can_be_cancelled(study: Study) -> None:
    ctx = JobContext()
    finder = PairFinder(study, asked(count=1234))  # nobody looked for these before
    ctx.cancel()
    with pytest.raises(Cancelled):
        finder.errors(ctx)


def test_what_cannot_be_asked_is_refused(study: Study) -> None:
    with pytest.raises(SettingsError, match="no model 'x'"):
        PairFinder(study, asked("x"))
    with pytest.raises(SettingsError, match=r"not read at a FAR of 0\.5"):
        PairFinder(study, replace(asked(), far=0.5))
    with pytest.raises(SettingsError, match="no pair"):
        PairFinder(study, asked(count=0))


# -- as text ---------------------------------------------------------------------------------------------------------
def test_a_list_as_csv_names_faces_only_when_asked() -> None:
    sides = PairSide(3, '=cmd/"x", 1.jpg', "Mary, Q.", 3), PairSide(4, "b.jpg", "Mary, Q.", 4)
    pair = FacePair(*sides, 1, True, 0.25, None, 0.5)
    limits = PairThresholds(0.3, 0.4, 0.5)
    text = pairs_csv([pair], limits, "a → b · map linear", names=False)
    assert "Mary" not in text
    lines = text.splitlines()
    assert lines[0] == "# a → b · map linear"
    assert lines[2] == "3,4,subject 0,subject 0,1,1,0.25,0.3,,,0.5,0.4"
    named = list(csv.DictReader(io.StringIO(pairs_csv([pair], limits, "a", names=True).split("\n", 1)[1])))
    assert named[0]["first"] == "'=cmd/\"x\", 1.jpg"
    assert named[0]["first_subject"] == "Mary, Q."


def test_the_line_says_how_pairs_were_chosen() -> None:
    line = pairs_line(asked("a", "b"), "singles (690 images)", templates=False)
    for part in ("a → b", "singles (690 images)", "map linear", "fit disjoint (seed 0)", "FAR 1e-2 (conservative)"):
        assert part in line
    assert "map" not in pairs_line(asked("a", "a"), "singles", templates=False)
