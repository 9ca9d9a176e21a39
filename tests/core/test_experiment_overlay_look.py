"""What is seen of an overlay: classes, filters and hidden classes, drawn and written as the window shows them."""

from __future__ import annotations

import csv
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from canon_core.errors import SettingsError
from canon_core.experiments import overlay_details as details_room
from canon_core.experiments.overlay import run_overlay
from canon_core.experiments.overlay_details import OverlayDetails, overlay_details
from canon_core.experiments.overlay_export import export_overlay
from canon_core.experiments.overlay_filter import OverlayFilter
from canon_core.experiments.overlay_groups import Known, joined_groups
from canon_core.experiments.overlay_look import LookedAt, OverlayLook, check_look, looked_at
from canon_core.figures.overlay_figure import overlay_figure
from canon_core.figures.palette import margin_colour, series_style
from canon_core.figures.save import save_figure
from canon_core.jobs import JobContext
from canon_core.study.overlay_results import EVERYTHING, Overlay, OverlayMethod, OverlaySettings
from canon_core.study.study import Study

from .naive.protocol import Shape, random_protocol
from .template_study import make_study

SHAPE = Shape(
    subjects=12, verification_templates=3, images=4, media=6, unscored=0.0, pairs=0.9, repeated_pairs=0, seed=31
)
SETTINGS = OverlaySettings("ijb", ("a",), "b", subjects=EVERYTHING, method=OverlayMethod.PCA)
Told = tuple[Overlay, OverlayDetails]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = random_protocol(SHAPE).images
    light = [("dim", "bright", "")[number % 3] for number in range(len(images))]
    return make_study(tmp_path_factory.mktemp("look"), SHAPE, covariates={"LIGHT": light}).path


@pytest.fixture(scope="module")
def told(path: Path) -> Told:
    with Study.open(path) as study:
        study.refresh_states()
        result = run_overlay(study, SETTINGS, JobContext())
        return result, overlay_details(study, result, JobContext())


def see(told: Told, colour: str = "model", *, hidden: tuple[str, ...] = (), **only: object) -> LookedAt:
    return looked_at(*told, OverlayLook(colour, OverlayFilter(**only), hidden))  # type: ignore[arg-type]


def drawn(seen: LookedAt, result: Overlay) -> tuple[list[np.ndarray], list[np.ndarray], list[str]]:
    """Places and colours of the points in the right panel, and the texts of the figure's legend."""
    figure = overlay_figure(result, seen.colouring, left=seen.words)
    collections = figure.axes[1].collections
    places = [np.asarray(each.get_offsets()) for each in collections]
    colours = [np.tile(each.get_facecolor()[0, :3], (len(each.get_offsets()), 1)) for each in collections]
    return places, colours, [text.get_text() for text in figure.legends[0].get_texts()]


def placed(result: Overlay, points: np.ndarray) -> set[tuple[float, float]]:
    return {(float(x), float(y)) for x, y in result.after[points]}


@pytest.mark.parametrize("colour", ["model", "subject", "half", "error", "margin", "LIGHT"])
def test_the_figure_draws_the_points_that_are_seen_in_the_colours_of_their_classes(told: Told, colour: str):
    result, _ = told
    seen = see(told, colour, errors=True)
    places, colours, _ = drawn(seen, result)
    assert 0 < seen.shown.sum() < len(result.model)
    assert {tuple(map(float, row)) for row in np.concatenate(places)} == placed(result, seen.shown)
    if colour == "half":
        return  # both halves may lie on one point
    at = {}
    for row, tint in zip(np.concatenate(places), np.concatenate(colours), strict=True):
        at.setdefault(tuple(map(float, row)), []).append(np.round(255 * tint).astype(int).tolist())
    for point in np.flatnonzero(seen.shown).tolist():
        each = seen.colouring.classes[seen.colouring.codes[point]]
        if each.series is not None:
            assert list(series_style(each.series).colour) in at[tuple(map(float, result.after[point]))]
        elif each.fraction is not None:
            assert list(margin_colour(each.fraction)) in at[tuple(map(float, result.after[point]))]


def test_legend_and_caption_say_what_is_seen(told: Told):
    result, _ = told
    seen = see(told, "model", hidden=("a",))
    count = result.items[0]
    assert seen.words == f"Without a: {count} of {2 * count} points"
    assert drawn(seen, result)[2] == [f"b (target)  {count}"]
    figure = overlay_figure(result, seen.colouring, left=seen.words)
    said = " ".join(text.get_text() for text in figure.texts).replace("\n", " ")
    assert f"Without a: {count} of {2 * count} points shown; scores are of all" in said
    both = see(told, "model", hidden=("a", "no such class"), errors=True)
    assert re.fullmatch(rf"Only false neighbours; without a: \d+ of {2 * count} points", both.words)
    assert see(told).words == ""


def test_margins_have_their_scale_above_the_figure(told: Told):
    result, _ = told
    seen = see(told, "margin")
    figure = overlay_figure(result, seen.colouring)
    assert len(figure.axes) == 3
    bar, scale = figure.axes[2], seen.colouring.scale
    assert bar.get_xlabel() == scale.title
    assert [text.get_text() for text in bar.get_xticklabels()] == [scale.ends[0], "0", scale.ends[1]]
    assert len(figure.legends[0].get_texts()) == 1  # the steps are the scale's
    assert len(overlay_figure(result, see(told, "error").colouring).axes) == 2


def test_lines_join_only_what_is_drawn(told: Told):
    from matplotlib.collections import LineCollection

    result, _ = told
    seen = see(told, text="/1")
    figure = overlay_figure(result, seen.colouring, lines=True)
    [lines] = [each for each in figure.axes[1].collections if isinstance(each, LineCollection)]
    assert len(lines.get_segments()) == seen.shown[result.rows(0)].sum() < result.items[0]


def test_nobody_is_named_unless_asked(told: Told, tmp_path: Path):
    result, details = told
    name = result.subject_names[0]
    look = OverlayLook("subject", OverlayFilter(text=details.names[0]))
    for named in (True, False):
        seen = looked_at(result, details, look, named=named)
        figure = overlay_figure(result, seen.colouring, left=seen.words)
        [path] = save_figure(figure, tmp_path / str(named), ["svg"])
        text = " ".join(path.read_text().split())
        assert (details.names[0] in seen.words) == named
        assert (f">{name}" in text) == named
        assert (details.names[0] in text) == named
    # A class may be hidden by either of its names.
    for own in (True, False):
        first = looked_at(result, details, OverlayLook("subject"), named=own).colouring.classes[0]
        for named in (True, False):
            seen = looked_at(result, details, OverlayLook("subject", hidden=(first.name,)), named=named)
            assert [each.hidden for each in seen.colouring.classes].index(True) == 0
            assert (first.name in seen.words) == (own == named)


def test_only_points_that_are_seen_are_written_with_their_class(told: Told, path: Path, tmp_path: Path):
    result, _ = told
    seen = see(told, "error", hidden=("finds another subject",), covariate="LIGHT", group="dim")
    with Study.open(path, read_only=True) as study:
        count = export_overlay(study, result, tmp_path / "o.csv", seen=seen)
    text = (tmp_path / "o.csv").read_text().splitlines()
    assert f"# points: {seen.words}" in text
    rows = list(csv.DictReader(line for line in text if not line.startswith("#")))
    points = np.flatnonzero(seen.shown)
    assert len(rows) == count == len(points) < len(result.model)
    assert [float(row["after_y"]) for row in rows] == pytest.approx(result.after[points, 1].tolist(), abs=1e-9)
    classes = [seen.colouring.classes[code].name for code in seen.colouring.codes[points]]
    assert [row["class"] for row in rows] == classes
    assert "finds another subject" not in classes


def test_nothing_may_be_left(told: Told):
    seen = see(told, text="no such face")
    assert seen.words == f"Only found by 'no such face': 0 of {len(told[0].model)} points"
    figure = overlay_figure(told[0], seen.colouring, left=seen.words, lines=True)
    assert not any(len(each.get_offsets()) for each in figure.axes[1].collections[1:])
    assert not any("outside" in text.get_text() for text in figure.axes[1].texts)


def test_what_does_not_fit_is_left_aside_or_refused(told: Told, monkeypatch):
    result, details = told
    look = OverlayLook("margin", OverlayFilter(errors=True, text="x", covariate="AGE", group="old"), ("a",))
    assert look.fitting(result, None) == OverlayLook("model", OverlayFilter(), ("a",))
    assert look.fitting(result, details) == replace(look, only=OverlayFilter(errors=True, text="x"))
    for wrong, message in (
        (OverlayLook("colour"), "no colouring 'colour'"),
        (OverlayLook("dataset"), "no colouring 'dataset'"),
        (OverlayLook(only=OverlayFilter(covariate="LITE", group="dim")), "no covariate 'LITE'; did you mean 'LIGHT'"),
        (OverlayLook(only=OverlayFilter(covariate="LIGHT", group="dark")), "no group of LIGHT 'dark'.*'dim'"),
        (OverlayLook(hidden=("c",)), "no class by model 'c'.*'b \\(target\\)', 'a'"),
    ):
        with pytest.raises(SettingsError, match=message) as caught:
            check_look(wrong, result, details)
        assert re.search(message, f"{caught.value}; {caught.value.remedy}")
    check_look(replace(look, only=OverlayFilter(errors=True), hidden=()), result, details)
    monkeypatch.setattr(details_room, "MOST_COMPARED", 5)
    with pytest.raises(SettingsError, match="among 5 points of a model at most"):
        check_look(OverlayLook("error"), result, replace(details, neighbours=()))


def test_covariates_of_several_datasets_are_one_and_others_are_unknown():
    nan = np.nan
    parts = [
        {"SEX": Known(("f", "m"), np.array([0.0, 1.0, nan])), "AGE": Known(None, np.array([1.0, 2.0, nan]))},
        {"SEX": Known(("m", "x"), np.array([0.0, 1.0])), "AGE": Known(None, np.array([3.0, 4.0]))},
        {},
    ]
    found = joined_groups(parts, [3, 2, 1])
    assert found["SEX"].groups == ("f", "m", "x")
    assert found["SEX"].codes.tolist() == [0, 1, -1, 1, 2, -1]
    assert found["AGE"].codes.tolist() == [0, 1, -1, 2, 3, -1]


def command(path: Path, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    from canon_core.cli.application import run as canon

    base = ["canon", "overlay", str(path), "--source", "a", "--target", "b", "--method", "pca", "--level", "images"]
    monkeypatch.setattr(sys, "argv", [*base, "--subjects", "all", *arguments])
    with pytest.raises(SystemExit) as end:
        canon()
    return int(end.value.code or 0)


def test_the_command_draws_and_writes_what_is_asked_for(told: Told, path: Path, tmp_path: Path, monkeypatch, capsys):
    out, table = tmp_path / "o.svg", tmp_path / "o.csv"
    asked = ["--colour", "margin", "--only", "errors", "--only", "LIGHT=dim", "--out", str(out), "--csv", str(table)]
    assert command(path, *asked, monkeypatch=monkeypatch) == 0
    seen = see(told, "margin", errors=True, covariate="LIGHT", group="dim")
    shown = int(seen.shown.sum())
    assert f"{shown} points" in capsys.readouterr().err.replace("\n", " ")
    assert len([line for line in table.read_text().splitlines() if not line.startswith("#")]) == 1 + shown
    text = " ".join(out.read_text().split())
    assert "Only false neighbours, LIGHT dim" in text
    assert "margin of mapped points" in text
    for wrong, message in (
        (["--only", "errors", "--only", "errors"], "beside another of its kind"),
        (["--only", "nonsense"], "neither errors, found=TEXT nor COVARIATE=GROUP"),
        (["--only", "found="], "neither errors, found=TEXT nor COVARIATE=GROUP"),
        (["--hide", "c"], "no class by model 'c'"),
        (["--colour", "AGE"], "no colouring 'AGE'"),
    ):
        assert command(path, *wrong, monkeypatch=monkeypatch) in (1, 2)
        assert message in re.sub(r"[\s│]+", " ", capsys.readouterr().err)
