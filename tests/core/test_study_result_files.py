"""Results as text beside arrays, and files that hold something else."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest

from canon_core.errors import StoreError
from canon_core.store.arrays import load_arrays, save_arrays
from canon_core.study.result_files import as_text, from_text, reading_arrays
from canon_core.verification.roc import FarRule


@dataclass(frozen=True)
class Point:
    threshold: float
    tar: float


@dataclass(frozen=True)
class Result:
    key: str
    points: dict[FarRule, tuple[Point, ...]]


RESULT = Result("é", {FarRule.NEAREST: (Point(math.inf, 0.1), Point(-0.0, 1 / 3)), FarRule.CONSERVATIVE: ()})


def test_a_result_is_read_back_as_it_was_and_lies_there_as_plain_json(tmp_path: Path) -> None:
    save_arrays(tmp_path / "one.h5", {"result": as_text(RESULT)})
    arrays, _ = load_arrays(tmp_path / "one.h5")
    assert from_text(Result, arrays["result"]) == RESULT
    assert str(arrays["result"][0]) == json.dumps(asdict(RESULT))
    [nan] = from_text(tuple[Point, ...], as_text([Point(math.nan, 1.0)]))
    assert math.isnan(nan.threshold)


def test_what_is_no_result_is_not_written() -> None:
    with pytest.raises(TypeError, match="cannot be written"):
        as_text({"array": np.zeros(2)})


@pytest.mark.parametrize(
    "content", [{}, {"result": []}, {"result": ["no JSON"]}, {"result": ['{"key": 1, "points": {}}']}]
)
def test_a_foreign_file_is_refused_with_what_to_do(tmp_path: Path, content: dict[str, list[str]]) -> None:
    path = tmp_path / "one.h5"
    save_arrays(path, content)
    with (
        pytest.raises(StoreError, match=r"one\.h5: not a result this program wrote; delete the file: it comes again\."),
        reading_arrays(path, "a result", "it comes again") as (arrays, _),
    ):
        from_text(Result, arrays["result"])
