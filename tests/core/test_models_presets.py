"""The presets: every network of the paper's Table 3 and of InsightFace's packs, as facts of the field have them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from canon_core.errors import ModelError
from canon_core.models.presets import preset, presets

#: Names of Table 3 with input (height, width, template), normalisation (mean, std), flip and pfe.
TABLE_3 = {
    "M2_R100_A": (112, 112, "arcface", 127.5, 127.5, "keep", False),
    "V_R50_A": (112, 112, "arcface", 127.5, 127.5, "keep", False),
    "G_R100_P1.0": (112, 112, "arcface", 127.5, 127.5, "keep", False),
    "G_R100_P0.1": (112, 112, "arcface", 127.5, 127.5, "keep", False),
    "M1_R50_A": (112, 112, "arcface", 0, 255, "none", False),
    "M1_MB2_A": (112, 112, "arcface", 0, 255, "none", False),
    "V_IR1_C": (160, 160, "box", 127.5, 128, "sum", False),
    "C_IR1_C": (160, 160, "box", 127.5, 128, "sum", False),
    "M1_64S_PFE": (112, 96, "arcface-96", 127.5, 128, "none", True),
    "C_64S_PFE": (112, 96, "arcface-96", 127.5, 128, "none", True),
}
PACKS = ["antelopev2", "glintr100", "buffalo_l", "buffalo_m", "buffalo_s", "buffalo_sc", "w600k_r50", "w600k_mbf"]


@pytest.mark.parametrize("name", TABLE_3)
def test_every_network_of_table_3_has_its_preset(name: str) -> None:
    height, width, template, mean, std, flip, pfe = TABLE_3[name]
    spec = preset(name)
    assert (spec.input.height, spec.input.width, spec.input.template) == (height, width, template)
    assert (spec.input.mean, spec.input.std) == ((mean,) * 3, (std,) * 3)
    assert (spec.output.flip, spec.output.pfe) == (flip, pfe)
    assert spec.input.color == "rgb"
    assert {"title", "source", "loss", "training_set"} <= set(spec.about)
    if template == "box":
        assert spec.input.margin == 32


@pytest.mark.parametrize("name", PACKS)
def test_insightfaces_packs_and_their_files_have_their_preset(name: str) -> None:
    spec = preset(name)
    assert (spec.input.height, spec.input.width, spec.input.template) == (112, 112, "arcface")
    assert spec.input.mean == spec.input.std == (127.5,) * 3
    assert spec.output.flip == "none"


def test_a_model_is_known_by_one_family_only_and_families_name_no_outputs() -> None:
    names = [name for family in presets() for name in (family.name, *family.models)]
    assert len({name.lower() for name in names}) == len(names)
    for family in presets():
        assert family.title
        assert family.spec.output.names == ()
        assert {preset(model).digest() for model in family.models} == {family.spec.digest()}


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"no preset 'm2_r100_b'; the nearest is 'M2_R100_A'"):
        preset("m2_r100_b")
    assert preset("m2_r100_a") == preset("M2_R100_A")


def test_training_sets_and_losses_are_those_of_table_3() -> None:
    table = Path(__file__).resolve().parents[2].parent / "shared" / "paper" / "reference" / "table3.csv"
    if not table.is_file():
        pytest.skip("no copy of Table 3 beside the project")
    for row in csv.DictReader(table.read_text().splitlines()):
        about = preset(row["short_name"]).about
        assert about["training_set"].lower() == row["training_dataset"].lower()
        assert about["loss"].replace(" ", "").lower() == row["loss"].replace(" ", "").lower()
