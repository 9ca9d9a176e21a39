"""``canon identify``, ``canon groups`` and ``canon matrix --confidence`` on a small template study."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from canon_core.cli import terminal
from canon_core.cli.application import app, load_commands
from canon_core.errors import CanonError

from .naive.protocol import Shape, random_protocol
from .template_study import make_study

SHAPE = Shape(
    subjects=16, verification_templates=3, images=2, media=6, unscored=0.0, pairs=0.9, repeated_pairs=0, seed=8
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = random_protocol(SHAPE).images
    covariates = {
        "GENDER": [str(image.subject % 2) for image in images],
        "YAW": [str(7.5 * (number % 12) - 40) for number in range(len(images))],
    }
    return make_study(tmp_path_factory.mktemp("cli"), SHAPE, covariates=covariates).path


def canon(*arguments: str | Path) -> Result:
    load_commands()
    return CliRunner().invoke(app, list(map(str, arguments)))


def printed(*arguments: str | Path) -> str:
    """What a command prints; consoles write to the streams of their module's import, so they are recorded."""
    with terminal.out.capture() as captured:
        done = canon(*arguments)
    assert done.exit_code == 0, done.exception
    return captured.get()


def document(*arguments: str | Path, file: Path) -> dict:
    assert canon(*arguments, "--json", file).exit_code == 0
    found = json.loads(file.read_text())
    assert isinstance(found, dict)
    return found


def test_identify_prints_ranks_rates_and_every_gallery(study: Path) -> None:
    text = printed("identify", study, "--mode", "authors", "--fpir", "0.2,0.1")
    for part in (
        "Rank-1 (rows: source probes", "TPIR at FPIR 0.2, mean over galleries", "rank-10", "non-mated", "a → b",
        "G2", "achieved", "threshold", "mean", "map linear", "fit authors", "FPIR rule nearest",
        "* unresolved: fewer than 30 false positives",
    ):  # fmt: skip
        assert part in text, part


def test_identify_explains_every_star(study: Path) -> None:
    lines = printed("identify", study, "--mode", "authors", "--fpir", "1,0.01", "--models", "a").splitlines()
    starred = [line for line in lines if line.rstrip().endswith("*")]
    assert [line.split()[1] for line in starred if " 0.01 " in line or " 1e-2 " in line] == ["G1", "G2", "mean"]
    assert any(line.startswith("* unresolved") for line in lines)


def test_identify_writes_its_document(study: Path, tmp_path: Path) -> None:
    found = document("identify", study, "--map", "rotation", "--models", "a,b", file=tmp_path / "i.json")
    assert (found["map"], found["mode"], found["far_rule"]) == ("rotation", "disjoint", "conservative")
    assert found["fpir"] == [0.1, 0.01, 0.001]
    assert found["ranks"] == [1, 5, 10]
    assert len(found["rank"][0][1]) == len(found["tpir"][1][0]) == 3
    assert found["cmc"][0][0][-1] == 1.0
    assert [gallery["name"] for gallery in found["galleries"]] == ["G1", "G2"]
    assert all(len(gallery["subjects"]) == 2 for gallery in found["galleries"])


def test_the_matrix_gets_intervals_and_differences(study: Path, tmp_path: Path) -> None:
    arguments = ("matrix", study, "--far", "0.3,0.1", "--mode", "authors")
    plain = document(*arguments, file=tmp_path / "plain.json")
    assert "tar_low" not in plain
    found = document(*arguments, "--confidence", "--resamples", "50", file=tmp_path / "sure.json")
    assert {name: found[name] for name in ("tar", "threshold")} == {name: plain[name] for name in ("tar", "threshold")}
    for low, tar, high in zip(found["tar_low"][0][1], found["tar"][0][1], found["tar_high"][0][1], strict=True):
        assert low <= tar <= high
    assert found["confidence"]["resamples"] == 50
    assert found["differences"]["to_weaker"]["tar"][0][1][0] == pytest.approx(
        found["tar"][0][1][0] - min(found["tar"][0][0][0], found["tar"][1][1][0])
    )
    text = printed(*arguments, "--confidence", "--resamples", "50")
    for part in ("95 % intervals of the TAR at FAR 0.3", "− weaker single model", "maps are held fixed", "50 draws"):
        assert part in text, part


def test_groups_are_printed_with_counts_and_intervals(study: Path, tmp_path: Path) -> None:
    arguments = ("groups", study, "--source", "a", "--target", "b", "--far", "0.1", "--resamples", "20")
    text = printed(*arguments, "--covariate", "gender")
    for part in ("Groups by GENDER", "FMR with interval", "False accepts / impostor pairs", "two groups", "for all"):
        assert part in text, part
    found = document(*arguments, "--covariate", "YAW", "--edges", "20", "--signed", file=tmp_path / "g.json")
    assert found["groups"] == ["YAW < 20", "YAW ≥ 20"]
    assert (found["far"], found["far_rule"], found["absolute"]) == (0.1, "conservative", False)
    assert found["fmr"][0][1]["low"] <= found["fmr"][0][1]["rate"] <= found["fmr"][0][1]["high"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("identify", "--mode", "reversed"), "says nothing of probes"),
        (("identify", "--mode", "in-sample"), "says nothing of probes"),
        (("groups", "--source", "a", "--target", "b", "--covariate", "AGE"), "no covariate 'AGE'"),
        (("groups", "--source", "a", "--target", "c", "--covariate", "YAW"), "no model"),
    ],
)
def test_what_cannot_be_is_one_sentence(study: Path, arguments: tuple[str, ...], what: str) -> None:
    with terminal.err.capture() as captured:
        done = canon(arguments[0], study, *arguments[1:])
    assert done.exit_code == 1
    shown = captured.get()
    if isinstance(done.exception, CanonError):
        shown += str(done.exception)
    assert what in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize("option", ["--fpir"])
@pytest.mark.parametrize("value", ["0", "2", "x"])
def test_a_target_that_is_no_rate_is_a_usage_error(study: Path, option: str, value: str) -> None:
    done = canon("identify", study, option, value)
    assert done.exit_code == 2
    assert option in done.output


@pytest.mark.parametrize("named", [(), ("--dataset", "ijb")])
def test_covariates_put_beside_the_lists_as_the_refusal_says_are_found(tmp_path: Path, named: tuple[str, ...]) -> None:
    made = make_study(tmp_path, SHAPE).path
    arguments = ("groups", made, *named, "--source", "a", "--target", "b", "--covariate", "YAW", "--far", "0.1")
    refused = canon(*arguments)
    assert isinstance(refused.exception, CanonError) or refused.exit_code == 1
    rows = [f"{number}.jpg,{7 * (number % 12)}" for number, _ in enumerate(random_protocol(SHAPE).images, 1)]
    (tmp_path / "data" / "meta" / "ijbc_covariates.csv").write_text("\n".join(["NAME,YAW", *rows]) + "\n")
    assert "Groups by YAW" in printed(*arguments)
