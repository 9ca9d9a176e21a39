"""Templates whose images say nothing together: detector scores of 0, and images that cancel out."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest

from canon_core.experiments.identify import run_identify
from canon_core.experiments.matrix import matrix_json, run_matrix
from canon_core.experiments.scores import export_scores
from canon_core.jobs import Event, JobContext, Log
from canon_core.maps.kinds import MapKind
from canon_core.study.identification_results import IdentifySettings
from canon_core.study.results import FitMode, MatrixSettings, settings_line
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

from . import template_study
from .naive.protocol import Protocol, Shape
from .template_study import Made, make_study

SHAPE = Shape(
    subjects=10, verification_templates=3, images=3, media=4, unscored=1.0, pairs=1.0, repeated_pairs=0, seed=8
)
ASKED = MatrixSettings("ijb", ("a", "b"), MapKind.LINEAR, FitMode.AUTHORS, far=(0.1,))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_study(tmp_path_factory.mktemp("cancelled"), SHAPE)


def test_a_template_that_cancels_out_is_left_out_with_its_pairs_and_counted(made: Made, tmp_path: Path) -> None:
    protocol = made.protocol
    verified = {pair.p2 for pair in protocol.pairs} - {pair.p1 for pair in protocol.pairs}
    sizes = Counter(image.template for image in protocol.images)
    lost = min(template for template in verified & set(protocol.probes) if sizes[template] == 2)
    broken = made.embeddings["b"].copy()
    one, other = (row for row, image in enumerate(protocol.images) if image.template == lost)
    broken[other] = -broken[one]
    shutil.copytree(made.path, tmp_path / "s.canon")
    np.save(tmp_path / "b.npy", broken)
    seen: list[Event] = []
    with Study.open(tmp_path / "s.canon") as study:
        study.import_embeddings(tmp_path / "b.npy", model="b", dataset="ijb", ctx=JobContext())
        matrix = run_matrix(study, ASKED, JobContext(emit=seen.append))
        report = export_scores(study, ASKED, FarRule.CONSERVATIVE, tmp_path / "scores.h5", JobContext())
        settings = IdentifySettings("ijb", ("a", "b"), MapKind.LINEAR, FitMode.AUTHORS, fpir=(0.3,))
        searched = run_identify(study, settings, JobContext())
    for (source, _), cell in searched.cells.items():
        assert cell is not None
        for gallery in cell.galleries:
            whole = gallery.whole
            assert (whole.lost_subjects, whole.lost_probes) == (0, int(source == "b"))
            assert whole.mated + whole.non_mated == len(protocol.probes) - whole.lost_probes
    gone = [pair for pair in protocol.pairs if pair.p2 == lost]
    assert any(pair.genuine for pair in gone)
    for names, missing in ((("a", "a"), 0), (("b", "a"), 0), (("b", "b"), 1), (("a", "b"), 1)):
        cell = matrix.cells[names]
        assert cell is not None
        assert cell.cancelled == missing
        assert cell.genuine + cell.impostors == len(protocol.pairs) - missing * len(gone)
    assert matrix_json(matrix, FarRule.NEAREST)["cancelled_templates"] == [[0, 1], [0, 1]]
    assert "templates of a cell cancel out" in settings_line(matrix, FarRule.NEAREST)
    warned = [event.text for event in seen if isinstance(event, Log) and "cancel out" in event.text]
    assert [text.split(":")[0] for text in warned] == ["b → b", "a → b"]
    assert report.pairs == len(protocol.pairs) - len(gone)
    with h5py.File(tmp_path / "scores.h5") as file:
        assert lost not in set(file["p2"][...].tolist())
        pairs = [(pair.p1, pair.p2) for pair in protocol.pairs if pair.p2 != lost]
        assert list(zip(file["p1"][...].tolist(), file["p2"][...].tolist(), strict=True)) == pairs
        assert file.attrs["cancelled_templates"] == 1


@pytest.mark.parametrize("weight", ["0", "-0.5"])
def test_scores_of_zero_and_below_change_no_template(
    made: Made, tmp_path: Path, weight: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every image of the study has the score 1, so that an image without one weighs as much as the others."""
    write = template_study.write_insightface

    def with_some_of_that_weight(meta: Path, protocol: Protocol) -> None:
        write(meta, protocol)
        first = min(pair.p1 for pair in protocol.pairs)
        file = meta / "ijbc_name_5pts_score.txt"
        lines = [
            f"{line.rsplit(' ', 1)[0]} {weight}" if image.template == first else line
            for line, image in zip(file.read_text().splitlines(), protocol.images, strict=True)
        ]
        file.write_text("\n".join(lines) + "\n")

    monkeypatch.setattr(template_study, "write_insightface", with_some_of_that_weight)
    odd = make_study(tmp_path, SHAPE)
    cells = []
    for path in (made.path, odd.path):
        with Study.open(path) as study:
            cells.append(run_matrix(study, ASKED, JobContext()).cells)
    for pair, cell in cells[0].items():
        found = cells[1][pair]
        assert cell is not None
        assert found is not None
        assert (found.auc, found.genuine, found.cancelled) == (cell.auc, cell.genuine, 0)
        assert found.readings == cell.readings
