"""The matrix as figure and as tables: the right numbers in the right places, nothing cut off, the same bytes again."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

from canon_core.errors import SettingsError
from canon_core.figures.matrix_figure import matrix_figure
from canon_core.figures.numbers import difference, difference_text, display_order, tar_text
from canon_core.figures.save import save_figure
from canon_core.figures.tables import matrix_table
from canon_core.maps.kinds import MapKind
from canon_core.study.results import Cell, Matrix, MatrixSettings, PairCounts, Reading, settings_line
from canon_core.verification.roc import FarRule, OperatingPoint

RULE = FarRule.CONSERVATIVE
FAR = (1e-1, 1e-2, 1e-3)
#: Single-model TARs at 1e-2; the second model is the strongest.
SINGLE = {"weak": 0.70, "strong": 0.99, "middle": 0.90}


def cell(source: str, target: str, tars: tuple[float, ...], genuine: int = 100_000) -> Cell:
    """A cell with these TARs, one for each FAR."""
    readings = tuple(
        Reading(OperatingPoint(far, 0.3, int(far * 10**6), 10**6, round(tar * genuine), genuine), tar)
        for far, tar in zip(FAR, tars, strict=True)
    )
    kinds = dict.fromkeys(FarRule, readings)
    return Cell(f"{source}-{target}", source, target, kinds, genuine, 10**6, 0.99, 0.01, "", 0.0, (), 0, 1.0)


def matrix(names: dict[str, str] | None = None, missing: tuple[tuple[str, str], ...] = ()) -> Matrix:
    """Three models; cross cells .01 below the weaker model, but middle → strong .02 above it."""
    named = names or {name: name for name in SINGLE}
    cells: dict[tuple[str, str], Cell | None] = {}
    for source, one in SINGLE.items():
        for target, other in SINGLE.items():
            gap = 0.0 if source == target else 0.02 if (source, target) == ("middle", "strong") else -0.01
            middle = min(one, other) + gap
            # At 1e-3 the order of the models is turned round.
            tars = (min(1.0, middle + 0.005), middle, 1 - middle)
            pair = named[source], named[target]
            cells[pair] = None if (source, target) in missing else cell(*pair, tars)
    settings = MatrixSettings("faces", tuple(named.values()), MapKind.ROTATION, far=FAR)
    return Matrix(settings, "all pairs", "faces (12 images)", cells, single_pairs=PairCounts(5, 7), fit_pairs=(6, 6))


def texts(figure) -> list[str]:
    """Every text of a figure."""
    return [text.get_text() for text in figure.findobj(Text) if text.get_text().strip()]


def grid_of(figure) -> list[list[str]]:
    """Texts of the fields, by their place."""
    axes = figure.axes[0]
    fields = {text.get_position(): text.get_text() for text in axes.texts}
    count = len(axes.get_xticks())
    return [[fields[column, row] for column in range(count)] for row in range(count)]


# -- numbers ---------------------------------------------------------------------------------------------------------
@given(st.floats(0, 1))
def test_tars_have_three_decimals_and_no_leading_zero(tar):
    text = tar_text(tar)
    assert abs(float(text) - tar) <= 0.0005 + 1e-12
    assert text == "1.000" or (text[0] == "." and len(text) == 4)


@given(st.floats(-1, 1))
def test_differences_carry_their_sign_unless_they_round_to_nothing(gap):
    text = difference_text(gap)
    assert abs(float(text.replace("−", "-")) - gap) <= 0.0005 + 1e-12
    assert (text[0] in "+−") == (float(text.replace("−", "-")) != 0)


def test_what_is_no_number_is_a_dash():
    assert tar_text(None) == tar_text(math.nan) == difference_text(None) == difference_text(math.nan) == "–"


def test_rows_keep_their_order_when_the_matrix_is_read_at_another_far():
    shown = matrix()
    assert display_order(shown, 1e-2, RULE) == ("strong", "middle", "weak")
    assert display_order(shown, 1e-3, RULE) == ("strong", "middle", "weak")


# -- figure ----------------------------------------------------------------------------------------------------------
def test_every_field_shows_the_tar_of_its_row_as_source_and_its_column_as_target():
    # strong → middle lies .01 below the weaker of both (.90), middle → strong .02 above.
    assert grid_of(matrix_figure(matrix(), 1e-2, RULE)) == [
        [".990", ".890", ".690"],
        [".920", ".900", ".690"],
        [".690", ".690", ".700"],
    ]


def test_as_difference_fields_show_the_gap_to_the_weaker_model_and_the_diagonal_its_tar():
    assert grid_of(matrix_figure(matrix(), 1e-2, RULE, difference=True)) == [
        [".990", "−.010", "−.010"],
        ["+.020", ".900", "−.010"],
        ["−.010", "−.010", ".700"],
    ]
    assert difference(matrix(), "middle", "strong", 1e-2, RULE) == pytest.approx(0.02)


def test_missing_cells_are_dashes_also_where_only_the_single_model_is_missing():
    shown = matrix(missing=(("weak", "weak"), ("strong", "middle")))
    plain = grid_of(matrix_figure(shown, 1e-2, RULE))
    assert [plain[0][1], plain[2][2]] == ["–", "–"]
    gaps = grid_of(matrix_figure(shown, 1e-2, RULE, difference=True))
    assert gaps[2] == ["–", "–", "–"]  # no weaker model to compare with


def test_only_single_models_are_hatched():
    axes = matrix_figure(matrix(), 1e-2, RULE).axes[0]
    hatched = {
        (math.floor(middle[0] + 0.5), math.floor(middle[1] + 0.5))
        for lines in axes.collections
        for middle in [np.mean([segment.mean(axis=0) for segment in lines.get_segments()], axis=0)]
    }
    assert hatched == {(0, 0), (1, 1), (2, 2)}


def test_another_far_than_the_matrix_has_is_refused():
    with pytest.raises(ValueError, match="not in tuple"):
        matrix_figure(matrix(), 0.5, RULE)


LONG = {
    "weak": "$InsightFace_R100$_glint360k_partial_fc_cosface_0.4_fp16_batch_1024",
    "strong": "W" * 60,
    "middle": "%model_&_{with}^odd~\\names #1",
}


@pytest.mark.parametrize("names", [None, LONG])
@pytest.mark.parametrize("difference", [False, True])
def test_nothing_is_cut_off_or_drawn_over_the_settings(names, difference):
    figure = matrix_figure(matrix(names), 1e-2, RULE, difference=difference)
    figure.canvas.draw()
    width, height = figure.get_size_inches()
    drawn = figure.get_tightbbox()
    assert drawn.x0 >= 0
    assert drawn.x1 <= width
    assert drawn.y1 <= height
    caption = figure.texts[0].get_window_extent()
    assert caption.x0 >= 0
    assert caption.x1 <= figure.bbox.x1
    assert caption.y0 >= 0
    assert drawn.y0 * figure.dpi >= caption.y1


def test_numbers_fit_into_their_fields():
    figure = matrix_figure(matrix(LONG), 1e-2, RULE, difference=True)
    figure.canvas.draw()
    axes = figure.axes[0]
    side = axes.transData.transform((1, 0))[0] - axes.transData.transform((0, 0))[0]
    assert max(text.get_window_extent().width for text in axes.texts) < side


def test_every_setting_stands_below_and_names_stay_as_they_are():
    figure = matrix_figure(matrix(LONG), 1e-2, RULE)
    caption = " ".join(figure.texts[0].get_text().split("\n"))
    for part in settings_line(matrix(LONG), RULE).split(" · "):
        assert part in caption
    labels = {label.get_text().replace("\n", "") for label in figure.axes[0].get_yticklabels()}
    assert labels == set(LONG.values())
    assert not any(label.get_parse_math() for label in figure.axes[0].get_yticklabels())


# -- controls --------------------------------------------------------------------------------------------------------
def test_a_control_neither_stretches_the_colours_nor_dominates_them():
    far_off = matrix({"weak": "control-pca", "strong": "strong", "middle": "middle"})
    before = matrix_figure(far_off, 1e-2, RULE, difference=True)
    assert not any("off the colours' scale" in text.replace("\n", " ") for text in texts(before))
    far_off.cells["strong", "control-pca"] = cell("strong", "control-pca", (0.99, 0.99, 0.99))  # .29 above the weaker
    figure = matrix_figure(far_off, 1e-2, RULE, difference=True)
    assert figure.axes[1].get_ylim() == before.axes[1].get_ylim() == pytest.approx((-0.05, 0.05))
    grounds = {patch.get_xy(): patch.get_facecolor()[:3] for patch in figure.axes[0].patches}
    order = display_order(far_off, 1e-2, RULE)
    place = order.index("control-pca") - 0.5, order.index("strong") - 0.5
    red, green, blue = grounds[place]
    assert max(red, green, blue) - min(red, green, blue) < 0.05  # grey, however large the difference
    assert any("off the colours' scale" in text.replace("\n", " ") for text in texts(figure))
    styles = {tick.get_text(): tick.get_fontstyle() for tick in figure.axes[0].get_yticklabels()}
    assert (styles["control-pca"], styles["strong"]) == ("italic", "normal")


def test_tars_of_a_control_below_the_range_are_said_to_be():
    figure = matrix_figure(matrix({"weak": "control-pca", "strong": "strong", "middle": "middle"}), 1e-2, RULE)
    bar = figure.axes[1]
    assert bar.get_ylim() == pytest.approx((0.8, 1.0))
    assert bar.get_yticklabels()[0].get_text() == "≤ .800"


# -- files -----------------------------------------------------------------------------------------------------------
def test_saving_twice_gives_the_same_bytes_with_text_that_stays_text(tmp_path):
    shown = matrix(LONG)
    first = save_figure(matrix_figure(shown, 1e-2, RULE), tmp_path / "a" / "tar.1e-2", ["pdf", "svg", "png"])
    again = save_figure(matrix_figure(shown, 1e-2, RULE), tmp_path / "b" / "tar.1e-2", ["pdf", "svg", "png"])
    assert [path.name for path in first] == ["tar.1e-2.pdf", "tar.1e-2.svg", "tar.1e-2.png"]
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes() == other.read_bytes()
    pdf, svg, png = (path.read_bytes() for path in first)
    assert b"/Type3" not in pdf
    assert b"/FontFile2" in pdf  # TrueType, embedded
    assert b"CreationDate" not in pdf
    assert b"<text" in svg
    assert b"<dc:date>" not in svg
    assert png.startswith(b"\x89PNG")


def test_an_unknown_format_writes_nothing(tmp_path):
    with pytest.raises(SettingsError, match="no figure format 'bmp'"):
        save_figure(matrix_figure(matrix(), 1e-2, RULE), tmp_path / "tar", ["png", "bmp"])
    assert list(tmp_path.iterdir()) == []


def test_drawing_never_imports_pyplot():
    code = (
        "import sys, canon_core.figures.matrix_figure, canon_core.figures.roc_figure, canon_core.figures.save as s\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from canon_core.figures.roc_figure import roc_figure\n"
        "roc_figure([], settings_line='none').canvas.draw()\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# -- tables ----------------------------------------------------------------------------------------------------------
def test_csv_keeps_every_digit_and_is_read_back_by_pandas():
    shown = matrix(missing=(("strong", "middle"),))
    table = pd.read_csv(io.StringIO(matrix_table(shown, 1e-2, RULE, "csv")), index_col=0, comment="#")
    assert list(table.index) == list(table.columns) == ["strong", "middle", "weak"]
    for source in table.index:
        for target in table.columns:
            tar = shown.tar(source, target, 1e-2, RULE)
            assert np.isnan(table.loc[source, target]) if tar is None else table.loc[source, target] == tar


def test_a_settings_line_full_of_commas_is_left_out_as_the_guide_says():
    shown = replace(matrix(), dataset_title="faces (3,811 images, 2,086 subjects)")
    text = matrix_table(shown, 1e-2, RULE, "csv")
    last = text.splitlines()[-1]
    assert last.startswith("# ")
    assert "3,811 images, 2,086 subjects" in last
    assert pd.read_csv(io.StringIO(text), index_col=0, comment="#").shape == (3, 3)
    guide = (Path(__file__).resolve().parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")
    assert "Every CSV says what it was made with in lines that begin with `#`" in guide


def test_each_table_ends_with_every_setting():
    shown = matrix()
    for name in ("csv", "md"):
        last = matrix_table(shown, 1e-2, RULE, name).strip().split("\n")[-1]
        assert settings_line(shown, RULE) in last
        assert "FAR 1e-2" in last
    assert "FAR rule conservative" in matrix_table(shown, 1e-2, RULE, "latex")


def test_markdown_lines_up_and_odd_names_stay_inside_their_field():
    text = matrix_table(matrix({**LONG, "weak": "a|b"}), 1e-2, RULE, "md")
    rows = [line for line in text.split("\n") if line.startswith("|")]
    assert len(rows) == 5
    bars = [line.replace("\\|", "").count("|") for line in rows]
    assert set(bars) == {5}
    assert ".990 | .890 | .690" in text


def test_latex_escapes_what_latex_would_read():
    text = matrix_table(matrix(LONG), 1e-2, RULE, "latex")
    assert r"\$InsightFace\_R100\$\_glint360k" in text
    assert r"\%model\_\&\_\{with\}\textasciicircum{}odd\textasciitilde{}\textbackslash{}names \#1" in text
    body = [line for line in text.split("\n") if line.endswith(r"\\")]
    assert len(body) == 4
    assert {line.replace(r"\&", "").count("&") for line in body} == {3}
    assert text.count(r"\textit{") == 3
    assert text.isascii() or all(character not in text for character in "·–→")


def test_an_unknown_table_format_is_refused():
    with pytest.raises(SettingsError, match="no table format 'html'"):
        matrix_table(matrix(), 1e-2, RULE, "html")
