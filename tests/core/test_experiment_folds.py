"""Fold accuracies of some cells, what is stored of them, their standard error and their table."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from canon_core.datasets.options import DatasetOptions
from canon_core.embedding.embed import EmbedOptions
from canon_core.errors import DatasetError
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.folds import folds_json, run_folds, stored_folds
from canon_core.figures.statistics_tables import folds_csv
from canon_core.jobs import JobContext
from canon_core.study.results import FoldSettings, folds_line
from canon_core.study.study import Study


@pytest.fixture
def study(tmp_path: Path, make_network: Callable, make_faces: Callable) -> Study:
    make_faces(tmp_path / "faces", subjects=8, images=4, folds=4)
    with Study.create(tmp_path / "folds") as made:
        for name in ("a", "b"):
            made.add_model(make_network(tmp_path / f"{name}.onnx", seed=ord(name)), name=name)
        made.add_dataset(tmp_path / "faces", DatasetOptions(), JobContext(), "faces")
        embed_study(made, "faces", (), EmbedOptions(), JobContext())
        yield made


SETTINGS = FoldSettings("faces", ("a", "b"))


def test_only_the_cells_that_are_wanted_are_computed_and_they_are_those_of_all(study: Study) -> None:
    some = run_folds(study, SETTINGS, JobContext(), pairs=[("a", "b")])
    assert [pair for pair, cell in some.cells.items() if cell is not None] == [("a", "b")]
    kept = stored_folds(study, SETTINGS)
    assert kept.cells == some.cells
    assert (kept.folds, kept.pairs) == (some.folds, some.pairs)
    whole = run_folds(study, SETTINGS, JobContext())
    assert whole.cells["a", "b"] == some.cells["a", "b"]
    assert None not in whole.cells.values()
    assert stored_folds(study, SETTINGS).cells == whole.cells


def test_the_standard_error_is_that_of_the_mean_over_folds(study: Study) -> None:
    found = run_folds(study, SETTINGS, JobContext())
    for cell in found.cells.values():
        assert cell is not None
        folds = np.array(cell.per_fold)
        assert cell.standard_error == pytest.approx(folds.std(ddof=1) / np.sqrt(len(folds)))
        assert cell.accuracy == pytest.approx(folds.mean())
    assert folds_json(found)["standard_error"][0][1] == found.cells["a", "b"].standard_error


def test_the_table_holds_every_fold_and_the_mean_with_every_digit(study: Study) -> None:
    found = run_folds(study, SETTINGS, JobContext())
    *lines, last = folds_csv(found).splitlines()
    rows = list(csv.DictReader(io.StringIO("\n".join(lines))))
    assert len(rows) == 4 * (1 + found.folds)
    mine = [row for row in rows if (row["source"], row["target"]) == ("a", "b")]
    cell = found.cells["a", "b"]
    assert cell is not None
    assert (mine[0]["fold"], float(mine[0]["accuracy"])) == ("mean", cell.accuracy)
    assert [float(row["accuracy"]) for row in mine[1:]] == list(cell.per_fold)
    assert [float(row["threshold"]) for row in mine[1:]] == list(cell.thresholds)
    assert last.startswith("# faces")
    assert "map linear" in last


def test_folds_keep_their_numbers_where_one_was_left_out(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = study.folds("faces")
    assert listed is not None
    bad = {*listed.first[listed.fold == 1].tolist(), *listed.second[listed.fold == 1].tolist()}
    kept = ~np.isin(listed.first, list(bad)) & ~np.isin(listed.second, list(bad))
    assert set(listed.fold[kept].tolist()) == {0, 2, 3}
    monkeypatch.setattr(Study, "bad_rows", lambda *_: tuple(sorted(bad)))
    found = run_folds(study, SETTINGS, JobContext())
    assert (found.folds, found.numbers) == (4, (1, 3, 4))
    assert "3 of 4 folds" in folds_line(found)
    rows = list(csv.DictReader(io.StringIO(folds_csv(found).rpartition("#")[0])))
    assert [row["fold"] for row in rows[:4]] == ["mean", "1", "3", "4"]
    assert folds_json(found)["fold_numbers"] == [1, 3, 4]


def test_a_dataset_without_folds_is_refused(study: Study, tmp_path: Path, make_faces: Callable) -> None:
    make_faces(tmp_path / "plain", subjects=3, images=2)
    study.add_dataset(tmp_path / "plain", DatasetOptions(), JobContext(), "plain")
    embed_study(study, "plain", (), EmbedOptions(), JobContext())
    with pytest.raises(DatasetError, match="no folds"):
        run_folds(study, FoldSettings("plain", ("a", "b")), JobContext())
