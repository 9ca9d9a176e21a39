"""Two pictures through two networks: similarities by hand, thresholds of an image-level cell, and words without one."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from canon_core.datasets.faces import ARCFACE_POINTS, Alignment, FaceImages
from canon_core.datasets.images import opencv, read_image
from canon_core.datasets.options import DatasetOptions
from canon_core.embedding.embed import EmbedOptions
from canon_core.embedding.face_picture import Picture, Placing, thumbnail
from canon_core.embedding.network import Network
from canon_core.errors import Cancelled, DatasetError, StoreError, StudyError
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.matrix import run_matrix
from canon_core.experiments.pairs import PairFinder
from canon_core.experiments.two_faces import TwoFaces, TwoFacesSettings
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.store.embeddings import read_embeddings
from canon_core.study.pair_results import PairKind, PairSettings
from canon_core.study.results import FitMode, Matrix, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

from .naive.protocol import Shape
from .template_study import make_study

FAR = (1e-1, 1e-3, 1e-4)
SETTINGS = MatrixSettings("faces", ("a", "b"), far=FAR)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, make_network: Callable, make_faces: Callable) -> Path:
    """Networks of 24 and 16 dimensions, 26 people, a study with its linear matrix, and pictures of others."""
    root = tmp_path_factory.mktemp("two")
    make_network(root / "a.onnx", dimensions=24, seed=1)
    make_network(root / "b.onnx", dimensions=16, seed=2)
    make_faces(root / "faces", subjects=26, images=4)
    make_faces(root / "others", subjects=2, images=2, seed=9)
    with Study.create(root / "s") as study:
        for name in ("a", "b"):
            study.add_model(root / f"{name}.onnx")
        study.add_dataset(root / "faces", DatasetOptions(), JobContext())
        embed_study(study, "faces", (), EmbedOptions(provider="cpu"), JobContext())
        run_matrix(study, SETTINGS, JobContext())
    return root


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Iterator[Study]:
    with Study.open(shutil.copytree(made / "s.canon", tmp_path / "s.canon")) as opened:
        opened.refresh_states()
        yield opened


def crop(made: Path, person: int, number: int = 1) -> Picture:
    name = f"Person_{person:02d}"
    return Picture(made / "others" / name / f"{name}_{number:04d}.png", Placing.CROP)


def image(study: Study, row: int, dataset: str = "faces") -> Picture:
    return Picture(row=row, fingerprint=study.dataset(dataset).fingerprint)


def asked(first: Picture, second: Picture, source: str = "a", target: str = "b", **more: object) -> TwoFacesSettings:
    matrix = replace(SETTINGS, **more)  # type: ignore[arg-type]
    return TwoFacesSettings(matrix, source, target, FarRule.CONSERVATIVE, first, second)


def network(made: Path, name: str, pixels: np.ndarray) -> np.ndarray:
    """The tiny network by hand: W · mean of 16 × 16 blocks, of norm 1."""
    import onnx
    from onnx import numpy_helper

    weights = numpy_helper.to_array(onnx.load(str(made / f"{name}.onnx")).graph.initializer[0]).astype(np.float64)
    blocks = ((pixels.astype(np.float64) - 127.5) / 127.5).reshape(7, 16, 7, 16, 3).mean(axis=(1, 3))
    embedded = blocks.transpose(2, 0, 1).ravel() @ weights
    return embedded / np.linalg.norm(embedded)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=-1, keepdims=True)


def stored(study: Study, model: str) -> np.ndarray:
    return unit(read_embeddings(study.embeddings_path(model, "faces")))


def halves(study: Study) -> np.ndarray:
    return np.array([zlib.crc32(f"0:{subject}".encode()) & 1 for subject in study.faces("faces").subjects])


def cell(study: Study, **more: object) -> Matrix:
    return run_matrix(study, replace(SETTINGS, **more), JobContext())  # type: ignore[arg-type]


# -- outside pictures --------------------------------------------------------------------------------------------------
def test_pictures_are_embedded_mapped_and_decided_as_by_hand(study: Study, made: Path) -> None:
    pictures = crop(made, 0), crop(made, 1)
    found = TwoFaces(study).compare(asked(*pictures), JobContext())
    x, y = (
        network(made, name, read_image(picture.path)) for name, picture in zip("ab", pictures, strict=True)
    )
    fit = halves(study) == 1  # the map of the first half's pairs is fitted on the second half
    matrix = np.linalg.lstsq(stored(study, "a")[fit], stored(study, "b")[fit], rcond=None)[0]
    mapped = unit(x @ matrix)
    np.testing.assert_allclose(found.source, x, atol=1e-5)
    np.testing.assert_allclose(found.target, y, atol=1e-5)
    np.testing.assert_allclose(found.mapped, mapped, atol=1e-4)
    assert found.score is not None
    assert found.score.score == pytest.approx(mapped @ y, abs=1e-4)
    assert found.raw.score == pytest.approx(x[:16] @ y, abs=1e-5)
    assert "24 and 16 dimensions" in found.raw.note
    assert found.raw.decisions == ()
    assert found.map_words == f"linear map, fitted on the {fit.sum()} images of one half of the subjects of faces"
    reading = cell(study).reading("a", "b", 1e-3, FarRule.CONSERVATIVE)
    assert reading is not None
    [first, second] = found.score.decisions
    assert (first.far, first.threshold) == (1e-3, reading.point.threshold)
    assert first.accepted == (found.score.score >= first.threshold)
    assert second.far == 1e-4
    assert first.few  # of a few thousand impostor pairs
    assert "image-level cell a → b of faces" in found.basis
    for picture, seen in zip(pictures, found.crops, strict=True):
        np.testing.assert_array_equal(seen, read_image(picture.path))


def test_the_percentile_is_that_of_impostor_pairs_of_images_outside_the_fit(study: Study, made: Path) -> None:
    found = TwoFaces(study).compare(asked(crop(made, 0), crop(made, 1)), JobContext())
    subjects = np.array(study.faces("faces").subjects)
    out, fit = halves(study) == 0, halves(study) == 1
    matrix = np.linalg.lstsq(stored(study, "a")[fit], stored(study, "b")[fit], rcond=None)[0]
    scores = unit(stored(study, "a")[out] @ matrix) @ stored(study, "b")[out].T
    impostors = scores[subjects[out][:, None] != subjects[out][None, :]]
    assert found.score is not None
    assert found.score.impostors == impostors.size
    assert found.score.percentile == pytest.approx(100 * (impostors < found.score.score).mean(), abs=0.02)


def test_a_file_that_is_an_image_of_the_dataset_is_known(study: Study, made: Path, tmp_path: Path) -> None:
    two, faces = TwoFaces(study), study.faces("faces")
    assert two.row_of(faces.path(7), "faces") == 7
    assert two.row_of(made / "faces" / ".." / "faces" / faces.ids[7], "faces") == 7
    (tmp_path / "linked").symlink_to(made / "faces", target_is_directory=True)
    assert two.row_of(tmp_path / "linked" / faces.ids[7], "faces") == 7
    other = crop(made, 1).path
    assert other is not None
    for file, dataset in ((faces.path(7), ""), (other, "faces"), (made / "faces" / "none.png", "faces")):
        assert two.row_of(file, dataset) == -1


@pytest.mark.parametrize(
    "changes",
    [
        {"alignment": Alignment.WHOLE},
        {"alignment": Alignment.BOXES},
        {"alignment": None},
        {"file_size": np.zeros(104, np.int64)},
        {"mtime_ns": np.zeros(104, np.int64)},
        {"files": ("one.png",) * 104},
    ],
)
def test_a_file_of_the_dataset_that_is_no_single_face_of_it_as_it_was_read_is_a_file_like_any_other(
    study: Study, made: Path, changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = study.faces("faces")
    table = replace(faces, **changes)  # type: ignore[arg-type]
    file = faces.path(0)
    if table.files is not None:  # a photograph of several people
        file = Path(shutil.copy(file, made / "faces" / "one.png"))
        now = file.stat()
        table = replace(table, file_size=np.full(104, now.st_size), mtime_ns=np.full(104, now.st_mtime_ns))
    monkeypatch.setattr(Study, "faces", lambda *_: table)
    assert TwoFaces(study).row_of(file, "faces") == -1
    if table.files is not None:
        monkeypatch.setattr(Study, "faces", lambda *_: replace(table, files=("one.png", *faces.ids[1:])))
        assert TwoFaces(study).row_of(file, "faces") == 0
        file.unlink()


def test_a_damaged_table_of_images_keeps_no_other_picture_from_being_looked_at(
    study: Study, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> FaceImages:
        raise StoreError("the table of images is damaged", path=made)

    file = study.faces("faces").path(0)
    monkeypatch.setattr(Study, "faces", damaged)
    assert TwoFaces(study).row_of(file, "faces") == -1


def test_a_model_against_itself_needs_no_map(study: Study, made: Path) -> None:
    found = TwoFaces(study).compare(asked(crop(made, 0), crop(made, 0), "a", "a"), JobContext())
    assert found.raw.score == pytest.approx(1, abs=1e-5)
    assert found.score is None
    assert [one.accepted for one in found.raw.decisions] == [True, True]
    assert "no map" in found.map_words
    assert found.mapped is found.source


# -- images of the dataset --------------------------------------------------------------------------------------------
def test_images_of_one_half_get_the_map_that_was_not_fitted_on_them(study: Study) -> None:
    half, subjects = halves(study), np.array(study.faces("faces").subjects)
    for own in (0, 1):
        rows = np.flatnonzero(half == own)[[0, -1]].tolist()
        found = TwoFaces(study).compare(asked(*(image(study, row) for row in rows)), JobContext())
        matrix = np.linalg.lstsq(stored(study, "a")[half != own], stored(study, "b")[half != own], rcond=None)[0]
        expected = unit(stored(study, "a")[rows[0]] @ matrix) @ stored(study, "b")[rows[1]]
        assert found.score is not None
        assert found.score.score == pytest.approx(expected, abs=1e-4)
        assert found.crops[0] is not None
        assert subjects[rows[0]] != subjects[rows[1]]


def test_that_a_fit_saw_a_face_is_said(study: Study, made: Path) -> None:
    half, two = halves(study), TwoFaces(study)
    one, other, same = (int(row) for row in (*np.flatnonzero(half == 0)[[0, -1]], np.flatnonzero(half == 1)[0]))
    apart = two.compare(asked(image(study, one), image(study, same)), JobContext())
    alike = two.compare(asked(image(study, one), image(study, other)), JobContext())
    strange = two.compare(asked(crop(made, 0), crop(made, 1)), JobContext())
    assert [found.map_words.endswith("a face shown here among them") for found in (apart, alike, strange)] == [
        True, False, False,
    ]  # fmt: skip


def test_an_image_of_another_dataset_is_refused(study: Study) -> None:
    two = TwoFaces(study)
    for wrong in (replace(image(study, 0), fingerprint="another"), image(study, 104), Picture(row=0)):
        with pytest.raises(DatasetError, match="none of 'faces' as it is now"):
            two.compare(asked(image(study, 1), wrong), JobContext())
        with pytest.raises(DatasetError, match="none of 'faces' as it is now"):
            two.look(wrong, "faces", None)


@pytest.mark.parametrize("mode", [FitMode.DISJOINT, FitMode.IN_SAMPLE])
def test_a_pair_at_the_threshold_itself_is_accepted_as_in_the_cell(study: Study, mode: FitMode) -> None:
    """The thresholds are scores of impostor pairs: each of those pairs is a match at its own threshold."""
    two, seen = TwoFaces(study), 0
    for source, target in (("a", "b"), ("b", "a"), ("a", "a"), ("b", "b")):
        cell(study, mode=mode)
        settings = PairSettings(replace(SETTINGS, mode=mode), source, target, 1e-3, FarRule.NEAREST, 500)
        finder = PairFinder(study, settings)
        threshold = finder.thresholds(JobContext()).cell
        at = [
            pair
            for pair in finder.shown(finder.errors(JobContext()).found[PairKind.FALSE_MATCHES, None])
            if pair.score == threshold
        ]
        for pair in at:
            wanted = asked(
                image(study, pair.first.image), image(study, pair.second.image), source, target, mode=mode
            )
            found = two.compare(replace(wanted, rule=FarRule.NEAREST), JobContext())
            decided = found.raw if found.score is None else found.score
            assert next(one for one in decided.decisions if one.far == 1e-3).accepted
            seen += 1
    assert seen


def test_of_one_model_each_impostor_pair_counts_once(study: Study) -> None:
    found = TwoFaces(study).compare(asked(image(study, 0), image(study, 1), "a", "a"), JobContext())
    subjects = np.array(study.faces("faces").subjects)[halves(study) == halves(study)[0]]
    pairs = (subjects[:, None] != subjects[None, :]).sum() // 2
    assert found.raw.impostors == pairs


def test_in_sample_the_map_is_fitted_on_everything(study: Study, made: Path) -> None:
    cell(study, mode=FitMode.IN_SAMPLE, map=MapKind.ROTATION)
    found = TwoFaces(study).compare(
        asked(crop(made, 0), crop(made, 1), mode=FitMode.IN_SAMPLE, map=MapKind.ROTATION), JobContext()
    )
    assert found.map_words == "rotation map, fitted on all 104 images of faces"
    assert found.score is not None
    assert len(found.score.decisions) == 2


# -- thresholds that are not there -----------------------------------------------------------------------------------
def test_without_a_scored_cell_there_is_a_percentile_alone(study: Study, made: Path) -> None:
    two, wanted = TwoFaces(study), asked(crop(made, 0), crop(made, 1), map=MapKind.AFFINE)
    found = two.compare(wanted, JobContext())
    assert found.score is not None
    assert found.score.decisions == ()
    assert found.score.percentile is not None
    assert "no threshold" in found.basis
    cell(study, map=MapKind.AFFINE)  # and as soon as it is scored, there is one
    again = two.compare(wanted, JobContext())
    assert again.score is not None
    assert again.score.score == found.score.score
    assert len(again.score.decisions) == 2


def test_a_matrix_that_is_not_read_at_these_fars_gives_no_threshold_and_says_so(study: Study, made: Path) -> None:
    cell(study, far=(1e-1, 1e-2))
    found = TwoFaces(study).compare(asked(crop(made, 0), crop(made, 1), far=(1e-1, 1e-2)), JobContext())
    assert found.score is not None
    assert found.score.decisions == ()
    assert found.basis.startswith("the matrix is not read at a FAR of")


def test_templates_give_a_map_and_no_threshold(tmp_path: Path) -> None:
    made = make_study(tmp_path, Shape(24, 2, 3, 60, 0.0, 1.0, 0, seed=5))
    settings = MatrixSettings("ijb", ("a", "b"), far=FAR)
    with Study.open(made.path) as study:
        study.refresh_states()
        run_matrix(study, settings, JobContext())
        wanted = TwoFacesSettings(
            settings, "a", "b", FarRule.CONSERVATIVE, image(study, 0, "ijb"), image(study, 1, "ijb")
        )
        found = TwoFaces(study).compare(wanted, JobContext())
        assert found.score is not None
        assert found.score.decisions == ()
        assert found.score.percentile is not None
        assert found.score.impostors > 100
        assert "compares templates" in found.basis
        assert "enrolment images of one half of the subjects of ijb" in found.map_words
        assert found.crops == (None, None)
        with pytest.raises(StudyError, match="'a' has no network"):
            TwoFaces(study).compare(replace(wanted, first=Picture(tmp_path / "x.png", Placing.CROP)), JobContext())


# -- where the face is -----------------------------------------------------------------------------------------------
def test_five_clicks_place_a_face(study: Study, made: Path, tmp_path: Path) -> None:
    """A crop in a corner of a larger picture, and its points there: the network sees the crop again."""
    source = crop(made, 0)
    assert source.path is not None
    pixels = read_image(source.path)
    large = np.zeros((300, 400, 3), np.uint8)
    large[30:142, 200:312] = pixels
    cv2 = opencv()
    path = tmp_path / "large.png"
    path.write_bytes(cv2.imencode(".png", large[..., ::-1])[1].tobytes())
    points = tuple((float(x) + 200, float(y) + 30) for x, y in ARCFACE_POINTS)
    two = TwoFaces(study)
    clicked = Picture(path, Placing.POINTS, points)
    found = two.compare(asked(clicked, crop(made, 1)), JobContext())
    plain = two.compare(asked(source, crop(made, 1)), JobContext())
    np.testing.assert_allclose(found.source, plain.source, atol=2e-3)
    for picture, words in (
        (Picture(path, Placing.CROP), "400 × 300 pixels, not a 112 × 112 crop"),
        (Picture(path), "nothing says where the face is"),
        (Picture(path, Placing.POINTS, points[:4]), "five points are needed"),
        (Picture(path, Placing.POINTS, (points[0],) * 5), "coincide"),
        (Picture(tmp_path / "none.png", Placing.CROP), "cannot be read"),
    ):
        with pytest.raises(DatasetError, match=words):
            two.compare(asked(picture, crop(made, 1)), JobContext())


def test_a_changed_file_is_read_again(study: Study, made: Path, tmp_path: Path) -> None:
    import os

    path = tmp_path / "one.png"
    sources = [crop(made, person).path for person in (0, 1)]
    two, found = TwoFaces(study), []
    for number, source in enumerate(sources):
        assert source is not None
        path.write_bytes(source.read_bytes())
        os.utime(path, ns=(number, number))
        found.append(two.compare(asked(Picture(path, Placing.CROP), crop(made, 1)), JobContext()).source)
    assert np.abs(found[0] - found[1]).max() > 0.05


@pytest.mark.real
def test_the_detector_places_a_face(study: Study, real: Path) -> None:
    pictures = sorted((real / "lfw250").glob("*/*.jpg"))[:2]
    wanted = asked(*map(Picture, pictures))
    two = TwoFaces(study)
    with pytest.raises(DatasetError, match="nothing says where the face is"):
        two.compare(wanted, JobContext())
    found = two.compare(replace(wanted, detector=real / "detector" / "yunet.onnx"), JobContext())
    folder = real / "lfw"
    for picture, seen in zip(pictures, found.crops, strict=True):
        truth = folder / picture.parent.name / picture.name
        if truth.exists():  # another detector's points: near, not the same
            assert np.abs(read_image(truth).astype(int) - np.asarray(seen, int)).mean() < 25


# -- refusals ---------------------------------------------------------------------------------------------------------
def test_what_cannot_be_compared_is_refused(study: Study, made: Path, tmp_path: Path) -> None:
    two = TwoFaces(study)
    ctx = JobContext()
    ctx.cancel()
    with pytest.raises(Cancelled):
        two.compare(asked(crop(made, 0), crop(made, 1)), ctx)
    with Study.create(tmp_path / "empty") as other:
        for name in ("a", "b"):
            other.add_model(made / f"{name}.onnx")
        other.add_dataset(made / "faces", DatasetOptions(), JobContext())
        with pytest.raises(StudyError, match="no map between them"):
            TwoFaces(other).compare(asked(crop(made, 0), crop(made, 1)), JobContext())


@pytest.mark.parametrize("nothing", [np.nan, np.inf, 0.0])
def test_an_image_without_a_usable_embedding_is_refused(tmp_path: Path, nothing: float) -> None:
    people = np.repeat(np.random.default_rng(0).standard_normal((60, 12)), 3, axis=0)
    with Study.create(tmp_path / "s") as other:
        for seed, name in enumerate("ab"):
            rows = people + 0.5 * np.random.default_rng(seed + 1).standard_normal(people.shape)
            rows[5 if name == "a" else 7] = nothing
            ids = np.array([f"p{number // 3:02d}/{number:03d}.jpg" for number in range(len(rows))])
            np.savez(tmp_path / f"{name}.npz", embs=rows.astype(np.float32), ids=ids)
            other.import_embeddings(tmp_path / f"{name}.npz", model=name, dataset="faces", ctx=JobContext())
        other.refresh_states()
        order = [int(Path(name).stem) for name in other.faces("faces").ids]
        five, seven, good = (image(other, order.index(number)) for number in (5, 7, 9))
        two = TwoFaces(other)
        for first, second, model, name in ((five, good, "a", "005"), (good, seven, "b", "007")):
            with pytest.raises(DatasetError, match=f"'{model}' has no usable embedding") as raised:
                two.compare(asked(first, second), JobContext())
            assert name in raised.value.sentence()
        assert two.compare(asked(seven, five), JobContext()).score is not None  # each model has the one it is asked for


def test_a_network_that_makes_nothing_of_a_picture_is_told(
    study: Study, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Network, "run", lambda network, images: np.zeros((1, 24), np.float32))
    with pytest.raises(DatasetError, match="'a' has no usable embedding"):
        TwoFaces(study).compare(asked(crop(made, 0), crop(made, 1)), JobContext())


def test_thumbnails_show_the_face_or_the_whole_picture(study: Study) -> None:
    faces = study.faces("faces")
    aligned = thumbnail(faces, 3, 56, aligned=True)
    whole = thumbnail(faces, 3, 112, aligned=False)
    assert aligned.shape == (56, 56, 3)
    np.testing.assert_array_equal(whole, read_image(faces.path(3)))


def test_a_second_answer_comes_at_once(study: Study, made: Path) -> None:
    two = TwoFaces(study)
    two.compare(asked(crop(made, 0), crop(made, 1)), JobContext())
    zero, one = crop(made, 0, 2), crop(made, 1, 2)
    others = [(zero, one), (one, zero), (crop(made, 1), crop(made, 0))]
    found = [two.compare(asked(*pictures), JobContext()) for pictures in others]
    assert min(each.seconds for each in found) < 0.2
