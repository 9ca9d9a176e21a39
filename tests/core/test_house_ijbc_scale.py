"""The maker of a synthetic study of IJB-C's size, at a size a test can afford."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from canon_core.store.embeddings import read_embeddings, read_info

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "make_ijbc_scale.py"
SMALL = {
    "gallery_1": 30,
    "gallery_2": 29,
    "enrolment_rows": 200,
    "verification": 330,
    "rows": 7000,
    "videos": 150,
    "genuine": 320,
    "pairs": 9000,
}


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    specification = importlib.util.spec_from_file_location("make_ijbc_scale", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(maker: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthetic")
    maker.make(out, 5, maker.Counts(**SMALL))
    return out


def table(made: Path, name: str) -> list[list[str]]:
    return [line.split() for line in (made / "meta" / name).read_text().splitlines()]


def test_its_counts_are_those_asked_for(made: Path) -> None:
    rows = table(made, "ijbc_face_tid_mid.txt")
    assert [row[0] for row in rows] == [f"{number}.jpg" for number in range(1, 7001)]
    templates = np.array([int(row[1]) for row in rows])
    assert np.unique(templates).size == 59 + 330
    assert np.unique(templates[:200]).size == 59
    media, images = np.unique([int(row[2]) for row in rows], return_counts=True)
    assert media.size < 7000
    assert np.count_nonzero(images > 1) == 150
    pairs = np.array(table(made, "ijbc_template_pair_label.txt"), int)
    assert len(np.unique(pairs[:, :2], axis=0)) == len(pairs) == 9000
    assert pairs[:, 2].sum() == 320
    assert set(pairs[:, 0]) <= set(templates[:200])
    assert set(pairs[:, 1]) <= set(templates[200:])
    assert len(table(made, "ijbc_name_5pts_score.txt")) == 7000
    assert {len(row) for row in table(made, "ijbc_name_5pts_score.txt")} == {12}


def test_labels_are_those_of_the_subjects_in_the_galleries(made: Path) -> None:
    subject = {}
    for name in ("gallery_G1", "gallery_G2", "probe_mixed"):
        lines = (made / "meta" / f"ijbc_1N_{name}.csv").read_text().splitlines()
        found = {int(line.split(",")[0]): int(line.split(",")[1]) for line in lines[1:]}
        assert len(found) == {"gallery_G1": 30, "gallery_G2": 29, "probe_mixed": 330}[name]
        subject.update(found)
    pairs = np.array(table(made, "ijbc_template_pair_label.txt"), int)
    assert [subject[one] == subject[other] for one, other in pairs[:, :2].tolist()] == (pairs[:, 2] == 1).tolist()


def test_models_agree_on_who_is_who_and_on_no_axis(made: Path, maker: ModuleType) -> None:
    files = sorted((made / "embeddings").iterdir())
    assert [read_info(path).dimensions for path in files] == [512, 512, 512, 512, 1024]
    one, other = (read_embeddings(path) for path in files[:2])
    assert np.isfinite(one).all()
    similarities = []
    for rows in (one, other):
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        similarities.append(unit[:300] @ unit[:300].T)
    off = ~np.eye(300, dtype=bool)
    assert np.corrcoef(similarities[0][off], similarities[1][off])[0, 1] > 0.7
    raw = np.einsum("ij,ij->i", one, other) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    assert abs(raw.mean()) < 0.05


def test_the_same_arguments_give_the_same_files(made: Path, maker: ModuleType, tmp_path: Path) -> None:
    maker.make(tmp_path, 5, maker.Counts(**SMALL))
    for path in sorted(made.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / path.relative_to(made)).read_bytes()


def test_it_says_that_it_is_synthetic(made: Path) -> None:
    assert "SYNTHETIC" in (made / "SYNTHETIC.txt").read_text()
    for path in (made / "embeddings").iterdir():
        assert "synthetic" in path.name
        assert str(read_info(path).attributes["note"]).startswith("SYNTHETIC")


def test_a_disk_without_room_is_told_before_anything_is_written(
    maker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**6))
    with pytest.raises(SystemExit, match="are needed and"):
        maker.make(tmp_path, 10, maker.Counts())
    assert not list(tmp_path.iterdir())


# -- the benchmark ---------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def bench(maker: ModuleType) -> Iterator[ModuleType]:
    specification = importlib.util.spec_from_file_location("ijbc_scale", SCRIPT.with_name("ijbc_scale.py"))
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPT.parent))  # a script finds its neighbours so
        specification.loader.exec_module(module)
        yield module


@pytest.fixture(scope="module")
def figures(bench: ModuleType, maker: ModuleType, made: Path) -> dict[str, Any]:
    """Of three models; a cell in a process of its own, the rest in this one."""
    alone = bench.in_a_child

    def here(name: str, path: Path, models: tuple[str, ...]) -> dict[str, Any]:
        return alone(name, path, models) if name == "cell" else {**bench.CHILDREN[name](path, models), "peak_mb": 1.0}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "RESAMPLES", 20)
        patch.setattr(bench, "in_a_child", here)
        return dict(bench.benchmark(made, 3, maker.Counts(**SMALL), rounds=1, quick=False))


def test_every_figure_that_was_asked_for_is_there(figures: dict[str, Any]) -> None:
    wanted = (
        "cell_ratio reference_aggregate_s reference_scores_s reference_roc_s ours_cell_s scoring_over_gemm "
        "matrix_10x10_s linear_fit_ratio rotation_fit_ratio pair_file_ratio bootstrap_s peak_mb"
    )
    for name in wanted.split():
        assert figures[name] > 0, name
    stages = [value for name, value in figures.items() if name.startswith("ours_") and name.endswith("_s")]
    assert all(value > 0 for value in stages)
    assert figures["data"] == "synthetic"


def test_the_study_of_the_benchmark_holds_every_model_and_is_used_again(
    bench: ModuleType, maker: ModuleType, made: Path, figures: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("made anew")

    monkeypatch.setattr(bench.maker, "make", refuse)
    monkeypatch.setattr(bench.Study, "create", refuse)
    path = bench.prepare(made, 3, maker.Counts(**SMALL))
    with bench.Study.open(path, read_only=True) as study:
        assert [model.dimensions for model in study.models] == [512, 512, 512]
        assert study.dataset("synthetic").templates.pairs == SMALL["pairs"]


def test_an_import_that_was_interrupted_goes_on_and_other_data_is_kept(
    bench: ModuleType, maker: ModuleType, made: Path, figures: dict[str, Any]
) -> None:
    with bench.Study.open(made / "ijbc-scale.canon") as study:
        study.remove_model("synthetic-02")
    path = bench.prepare(made, 3, maker.Counts(**SMALL))
    with bench.Study.open(path, read_only=True) as study:
        assert {model.name for model in study.models} == {"synthetic-01", "synthetic-02", "synthetic-03"}
    with pytest.raises(SystemExit, match="other data"):
        bench.prepare(made, 4, maker.Counts(**{**SMALL, "rows": 7001}))


def test_a_cell_that_differs_from_the_customary_way_fails_the_benchmark(
    bench: ModuleType, made: Path, figures: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate = bench.customary.evaluate

    def wrong(*given: Any) -> dict[str, Any]:
        found = evaluate(*given)
        found["tar"]["nearest"][2] += 0.02
        return dict(found)

    monkeypatch.setattr(bench.customary, "evaluate", wrong)
    monkeypatch.setattr(bench, "in_a_child", lambda name, *given: {**bench.CHILDREN[name](*given), "peak_mb": 1.0})
    with pytest.raises(AssertionError, match="nearest"):
        bench.compare_cell(made / "ijbc-scale.canon", made, ("synthetic-01", "synthetic-02"), 1)
