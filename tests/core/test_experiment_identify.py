"""1:N identification of a study, against plain loops over probes and galleries."""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from canon_core.errors import Cancelled, DatasetError, SettingsError, StoreError
from canon_core.experiments import identify as room
from canon_core.experiments.identification_document import identify_json
from canon_core.experiments.identify import run_identify, stored_identification
from canon_core.jobs import Event, JobContext, Partial
from canon_core.maps.kinds import MapKind
from canon_core.store.arrays import save_arrays
from canon_core.study.identification_results import (
    IdentificationCell,
    IdentificationMatrix,
    IdentifySettings,
    SearchResult,
    identification_line,
    with_cell,
)
from canon_core.study.results import Features, FitMode
from canon_core.study.study import Study
from canon_core.verification.identification import LAST_RANK
from canon_core.verification.roc import FarRule

from .naive import evaluator, identification
from .naive.protocol import Protocol, Shape
from .template_study import Made, make_study

FPIR = (0.3, 0.1)
SHAPE = Shape(
    subjects=16, verification_templates=3, images=3, media=5, unscored=0.0, pairs=0.9, repeated_pairs=0, seed=11
)
PAIRS = list(itertools.product("ab", repeat=2))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_study(tmp_path_factory.mktemp("identify"), SHAPE)


@pytest.fixture
def study(made: Made) -> Iterator[Study]:
    with Study.open(made.path) as opened:
        opened.refresh_states()
        opened.clear_results()
        yield opened


def asked(mode: FitMode = FitMode.AUTHORS, kind: MapKind = MapKind.LINEAR, **more: object) -> IdentifySettings:
    return IdentifySettings("ijb", ("a", "b"), kind, mode, fpir=FPIR, **more)  # type: ignore[arg-type]


def slow_answers(
    made: Made,
    source: str,
    target: str,
    kind: str,
    mode: str,
    features: str,
    lost: tuple[set[int], ...] = (set(), set()),
) -> list[list[list[identification.Answer]]]:
    """[gallery][half] answers; one half unless ``disjoint``. ``lost`` are the subjects each gallery should hold."""
    protocol = made.protocol
    one, other = made.embeddings[source], made.embeddings[target]
    found = []
    for gallery, gone in zip(protocol.galleries, lost, strict=True):
        halves = []
        for half in (0, 1) if mode == "disjoint" else (None,):
            rows = protocol.enrolment_rows()
            searched, probes = list(gallery), list(protocol.probes)
            if half is not None:
                rows = [row for row in rows if evaluator.half(protocol.images[row].subject, 0) != half]
                searched, probes = identification.reduced(protocol, gallery, half, 0)
            mapping = None
            if source != target:
                mapping = evaluator.fit(kind, evaluator.upright(one, rows), evaluator.upright(other, rows))
            halves.append(identification.search(protocol, searched, probes, one, other, features, mapping, gone))
        found.append(halves)
    return found


def agree(found: SearchResult, answers: list[identification.Answer]) -> None:
    mated = [answer for answer in answers if answer.rank is not None]
    assert (found.mated, found.non_mated) == (len(mated), len(answers) - len(mated))
    assert len(found.hits) == LAST_RANK
    for rank in (1, 2, 5, 10):
        assert found.hit_rate(rank) == pytest.approx(identification.hit_rate(answers, rank), nan_ok=True)
    for rule in FarRule:
        for point, expected in zip(
            found.points[rule], identification.open_set(answers, FPIR, str(rule)), strict=True
        ):
            assert point.fpir == pytest.approx(expected.far, nan_ok=True)
            assert point.tpir == pytest.approx(expected.tar, nan_ok=True)
            if math.isfinite(expected.threshold):
                assert point.threshold == pytest.approx(expected.threshold, abs=1e-5)


@pytest.mark.parametrize("mode", [FitMode.AUTHORS, FitMode.DISJOINT])
@pytest.mark.parametrize(
    ("kind", "features"),
    [
        (MapKind.LINEAR, Features.PAPER),
        (MapKind.AFFINE, Features.PAPER),
        (MapKind.ROTATION, Features.PAPER),
        (MapKind.LINEAR, Features.INSIGHTFACE),
        (MapKind.AFFINE, Features.INSIGHTFACE),
    ],
)
def test_every_cell_agrees_with_loops(
    study: Study, made: Made, mode: FitMode, kind: MapKind, features: Features
) -> None:
    matrix = run_identify(study, asked(mode, kind, features=features), JobContext())
    for source, target in PAIRS:
        cell = matrix.cells[source, target]
        assert cell is not None
        slow = slow_answers(made, source, target, str(kind), str(mode), str(features))
        assert [gallery.name for gallery in cell.galleries] == ["G1", "G2"]
        for gallery, halves in zip(cell.galleries, slow, strict=True):
            agree(gallery.whole, [answer for half in halves for answer in half])
            if mode is FitMode.DISJOINT:
                for found, answers in zip(gallery.halves, halves, strict=True):
                    agree(found, answers)
            else:
                assert gallery.halves == ()
        pooled = [answer for halves in slow for half in halves for answer in half]
        for rank in (1, 5, 10):
            assert cell.hit_rate(rank) == pytest.approx(identification.hit_rate(pooled, rank))
        for rule in FarRule:
            tpirs = [[point.tpir for point in gallery.whole.points[rule]] for gallery in cell.galleries]
            assert cell.tpir[rule] == pytest.approx(np.mean(tpirs, axis=0))
        halves = [evaluator.half(made.protocol.images[row].subject, 0) for row in made.protocol.enrolment_rows()]
        fitted = [halves.count(1), halves.count(0)] if mode is FitMode.DISJOINT else [len(halves)]
        assert [fit.pairs for fit in cell.fits] == ([] if source == target else fitted)


def test_mirrored_images_are_summed_where_features_say_so(tmp_path: Path) -> None:
    made = make_study(tmp_path, SHAPE, flips=True)
    with Study.open(made.path) as opened:
        opened.refresh_states()
        for features in Features:
            matrix = run_identify(opened, asked(features=features), JobContext())
            for source, target in PAIRS:
                cell = matrix.cells[source, target]
                assert cell is not None
                slow = slow_answers(made, source, target, "linear", "authors", str(features))
                for gallery, (answers,) in zip(cell.galleries, slow, strict=True):
                    agree(gallery.whole, answers)


def test_a_gallery_is_as_large_as_its_subjects_and_halves_add_up(study: Study, made: Made) -> None:
    authors = run_identify(study, asked(), JobContext()).cells["a", "b"]
    disjoint = run_identify(study, asked(FitMode.DISJOINT), JobContext()).cells["a", "b"]
    assert authors is not None
    assert disjoint is not None
    for whole, halved, templates in zip(authors.galleries, disjoint.galleries, made.protocol.galleries, strict=True):
        assert whole.whole.enrolled == len({made.protocol.subject(one) for one in templates})
        assert sum(half.enrolled for half in halved.halves) == halved.whole.enrolled == whole.whole.enrolled
        assert (whole.whole.mated, whole.whole.non_mated) == (halved.whole.mated, halved.whole.non_mated)


def test_templates_whose_images_are_unusable_are_neither_searched_nor_found(made: Made, tmp_path: Path) -> None:
    protocol = made.protocol
    lost = {protocol.galleries[0][0], protocol.galleries[1][1], *protocol.probes[:3]}
    rows = [row for row, image in enumerate(protocol.images) if image.template not in lost]
    rest = Made(
        path=tmp_path / "s.canon",
        protocol=Protocol(
            tuple(protocol.images[row] for row in rows),
            tuple(pair for pair in protocol.pairs if not {pair.p1, pair.p2} & lost),
            tuple(tuple(one for one in gallery if one not in lost) for gallery in protocol.galleries),
            tuple(one for one in protocol.probes if one not in lost),
        ),
        embeddings={name: embedded[rows] for name, embedded in made.embeddings.items()},
    )
    shutil.copytree(made.path, rest.path)
    with Study.open(rest.path) as opened:
        broken = made.embeddings["b"].copy()
        broken[np.setdiff1d(np.arange(len(protocol.images)), rows)] = np.nan
        np.save(tmp_path / "b.npy", broken)
        opened.import_embeddings(tmp_path / "b.npy", model="b", dataset="ijb", ctx=JobContext())
        opened.refresh_states()
        matrix = run_identify(opened, asked(FitMode.DISJOINT), JobContext())
    assert len(matrix.left_out) == len(protocol.images) - len(rows)
    gone = tuple(
        {protocol.subject(one) for one in before} - {protocol.subject(one) for one in left}
        for before, left in zip(protocol.galleries, rest.protocol.galleries, strict=True)
    )
    assert list(map(len, gone)) == [0, 1]  # one subject has another template in its gallery
    for source, target in PAIRS:
        cell = matrix.cells[source, target]
        assert cell is not None
        slow = slow_answers(rest, source, target, "linear", "disjoint", "paper", gone)
        for gallery, halves in zip(cell.galleries, slow, strict=True):
            agree(gallery.whole, [answer for half in halves for answer in half])


def test_a_model_that_loses_an_enrolled_subject_makes_no_other_model_better(made: Made, tmp_path: Path) -> None:
    """Its probes are no longer mated, but not strangers to the gallery either: they are left out of it, and counted."""
    protocol = made.protocol
    enrolled = [protocol.subject(one) for one in protocol.galleries[0]]
    lost = next(one for one in protocol.galleries[0] if enrolled.count(protocol.subject(one)) == 1)
    probes = [one for one in protocol.probes if protocol.subject(one) == protocol.subject(lost)]
    assert probes
    shutil.copytree(made.path, tmp_path / "s.canon")
    with Study.open(tmp_path / "s.canon") as opened:
        broken = made.embeddings["b"].copy()
        broken[[row for row, image in enumerate(protocol.images) if image.template == lost]] = np.nan
        np.save(tmp_path / "b.npy", broken)
        opened.import_embeddings(tmp_path / "b.npy", model="b", dataset="ijb", ctx=JobContext())
        opened.refresh_states()
        opened.clear_results()
        alone = run_identify(opened, IdentifySettings("ijb", ("a",), mode=FitMode.AUTHORS, fpir=FPIR), JobContext())
        both = run_identify(opened, asked(), JobContext())
        again = run_identify(opened, replace(asked(), fpir=(0.2,)), JobContext())
    undamaged, cell = alone.cells["a", "a"], both.cells["a", "a"]
    assert undamaged is not None
    assert cell is not None
    before, found = (one.galleries[0].whole for one in (undamaged, cell))
    assert (found.lost_subjects, found.lost_probes) == (1, len(probes))
    assert (found.mated, found.non_mated) == (before.mated - len(probes), before.non_mated)
    other = cell.galleries[1].whole
    assert (other.lost_subjects, other.lost_probes, other.non_mated) == (0, 0, undamaged.galleries[1].whole.non_mated)
    told = identify_json(both, FarRule.NEAREST)["galleries"]
    assert [(one["lost_subjects"], one["lost_probes"]) for one in told] == [(1, len(probes)), (0, 0)]
    says = f"(1 subjects lost, left out with {len(probes)} probes)"
    assert says in identification_line(both, FarRule.NEAREST)
    assert says in identification_line(again, FarRule.NEAREST)
    assert "lost" not in identification_line(alone, FarRule.NEAREST)


def test_what_is_stored_is_read_and_other_fpirs_ask_for_no_new_search(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(stored_identification(study, asked()).cells.values()) == {None}
    first = run_identify(study, asked(), JobContext())

    def never(*args: object, **more: object) -> None:
        raise AssertionError("searched again")

    monkeypatch.setattr(room, "search", never)
    assert run_identify(study, asked(), JobContext()).cells == first.cells
    other = run_identify(study, IdentifySettings("ijb", ("a", "b"), mode=FitMode.AUTHORS, fpir=(0.5,)), JobContext())
    cell = other.cells["a", "b"]
    assert cell is not None
    assert len(cell.tpir[FarRule.NEAREST]) == 1
    assert stored_identification(study, asked()).cells == first.cells


def test_a_cancelled_search_goes_on_where_it_stopped(study: Study) -> None:
    seen: list[IdentificationCell] = []

    def after_two(event: Event) -> None:
        if isinstance(event, Partial):
            assert isinstance(event.payload, IdentificationCell)
            seen.append(event.payload)
            if len(seen) == 2:
                ctx.cancel()

    ctx = JobContext(emit=after_two)
    with pytest.raises(Cancelled):
        run_identify(study, asked(), ctx)
    kept = stored_identification(study, asked())
    assert [cell for cell in kept.cells.values() if cell is not None] == seen
    rest = run_identify(study, asked(), JobContext())
    assert all(cell is not None for cell in rest.cells.values())
    assert with_cell(kept, seen[0]).cells == kept.cells


def test_a_read_only_study_is_searched_without_storing(made: Made, study: Study) -> None:
    study.close()
    with Study.open(made.path, read_only=True) as opened:
        opened.refresh_states()
        assert run_identify(opened, asked(), JobContext()).cells["a", "b"] is not None
        assert set(stored_identification(opened, asked()).cells.values()) == {None}


def test_raw_embeddings_of_other_widths_are_missing_with_the_reason(study: Study) -> None:
    matrix = run_identify(study, asked(kind=MapKind.NONE), JobContext())
    assert matrix.cells["a", "b"] is None
    assert "12 and 20 dimensions" in matrix.missing["a", "b"]
    assert matrix.cells["a", "a"] is not None
    assert identify_json(matrix, FarRule.NEAREST)["tpir"][0][1] is None


@pytest.mark.parametrize("mode", [FitMode.REVERSED, FitMode.IN_SAMPLE])
def test_modes_that_mean_nothing_here_are_refused(study: Study, mode: FitMode) -> None:
    with pytest.raises(SettingsError, match=r"says nothing of probes.*--mode disjoint"):
        run_identify(study, asked(mode), JobContext())


def test_settings_that_cannot_be_are_refused(study: Study) -> None:
    with pytest.raises(SettingsError, match="not a rate"):
        run_identify(study, IdentifySettings("ijb", ("a",), fpir=(1.5,)), JobContext())
    with pytest.raises(SettingsError, match="no FPIR"):
        run_identify(study, IdentifySettings("ijb", ("a",), fpir=()), JobContext())


def test_a_gallery_without_anybody_in_a_half_is_refused_with_a_remedy(tmp_path: Path) -> None:
    shape = Shape(
        subjects=3, verification_templates=2, images=2, media=3, unscored=0.0, pairs=1.0, repeated_pairs=0, seed=3
    )
    made = make_study(tmp_path, shape)
    with Study.open(made.path) as opened:
        opened.refresh_states()
        with pytest.raises(SettingsError, match=r"holds nobody within half|no usable enrolment|no pair of templates"):
            run_identify(opened, asked(FitMode.DISJOINT), JobContext())


def test_a_dataset_without_galleries_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32))
    with Study.create(tmp_path / "s") as opened:
        opened.import_embeddings(tmp_path / "a.npy", model="a", dataset="d", ctx=JobContext())
        with pytest.raises(DatasetError, match="no galleries and probes"):
            run_identify(opened, IdentifySettings("d", ("a",)), JobContext())


def test_a_damaged_file_of_searches_is_named(study: Study) -> None:
    matrix = run_identify(study, asked(), JobContext())
    cell = matrix.cells["a", "b"]
    assert cell is not None
    save_arrays(study.stored("results", cell.key), {"cell": ["{}"]}, {})
    with pytest.raises(StoreError, match="not searches this program wrote"):
        stored_identification(study, asked())


def test_the_document_has_every_number_and_says_how_they_are_averaged(study: Study) -> None:
    matrix: IdentificationMatrix = run_identify(study, asked(FitMode.DISJOINT), JobContext())
    document = identify_json(matrix, FarRule.CONSERVATIVE)
    cell = matrix.cells["a", "b"]
    assert cell is not None
    assert document["rank"][0][1] == [cell.hit_rate(rank) for rank in (1, 5, 10)]
    assert document["cmc"][0][1] == list(cell.cmc)
    assert document["tpir"][0][1] == list(cell.tpir[FarRule.CONSERVATIVE])
    gallery = document["galleries"][1]
    assert gallery["name"] == "G2"
    assert sum(gallery["subjects"]) == cell.galleries[1].whole.enrolled
    points = cell.galleries[1].whole.points[FarRule.CONSERVATIVE]
    assert gallery["achieved_fpir"][0][1] == [point.fpir for point in points]
    thresholds = [point.threshold if math.isfinite(point.threshold) else None for point in points]
    assert gallery["threshold"][0][1] == thresholds
    assert "mean over galleries" in document["averaging"]
    line = identification_line(matrix, FarRule.CONSERVATIVE)
    for part in ("map linear", "fit disjoint (seed 0)", "FPIR rule conservative", "non-mated", "TPIR their mean"):
        assert part in line
