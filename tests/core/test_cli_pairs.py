"""``canon pairs`` on a small template study: counts on the terminal, a list as a file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from canon_core.errors import CanonError

from .naive.protocol import Shape
from .template_study import make_study
from .test_cli_identify import canon, printed

ARGUMENTS = ("--source", "a", "--target", "b", "--far", "0.1")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("cli"), Shape(20, 3, 2, 30, 0.0, 1.0, 0, seed=8)).path


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text().split("\n", 1)[1])))


def test_every_kind_is_counted_and_one_is_written(study: Path, tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    text = printed("pairs", study, *ARGUMENTS, "--kind", "false-non-matches", "--out", file, "--count", "3")
    text = " ".join(text.split())
    for part in ("created false matches", "repaired false non-matches", "b alone", "a alone", "linear", "FAR 1e-1"):
        assert part in text, part
    listed = rows(file)
    assert len(listed) == 3
    assert all(float(row["score"]) < float(row["threshold"]) and row["genuine"] == "1" for row in listed)
    assert all(row["first_subject"].startswith("subject ") for row in listed)
    printed("pairs", study, *ARGUMENTS, "--out", file, "--with-ids")
    assert all(row["first_subject"].isdecimal() and row["genuine"] == "0" for row in rows(file))


def test_pairs_of_an_interval_are_written(study: Path, tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    printed("pairs", study, *ARGUMENTS, "--between=-0.1,0.1", "--kind", "impostor", "--out", file, "--mode", "authors")
    listed = rows(file)
    assert listed
    assert all(-0.1 <= float(row["score"]) < 0.1 and row["genuine"] == "0" for row in listed)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--kind", "nonsense"), "no pairs of kind 'nonsense'"),
        (("--between", "1"), "wants two scores"),
        (("--target", "a", "--kind", "created-false-matches"), "a model by itself"),
        (("--source", "c"), "no model"),
    ],
)
def test_what_makes_no_sense_is_refused(study: Path, more: tuple[str, ...], words: str) -> None:
    done = canon("pairs", study, *ARGUMENTS, *more)
    assert done.exit_code != 0
    assert isinstance(done.exception, CanonError)
    assert words in str(done.exception)
