"""The demo study in small: a slice of its people, four of its networks, everything else as ``canon demo`` does it."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from canon_core.datasets.faces import ARCFACE_SIDE
from canon_core.datasets.images import opencv
from canon_core.demo.covariates import COLUMNS
from canon_core.demo.fold_faces import STILLS, pair_list
from canon_core.demo.measure import FARS, csv_table, markdown_table, measure_demo
from canon_core.demo.networks import CONTROLS, DATASET, FOLDS, NETWORKS, TEN, TWINS, network_file
from canon_core.demo.people import HELD_OUT
from canon_core.demo.rendered import prepare_folder
from canon_core.demo.run import demo_is_finished, run_demo
from canon_core.demo.study import DemoPlan, open_demo_study
from canon_core.demo.training import controls, recipes
from canon_core.demo.world import draw_world
from canon_core.errors import Cancelled, CanonError
from canon_core.experiments.matrix import run_matrix
from canon_core.experiments.sensitivity import stored_sensitivity
from canon_core.jobs import Event, JobContext, Log, Progress
from canon_core.maps.kinds import MapKind
from canon_core.models.resolve import resolve_model
from canon_core.study.results import FitMode, MatrixSettings
from canon_core.study.sensitivity_results import SensitivitySettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

PLAN = DemoPlan(
    people=range(HELD_OUT, HELD_OUT + 24),
    fold_people=range(HELD_OUT + 1000, HELD_OUT + 1012),
    networks=("M2_R16_A", "M1_MB2_A", "C_9S_PFE", "twin-seed", "control-untrained"),
    steps=(32,),
    repeats=2,
)


class Heard:
    """What a job says."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.ctx = JobContext(emit=self.events.append)

    @property
    def lines(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Log)]

    def worked(self, what: str) -> int:
        """Most of what was reported as done of something."""
        reports = [event for event in self.events if isinstance(event, Progress)]
        return max((report.done for report in reports if what in report.what), default=0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...], Heard]:
    out = tmp_path_factory.mktemp("demo")
    heard = Heard()
    lines, folder = run_demo(out, heard.ctx, PLAN)
    assert folder == out / "demo.canon"
    return out, lines, heard


# -- networks --------------------------------------------------------------------------------------------------------
def test_bundled_networks_are_the_recipes() -> None:
    assert tuple(recipe.name for recipe in recipes.TEN) == TEN
    assert tuple(recipe.name for recipe in recipes.TWINS) == TWINS
    assert tuple(control.name for control in controls.CONTROLS) == CONTROLS
    for item in (*recipes.RECIPES, *controls.CONTROLS):
        model = resolve_model(network_file(item.name))
        assert model.spec == item.spec
        assert model.facts.uncounted == ()


def test_bundled_networks_are_small_and_bring_their_cards() -> None:
    sizes = {}
    for name in NETWORKS:
        file = network_file(name)
        card = file.with_suffix(".md").read_text(encoding="utf-8")
        assert card.startswith(f"# {name}\n")
        assert "TAR at FAR" in card
        sizes[name] = file.stat().st_size
    assert max(sizes.values()) <= 1.5e6
    assert sum(sizes[name] for name in TEN) <= 12e6


# -- the world -------------------------------------------------------------------------------------------------------
def test_the_whole_world_has_the_size_the_paper_needs() -> None:
    plan = DemoPlan()
    world = draw_world(plan.people)
    enrolled = [template for template in world.templates if template.enrolled]
    assert 300 <= len(plan.people) <= 400
    assert len(world.gallery(1)) + len(world.gallery(2)) == len(plan.people) == len(enrolled)
    assert sum(len(template.shots) for template in enrolled) >= 4000
    # Half of them are more than twelve pairs a dimension of the ten networks' 128; PFE's two have twice as many.
    assert sum(len(template.shots) for template in enrolled) // 2 >= 12 * 128
    genuine = len(world.probes)
    assert len(enrolled) * len(world.probes) - genuine >= 500_000
    # Frames of a run share a medium, and some runs are cut in two templates.
    media: dict[int, set[int]] = {}
    for template in world.templates:
        for shot in template.shots:
            media.setdefault(shot.medium, set()).add(template.template)
    assert max(map(len, media.values())) == 2


def test_fold_pairs_are_lfws_and_no_person_is_in_two_folds() -> None:
    people = range(HELD_OUT + 1000, HELD_OUT + 1320)
    lines = pair_list(people, 10).splitlines()
    folds, pairs = map(int, lines[0].split("\t"))
    assert (folds, pairs) == (10, 150)
    assert len(lines) == 1 + folds * 2 * pairs
    seen: dict[str, int] = {}
    images = set()
    for number, line in enumerate(lines[1:]):
        parts = line.split("\t")
        fold, genuine = number // (2 * pairs), number % (2 * pairs) < pairs
        assert len(parts) == (3 if genuine else 4)
        named = [(parts[0], parts[1]), (parts[0], parts[2]) if genuine else (parts[2], parts[3])]
        assert named[0] != named[1]
        for name, still in named:
            assert 1 <= int(still) <= STILLS
            assert seen.setdefault(name, fold) == fold
            images.add((name, still))
    assert len(images) * 9 // 10 >= 12 * 128  # fit images of nine folds


# -- the run ---------------------------------------------------------------------------------------------------------
def test_everything_is_written_and_says_what_it_is(made: tuple[Path, tuple[str, ...], Heard]) -> None:
    out, lines, heard = made
    assert sum("synthetic faces" in line and "evidence is in real data" in line for line in heard.lines) == 1
    assert any("synthetic faces (" in line and "fit disjoint" in line and "genuine" in line for line in lines)
    figures = {file.name for file in (out / "figures").iterdir()}
    for name in ("linear-disjoint-matrix-far-1e-2.pdf", "rotation-disjoint-roc-single.png", "fit-pairs.pdf"):
        assert f"synthetic_faces-{name}" in figures
    assert (out / "tables" / "synthetic_faces-rotation-disjoint-far-1e-2.csv").is_file()
    assert all(name.startswith("synthetic_faces") for name in figures)


def test_the_table_holds_the_matrices_own_means(made: tuple[Path, tuple[str, ...], Heard]) -> None:
    out, _, _ = made
    rows = list(csv.DictReader(io.StringIO((out / "tables" / "synthetic_faces-means.csv").read_text())))
    with Study.open(out / "demo.canon", read_only=True) as study:
        for kind, what in ((MapKind.LINEAR, "linear map"), (MapKind.ROTATION, "rotation map")):
            settings = MatrixSettings(DATASET, PLAN.networks, kind, FitMode.DISJOINT)
            matrix = run_matrix(study, settings, JobContext())
            counted = PLAN.counted
            for far in FARS:
                cells = [
                    matrix.cells[s, t].readings[FarRule.CONSERVATIVE][settings.far.index(far)].point.tar  # type: ignore[union-attr]
                    for s in counted
                    for t in counted
                    if s != t
                ]
                row = next(row for row in rows if row["setting"].startswith("disjoint (") and row["what"] == what)
                assert float(row[f"mean TAR at FAR {far:.0e}".replace("e-0", "e-")]) == pytest.approx(
                    np.mean(cells), abs=1e-6
                )
                assert int(row["cells"]) == 6


def test_the_paper_shows_in_small(made: tuple[Path, tuple[str, ...], Heard]) -> None:
    """Trained networks know strangers; raw they do not match, mapped they do; what learned nothing stays behind."""
    out, _, _ = made
    rows = list(csv.DictReader(io.StringIO((out / "tables" / "synthetic_faces-means.csv").read_text())))
    tar = {(row["setting"].split(" (")[0], row["what"]): float(row["mean TAR at FAR 1e-1"]) for row in rows}
    single = tar["disjoint", "single models"]
    assert single > 0.85
    assert tar["disjoint", "unmapped"] < 0.25
    assert tar["disjoint", "rotation map"] > 0.6
    shuffled = next(value for (group, what), value in tar.items() if "shuffled" in group and "rotation" in what)
    assert shuffled < 0.25
    assert tar["controls", "control-untrained to the ten, rotation map"] < tar["disjoint", "rotation map"] - 0.2


def test_the_window_begins_with_the_ten_and_with_the_fit_pairs_that_were_measured(
    made: tuple[Path, tuple[str, ...], Heard],
) -> None:
    with Study.open(made[0] / "demo.canon", read_only=True) as study:
        study.refresh_states()
        state = study.view["state"]
        assert state["left_out"] == ["twin-seed", "control-untrained"]
        assert state["sensitivity"]["pairs"] == [32, 0]
        settings = SensitivitySettings(
            DATASET, PLAN.counted, mode=FitMode.DISJOINT, pairs=(32, 0), repeats=state["sensitivity"]["repeats"]
        )
        found = stored_sensitivity(study, settings)
        assert all(cell is not None for cell in found.cells.values())


def test_a_second_run_does_nothing_twice(made: tuple[Path, tuple[str, ...], Heard]) -> None:
    out, lines, first = made
    before = {file: file.stat().st_mtime_ns for file in out.rglob("*.jpg")}
    results = {file.name for file in (out / "demo.canon" / "results").iterdir()}
    again = Heard()
    assert run_demo(out, again.ctx, PLAN)[0] == lines
    assert first.worked("rendering faces")
    assert not again.worked("rendering faces")
    assert {file: file.stat().st_mtime_ns for file in out.rglob("*.jpg")} == before
    assert {file.name for file in (out / "demo.canon" / "results").iterdir()} == results


def test_a_demo_from_before_its_photographs_were_described_is_gone_through_again_and_keeps_all_it_has(
    made: tuple[Path, tuple[str, ...], Heard],
) -> None:
    out, lines, _ = made
    (file,) = (out / "faces" / "meta").glob("*_covariates.csv")
    file.unlink()
    with Study.open(out / "demo.canon") as study:
        assert study.refresh_dataset(DATASET, JobContext()).templates.covariates == ()
    finished = out / "demo.finished"
    finished.write_text(finished.read_text().replace(", form 2", ""))
    assert not demo_is_finished(out, PLAN)
    kept = [out / "faces" / "loose_crop", out / "demo.canon" / "embeddings", out / "demo.canon" / "results"]
    before = {path: path.stat().st_mtime_ns for folder in kept for path in folder.rglob("*.*")}
    assert run_demo(out, JobContext(), PLAN)[0] == lines
    assert {path: path.stat().st_mtime_ns for folder in kept for path in folder.rglob("*.*")} == before
    assert demo_is_finished(out, PLAN)
    with Study.open(out / "demo.canon", read_only=True) as study:
        assert study.dataset(DATASET).templates.covariates == COLUMNS


def test_what_is_said_of_the_photographs_is_what_they_show(made: tuple[Path, tuple[str, ...], Heard]) -> None:
    out, _, _ = made
    with Study.open(out / "demo.canon", read_only=True) as study:
        known = {each.name: each for each in study.templates(DATASET).covariates}
        faces = study.faces(DATASET)
        protocol = study.templates(DATASET).verification
    yaw, points = known["YAW"].values, faces.landmarks
    turned = np.abs(yaw) > 15
    nose = points[:, 2, 0] - points[:, :2, 0].mean(axis=1)
    assert turned.sum() > 100
    assert np.mean(np.sign(nose[turned]) == np.sign(yaw[turned])) > 0.95
    pitch = known["PITCH"].values
    raised = points[:, 2, 1] - (points[:, :2, 1].mean(axis=1) + points[:, 3:, 1].mean(axis=1)) / 2
    assert np.corrcoef(raised, pitch)[0, 1] < -0.5
    subject = np.array(faces.subjects, str)
    light = np.array([opencv().imread(str(faces.root / name), 0)[50:100, 50:94].mean() for name in faces.ids])
    people = np.unique(subject)
    brightness = [light[subject == one].mean() for one in people]
    melanin = [known["SKIN"].values[subject == one] for one in people]
    assert all(np.ptp(values) == 0 for values in melanin)
    assert np.corrcoef(brightness, [values[0] for values in melanin])[0, 1] < -0.7
    # the frames of a run share a medium, a still has its own
    media, counts = np.unique(protocol.media, return_counts=True)
    runs = np.isin(protocol.media, media[counts > 1])
    assert known["SHOT"].classes == ("frame", "still")
    assert np.array_equal(known["SHOT"].values == 0, runs)


def test_a_demo_whose_program_moved_keeps_what_was_made_with_its_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(PLAN, people=range(HELD_OUT, HELD_OUT + 2), fold_people=range(HELD_OUT + 1000, HELD_OUT + 1004))
    small = replace(small, networks=("M1_MB2_A",))
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(network_file("M1_MB2_A").parent, elsewhere)
    with monkeypatch.context() as before:
        before.setattr("canon_core.demo.study.network_file", lambda name: elsewhere / f"{name}.onnx")
        open_demo_study(tmp_path / "out", small, JobContext()).close()
    shutil.rmtree(elsewhere)
    (embedded,) = (tmp_path / "out" / "demo.canon" / "embeddings").rglob("synthetic_faces.h5")
    written = embedded.stat()
    with open_demo_study(tmp_path / "out", small, JobContext()) as study:
        assert study.model("M1_MB2_A").file == network_file("M1_MB2_A")
    assert (embedded.stat().st_ino, embedded.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


def test_faces_of_other_people_are_rendered_anew(made: tuple[Path, tuple[str, ...], Heard], tmp_path: Path) -> None:
    small = replace(PLAN, people=range(HELD_OUT, HELD_OUT + 4), fold_people=range(HELD_OUT + 1000, HELD_OUT + 1004))
    small = replace(small, networks=("M1_MB2_A",))
    with open_demo_study(tmp_path, small, JobContext()) as study:
        images = study.dataset(DATASET).images
    other = replace(small, people=range(HELD_OUT + 7, HELD_OUT + 10))
    with open_demo_study(tmp_path, other, JobContext()) as study:
        entry = study.dataset(DATASET)
        assert entry.subjects == 3
        assert entry.images == draw_world(other.people).images != images
        assert study.embedding_state("M1_MB2_A", DATASET).complete


def test_the_study_is_of_ijbcs_and_lfws_shape(made: tuple[Path, tuple[str, ...], Heard]) -> None:
    out, _, _ = made
    world = draw_world(PLAN.people)
    with Study.open(out / "demo.canon", read_only=True) as study:
        templates, folds = study.dataset(DATASET), study.dataset(FOLDS)
        assert templates.templates is not None
        assert templates.images == world.images
        assert templates.templates.templates == len(world.templates)
        assert templates.templates.pairs == len(PLAN.people) * len(world.probes)
        assert templates.templates.genuine == len(world.probes)
        assert templates.templates.galleries == ("G1", "G2")
        assert templates.problems == folds.problems == 0
        assert folds.has_folds
        assert folds.images == len(PLAN.fold_people) * STILLS
        assert not any("differ" in note for note in templates.notes)
        faces = study.faces(DATASET)
        assert faces.scores is not None
        assert 0 < float(np.min(faces.scores)) < float(np.max(faces.scores)) <= 1
        assert faces.width[0] > ARCFACE_SIDE


def test_the_demo_can_be_cancelled_and_goes_on(tmp_path: Path) -> None:
    plan = replace(PLAN, people=range(HELD_OUT, HELD_OUT + 6), fold_people=range(HELD_OUT + 1000, HELD_OUT + 1004))
    plan = replace(plan, networks=("M1_MB2_A", "V_R8_A"))

    def stop_while_embedding(event: Event) -> None:
        if isinstance(event, Progress) and "embedding" in event.what and event.done:
            ctx.cancel()

    ctx = JobContext(emit=stop_while_embedding)
    with pytest.raises(Cancelled):
        run_demo(tmp_path, ctx, plan)
    rendered = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.jpg")}
    assert rendered
    run_demo(tmp_path, JobContext(), plan)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.jpg")} == rendered


@pytest.mark.parametrize("name", ["faces", "folds"])
def test_folders_that_the_demo_did_not_make_are_refused_and_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name / "alice").mkdir(parents=True)
    (tmp_path / name / "alice" / "1.jpg").write_text("a photograph of mine")
    with pytest.raises(CanonError) as caught:
        run_demo(tmp_path, JobContext(), PLAN)
    assert str(tmp_path / name) in caught.value.sentence()
    assert "--out" in caught.value.sentence()
    assert (tmp_path / name / "alice" / "1.jpg").read_text() == "a photograph of mine"
    assert not (tmp_path / "demo.canon").exists()


def test_faces_of_another_renderer_are_told_by_their_looks(tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    assert prepare_folder(folder, "somebody")
    assert not prepare_folder(folder, "somebody")
    sample = np.load(folder / "rendered.npy")
    rounded = sample.copy()
    rounded[0, 0, 0] ^= 1  # as another processor may round
    np.save(folder / "rendered.npy", rounded)
    (folder / "kept.jpg").write_text("")
    assert not prepare_folder(folder, "somebody")
    np.save(folder / "rendered.npy", 255 - sample)
    assert prepare_folder(folder, "somebody")
    assert not (folder / "kept.jpg").exists()


def test_a_demo_that_came_to_its_end_is_known_and_one_of_another_plan_is_not(
    made: tuple[Path, tuple[str, ...], Heard], tmp_path: Path
) -> None:
    assert demo_is_finished(made[0], PLAN)
    assert not demo_is_finished(made[0], DemoPlan())
    assert not demo_is_finished(tmp_path, PLAN)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CanonError) as caught:
        run_demo(tmp_path / "file" / "demo", JobContext(), PLAN)
    assert "file" in caught.value.sentence()
    assert "--out" in caught.value.sentence()


# -- the table -------------------------------------------------------------------------------------------------------
def test_tables_say_the_same_in_every_form(made: tuple[Path, tuple[str, ...], Heard]) -> None:
    out, lines, _ = made
    with Study.open(out / "demo.canon") as study:
        found = measure_demo(study, PLAN, JobContext())
    parsed = list(csv.reader(io.StringIO(csv_table(found.rows))))
    text = markdown_table(found.rows).splitlines()
    assert len(parsed) == len(text) - 1 == len(found.rows) + 1
    for row, line in zip(parsed[1:], text[2:], strict=True):
        shown = [cell.strip() for cell in line.strip("|").split("|")]
        assert shown[1] == row[2]
        assert [f"{float(value):.3f}" for value in row[4:7]] == shown[3:6]
        assert any(row[2] in said and shown[3] in said for said in lines)


@pytest.fixture
def emptied(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def empty() -> None:
        def missing(*parts: str) -> Path:
            raise FileNotFoundError(f"{'/'.join(parts)} is missing: the installation is incomplete; install it again")

        monkeypatch.setattr("canon_core.demo.networks.resource", missing)

    return empty


def test_a_missing_network_is_said_to_be_an_incomplete_installation(emptied: Callable[[], None]) -> None:
    emptied()
    with pytest.raises(CanonError, match="incomplete"):
        network_file("M2_R16_A")


def test_model_cards_hold_the_figures_of_the_training() -> None:
    """Cards are written by the training from the figures it keeps; no figure is typed."""
    for name in TEN:
        card = network_file(name).with_suffix(".md").read_text(encoding="utf-8")
        assert "Training time:" in card
        assert "smallest cosine to PyTorch 1.000000" in card or "smallest cosine to PyTorch 0.9999" in card
