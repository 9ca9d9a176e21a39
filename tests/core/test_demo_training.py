"""Training of the demo's networks, as far as it goes without PyTorch: who is seen, how, and what is said of it."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import decomposition
from sklearn.metrics import roc_curve

from canon_core.datasets.faces import Alignment
from canon_core.demo.people import HELD_OUT, M1, M2, NOT_M2, TRAINING, VALIDATION, C, G, V
from canon_core.demo.training import __main__ as command
from canon_core.demo.training import photographs as taking
from canon_core.demo.training.card import ModelCard, summary
from canon_core.demo.training.controls import CONTROLS, PCA, Control, control_graph
from canon_core.demo.training.crops import crops, moved, plain_batch, training_batch
from canon_core.demo.training.layers import Conv, MaxPool, Parallel, shape_after
from canon_core.demo.training.photographs import SHOTS, SIDE, open_photographs, photograph_person, take_photographs
from canon_core.demo.training.processes import Children
from canon_core.demo.training.recipes import RECIPES, TEN, TWINS, CentreLoss, MarginLoss, Recipe
from canon_core.demo.training.validation import FARS, TEMPLATES, embed_with_engine, least_cosine, template_tars
from canon_core.embedding.align import ARCFACE_POINTS, align_face
from canon_core.errors import CanonError
from canon_core.models.spec import parse_spec, spec_to_toml

MADE = (*RECIPES, *CONTROLS)
PEOPLE = (3, 900_001)


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> taking.Photographs:
    return take_photographs(tmp_path_factory.mktemp("taken"), 1, lambda text: None, PEOPLE)


# -- who -------------------------------------------------------------------------------------------------------------
def test_no_network_is_trained_on_anybody_the_study_or_the_validation_shows() -> None:
    for item in MADE:
        assert max(item.people) < HELD_OUT, item.name
        assert not set(item.people) & set(VALIDATION), item.name
        assert set(item.people) <= set(TRAINING), item.name
    assert max(VALIDATION) < HELD_OUT


def test_training_sets_nest_overlap_and_are_disjoint_as_the_papers_are() -> None:
    assert set(M2) < set(M1) < set(G)
    assert set(C) < set(G)
    assert set(V) & set(M1)
    assert set(V) & set(C)
    for one, other in ((M2, V), (M2, C), (M1, C), (M2, NOT_M2)):
        assert not set(one) & set(other)


def test_twins_differ_from_the_first_network_in_what_their_names_say() -> None:
    first, (by_seed, by_data) = TEN[0], TWINS
    same = ("layers", "input", "loss", "epochs", "rate", "flip", "unit", "pfe")
    for twin in TWINS:
        assert [getattr(twin, name) for name in same] == [getattr(first, name) for name in same]
        assert twin.seed != first.seed
    assert by_seed.people == first.people
    assert len(by_data.people) == len(first.people)
    assert not set(by_data.people) & set(first.people)


# -- recipes ---------------------------------------------------------------------------------------------------------
def test_there_are_ten_networks_with_names_and_seeds_of_their_own() -> None:
    assert len(TEN) == 10
    assert len({item.name for item in MADE}) == len(MADE)
    assert len({item.seed for item in RECIPES}) == len(RECIPES)
    losses = {(type(item.loss).__name__, item.loss.name) for item in TEN}
    assert len(losses) == 5
    assert {item.loss.sampled for item in TEN if isinstance(item.loss, MarginLoss)} == {0.1, 1.0}
    assert sum(isinstance(item.loss, CentreLoss) for item in TEN) == 2
    assert sum(item.pfe for item in TEN) == 2


@pytest.mark.parametrize("item", MADE, ids=lambda item: item.name)
def test_specs_survive_their_file_and_say_that_the_faces_are_synthetic(item: Recipe) -> None:
    assert parse_spec(spec_to_toml(item.spec)) == item.spec
    assert "synthetic faces" in item.spec.about["title"]
    assert str(item.people.start) in item.spec.about["training_set"]


def test_shapes_after_layers_are_those_of_onnx_arithmetic() -> None:
    halving = Conv(8, stride=2)
    assert shape_after((halving,), (3, 9, 6)) == (8, 5, 3)
    both = Parallel(((Conv(4), halving), (MaxPool(),)))
    assert shape_after((both,), (3, 9, 6)) == (11, 5, 3)


# -- photographs -----------------------------------------------------------------------------------------------------
def test_photographs_are_the_same_however_they_are_taken(taken: taking.Photographs) -> None:
    images, points = photograph_person(PEOPLE[0])
    chosen_images, chosen_points = taken.of(range(3, 4))
    np.testing.assert_array_equal(chosen_images, images)
    np.testing.assert_array_equal(chosen_points, points)
    assert images.shape == (SHOTS, SIDE, SIDE, 3)
    with pytest.raises(ValueError, match="not everybody"):
        taken.of(range(3, 5))


def test_a_cut_session_goes_on_with_those_who_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shot: list[int] = []

    def photograph(person: int) -> tuple[np.ndarray, np.ndarray]:
        if person == 6 and 6 not in shot:
            shot.append(person)
            raise KeyboardInterrupt
        shot.append(person)
        return np.full((SHOTS, SIDE, SIDE, 3), person, np.uint8), np.full((SHOTS, 5, 2), person, np.float32)

    monkeypatch.setattr(taking, "photograph_person", photograph)
    sample = np.random.default_rng(0).integers(0, 255, (3, SIDE, SIDE, 3), dtype=np.uint8)
    monkeypatch.setattr(taking, "sample_of_renderer", lambda: sample)
    monkeypatch.setattr(taking, "_STRETCH", 2)
    people = range(3, 9)
    with pytest.raises(KeyboardInterrupt):
        take_photographs(tmp_path, 1, lambda text: None, people)
    found = take_photographs(tmp_path, 1, lambda text: None, people)
    assert shot == [3, 4, 5, 6, 5, 6, 7, 8]
    assert found.images[:, 0, 0, 0, 0].tolist() == list(people)
    assert open_photographs(tmp_path).points[:, 0, 0, 0].tolist() == list(people)
    rounded = sample.copy()
    rounded[0, :10, :10] += 1
    monkeypatch.setattr(taking, "sample_of_renderer", lambda: rounded)
    assert take_photographs(tmp_path, 1, lambda text: None, people).fingerprint == found.fingerprint
    monkeypatch.setattr(taking, "sample_of_renderer", lambda: np.roll(sample, 1, axis=2))
    with pytest.raises(CanonError, match="another renderer"):
        take_photographs(tmp_path, 1, lambda text: None, people)
    monkeypatch.setattr(taking, "sample_of_renderer", lambda: sample)
    with pytest.raises(CanonError, match="other people"):
        take_photographs(tmp_path, 1, lambda text: None, people[:-1])


# -- what networks see -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("item", RECIPES, ids=lambda item: item.name)
def test_networks_see_in_validation_what_a_study_shows_them(item: Recipe, taken: taking.Photographs) -> None:
    images, points = taken.of(range(3, 4))
    batch = plain_batch(images[:2], points[:2], item.spec)
    crop = align_face(images[1], points[1], None, item.input, Alignment.LANDMARKS).astype(np.float64)
    if item.input.color == "bgr":
        crop = crop[..., ::-1]
    expected = (crop - item.input.mean) / item.input.std
    seen = batch[1] if item.input.layout == "nhwc" else batch[1].transpose(1, 2, 0)
    np.testing.assert_allclose(seen, expected, atol=1e-4)


@pytest.mark.parametrize("item", RECIPES, ids=lambda item: item.name)
def test_training_changes_light_and_place_a_little(item: Recipe, taken: taking.Photographs) -> None:
    images, points = taken.of(range(3, 4))
    plain = plain_batch(images, points, item.spec)
    changed = training_batch(images, points, item.spec, np.random.default_rng(0))
    again = training_batch(images, points, item.spec, np.random.default_rng(0))
    np.testing.assert_array_equal(changed, again)
    axis = 2 if item.input.layout == "nhwc" else 3
    apart = np.minimum(
        np.abs(changed - plain).mean(axis=(1, 2, 3)), np.abs(np.flip(changed, axis) - plain).mean(axis=(1, 2, 3))
    )
    levels = apart * item.input.std[0]  # of 255
    assert (levels > 1).all()
    assert np.median(levels) < 40


def test_light_changes_alike_whatever_a_networks_normalisation(taken: taking.Photographs) -> None:
    """In levels of 0..255, the same draws give the same pixels."""
    images, points = taken.of(range(3, 4))
    by_name = {item.name: item for item in RECIPES}
    levels = []
    for name in ("M2_R16_A", "G_R10_P0.1"):
        spec = by_name[name].spec
        batch = training_batch(images, points, spec, np.random.default_rng(1))
        levels.append(batch * spec.input.std[0] + spec.input.mean[0])
    np.testing.assert_allclose(levels[0], levels[1], atol=1e-2)


@given(seed=st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_landmarks_move_by_a_few_pixels_of_the_template(seed: int) -> None:
    points = np.repeat(ARCFACE_POINTS[None].astype(np.float32), 400, axis=0)
    by = moved(points, np.random.default_rng(seed)) - points
    shift = by.mean(axis=1)
    assert np.abs(shift.mean(axis=0)).max() < 0.5
    assert 1.2 < shift.std() < 2.1
    assert np.abs(by).max() < 16
    twice = moved(2 * points, np.random.default_rng(seed)) - 2 * points
    np.testing.assert_allclose(twice, 2 * by, atol=1e-3)  # in proportion to the face


# -- figures ---------------------------------------------------------------------------------------------------------
def test_template_tars_are_those_of_a_slow_loop() -> None:
    rng = np.random.default_rng(5)
    people = 12
    centres = rng.standard_normal((people, 8))
    embeddings = (np.repeat(centres, SHOTS, axis=0) + 1.5 * rng.standard_normal((people * SHOTS, 8))).astype(np.float32)
    templates, owners = [], []
    for person in range(people):
        for shots in TEMPLATES:
            rows = [embeddings[person * SHOTS + shot] for shot in shots]
            mean = sum(row / np.linalg.norm(row) for row in rows)
            templates.append(mean / np.linalg.norm(mean))
            owners.append(person)
    scores, genuine = [], []
    for a in range(len(templates)):
        for b in range(a):
            scores.append(templates[a] @ templates[b])
            genuine.append(owners[a] == owners[b])
    far, tar, _ = roc_curve(genuine, scores, drop_intermediate=False)
    expected = [tar[far <= target].max() for target in FARS]
    np.testing.assert_allclose(template_tars(embeddings), expected, atol=1e-9)


def test_principal_components_are_scikit_learns(taken: taking.Photographs, tmp_path: Path) -> None:
    import cv2
    import onnx

    rng = np.random.default_rng(0)
    control = next(item for item in CONTROLS if item.name == PCA)
    images = rng.integers(0, 256, (200, SIDE, SIDE, 3), dtype=np.uint8)
    points = np.repeat((ARCFACE_POINTS + 16)[None].astype(np.float32), 200, axis=0)
    file = tmp_path / "control-pca.onnx"
    onnx.save(control_graph(control, images, points), file)
    file.with_suffix(".toml").write_text(spec_to_toml(control.spec))
    found = embed_with_engine(file, images[:20], points[:20])
    small = [cv2.resize(crop, (32, 32), interpolation=cv2.INTER_AREA) for crop in _float_crops(images, points, control)]
    rows = np.stack(small).transpose(0, 3, 1, 2).reshape(200, -1)
    expected = decomposition.PCA(128, svd_solver="full").fit(rows).transform(rows[:20])
    signs = np.sign((found * expected).sum(axis=0))
    assert np.abs(found * signs - expected).max() < 2e-2 * np.abs(expected).max()
    assert least_cosine(found * signs, expected.astype(np.float32)) > 0.9999


def _float_crops(images: np.ndarray, points: np.ndarray, control: Control) -> list[np.ndarray]:
    spec = control.spec.input
    return [(crop.astype(np.float32) - spec.mean[0]) / spec.std[0] for crop in crops(images, points, spec)]


# -- the command -----------------------------------------------------------------------------------------------------
class Trainers:
    """In the place of processes that train: the second network fails the first time."""

    asked: list[str]
    over = False

    def __enter__(self) -> Trainers:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def run(self, arguments: list[str], heard: Callable[[str], None]) -> int:
        *_, folder, name = arguments
        self.asked.append(name)
        heard("epoch 1 of 1")
        if name == RECIPES[1].name and self.asked.count(name) == 1:
            return 1
        (Path(folder) / "work" / name).mkdir(parents=True)
        replace(CARD, name=name).write(Path(folder) / "work" / name / "card.json")
        return 0


def test_the_command_trains_what_is_missing_and_says_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Trainers.asked = []
    monkeypatch.setattr(command, "Children", Trainers)
    monkeypatch.setattr(command, "take_photographs", lambda folder, jobs, say: None)
    monkeypatch.setattr(command, "find_spec", lambda name: object())
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")
    names = [recipe.name for recipe in RECIPES[:3]]
    asked = ["--out", str(tmp_path), "--jobs", "1", *(word for name in names for word in ("--only", name))]
    assert command.main(asked) == 1
    assert f"{names[1]}: failed" in (tmp_path / "training.log").read_text()
    assert command.main(asked) == 0
    assert Trainers.asked == [*names, names[1]]
    assert f"{names[2]}: finished earlier" in capsys.readouterr().out
    table = (tmp_path / "training.md").read_text()
    assert all(name in table for name in names)


def test_the_command_says_first_that_pytorch_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.setenv("MKL_NUM_THREADS", "1")
    assert command.main(["--out", str(tmp_path / "new")]) == 1
    assert "PyTorch is not installed" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_processes_end_with_the_block_that_started_them() -> None:
    heard: queue.SimpleQueue[str] = queue.SimpleQueue()
    program = "import time; print('ready', flush=True); time.sleep(60)"
    with ThreadPoolExecutor(1) as pool, Children() as children:
        running = pool.submit(children.run, ["-c", program], heard.put)
        assert heard.get(timeout=20) == "ready"
    assert running.result(timeout=20) != 0
    assert children.run(["-c", program], heard.put) == 1
    with Children() as children:
        assert children.run(["-c", "print('one'); print('two'); raise SystemExit(3)"], heard.put) == 3
    assert [heard.get(), heard.get()] == ["one", "two"]


# -- cards -----------------------------------------------------------------------------------------------------------
CARD = ModelCard(
    "N", "Some network", "ArcFace", 10, 19, 140, 3, 1, 90.0, 2.5, 0.75, (0.9, 0.8, 0.7, 0.6), 0.999999, 10_000, 20_480,
    "abcdef" * 10, "PyTorch 0",
)  # fmt: skip


def test_a_card_keeps_its_facts_and_shows_them(tmp_path: Path) -> None:
    CARD.write(tmp_path / "card.json")
    assert ModelCard.read(tmp_path / "card.json") == CARD
    text = CARD.markdown(VALIDATION)
    for fact in ("# N", "synthetic", "10 to 19", "ArcFace", "Seed: 1", "420", "1.5 minutes", "0.800 at 1e-2", "20 kB"):
        assert fact in text
    assert "0.700" in summary([CARD])
    assert summary([CARD]).count("\n") == 3
