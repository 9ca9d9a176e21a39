"""The main job on real networks and real faces, from the command line, against an independent implementation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

MODELS = ("mbf", "y1", "intel", "mfV2", "casia", "mfV3")
#: Another JPEG decoder or warp moves single genuine pairs (the data's README).
TOLERANCE = {1e-1: 0.001, 1e-2: 0.001, 1e-3: 0.005}

pytestmark = pytest.mark.real


def canon(*arguments: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-c", "from canon_core.cli import main; main()", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("real")
    canon("new", "faces", cwd=root)
    for model in MODELS:
        canon("add-model", "faces.canon", real / "models" / f"{model}.onnx", cwd=root)
    canon("add-dataset", "faces.canon", real / "lfw", cwd=root)
    canon("embed", "faces.canon", "--provider", "cpu", cwd=root)
    return root


@pytest.fixture(scope="module")
def expected(real: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((real / "expected.json").read_text())
    return document


@pytest.mark.parametrize("kind", ["none", "linear", "rotation"])
def test_the_matrix_agrees_with_the_independent_one(folder: Path, expected: dict[str, Any], kind: str) -> None:
    found = json.loads(
        canon("matrix", "faces.canon", "--map", kind, "--far", "1e-1,1e-2,1e-3,1e-4", "--json", "-", cwd=folder)
    )
    assert found["models"] == expected["models"]
    assert list(found["pairs"]["single"].values()) == expected["pairs_single"]
    assert list(found["pairs"]["cross"].values()) == expected["pairs_cross"]
    if kind != "none":
        assert sorted(found["fit_pairs"]) == sorted(expected["half_images"])
    compared = 0
    for source in range(6):
        for target in range(6):
            theirs = expected["matrix"][kind]["tar"][source][target]
            ours = found["tar"][source][target]
            assert (ours is None) == (theirs is None)
            if theirs is None:
                continue
            for position, far in enumerate(expected["far"]):
                if far in TOLERANCE:
                    assert ours[position] == pytest.approx(theirs[position], abs=TOLERANCE[far]), (source, target, far)
                    compared += 1
    assert compared == 3 * sum(cell is not None for row in expected["matrix"][kind]["tar"] for cell in row)


@pytest.mark.parametrize("kind", ["linear", "rotation"])
def test_the_fold_accuracies_agree_with_the_independent_ones(
    folder: Path, expected: dict[str, Any], kind: str
) -> None:
    found = json.loads(canon("folds", "faces.canon", "--map", kind, "--json", "-", cwd=folder))
    ours, theirs = np.array(found["accuracy"]), np.array(expected["folds"][kind])
    assert found["pairs"] == 3000
    # The threshold follows the scores, so single pairs move more here than in a TAR: for intel's 128 px input, rounding
    # the exact halves of the enlarged crops up instead of to even moves up to 6 of a cell's 3,000 pairs.
    assert np.abs(ours - theirs).max() <= 6 / 3000 + 1e-9
    assert np.abs(ours - theirs).mean() <= 0.0003
    without = [0, 1, 3, 4, 5]  # networks fed the crops as they are
    assert np.abs(ours - theirs)[np.ix_(without, without)].max() <= 1 / 3000 + 1e-9


@pytest.mark.parametrize("how", ["landmarks", "detector"])
def test_originals_aligned_by_points_or_by_a_detector_give_the_tars_of_the_crops(
    real: Path, folder: Path, how: str, tmp_path: Path
) -> None:
    option = {
        "landmarks": real / "lfw250" / "landmarks.csv",
        "detector": real / "detector" / "yunet.onnx",
    }[how]
    crops = tmp_path / "crops"
    for original in sorted((real / "lfw250").glob("*/*.jpg")):
        (crops / original.parent.name).mkdir(parents=True, exist_ok=True)
        (crops / original.parent.name / original.name).symlink_to(real / "lfw" / original.parent.name / original.name)
    for link in crops.glob("*/*.jpg"):  # the reader takes files, not links that leave the folder
        data = link.read_bytes()
        link.unlink()
        link.write_bytes(data)
    canon("new", "s", cwd=tmp_path)
    for model in ("mbf", "intel", "casia"):
        canon("add-model", "s.canon", real / "models" / f"{model}.onnx", cwd=tmp_path)
    canon("add-dataset", "s.canon", crops, "--name", "crops", "--format", "folder", cwd=tmp_path)
    canon("add-dataset", "s.canon", real / "lfw250", "--name", "originals", "--format", "folder", f"--{how}", option,
          cwd=tmp_path)  # fmt: skip
    tars = {}
    for name in ("crops", "originals"):
        canon("embed", "s.canon", "--dataset", name, "--provider", "cpu", cwd=tmp_path)
        settings = ("--dataset", name, "--map", "rotation", "--mode", "in-sample", "--far", "1e-1,1e-2")
        found = json.loads(canon("matrix", "s.canon", *settings, "--json", "-", cwd=tmp_path))
        tars[name] = (found["tar"], found["pairs"])
    assert tars["crops"][1] == tars["originals"][1]
    genuine = tars["crops"][1]["single"]["genuine"]
    for source in range(3):
        for target in range(3):
            for far in range(2):
                one, other = (tars[name][0][source][target][far] for name in ("crops", "originals"))
                assert abs(one - other) * genuine <= 4, "more than a few pairs moved"
