"""Scores as files: every pair once, in order, with the label, the ids and the score that a slow loop gives."""

from __future__ import annotations

import csv
import io
import itertools
import json
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from canon_core.datasets.options import DatasetOptions
from canon_core.errors import Cancelled, SettingsError, StudyError
from canon_core.experiments import image_cells, scores
from canon_core.experiments.matrix import run_matrix
from canon_core.experiments.scores import export_scores
from canon_core.figures.csv_fields import quoted
from canon_core.figures.number_columns import Texts, decimals, integers, lines
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.results import Features, FitMode, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

FAR = (1e-1, 1e-2)
RULE = FarRule.CONSERVATIVE
#: Who each of the single images shows; the names hold what CSV must quote.
SUBJECTS = [number // 3 for number in range(30)]
IDS = [f'p{subject}/a, "#{number}".jpg' for number, subject in enumerate(SUBJECTS)]
#: Images of the template dataset: template id and subject; 3 enrolment templates have two images.
TEMPLATES = [(7 + subject, subject) for subject in range(8)] + [(7, 0), (9, 2), (11, 4)]
TEMPLATES += [(100 + 10 * subject + place, subject) for subject in range(8) for place in range(2)]
PAIRS = [(7 + one, 100 + 10 * other + place) for one in range(8) for other in range(8) for place in range(2)]
BAD = 4  #: the single image without a usable embedding


class Row(NamedTuple):
    p1: str
    p2: str
    genuine: int
    score: float
    half: int


def seen(width: int, seed: int, subjects: list[int]) -> np.ndarray:
    who = np.random.default_rng(0).standard_normal((10, 6))
    rng = np.random.default_rng(seed)
    rows = who[subjects] @ rng.standard_normal((6, width)) + 0.6 * rng.standard_normal((len(subjects), width))
    return rows.astype(np.float32)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scores")
    meta = root / "IJBC" / "meta"
    meta.mkdir(parents=True)
    points = " ".join(["50"] * 10)
    subject_of = dict(TEMPLATES)
    for name, text in (
        ("face_tid_mid", [f"{row + 1}.jpg {template} {row}" for row, (template, _) in enumerate(TEMPLATES)]),
        ("name_5pts_score", [f"{row + 1}.jpg {points} 1" for row in range(len(TEMPLATES))]),
        ("template_pair_label", [f"{p1} {p2} {int(subject_of[p1] == subject_of[p2])}" for p1, p2 in PAIRS]),
    ):
        (meta / f"ijbc_{name}.txt").write_text("\n".join(text) + "\n")
    for name, templates in (("gallery_G1", range(11)), ("gallery_G2", range(11, 99)), ("probe_mixed", range(99, 999))):
        listed = [f"{template},{subject}" for template, subject in subject_of.items() if template in templates]
        (meta / f"ijbc_1N_{name}.csv").write_text("\n".join(["TEMPLATE_ID,SUBJECT_ID", *listed]) + "\n")
    ctx = JobContext()
    with Study.create(root / "s") as study:
        study.add_dataset(meta.parent, DatasetOptions(), ctx, name="templates")
        for name, width, seed in (("a", 10, 1), ("b", 8, 2)):
            rows = seen(width, seed, SUBJECTS)
            rows[BAD] = np.nan if name == "a" else rows[BAD]
            np.savez(root / f"{name}.npz", embs=rows, ids=np.array(IDS))
            study.import_embeddings(root / f"{name}.npz", model=name, dataset="singles", ctx=ctx)
            np.save(root / f"{name}.npy", seen(width, seed, [subject for _, subject in TEMPLATES]))
            study.import_embeddings(root / f"{name}.npy", model=name, dataset="templates", ctx=ctx)
    return root


@pytest.fixture
def study(folder: Path) -> Iterator[Study]:
    with Study.open(folder / "s.canon") as opened:
        opened.refresh_states()
        yield opened


def settings(
    models: tuple[str, ...] = ("a", "b"), mode: FitMode = FitMode.DISJOINT, dataset: str = "singles", **more: object
) -> MatrixSettings:
    return MatrixSettings(dataset, models, mode=mode, far=FAR, **more)  # type: ignore[arg-type]


def read(path: Path) -> list[Row]:
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            columns = [file[name][...].tolist() for name in ("p1", "p2", "genuine", "score", "half")]
        return [Row(str(p1), str(p2), *rest) for p1, p2, *rest in zip(*columns, strict=True)]
    with path.open(newline="", encoding="utf-8") as file:
        table = csv.reader(line for line in file if not line.startswith("#"))
        assert next(table) == ["p1", "p2", "genuine", "score", "half"]
        return [Row(p1, p2, int(genuine), float(score), int(half)) for p1, p2, genuine, score, half in table]


def facts(path: Path) -> dict[str, str]:
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return {name: getattr(value, "decode", value.__str__)() for name, value in file.attrs.items()}
    comments = [line[2:] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# ")]
    return dict(line.split(": ", 1) for line in comments)


def half_of(subject: int, names: str = "p{}") -> int:
    return zlib.crc32(f"0:{names.format(subject)}".encode()) & 1


def singles_by_hand(folder: Path, source: str, target: str, mode: FitMode, *, named: bool) -> list[Row]:
    """Pair by pair, by the definitions of the house plan."""
    one, other = (unit(np.load(folder / f"{name}.npz")["embs"]) for name in (source, target))
    images = [row for row in range(len(SUBJECTS)) if row != BAD or "a" not in (source, target)]
    halves = [0, 1] if mode is FitMode.DISJOINT else [0]
    found = []
    for half in halves:
        inside = [row for row in images if len(halves) == 1 or half_of(SUBJECTS[row]) == half]
        fitted = [row for row in images if len(halves) == 1 or half_of(SUBJECTS[row]) != half]
        mapped = one
        if source != target:
            mapped = np.zeros((len(one), other.shape[1]))
            mapped[images] = unit(one[images] @ np.linalg.lstsq(one[fitted], other[fitted], rcond=None)[0])
        pairs = itertools.permutations(inside, 2) if source != target else itertools.combinations(inside, 2)
        for i, j in pairs:
            names = (IDS[i], IDS[j]) if named else (str(i), str(j))
            found.append(Row(*names, int(SUBJECTS[i] == SUBJECTS[j]), float(mapped[i] @ other[j]), half))
    return found


def same(found: list[Row], expected: list[Row]) -> None:
    assert [row[:3] + row[4:] for row in found] == [row[:3] + row[4:] for row in expected]
    np.testing.assert_allclose([row.score for row in found], [row.score for row in expected], atol=2e-6)


@pytest.mark.parametrize("mode", [FitMode.DISJOINT, FitMode.IN_SAMPLE])
@pytest.mark.parametrize("models", [("a", "b"), ("b", "a"), ("b",)])
@pytest.mark.parametrize("suffix", [".h5", ".csv"])
def test_single_images_by_number_as_a_slow_loop_lists_them(
    study: Study, folder: Path, tmp_path: Path, mode: FitMode, models: tuple[str, ...], suffix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(scores._BLOCK, suffix, 50)
    out = tmp_path / f"scores{suffix}"
    report = export_scores(study, settings(models, mode), RULE, out, JobContext())
    expected = singles_by_hand(folder, models[0], models[-1], mode, named=False)
    same(read(out), expected)
    assert report.pairs == len(expected)
    assert report.genuine == sum(row.genuine for row in expected)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize("suffix", [".h5", ".csv"])
def test_single_images_stay_nameless_unless_names_are_asked_for(
    study: Study, folder: Path, tmp_path: Path, suffix: str
) -> None:
    export_scores(study, settings(), RULE, tmp_path / f"nameless{suffix}", JobContext())
    assert b"p3/" not in (tmp_path / f"nameless{suffix}").read_bytes()
    out = tmp_path / f"named{suffix}"
    export_scores(study, settings(), RULE, out, JobContext(), with_ids=True)
    if suffix == ".csv":
        expected = singles_by_hand(folder, "a", "b", FitMode.DISJOINT, named=True)
        same(read(out), expected)
        table = pd.read_csv(out, comment="#")  # as the guide says
        assert table["p1"].tolist() == [row.p1 for row in expected]
        np.testing.assert_allclose(table["score"], [row.score for row in expected], atol=2e-6)
        return
    same(read(out), singles_by_hand(folder, "a", "b", FitMode.DISJOINT, named=False))
    with h5py.File(out) as file:
        assert [name.decode() for name in file["images"][...]] == IDS


def templates_by_hand(folder: Path, mode: FitMode) -> list[Row]:
    """Templates are sums of unit images (every image its own medium, detector score 1); rotation a → b."""
    one, other = (unit(np.load(folder / f"{name}.npy")) for name in ("a", "b"))
    subject_of = dict(TEMPLATES)
    enrolled = {p1 for p1, _ in PAIRS}
    halves = [0, 1] if mode is FitMode.DISJOINT else [0]
    found = []
    for half in halves:
        def outside(subject: int, half: int = half) -> bool:
            return len(halves) == 1 or half_of(subject, "{}") != half

        rows = [row for row, (template, subject) in enumerate(TEMPLATES) if template in enrolled and outside(subject)]
        left, values, right = np.linalg.svd(one[rows].T @ other[rows], full_matrices=False)
        rank = np.count_nonzero(values > 1e-10 * values[0])  # fewer images than dimensions in a half
        mapped = unit(one @ left[:, :rank] @ right[:rank])

        def template(images: np.ndarray, wanted: int) -> np.ndarray:
            return unit(sum(images[row] for row, (number, _) in enumerate(TEMPLATES) if number == wanted))

        for p1, p2 in PAIRS:
            if len(halves) == 2 and any(half_of(subject_of[side], "{}") != half for side in (p1, p2)):
                continue
            first, second = (p2, p1) if mode is FitMode.REVERSED else (p1, p2)
            score = float(template(mapped, first) @ template(other, second))
            found.append(Row(str(p1), str(p2), int(subject_of[p1] == subject_of[p2]), score, half))
    return found


@pytest.mark.parametrize("mode", [FitMode.AUTHORS, FitMode.REVERSED, FitMode.DISJOINT])
@pytest.mark.parametrize("suffix", [".h5", ".csv"])
def test_templates_by_their_ids_in_the_order_of_the_pair_file(
    study: Study, folder: Path, tmp_path: Path, mode: FitMode, suffix: str
) -> None:
    out = tmp_path / f"scores{suffix}"
    chosen = settings(mode=mode, dataset="templates", map=MapKind.ROTATION)
    report = export_scores(study, chosen, RULE, out, JobContext(), with_ids=True)
    same(read(out), templates_by_hand(folder, mode))
    assert "template ids" in report.naming
    assert ("p2 through the source" in report.naming) == (mode is FitMode.REVERSED)


@pytest.mark.parametrize("dataset", ["singles", "templates"])
def test_settings_and_the_tars_of_the_matrix_stand_in_the_file(study: Study, tmp_path: Path, dataset: str) -> None:
    chosen = settings(dataset=dataset)
    matrix = run_matrix(study, chosen, JobContext())
    for suffix in (".h5", ".csv"):
        out = tmp_path / f"scores{suffix}"
        report = export_scores(study, chosen, RULE, out, JobContext())
        told = facts(out)
        assert (told["source"], told["target"], told["map"], told["mode"]) == ("a", "b", "linear", "disjoint")
        assert (told["seed"], told["features"], told["rule"]) == ("0", "paper", "conservative")
        assert told["source_embeddings"] == study.embeddings_key("a", dataset)
        for far, point, written in zip(FAR, report.points, json.loads(told["measured"]), strict=True):
            assert point.tar == matrix.tar("a", "b", far, RULE)
            assert (written["far"], written["tar"], written["threshold"]) == (far, point.tar, point.threshold)
            accepted = [row.genuine for row in read(tmp_path / "scores.h5") if row.score >= point.threshold]
            assert sum(accepted) == point.true_accepts
            assert len(accepted) - sum(accepted) == point.false_accepts


def test_features_of_templates_change_the_scores(study: Study, tmp_path: Path) -> None:
    kept = settings(dataset="templates", features=Features.INSIGHTFACE)
    export_scores(study, kept, RULE, tmp_path / "kept.h5", JobContext())
    export_scores(study, settings(dataset="templates"), RULE, tmp_path / "unit.h5", JobContext())
    assert facts(tmp_path / "kept.h5")["features"] == "insightface"
    ours, theirs = (np.array([row.score for row in read(tmp_path / name)]) for name in ("kept.h5", "unit.h5"))
    assert np.abs(ours - theirs).max() > 1e-3


def test_what_cannot_be_listed_is_refused(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StudyError, match="cannot be compared"):
        export_scores(study, settings(map=MapKind.NONE), RULE, tmp_path / "s.csv", JobContext())
    with pytest.raises(SettingsError, match=r"\.h5 or \.csv"):
        export_scores(study, settings(), RULE, tmp_path / "s.txt", JobContext())
    monkeypatch.setattr(image_cells, "MAX_LISTED_PAIRS", 100)
    with pytest.raises(SettingsError, match="--max-per-subject"):
        export_scores(study, settings(), RULE, tmp_path / "s.csv", JobContext())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".h5", ".csv"])
def test_cancelling_while_it_writes_leaves_the_old_file(
    study: Study, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(scores._BLOCK, suffix, 50)
    out = tmp_path / f"scores{suffix}"
    out.write_text("the old one")

    class CancelledAt100(JobContext):
        def report(self, done: int, total: int, what: str) -> None:
            if what == "pairs written" and done >= 100:
                self.cancel()

    with pytest.raises(Cancelled):
        export_scores(study, settings(), RULE, out, CancelledAt100())
    assert out.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [out]


# -- numbers as text -------------------------------------------------------------------------------------------------
@examples(deadline=None)
@given(arrays(np.int64, st.integers(1, 20), elements=st.integers(-(10**12), 10**12)))
def test_whole_numbers_are_written_as_python_writes_them(values: np.ndarray) -> None:
    assert lines([integers(values)]).decode().splitlines() == [str(value) for value in values.tolist()]


@examples(deadline=None)
@given(arrays(np.float32, st.integers(1, 20), elements=st.floats(-2, 2, width=32)))
def test_scores_are_rounded_to_ten_decimals_and_float32_comes_back(values: np.ndarray) -> None:
    text = lines([decimals(values)]).decode().splitlines()
    assert all(abs(float(one) - value) <= 0.5000001e-10 for one, value in zip(text, values.tolist(), strict=True))
    large = np.abs(values) >= 0.002
    np.testing.assert_array_equal(np.array(text, np.float32)[large], values[large])
    assert all(len(one.partition(".")[2]) == 10 for one in text)


def test_a_score_that_rounds_to_nothing_has_no_sign() -> None:
    assert lines([decimals(np.array([-1e-12, -0.0, 1e-12]))]) == b"0.0000000000\n" * 3


@given(st.lists(st.text(min_size=1, max_size=6, alphabet=st.characters(codec="utf-8", exclude_characters="\r\0")),
                min_size=1, max_size=5))  # fmt: skip
def test_names_are_quoted_so_that_csv_readers_find_them_again(texts: list[str]) -> None:
    numbers = np.arange(len(texts))[::-1]
    data = lines([Texts(texts).column(numbers), integers(numbers)]).decode()
    found = list(csv.reader(io.StringIO(data, newline="")))
    for (name, number), own in zip(found, (texts[number] for number in numbers), strict=True):
        assert name in (own, f"'{own}")
        assert name == own or own.lstrip()[:1] in "=+-@" or own[0] in "\t\n"
        assert texts[int(number)] == own


@pytest.mark.parametrize("name", ["=cmd|'/c calc'!A0", "+1+cmd", "-2+3", "@SUM(A1)", "\t=cmd", " =cmd", '=A("x,y")'])
def test_names_that_a_spreadsheet_would_run_are_letters(name: str) -> None:
    data = lines([Texts([name, "a"]).column(np.array([1, 0]))]).decode()
    assert list(csv.reader(io.StringIO(data, newline=""))) == [["a"], [f"'{name}"]]


@pytest.mark.parametrize("number", ["-0.25", "+3", "-1e-9", "1", "-inf"])
def test_numbers_are_no_formulas(number: str) -> None:
    assert quoted(number) == number
