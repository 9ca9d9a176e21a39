"""Studies written by an earlier version: what was computed then still counts, and their datasets are still found."""

from __future__ import annotations

import json
import os
from pathlib import Path

from canon_core.experiments.matrix import run_matrix
from canon_core.jobs import JobContext
from canon_core.study.results import MatrixSettings
from canon_core.study.study import Study

from .naive.protocol import Shape, random_protocol
from .template_study import make_study

SHAPE = Shape(
    subjects=18, verification_templates=3, images=4, media=6, unscored=0.0, pairs=0.9, repeated_pairs=0, seed=21
)
SETTINGS = MatrixSettings("ijb", ("a", "b"), far=(0.3,))


def older(path: Path) -> None:
    """Make the manifest what the version before wrote, which did not know what of a protocol is compared."""
    file = path / "study.json"
    document = json.loads(file.read_text())
    for data in document["datasets"]:
        del data["templates"]["compared"]
    file.write_text(json.dumps({**document, "schema": 2}))


def files(path: Path) -> list[str]:
    return sorted(file.name for room in ("maps", "results") for file in (path / room).iterdir())


def run(path: Path) -> list[str]:
    with Study.open(path) as study:
        study.refresh_states()
        run_matrix(study, SETTINGS, JobContext())
    return files(path)


def with_covariates(root: Path) -> Path:
    ages = {"AGE": [str(20 + number % 30) for number, _ in enumerate(random_protocol(SHAPE).images)]}
    made = make_study(root, SHAPE, covariates=ages).path
    older(made)
    return made


def touch(folder: Path) -> None:
    for file in folder.rglob("*.csv"):
        os.utime(file, ns=(1, 1))


def test_results_of_a_protocol_with_covariates_outlive_that_its_files_are_read_again(tmp_path: Path) -> None:
    made = with_covariates(tmp_path)
    before = run(made)
    assert before
    touch(tmp_path / "data")
    assert run(made) == before
    os.rename(tmp_path / "data", tmp_path / "moved")
    with Study.open(made) as study:
        study.locate_dataset("ijb", tmp_path / "moved", JobContext())
    assert run(made) == before


def test_a_dataset_that_gained_covariates_is_found_where_it_lies_now(tmp_path: Path) -> None:
    made = make_study(tmp_path, SHAPE).path
    older(made)
    before = run(made)
    os.rename(tmp_path / "data", tmp_path / "moved")
    rows = [f"{number}.jpg,{number % 7}" for number, _ in enumerate(random_protocol(SHAPE).images, 1)]
    (tmp_path / "moved" / "meta" / "ijbc_covariates.csv").write_text("\n".join(["NAME,YAW", *rows]) + "\n")
    with Study.open(made) as study:
        found = study.locate_dataset("ijb", tmp_path / "moved", JobContext())
        assert found.templates is not None
        assert found.templates.covariates == ("YAW",)
    assert run(made) == before


def test_a_manifest_of_the_version_before_is_read_and_written_as_todays(tmp_path: Path) -> None:
    made = make_study(tmp_path, SHAPE).path
    older(made)
    with Study.open(made) as study:
        study.rename_dataset("ijb", "other")
    assert json.loads((made / "study.json").read_text())["schema"] == 3
