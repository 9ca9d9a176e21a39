"""Template protocols: built from sparse ids, thinned, stored and read back, and refused where parts do not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canon_core.datasets import protocol_building
from canon_core.datasets.protocol_building import (
    build_protocol,
    contradictions,
    own_subjects,
    pair_warnings,
    template_subjects,
)
from canon_core.datasets.template_protocol import (
    UNKNOWN,
    Gallery,
    IdentificationProtocol,
    VerificationProtocol,
    positions_of,
)
from canon_core.errors import DatasetError, StoreError
from canon_core.store.arrays import load_arrays, save_arrays

PAIRS = Path("pairs.txt")


def ids(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def small() -> VerificationProtocol:
    """Templates 5, 900 (one subject), 70000 (another), 71000 (in no pair)."""
    return build_protocol(
        template=ids(900, 5, 5, 70000, 71000),
        media=ids(1, 2, 2, 3, 4),
        p1=ids(5, 5),
        p2=ids(900, 70000),
        genuine=np.array([True, False]),
        pair_file=PAIRS,
    )


def test_sparse_ids_become_positions_in_a_table() -> None:
    protocol = small()
    assert protocol.template_ids.tolist() == [5, 900, 70000, 71000]
    assert protocol.template.tolist() == [1, 0, 0, 2, 3]
    assert (protocol.p1.tolist(), protocol.p2.tolist()) == ([0, 0], [1, 2])
    assert (protocol.p1.dtype, protocol.template.dtype) == (np.int32, np.int32)
    assert protocol.enrolled.tolist() == [True, False, False, False]
    assert protocol.enrolled[protocol.template].tolist() == [False, True, True, False, False]
    protocol.check()


def test_subjects_follow_from_genuine_pairs_where_no_file_names_them() -> None:
    assert small().subjects.tolist() == [5, 5, 70000, UNKNOWN]


def test_named_subjects_are_taken_and_labels_that_contradict_them_are_found() -> None:
    protocol = build_protocol(
        ids(1, 2, 3), ids(1, 2, 3), ids(1, 1), ids(2, 3), np.array([True, True]),
        known_subjects=(ids(1, 2, 8), ids(40, 50, 60)), pair_file=PAIRS,
    )  # fmt: skip
    assert protocol.subjects.tolist() == [40, 50, UNKNOWN]
    assert contradictions(protocol).tolist() == [True, False]


@pytest.mark.parametrize("names", [(70, 71), (1, 2), (2**62, -5)])
def test_people_whom_no_file_names_but_genuine_pairs_link_get_ids_of_their_own(names: tuple[int, int]) -> None:
    one, other = names
    protocol = build_protocol(
        ids(1, 2, 3, 4, 5, 6, 7, 8, 9), np.arange(9), ids(1, 1, 3, 5, 5, 8), ids(2, 4, 4, 6, 2, 9),
        np.array([True, False, True, True, False, True]),
        known_subjects=(ids(1, 2, 3, 100), ids(one, one, other, 3)), pair_file=PAIRS,
    )  # fmt: skip
    subjects = protocol.subjects.tolist()
    assert subjects[:4] == [one, one, other, other]
    assert subjects[4] == subjects[5] != subjects[7] == subjects[8]
    assert not {subjects[4], subjects[7]} & {one, other, 3, UNKNOWN}
    assert subjects[6] == UNKNOWN  # in no genuine pair: it may be anybody's
    assert not contradictions(protocol).any()
    assert own_subjects(protocol, ids(one, one, other, 3)) == (4, 2)


def test_a_pair_of_a_template_without_images_is_told_with_its_line() -> None:
    with pytest.raises(DatasetError, match="line 2 names template 3, of which there is no image") as caught:
        build_protocol(ids(1, 2), ids(1, 2), ids(1, 1), ids(2, 3), np.array([True, True]), pair_file=PAIRS)
    assert caught.value.path == PAIRS


def test_a_template_of_two_subjects_is_told_with_its_line() -> None:
    table, subjects = template_subjects(ids(9, 4, 9), ids(1, 2, 1), PAIRS)
    assert (table.tolist(), subjects.tolist()) == ([4, 9], [2, 1])
    with pytest.raises(DatasetError, match="line 4: template 9 is of subject 3 here and of 1 before"):
        template_subjects(ids(9, 4, 9), ids(1, 2, 3), PAIRS)


@given(
    st.lists(st.integers(-(2**40), 2**40), unique=True, max_size=30),
    st.lists(st.integers(-(2**40), 2**40), max_size=30),
    st.integers(1, 2**30),
)
def test_positions_are_those_a_dict_gives(table: list[int], wanted: list[int], divisor: int) -> None:
    table = sorted({number // divisor for number in table})
    wanted = [number // divisor for number in wanted] + table
    expected = {number: place for place, number in enumerate(table)}
    found = positions_of(np.array(wanted, np.int64), np.array(table, np.int64))
    assert found.tolist() == [expected.get(number, -1) for number in wanted]


@settings(deadline=None)
@given(st.data())
def test_leaving_images_out_equals_building_without_them(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    template = np.array(data.draw(st.lists(st.integers(1, 5), min_size=count, max_size=count)), np.int64) * 1000
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    there = np.unique(template)
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(there), st.sampled_from(there), st.booleans()), max_size=8))
    known = (ids(1000, 2000, 3000, 4000, 5000), ids(7, 8, 9, 8, 7))

    def build(rows: np.ndarray, chosen: list) -> VerificationProtocol:
        columns = np.array([(one, other) for one, other, _ in chosen], np.int64).reshape(-1, 2).T
        genuine = np.array([label for _, _, label in chosen], bool)
        media = np.arange(count)[rows]
        return build_protocol(template[rows], media, *columns, genuine, known_subjects=known, pair_file=PAIRS)

    left = set(template[kept].tolist())
    expected = build(kept, [pair for pair in pairs if pair[0] in left and pair[1] in left])
    thinned = build(np.ones(count, bool), pairs).keep_images(kept)
    thinned.check()
    same_rows = replace(thinned, enrolled=expected.enrolled)  # a template stays an enrolment template without its pairs
    assert same_rows.fingerprint == expected.fingerprint


def test_a_stored_protocol_is_the_same_protocol(tmp_path: Path) -> None:
    protocol = small()
    search = IdentificationProtocol(
        (Gallery("G1", np.array([0], np.int32), ids(7)), Gallery("G2", np.array([2], np.int32), ids(8))),
        np.array([1, 3], np.int32),
        ids(7, 9),
    )
    save_arrays(tmp_path / "p.h5", {**protocol.to_arrays(), **search.to_arrays()}, compress=False)
    arrays, _ = load_arrays(tmp_path / "p.h5")
    again = VerificationProtocol.from_arrays(arrays)
    assert again.fingerprint == protocol.fingerprint
    assert replace(again).fingerprint == protocol.fingerprint  # worked out anew
    assert again.genuine.dtype == np.bool_
    searched = IdentificationProtocol.from_arrays(arrays, protocol.templates)
    assert searched.fingerprint == search.fingerprint
    assert [gallery.name for gallery in searched.galleries] == ["G1", "G2"]


def test_another_pair_label_or_image_gives_another_fingerprint() -> None:
    protocol = small()
    others = [
        replace(protocol, genuine=~protocol.genuine),
        replace(protocol, p1=protocol.p2, p2=protocol.p1),
        replace(protocol, media=protocol.media + 1),
        replace(protocol, subjects=protocol.subjects + 1),
    ]
    assert len({protocol.fingerprint, *(other.fingerprint for other in others)}) == 5


@pytest.mark.parametrize(
    "change",
    [
        {"p1": np.array([0, 4], np.int32)},
        {"p2": np.array([-1, 0], np.int32)},
        {"template": np.array([9, 0, 0, 2, 3], np.int32)},
        {"template_ids": ids(5, 5, 900, 70000)},
        {"genuine": np.array([True])},
        {"media": np.ones(5, np.float32)},
        {"protocol_fingerprint": np.array(["x"], object)},
        {"p1": None},
    ],
)
def test_a_damaged_table_is_refused(change: dict) -> None:
    arrays = {**small().to_arrays(), **change}
    if change.get("p1", 0) is None:
        del arrays["p1"]
    with pytest.raises(StoreError, match="the stored protocol is damaged"):
        VerificationProtocol.from_arrays(arrays)


def test_a_search_of_templates_that_do_not_exist_is_refused() -> None:
    search = IdentificationProtocol((), np.array([7], np.int32), ids(1))
    with pytest.raises(StoreError, match="names a template that does not exist"):
        IdentificationProtocol.from_arrays(search.to_arrays(), 4)


def test_a_search_follows_its_templates_when_images_are_left_out() -> None:
    protocol = small()
    search = IdentificationProtocol(
        (Gallery("G1", np.array([0, 2], np.int32), ids(7, 8)),), np.array([3], np.int32), ids(7)
    )
    after = protocol.keep_images(np.array([True, False, False, True, True]))
    moved = search.renumbered(protocol, after)
    assert after.template_ids[moved.galleries[0].templates].tolist() == [70000]
    assert moved.galleries[0].subjects.tolist() == [8]
    assert after.template_ids[moved.probes].tolist() == [71000]


def test_pairs_are_counted_once_whatever_the_size_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    p1, p2 = rng.integers(0, 9, 200), rng.integers(0, 9, 200)
    protocol = build_protocol(
        np.arange(9), np.arange(9), p1, p2, np.zeros(200, bool), pair_file=Path("pairs.txt")
    )
    repeated = 200 - len(set(zip(p1.tolist(), p2.tolist(), strict=True)))
    expected = [
        f"pairs.txt: {repeated} pairs stand in it before and count once more",
        f"pairs.txt: {int((p1 == p2).sum())} pairs are of a template with itself",
    ]
    assert pair_warnings(protocol, Path("pairs.txt")) == expected
    monkeypatch.setattr(protocol_building, "_MAX_TABLE", 10)
    assert pair_warnings(protocol, Path("pairs.txt")) == expected
