"""``canon locate``, ``clear`` and ``methods``."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from canon_core.cli import main
from canon_core.datasets.options import DatasetOptions
from canon_core.embedding.embed import EmbedOptions
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.matrix import run_matrix
from canon_core.jobs import JobContext
from canon_core.study.cached_files import bytes_text
from canon_core.study.results import MatrixSettings
from canon_core.study.study import Study

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, make_network: Callable, make_faces: Callable) -> Path:
    root = tmp_path_factory.mktemp("looking-after")
    make_network(root / "a.onnx", dimensions=24, seed=1)
    make_network(root / "b.onnx", dimensions=16, seed=2)
    make_faces(root / "faces", subjects=10, images=4)
    with Study.create(root / "s") as study:
        for name in ("a", "b"):
            study.add_model(root / f"{name}.onnx")
        study.add_dataset(root / "faces", DatasetOptions(), JobContext())
        embed_study(study, "faces", (), EmbedOptions(provider="cpu"), JobContext())
        run_matrix(study, MatrixSettings("faces", ("a", "b")), JobContext())
    return root.rename(root.with_name("looking-after-moved"))


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "copy"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["canon", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_a_network_and_a_dataset_that_moved_are_located(root: Path, run: Run) -> None:
    shutil.move(root / "a.onnx", root / "there.onnx")
    shutil.move(root / "faces", root / "people")
    code, _, errors = run("locate", root / "s.canon", root / "b.onnx", "--model", "a")
    assert (code, "not the network 'a'" in errors) == (1, True)
    assert run("locate", root / "s.canon", root / "there.onnx", "--model", "a")[0] == 0
    assert run("locate", root / "s.canon", root / "people", "--dataset", "faces")[0] == 0
    with Study.open(root / "s.canon", read_only=True) as study:
        assert study.model("a").file == root / "there.onnx"
        assert study.dataset("faces").path == root / "people"
    assert run("locate", root / "s.canon", root / "people")[0] == 2


def test_networks_beside_the_one_that_is_located_are_found_too(root: Path, run: Run) -> None:
    (root / "there").mkdir()
    for name in ("a.onnx", "b.onnx"):
        shutil.move(root / name, root / "there" / name)
    code, said, errors = run("locate", root / "s.canon", root / "there" / "b.onnx", "--model", "b")
    assert (code, "'a' is found again beside it" in said + errors) == (0, True)
    with Study.open(root / "s.canon", read_only=True) as study:
        assert study.model("a").file == root / "there" / "a.onnx"


def test_clear_lists_in_words_and_units(root: Path, run: Run) -> None:
    code, listed, _ = run("clear", root / "s.canon", "--list")
    assert code == 0
    for row in ("kind +what it is +files +size", r"maps +Fitted maps +4 +[\d.]+ kB +deletes it",
                r"embeddings +Embeddings made here +2 +[\d.]+ kB +leaves it, unless named with --what"):  # fmt: skip
        assert re.search(row, listed), row
    assert run("clear", root / "s.canon", "--json", "-")[0] == 2


def test_clear_deletes_what_is_named(root: Path, run: Run) -> None:
    code, listed, _ = run("clear", root / "s.canon", "--list", "--json", "-")
    kinds = json.loads(listed)
    assert code == 0
    assert set(kinds) == {"maps", "cells", "embeddings"}
    assert (kinds["cells"]["files"], kinds["embeddings"]["files"]) == (4, 2)
    code, _, said = run("clear", root / "s.canon", "--what", "cells")
    assert f"{bytes_text(kinds['cells']['bytes'])} freed" in said
    assert list((root / "s.canon" / "maps").glob("*.h5"))
    assert run("clear", root / "s.canon")[0] == 0
    assert not list((root / "s.canon" / "maps").glob("*.h5"))
    with Study.open(root / "s.canon", read_only=True) as study:
        study.refresh_states()
        assert study.embedding_state("a", "faces").complete
    code, _, errors = run("clear", root / "s.canon", "--what", "cell")
    assert (code, "no kind 'cell'" in errors) == (1, True)


def test_clear_deletes_embeddings_only_when_told_what_that_costs(root: Path, run: Run) -> None:
    code, _, errors = run("clear", root / "s.canon", "--what", "cells,embeddings")
    assert code == 1
    assert "nothing was deleted, because 2 files of embeddings" in errors
    assert "every network must run over every image again" in errors
    assert "add --embed-again" in errors
    assert "cannot be done" not in errors
    (root / "a.onnx").unlink()
    assert "and cannot be done for a: " in run("clear", root / "s.canon", "--what", "embeddings")[2]
    kept = json.loads(run("clear", root / "s.canon", "--list", "--json", "-")[1])
    assert set(kept) == {"maps", "cells", "embeddings"}
    assert run("clear", root / "s.canon", "--what", "embeddings", "--embed-again")[0] == 0
    assert set(json.loads(run("clear", root / "s.canon", "--list", "--json", "-")[1])) == {"maps", "cells"}


def test_methods_prints_what_is_stored_and_says_what_is_not(root: Path, run: Run) -> None:
    code, text, _ = run("methods", root / "s.canon", "--source", "a", "--target", "b", "--at", "1e-1")
    assert code == 0
    assert hashlib.sha256((root / "a.onnx").read_bytes()).hexdigest() in text
    assert "a → b: TAR" in text
    assert "At a target FAR of 1e-1" in text
    code, text, errors = run("methods", root / "s.canon", "--map", "rotation", "--models", "a,b", "--source", "a",
                             "--target", "b")  # fmt: skip
    assert (code, text) == (1, "")
    assert "run `canon matrix` with the same options first" in errors
    assert run("methods", root / "s.canon", "--at", "0.3")[0] == 1
