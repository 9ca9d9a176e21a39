"""What the inspector says of models without a network, and of datasets that compare templates or have no images."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.contents import Imported
from app.views.inspector import Inspector
from canon_core.datasets.options import DatasetOptions
from canon_core.models.spec import ModelSpec
from canon_core.study.entries import DatasetEntry, ModelEntry, TemplateCounts


@pytest.fixture
def inspector(qtbot: QtBot) -> Inspector:
    widget = Inspector()
    qtbot.addWidget(widget)
    widget.resize(360, 600)
    widget.show()
    return widget


def model() -> ModelEntry:
    return ModelEntry("old", "old", Path("made/old.npz"), "", ModelSpec(), "imported", (), 512, 0, 0, 0, imported=True)


def dataset(templates: TemplateCounts | None = None, **changes: object) -> DatasetEntry:
    fields = {"images": 469_375, "subjects": 3_531, "alignment": None, "problems": 0, "fold_pairs": 0, "notes": ()}
    return DatasetEntry(
        name="ijbc", folder="ijbc", format="ijbc", path=Path("IJBC"), options=DatasetOptions(), fingerprint="f" * 64,
        templates=templates, **{**fields, **changes},
    )  # fmt: skip


def test_a_model_made_elsewhere_says_from_which_file_and_how_its_rows_were_paired(inspector: Inspector) -> None:
    imports = [Imported("ijbc", Path("made/old.npz"), "id", 12, 3), Imported("lfw", Path("made/lfw.csv"), "row", 0, 0)]
    inspector.show_model(model(), imports)
    text = inspector.text()
    lines = text.split("\n")
    assert "embeddings made elsewhere" in lines
    assert "There is no network" in text
    for row in (
        "Embeddings of ijbc",
        "from\told.npz",
        "paired\tby the ids in the file",
        "missing\t12 images have no embedding",
        "unused\t3 embeddings are of no image",
        "Embeddings of lfw",
        "paired\trow by row, in the order of the images",
        "missing\tnone",
    ):
        assert row in lines, row
    for never in ("parameters", "Preprocessing", "sha256"):
        assert never not in text


def test_an_import_that_came_later_is_shown(inspector: Inspector) -> None:
    inspector.show_model(model(), [])
    assert "made/old.npz" in inspector.text()
    inspector.show_model(model(), [Imported("lfw", Path("made/lfw.csv"), "row", 0, 0)])
    assert "Embeddings of lfw" in inspector.text()


def test_a_dataset_of_templates_is_counted(inspector: Inspector) -> None:
    counts = TemplateCounts("f", 23_124, 15_658_489, 19_557, ("G1", "G2"), 19_593, ("YAW", "GENDER"))
    inspector.show_dataset(dataset(counts, alignment="landmarks"))
    lines = inspector.text().split("\n")
    for row in (
        "template pairs",
        "templates\t23,124",
        "pairs\t15,658,489",
        "genuine\t19,557",
        "impostor\t15,638,932",
        "galleries\tG1, G2",
        "probes\t19,593",
        "covariates\tYAW, GENDER",
        "alignment\tby five landmarks of each face",
    ):
        assert row in lines, row
    assert not any(line.startswith("folds") for line in lines)


def test_a_dataset_without_images_says_what_that_means(inspector: Inspector) -> None:
    counts = TemplateCounts("f", 10, 20, 5, (), 0, ())
    inspector.show_dataset(dataset(counts, has_images=False))
    text = inspector.text()
    assert "images\t469,375, by name only" in text
    assert "nothing can be embedded here: import embeddings made elsewhere" in text
    assert "galleries\tnone: no 1:N identification" in text
    assert "alignment" not in text.lower()
