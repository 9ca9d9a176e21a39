"""ROC and DET figures: exact lines, named curves, nothing cut off."""

from __future__ import annotations

import numpy as np
import pytest

from canon_core.figures.roc_figure import Curve, CurveRole, roc_figure
from canon_core.figures.save import save_figure
from canon_core.verification.roc import Roc, roc_of_scores

SETTINGS = "faces (12 images) · all pairs · map linear · fit disjoint (seed 0) · FAR rule conservative"
NAMES = ["_hidden_name", "$not math$", "A_model_with_a_name_that_goes_on_and_on_for_a_long_time → another_one", "d"]


def roc(separation: float, genuine: int = 800, impostors: int = 9000) -> Roc:
    """A ROC of drawn scores."""
    draw = np.random.default_rng(int(separation * 100))
    return roc_of_scores(draw.normal(separation, 0.12, genuine), draw.normal(0.0, 0.07, impostors))


def curves(count: int = 3) -> list[Curve]:
    """Curves in all roles."""
    roles = list(CurveRole)
    return [Curve(NAMES[k % 4], roc(0.2 + 0.04 * k), roles[k % 3], k) for k in range(count)]


@pytest.mark.parametrize("det", [False, True])
def test_drawn_lines_pass_through_the_operating_points(det):
    drawn = curves(1)
    axes = roc_figure(drawn, det=det, settings_line=SETTINGS).axes[0]
    x, y = axes.lines[0].get_data()
    for target in (1e-1, 1e-2, 1e-3):
        point = drawn[0].roc.at(target, "conservative")
        height = 1 - point.tar if det else point.tar
        # Drawn to the pixel: at the point's FAR the line is within a thousandth of a decade of it.
        near = np.abs(np.log10(x) - np.log10(point.far)) < 5e-3
        assert y[near].min() - 1e-12 <= height <= y[near].max() + 1e-12


def test_both_axes_of_a_det_figure_are_logarithmic_and_only_far_of_a_roc():
    roc_axes = roc_figure(curves(), settings_line=SETTINGS).axes[0]
    det_axes = roc_figure(curves(), det=True, settings_line=SETTINGS).axes[0]
    assert (roc_axes.get_xscale(), roc_axes.get_yscale()) == ("log", "linear")
    assert (det_axes.get_xscale(), det_axes.get_yscale()) == ("log", "log")
    assert "FMR" in det_axes.get_xlabel()
    assert "FNMR" in det_axes.get_ylabel()


def test_every_curve_is_named_as_it_is_with_its_own_dash_by_role():
    figure = roc_figure(curves(4), settings_line=SETTINGS)
    names = [text.get_text().replace("\n", "") for text in figure.legends[0].get_texts()]
    assert names == NAMES
    dashes = [line.get_linestyle() for line in figure.axes[0].lines]
    assert len(set(map(str, dashes[:3]))) >= 2
    assert dashes[0] == dashes[3] == "-"


def test_where_fewer_than_thirty_impostors_decide_is_shaded():
    figure = roc_figure(curves(1), settings_line=SETTINGS)
    axes = figure.axes[0]
    (shade,) = axes.patches
    right = shade.get_x() + shade.get_width()
    assert right == pytest.approx(30 / 9000)
    assert not axes.texts  # nothing is written where curves are
    assert any("shaded: fewer than 30 impostor pairs decide" in text.get_text() for text in figure.texts)


@pytest.mark.parametrize("count", [0, 1, 3, 12])
@pytest.mark.parametrize("det", [False, True])
def test_nothing_is_cut_off(count, det):
    figure = roc_figure(curves(count), det=det, settings_line=SETTINGS)
    figure.canvas.draw()
    width, height = figure.get_size_inches()
    drawn = figure.get_tightbbox()
    assert drawn.x0 >= 0
    assert drawn.x1 <= width
    assert drawn.y1 <= height
    caption = figure.texts[0].get_window_extent()
    assert caption.x0 >= 0
    assert caption.x1 <= figure.bbox.x1
    assert drawn.y0 * figure.dpi >= caption.y1


def test_a_curve_without_pairs_is_named_but_has_no_line(tmp_path):
    nothing = Curve("nothing", roc_of_scores(np.array([]), np.array([0.1])))
    figure = roc_figure([nothing, *curves(1)], settings_line=SETTINGS)
    assert len(figure.axes[0].lines[0].get_xdata()) == 0
    assert len(figure.legends[0].get_texts()) == 2
    assert save_figure(figure, tmp_path / "roc", ["pdf"])[0].stat().st_size > 1000


def test_the_same_curves_give_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        save_figure(roc_figure(curves(), settings_line=SETTINGS), tmp_path / folder / "roc", ["svg", "pdf"])
    for name in ("roc.svg", "roc.pdf"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_curve_of_a_million_points_is_drawn_from_a_few_thousand():
    big = Curve("big", roc(0.3, 50_000, 250_000))
    axes = roc_figure([big], settings_line=SETTINGS).axes[0]
    assert len(big.roc.thresholds) > 200_000
    assert len(axes.lines[0].get_xdata()) < 3000
