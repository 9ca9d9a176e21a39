"""IJB in InsightFace's layout: found, read, checked against itself and against what was published."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canon_core.datasets.ijb import read_ijb
from canon_core.datasets.ijb_files import find_ijb
from canon_core.datasets.template_dataset import IJBB, IJBC, TemplateDataset
from canon_core.datasets.template_protocol import UNKNOWN
from canon_core.errors import Cancelled, CanonError, DatasetError
from canon_core.jobs import JobContext

#: Image, template, media; subject 7: templates 1 and 90, subject 8: templates 4 and 91, subject 9: 95, in no gallery.
ROWS = [("1.jpg", 1, 10), ("2.jpg", 1, 11), ("3.jpg", 4, 12), ("4.jpg", 90, 13), ("5.jpg", 90, 13), ("6.jpg", 91, 14)]
ROWS += [("7.jpg", 95, 15)]
PAIRS = [(1, 90, 1), (1, 91, 0), (4, 90, 0), (4, 91, 1), (4, 95, 0)]
SUBJECTS = {1: 7, 90: 7, 4: 8, 91: 8, 95: 9}


def point_line(name: str, number: int) -> str:
    points = [46.06, 62.026, 87.785, 60.323, 68.851, 77.656, 52.162, 99.875, 86.45, 98.648]
    return " ".join([name, *(f"{value + number:.3f}" for value in points), f"0.{900 + number}"])


def tree(folder: Path, *, search: bool = True, prefix: str = "ijbc") -> Path:
    """A tiny dataset in InsightFace's layout; images are never opened."""
    root = folder / prefix.upper()
    (root / "meta").mkdir(parents=True)
    (root / "loose_crop").mkdir()
    for name, _, _ in ROWS:
        (root / "loose_crop" / name).write_bytes(b"jpeg")

    def write(name: str, lines: list[str]) -> None:
        (root / "meta" / f"{prefix}_{name}").write_text("\n".join(lines) + "\n")

    write("face_tid_mid.txt", [" ".join(map(str, row)) for row in ROWS])
    write("template_pair_label.txt", [" ".join(map(str, pair)) for pair in PAIRS])
    write("name_5pts_score.txt", [point_line(name, number) for number, (name, _, _) in enumerate(ROWS)])
    if search:
        header = "TEMPLATE_ID,SUBJECT_ID,FILENAME,SIGHTING_ID"
        one, two = ("G1", "G2") if prefix == "ijbc" else ("S1", "S2")
        write(f"1N_gallery_{one}.csv", [header, "1,7,img/1.jpg,3", "1,7,img/2.jpg,4"])
        write(f"1N_gallery_{two}.csv", [header, '4,8,"img/3,b.jpg",5'])
        write("1N_probe_mixed.csv", [header, "90,7,frames/4.png,6", "91,8,img/6.jpg,7", "95,9,img/7.jpg,8"])
    return root


def meta(root: Path, name: str) -> Path:
    return next((root / "meta").glob(f"*_{name}"))


def read(root: Path) -> TemplateDataset:
    return read_ijb(root, JobContext())


def subject_names(dataset: TemplateDataset) -> list[str]:
    return list(dataset.subjects)


@pytest.mark.parametrize("prefix", ["ijbc", "ijbb"])
def test_images_templates_pairs_points_and_search_are_read(tmp_path: Path, prefix: str) -> None:
    dataset = read(tree(tmp_path, prefix=prefix))
    protocol = dataset.protocol
    assert dataset.format == prefix
    assert dataset.ids == tuple(name for name, _, _ in ROWS)
    assert protocol.template_ids[protocol.template].tolist() == [template for _, template, _ in ROWS]
    assert protocol.media.tolist() == [media for _, _, media in ROWS]
    ids = protocol.template_ids
    assert list(zip(ids[protocol.p1], ids[protocol.p2], protocol.genuine.astype(int), strict=True)) == PAIRS
    assert protocol.enrolled[protocol.template].tolist() == [True, True, True, False, False, False, False]
    assert dict(zip(ids.tolist(), protocol.subjects.tolist(), strict=True)) == SUBJECTS
    assert dataset.landmarks is not None
    assert dataset.scores is not None
    np.testing.assert_allclose(dataset.landmarks[2, 0], [48.06, 64.026], atol=1e-4)
    np.testing.assert_allclose(dataset.scores, [0.9 + number / 1000 for number in range(7)], atol=1e-6)
    assert dataset.search is not None
    galleries = {gallery.name: ids[gallery.templates].tolist() for gallery in dataset.search.galleries}
    assert galleries == ({"G1": [1], "G2": [4]} if prefix == "ijbc" else {"S1": [1], "S2": [4]})
    assert dataset.search.probe_subjects.tolist() == [7, 8, 9]
    assert subject_names(dataset) == ["7", "7", "8", "7", "7", "8", "9"]
    assert dataset.problems == ()


def test_the_published_constants_are_those_of_the_papers() -> None:
    assert IJBC.pairs == 19_557 + 15_638_932
    assert IJBC.templates == 1_772 + 1_759 + 19_593
    assert IJBC.images == 11_856 + 457_519
    assert IJBB.pairs == 10_270 + 8_000_000
    assert IJBB.templates == 1_845 + 10_270


def test_a_count_other_than_published_is_a_warning_that_names_the_file(tmp_path: Path) -> None:
    warnings = read(tree(tmp_path)).warnings
    assert "ijbc_face_tid_mid.txt holds 7 images, where 469,375 were published" in warnings
    assert "ijbc_template_pair_label.txt holds 2 genuine pairs, where 19,557 were published" in warnings


@pytest.mark.parametrize("place", ["", "meta", "loose_crop", "meta/ijbc_face_tid_mid.txt", ".."])
def test_it_is_found_from_the_folder_its_parent_and_what_it_holds(tmp_path: Path, place: str) -> None:
    root = tree(tmp_path)
    path = root.parent if place == ".." else root / place
    files, why = find_ijb(path)
    assert files is not None
    assert (files.format, files.folder) == ("ijbc", root)
    assert "IJB-C" in why
    assert "ijbc_face_tid_mid.txt" in why


def test_what_was_looked_for_is_said_where_nothing_is_found(tmp_path: Path) -> None:
    files, why = find_ijb(tmp_path)
    assert files is None
    assert "no meta/ijbc_face_tid_mid.txt or meta/ijbb_face_tid_mid.txt" in why
    with pytest.raises(DatasetError, match="give the folder that holds meta and loose_crop"):
        read(tmp_path)


def test_two_datasets_in_one_folder_want_a_choice(tmp_path: Path) -> None:
    tree(tmp_path)
    tree(tmp_path, prefix="ijbb")
    with pytest.raises(DatasetError, match="holds both IJB-C and IJB-B"):
        find_ijb(tmp_path)
    assert read_ijb(tmp_path, JobContext(), format="ijbb").format == "ijbb"
    assert read(tmp_path / "IJBC").format == "ijbc"


def test_without_1n_files_subjects_follow_from_the_genuine_pairs(tmp_path: Path) -> None:
    dataset = read(tree(tmp_path, search=False))
    assert dataset.search is None
    assert dataset.protocol.subjects.tolist() == [1, 4, 1, 4, 95]
    assert "subjects from the genuine pairs" in dataset.notes[0]
    assert any("holds no ijbc_1N_gallery_G1.csv" in warning for warning in dataset.warnings)


def test_missing_images_are_named_and_can_be_left_out_with_their_pairs(tmp_path: Path) -> None:
    root = tree(tmp_path)
    (root / "loose_crop" / "6.jpg").unlink()
    (root / "loose_crop" / "2.jpg").unlink()
    (root / "loose_crop" / "2.jpg").symlink_to("/etc/hostname")
    dataset = read(root)
    assert [(problem.image, problem.reason) for problem in dataset.problems] == [
        ("2.jpg", "is a link out of the dataset"),
        ("6.jpg", "is not in loose_crop"),
    ]
    assert any("2 of 7 images are missing or cannot be used (2.jpg, 6.jpg)" in text for text in dataset.warnings)
    gone = {problem.image for problem in dataset.problems}
    kept = dataset.keep_images(np.array([name not in gone for name in dataset.ids]))
    assert len(kept) == 5
    ids = kept.protocol.template_ids
    assert list(zip(ids[kept.protocol.p1], ids[kept.protocol.p2], strict=True)) == [(1, 90), (4, 90), (4, 95)]
    assert "1 templates and 2 pairs were left out" in kept.warnings[-1]
    assert kept.landmarks is not None
    assert len(kept.landmarks) == 5
    assert kept.search is not None
    assert kept.search.probe_subjects.tolist() == [7, 9]


def test_points_in_another_order_are_matched_by_name_with_a_warning(tmp_path: Path) -> None:
    expected = read(tree(tmp_path / "a")).landmarks
    root = tree(tmp_path / "b")
    path = meta(root, "name_5pts_score.txt")
    path.write_text("\n".join(reversed(path.read_text().splitlines())) + "\n")
    dataset = read(root)
    np.testing.assert_array_equal(dataset.landmarks, expected)
    assert any("is in another order than ijbc_face_tid_mid.txt" in warning for warning in dataset.warnings)


def test_scores_of_zero_and_below_are_counted_in_a_warning_that_names_the_file(tmp_path: Path) -> None:
    root = tree(tmp_path)
    path = meta(root, "name_5pts_score.txt")
    assert not any("detector scores" in warning for warning in read(root).warnings)
    path.write_text(path.read_text().replace(" 0.902", " 0").replace(" 0.904", " -0.5"))
    found = [warning for warning in read(root).warnings if "detector scores" in warning]
    assert len(found) == 1
    assert found[0].startswith("ijbc_name_5pts_score.txt: 2 of 7 detector scores are 0 or below")


def test_people_whom_only_genuine_pairs_tell_apart_are_counted(tmp_path: Path) -> None:
    root = tree(tmp_path)
    with meta(root, "face_tid_mid.txt").open("a") as images, meta(root, "name_5pts_score.txt").open("a") as points:
        for name, template in (("8.jpg", 200), ("9.jpg", 201)):
            images.write(f"{name} {template} 30\n")
            points.write(point_line(name, int(name[0])) + "\n")
    with meta(root, "template_pair_label.txt").open("a") as pairs:
        pairs.write("200 201 1\n")
    dataset = read(root)
    subject = dict(zip(dataset.protocol.template_ids.tolist(), dataset.protocol.subjects.tolist(), strict=True))
    assert subject[200] == subject[201] not in {7, 8, 9, UNKNOWN}
    assert {one: subject[one] for one in SUBJECTS} == SUBJECTS
    assert any("no subject of 2 templates" in warning and "1 subjects" in warning for warning in dataset.warnings)


def test_labels_that_contradict_the_subjects_are_counted(tmp_path: Path) -> None:
    root = tree(tmp_path)
    path = meta(root, "template_pair_label.txt")
    path.write_text(path.read_text().replace("4 95 0", "4 95 1"))
    assert any("the labels of 1 pairs contradict" in warning for warning in read(root).warnings)


@pytest.mark.parametrize("name", ["face_tid_mid.txt", "template_pair_label.txt", "1N_probe_mixed.csv"])
@pytest.mark.parametrize(
    ("change", "warned"),
    [
        (lambda data: b"\xef\xbb\xbf" + data, "byte-order mark"),
        (lambda data: data.replace(b"\n", b"\r\n"), "Windows line ends"),
        (lambda data: data[:-1], "has no line end"),
        (lambda data: data + b"\n\n", ""),
    ],
)
def test_harmless_oddities_are_accepted_with_a_warning(tmp_path: Path, name: str, change, warned: str) -> None:
    expected = read(tree(tmp_path / "a"))
    root = tree(tmp_path / "b")
    path = meta(root, name)
    path.write_bytes(change(path.read_bytes()))
    dataset = read(root)
    assert dataset.protocol.fingerprint == expected.protocol.fingerprint
    new = set(dataset.warnings) - set(expected.warnings)
    assert len(new) == (1 if warned else 0)
    assert all(warned in warning and path.name in warning for warning in new)


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("face_tid_mid.txt", "5.jpg 90 13", "5.jpg 9x 13", r"line 5: '9x' is not a number \(column TEMPLATE\)"),
        ("face_tid_mid.txt", "5.jpg 90 13", "5.jpg 90", "line 5: it has 2 of 3 columns"),
        ("face_tid_mid.txt", "5.jpg 90 13\n6.jpg", "5.jpg 90\n13 6.jpg", "line 5: it has 2 of 3 columns"),
        ("face_tid_mid.txt", "7.jpg 95 15\n", "7.jpg 9", "line 7: it has 2 of 3 columns; the file ends in the middle"),
        ("face_tid_mid.txt", "5.jpg 90 13", "5.jpg 90.5 13", "line 5: column TEMPLATE should hold a whole number"),
        ("face_tid_mid.txt", "5.jpg 90 13", "5.jpg nan 13", "line 5: column TEMPLATE holds no number"),
        ("face_tid_mid.txt", "5.jpg", "4.jpg", "line 5: it and line 4 are both of image 4.jpg"),
        ("face_tid_mid.txt", "5.jpg", "../5.jpg", r"line 5: '../5.jpg' is no name of an image in loose_crop"),
        ("face_tid_mid.txt", "5.jpg 90 13\n", "\n5.jpg 90 13\n", "line 5: it is blank, and more follows"),
        ("face_tid_mid.txt", "5.jpg 90 13", "5.jpg \0 13", "line 5 is not text"),
        ("template_pair_label.txt", "4 91 1", "4 92 1", "line 4 names template 92, of which there is no image"),
        ("template_pair_label.txt", "4 91 1", "4 91 one", "line 4: 'one' is not a whole number"),
        ("template_pair_label.txt", "4 95 0\n", "4 9", "line 5: it has 2 of 3 columns; the file ends in the middle"),
        ("name_5pts_score.txt", "5.jpg", "8.jpg", "holds no points of 5.jpg, which ijbc_face_tid_mid.txt lists"),
        ("name_5pts_score.txt", "5.jpg", "4.jpg", "line 5: it and line 4 are both of image 4.jpg"),
        ("name_5pts_score.txt", " 0.904", " high", r"line 5: 'high' is not a number \(column SCORE\)"),
        ("name_5pts_score.txt", " 0.904", " inf", "line 5: a point or score is no finite number"),
        ("1N_gallery_G1.csv", "1,7,img/2", "1,8,img/2", "line 3: template 1 is of subject 8 here and of 7 before"),
        ("1N_probe_mixed.csv", "SUBJECT_ID", "PERSON", "its first line names no column SUBJECT_ID"),
        ("1N_gallery_G2.csv", '"img', "img", "line 2: it has 5 of 4 columns|a quote is opened"),
        ("1N_probe_mixed.csv", "90,7,", "1,9,", "template 1 is of subject 9 here and of 7 in ijbc_1N_gallery_G1.csv"),
    ],
)
def test_a_fault_is_told_with_file_and_line(tmp_path: Path, name: str, old: str, new: str, says: str) -> None:
    root = tree(tmp_path)
    path = meta(root, name)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(DatasetError, match=says) as caught:
        read(root)
    assert caught.value.path == path
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["face_tid_mid.txt", "template_pair_label.txt", "name_5pts_score.txt"])
def test_gzip_by_mistake_an_empty_and_a_missing_file_are_refused(tmp_path: Path, name: str) -> None:
    root = tree(tmp_path)
    path = meta(root, name)
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(DatasetError, match="is compressed with gzip; unpack it"):
        read(root)
    path.write_bytes(b"")
    with pytest.raises(DatasetError, match=r"holds no rows|holds no pairs"):
        read(root)
    path.unlink()
    with pytest.raises(DatasetError, match=r"is missing|no meta/"):
        read(root)


def test_reading_stops_when_it_is_cancelled(tmp_path: Path) -> None:
    ctx = JobContext()
    ctx.cancel()
    with pytest.raises(Cancelled):
        read_ijb(tree(tmp_path), ctx)


@pytest.fixture(scope="module")
def whole_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree(tmp_path_factory.mktemp("ijb"))


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["face_tid_mid.txt", "name_5pts_score.txt", "1N_gallery_G2.csv", "1N_probe_mixed.csv"]),
    st.integers(0, 10_000),
    st.one_of(
        st.binary(max_size=12), st.sampled_from([b'"', b"\n", b"\r", b" ", b",", b"-1", b"nan", b"1e99", b"\xc2\xa0"])
    ),
    st.integers(0, 12),
)
def test_a_damaged_file_gives_a_dataset_or_an_error_of_ours(
    whole_tree: Path, name: str, place: int, junk: bytes, removed: int
) -> None:
    path = meta(whole_tree, name)
    good = path.read_bytes()
    place %= len(good) + 1
    try:
        path.write_bytes(good[:place] + junk + good[place + removed :])
        dataset = read(whole_tree)
    except CanonError:
        pass  # said in our words
    else:
        dataset.protocol.check()
        assert len(dataset.subjects) == len(dataset) == dataset.protocol.images
    finally:
        path.write_bytes(good)


def test_pairs_that_stand_twice_and_pairs_of_a_template_with_itself_are_counted(tmp_path: Path) -> None:
    root = tree(tmp_path)
    path = meta(root, "template_pair_label.txt")
    lines = path.read_text().splitlines()
    assert not any("before" in warning or "itself" in warning for warning in read(root).warnings)
    path.write_text("\n".join([*lines, lines[0], lines[0], "1 1 1", "4 4 1", "90 1 0"]) + "\n")
    warnings = read(root).warnings
    assert f"{path.name}: 2 pairs stand in it before and count once more" in warnings
    assert f"{path.name}: 2 pairs are of a template with itself" in warnings


def test_a_subject_of_nobody_is_refused_with_its_line(tmp_path: Path) -> None:
    root = tree(tmp_path)
    path = meta(root, "1N_probe_mixed.csv")
    lines = path.read_text().splitlines()
    fields = lines[0].split(",")
    values = lines[2].split(",")
    values[fields.index("SUBJECT_ID")] = "-1"
    path.write_text("\n".join([*lines[:2], ",".join(values), *lines[3:]]) + "\n")
    with pytest.raises(DatasetError, match=r"1N_probe_mixed.csv: line 3: '-1' is no subject's number"):
        read(root)
