"""What is told of the single points of an overlay: names, faces, covariates, neighbours, against loops."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from canon_core.errors import Cancelled
from canon_core.experiments import overlay_details as room
from canon_core.experiments.overlay import run_overlay
from canon_core.experiments.overlay_details import OverlayDetails, overlay_details
from canon_core.experiments.overlay_filter import OverlayFilter, points_left
from canon_core.experiments.overlay_search import points_named, subjects_not_drawn
from canon_core.jobs import JobContext
from canon_core.projection.kinds import OverlayMethod
from canon_core.study.overlay_results import EVERYTHING, Overlay, OverlayLevel, OverlaySettings
from canon_core.study.study import Study

from .naive.protocol import Shape, random_protocol
from .template_study import Made, make_study

SHAPE = Shape(
    subjects=14, verification_templates=3, images=4, media=6, unscored=0.0, pairs=0.9, repeated_pairs=0, seed=21
)
SETTINGS = OverlaySettings("ijb", ("a",), "b", subjects=EVERYTHING, method=OverlayMethod.PCA)


def columns() -> dict[str, list[str]]:
    rng = np.random.default_rng(1)
    protocol = random_protocol(SHAPE)
    gender = [str(rng.choice([str(image.subject % 2), "1", ""], p=[0.7, 0.2, 0.1])) for image in protocol.images]
    yaw = [f"{rng.uniform(-90, 90):.2f}" if rng.random() < 0.9 else "NaN" for _ in protocol.images]
    narrow = [f"{100 + rng.uniform(0, 0.01):.6f}" for _ in protocol.images]
    kind = [str(rng.choice(["mixed", "one", "two"])) for _ in protocol.images]
    return {"GENDER": gender, "YAW": yaw, "NARROW": narrow, "SAME": ["0.5"] * len(yaw), "KIND": kind}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_study(tmp_path_factory.mktemp("details"), SHAPE, covariates=columns())


@pytest.fixture(scope="module", params=list(OverlayLevel))
def told(request: pytest.FixtureRequest, made: Made) -> tuple[Overlay, OverlayDetails]:
    with Study.open(made.path) as study:
        result = run_overlay(study, replace(SETTINGS, level=request.param), JobContext())
        return result, overlay_details(study, result, JobContext())


def images_of(result: Overlay, made: Made) -> list[list[int]]:
    """Numbers (from 1) of the protocol's images of each item."""
    items = result.item[result.rows(0)].tolist()
    if result.settings.level is OverlayLevel.TEMPLATES:
        named = list(enumerate(made.protocol.images, 1))
        return [[number for number, each in named if each.template == item] for item in items]
    with Study.open(made.path, read_only=True) as study:
        ids = study.faces("ijb").ids
    return [[int(Path(ids[item]).stem)] for item in items]


def test_items_have_names_and_a_face_of_their_own(told: tuple[Overlay, OverlayDetails], made: Made):
    result, details = told
    assert len(set(details.names)) == len(details.names) == result.items[0]
    with Study.open(made.path, read_only=True) as study:
        ids = study.faces("ijb").ids
    for name, image, numbers in zip(details.names, details.images.tolist(), images_of(result, made), strict=True):
        assert int(Path(ids[image]).stem) in numbers
        if result.settings.level is OverlayLevel.IMAGES:
            assert name == ids[image]


def test_covariates_are_those_of_the_files(told: tuple[Overlay, OverlayDetails], made: Made):
    result, details = told
    values = columns()
    gender, yaw = details.covariates["GENDER"], details.covariates["YAW"]
    medians = []
    for item, numbers in enumerate(images_of(result, made)):
        classes = Counter(values["GENDER"][number - 1] for number in numbers) - Counter({"": 99})
        if not classes:
            assert gender.codes[item] == -1
        else:
            [(name, count)] = classes.most_common(1)
            wanted = name if 2 * count > classes.total() else "mixed"
            assert gender.groups[gender.codes[item]] == wanted
        known = [float(values["YAW"][number - 1]) for number in numbers if values["YAW"][number - 1] != "NaN"]
        medians.append(np.median(known) if known else np.nan)
    assert np.array_equal(yaw.codes == -1, np.isnan(medians))
    sizes = np.bincount(yaw.codes[yaw.codes >= 0])
    assert len(sizes) == 4
    assert sizes.max() - sizes.min() <= 2
    for code in range(3):  # a group's values all lie below the next one's
        assert np.max(np.array(medians)[yaw.codes == code]) <= np.min(np.array(medians)[yaw.codes == code + 1])


def test_every_group_of_a_covariate_is_found_by_its_name(told: tuple[Overlay, OverlayDetails]):
    result, details = told
    assert len(details.covariates["NARROW"].groups) == 4
    assert details.covariates["SAME"].groups == ("0.5 … 0.5",)
    for name, grouping in details.covariates.items():
        assert len(set(grouping.groups)) == len(grouping.groups)
        for code, group in enumerate(grouping.groups):
            left = points_left(OverlayFilter(covariate=name, group=group), result, details)
            np.testing.assert_array_equal(left, np.tile(grouping.codes == code, 2))
            assert left.any() or grouping.groups[0].isalpha()  # a class may have no image that is shown


def test_neighbours_give_the_score(told: tuple[Overlay, OverlayDetails]):
    result, details = told
    [neighbours], [score] = details.neighbours, result.scores
    subject = result.subject[result.rows(0)]
    assert neighbours.asked.sum() == score.asked > 0
    for near, share in (
        (neighbours.before, score.before),
        (neighbours.after, score.after),
        (neighbours.source_own, score.source_own),
        (neighbours.target_own, score.target_own),
    ):
        right = (near >= 0) & (subject[near] == subject)
        assert right[neighbours.asked].mean() == pytest.approx(share)
    right = subject[neighbours.after] == subject
    assert np.array_equal(~np.isnan(neighbours.margin), neighbours.asked)
    assert np.array_equal(neighbours.margin[neighbours.asked] > 0, right[neighbours.asked])
    assert details.refusal == ""


def test_points_are_found_by_subject_and_by_name(told: tuple[Overlay, OverlayDetails]):
    result, details = told
    subject = result.subject_names[2]
    wanted = {
        point
        for point in range(len(result.model))
        if subject in result.subject_names[result.subject[point]] or subject in details.names[point % result.items[0]]
    }
    assert set(points_named(result, details, f" {subject} ").tolist()) == wanted
    name = details.names[5]
    found = points_named(result, details, name.upper())
    assert {5, 5 + result.items[0]} <= set(found.tolist())
    assert not len(points_named(result, details, "  "))
    assert not len(points_named(result, details, "no such thing"))


def test_of_too_many_items_no_neighbours_are_looked_up(made: Made, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(room, "MOST_COMPARED", 5)
    with Study.open(made.path) as study:
        result = run_overlay(study, SETTINGS, JobContext())
        details = overlay_details(study, result, JobContext())
        assert details.neighbours == ()
        assert "among 5 points of a model at most" in details.refusal
        assert f"{result.items[0]:,} are shown" in details.refusal


def test_looking_up_can_be_cancelled(made: Made):
    ctx = JobContext()
    with Study.open(made.path) as study:
        result = run_overlay(study, SETTINGS, JobContext())
        ctx.cancel()
        with pytest.raises(Cancelled):
            overlay_details(study, result, ctx)


def test_subjects_who_are_not_drawn_are_found_by_their_name_and_by_their_images(made: Made):
    with Study.open(made.path) as study:
        whole = run_overlay(study, SETTINGS, JobContext())
        names = overlay_details(study, whole, JobContext()).names
        result = run_overlay(study, replace(SETTINGS, subjects=2), JobContext())
        of = {name: whole.subject_names[code] for name, code in zip(names, whole.subject.tolist(), strict=False)}
        missing = set(of.values()) - set(result.subject_names)
        assert len(missing) == whole.subjects[0] - 2 > 3
        image = max(name for name, subject in of.items() if subject in missing)
        for text in (min(missing), image.upper(), f" {image[-6:-1]} ", "1", ".", result.subject_names[0]):
            wanted = text.strip().casefold()
            holding = {whose for name, whose in of.items() if wanted in name.casefold() or wanted in whose.casefold()}
            found = subjects_not_drawn(study, result, text)
            assert set(found) == holding & missing, text
            assert len(set(found)) == len(found)
        assert subjects_not_drawn(study, result, "  ") == subjects_not_drawn(study, result, "no such thing") == ()
        assert subjects_not_drawn(study, whole, image) == ()
        templates = run_overlay(study, replace(SETTINGS, subjects=2, level=OverlayLevel.TEMPLATES), JobContext())
        other = min(missing - set(templates.subject_names))
        assert other in subjects_not_drawn(study, templates, other)
        assert subjects_not_drawn(study, templates, image) == ()
