"""The figures of docs/demo.md are written in one format, and what is derived from its table follows from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_TEXT = (Path(__file__).parents[2] / "docs" / "demo.md").read_text()


def table(head: str) -> list[list[str]]:
    """Rows of the table that begins with these columns, without its head."""
    lines = _TEXT[_TEXT.index(head) :].split("\n\n")[0].splitlines()[2:]
    return [[field.strip() for field in line.strip("|").split("|")] for line in lines]


def tars(setting: str, what: str) -> list[float]:
    """Mean TARs of a row at FAR 1e-1, 1e-2 and 1e-3."""
    (row,) = [row for row in table("| setting |") if row[0].startswith(setting) and row[1] == what]
    return [float(value) for value in row[3:6]]


def figures(check: str) -> list[float]:
    """What came out of a check."""
    (row,) = [row for row in table("| check |") if row[0].startswith(check)]
    return [float(value) for value in row[2].split(",")]


def test_every_figure_of_the_table_is_in_one_format() -> None:
    for row in table("| setting |"):
        for value in row[3:6]:
            assert re.fullmatch(r"[01]\.\d{3}", value), row


def test_a_larger_far_never_has_the_smaller_tar() -> None:
    for row in table("| setting |"):
        values = [float(value) for value in row[3:6]]
        assert values == sorted(values, reverse=True), row
    assert tars("disjoint (", "unmapped")[0] > 5 * tars("disjoint (", "unmapped")[1]


@pytest.mark.parametrize(("check", "what"), [("linear below", "linear map"), ("rotation below", "rotation map")])
def test_the_checks_follow_from_the_table(check: str, what: str) -> None:
    single = tars("disjoint (", "single models")
    assert figures(check) == pytest.approx(
        [one - other for one, other in zip(single, tars("disjoint (", what), strict=True)], abs=0.0011
    )


def test_the_checks_of_fewer_pairs_follow_from_the_table() -> None:
    every = tars("disjoint, fewer", "rotation map, 2,340 pairs")[1]
    fewer = [tars("disjoint, fewer", f"rotation map, {pairs} pairs")[1] for pairs in ("1,024", "256", "64")]
    assert figures("rotation at") == pytest.approx([every - tar for tar in fewer], abs=0.0011)
    assert figures("unmapped") == [tars("disjoint (", "unmapped")[1]]
