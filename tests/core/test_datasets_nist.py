"""IJB in NIST's layouts: both releases, covariates, face boxes, and every fault by file and line."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canon_core.datasets.covariates import MIXED, UNKNOWN, Kind, covariate_of_numbers, covariate_of_texts
from canon_core.datasets.nist import find_nist, read_nist
from canon_core.datasets.template_dataset import TemplateDataset
from canon_core.errors import CanonError, DatasetError
from canon_core.jobs import JobContext

HEADER = (
    "TEMPLATE_ID,SUBJECT_ID,FILENAME,SIGHTING_ID,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT,FRAME_NUM,SKINTONE,GENDER,YAW"
)
ONE = ["1,7,img/1.jpg,100,10,20,30,40,,2,1,-10.5", '1,7,"img/2,b.jpg",101,11,21,31,41,NaN,3,1,20.5']
TWO = ["4,8,img/3.jpg,102,1,2,3,4,,1,0,"]
PROBES = [
    "90,7,frames/5_1.png,103,5,6,7,8,1,2,1,1",
    "90,7,frames/5_2.png,103,5,6,7,8,2,2,1,2",
    "90,7,img/3.jpg,104,50,60,70,80,,5,1,4",
    "91,8,img/6.jpg,105,,,,,,1,,90.25",
    "95,9,img/6.jpg,106,nan,1,2,3,,4,0,0",
]
MATCHES = ["1,90", "1,91", "4,90", "4,91", "4,95"]


def first_release(folder: Path) -> Path:
    return _write(
        folder,
        {
            "ijbc_1N_gallery_G1.csv": [HEADER, *ONE],
            "ijbc_1N_gallery_G2.csv": [HEADER, *TWO],
            "ijbc_1N_probe_mixed.csv": [HEADER, *PROBES],
            "ijbc_11_G1_G2_matches.csv": MATCHES,
        },
    )


def later_release(folder: Path) -> Path:
    def slim(row: str) -> str:
        template, subject, rest = row.split(",", 2)
        name, values = (rest[1:].split('",') if rest[0] == '"' else rest.split(",", 1)) if rest else ("", "")
        quoted = f'"{name}"' if "," in name else name
        return ",".join([template, subject, quoted, *values.split(",")[1:5]])

    header = "TEMPLATE_ID,SUBJECT_ID,FILENAME,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT"
    rows = {name: [header, *map(slim, rows)] for name, rows in (("one", ONE), ("two", TWO), ("probes", PROBES))}
    return _write(
        folder,
        {
            "test1/enroll_templates.csv": rows["one"] + rows["two"][1:],
            "test1/verif_templates.csv": rows["probes"],
            "test1/match.csv": MATCHES,
            "test4/gallery_G1.csv": rows["one"],
            "test4/gallery_G2.csv": rows["two"],
            "test4/probes.csv": rows["probes"],
        },
    )


def _write(folder: Path, files: dict[str, list[str]]) -> Path:
    for name in ("img/1.jpg", "img/2,b.jpg", "img/3.jpg", "img/6.jpg", "frames/5_1.png", "frames/5_2.png"):
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"image")
    for name, lines in files.items():
        path = folder / "protocols" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    return folder


def read(root: Path) -> TemplateDataset:
    return read_nist(root, JobContext())


RELEASES = pytest.mark.parametrize("release", [first_release, later_release])


@RELEASES
def test_both_releases_give_the_same_protocol(tmp_path: Path, release) -> None:
    dataset = read(release(tmp_path))
    protocol = dataset.protocol
    ids = protocol.template_ids
    assert ids[protocol.template].tolist() == [1, 1, 4, 90, 90, 90, 91, 95]
    assert dict(zip(ids.tolist(), protocol.subjects.tolist(), strict=True)) == {1: 7, 4: 8, 90: 7, 91: 8, 95: 9}
    assert [f"{one},{other}" for one, other in zip(ids[protocol.p1], ids[protocol.p2], strict=True)] == MATCHES
    assert protocol.genuine.tolist() == [True, False, False, True, False]
    assert protocol.enrolled.tolist() == [True, True, False, False, False]
    assert dataset.search is not None
    assert [(gallery.name, ids[gallery.templates].tolist()) for gallery in dataset.search.galleries] == [
        ("G1", [1]),
        ("G2", [4]),
    ]
    assert dataset.search.probe_subjects.tolist() == [7, 8, 9]
    assert dataset.problems == ()
    assert (dataset.format, dataset.root) == ("nist", tmp_path / "images")


@RELEASES
def test_frames_of_one_video_are_one_media(tmp_path: Path, release) -> None:
    media = read(release(tmp_path)).protocol.media
    assert media[3] == media[4]
    assert len(set(media[[0, 1, 3, 5]].tolist())) == 4


@RELEASES
def test_rows_share_files_and_have_names_and_boxes_of_their_own(tmp_path: Path, release) -> None:
    dataset = read(release(tmp_path))
    assert dataset.files[1] == "img/2,b.jpg"
    assert (dataset.ids[2], dataset.ids[5]) == ("img/3.jpg", "img/3.jpg#2")
    assert len(set(dataset.ids)) == len(dataset)
    assert dataset.boxes is not None
    assert dataset.boxes[5].tolist() == [50, 60, 70, 80]
    assert np.isnan(dataset.boxes[[6, 7]]).all()
    assert any("2 of 8 rows have no face box" in warning for warning in dataset.warnings)


def test_covariates_are_kept_with_their_unknowns(tmp_path: Path) -> None:
    dataset = read(first_release(tmp_path))
    columns = {covariate.name: covariate for covariate in dataset.covariates}
    assert list(columns) == ["SKINTONE", "GENDER", "YAW"]
    template, count = dataset.protocol.template, dataset.protocol.templates
    assert columns["GENDER"].classes == ("0", "1")
    assert columns["GENDER"].majorities(template, count).tolist() == [1, 0, 1, UNKNOWN, 0]
    tones = columns["SKINTONE"]
    assert [tones.classes[code] if code >= 0 else code for code in tones.majorities(template, count)] == [
        MIXED, "1", "2", "1", "4",
    ]  # fmt: skip
    assert columns["YAW"].kind is Kind.MEASURE
    np.testing.assert_array_equal(columns["YAW"].medians(template, count), [5, np.nan, 2, 90.25, 0])


def test_covariates_that_are_words_are_classes(tmp_path: Path) -> None:
    root = first_release(tmp_path)
    path = root / "protocols" / "ijbc_1N_probe_mixed.csv"
    lines = [line.rsplit(",", 2) for line in path.read_text().splitlines()]
    lines = [lines[0], *([start, "female" if gender == "0" else "male", yaw] for start, gender, yaw in lines[1:])]
    path.write_text("\n".join(map(",".join, lines)) + "\n")
    gender = next(covariate for covariate in read(root).covariates if covariate.name == "GENDER")
    assert gender.classes == ("0", "1", "female", "male")


def test_covariates_in_a_file_of_their_own_are_joined(tmp_path: Path) -> None:
    root = later_release(tmp_path)
    assert read(root).covariates == ()
    lines = ["SUBJECT_ID,FILENAME,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT,GENDER", "7,img/1.jpg,10,20,30,40,1"]
    lines += ["7,img/3.jpg,50,60,70,80,0", "8,img/3.jpg,1,2,3,4,1"]
    (root / "protocols" / "ijbc_metadata.csv").write_text("\n".join(lines) + "\n")
    (gender,) = read(root).covariates
    np.testing.assert_array_equal(gender.values, [1, np.nan, 1, np.nan, np.nan, 0, np.nan, np.nan])


@given(st.lists(st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(0, 4))), min_size=1, max_size=40))
def test_majority_and_median_are_those_pandas_gives(rows: list[tuple[int, int | None]]) -> None:
    template = np.array([row for row, _ in rows], np.int32)
    values = np.array([np.nan if value is None else value for _, value in rows])
    covariate = covariate_of_numbers("X", values)
    if covariate is None:
        assert np.isnan(values).all()
        return
    measured = covariate_of_numbers("X", values + 0.5)
    assert measured is not None
    medians = measured.medians(template, 5)
    found = covariate.majorities(template, 5)
    for number in range(5):
        own = pd.Series(values[template == number]).dropna()
        if own.empty:
            assert found[number] == UNKNOWN
            assert np.isnan(medians[number])
            continue
        assert medians[number] == own.median() + 0.5
        shares = own.value_counts(normalize=True)
        expected = f"{shares.index[0]:.0f}" if shares.iloc[0] > 0.5 else MIXED
        assert (covariate.classes[found[number]] if found[number] >= 0 else found[number]) == expected


def test_free_text_is_no_covariate() -> None:
    assert covariate_of_texts("NOTE", [f"remark {number}" for number in range(1000)]) is None
    assert covariate_of_texts("NOTE", ["", "NaN"]) is None


@RELEASES
@pytest.mark.parametrize("place", ["", "protocols", "images"])
def test_it_is_found_from_the_folder_and_those_in_it(tmp_path: Path, release, place: str) -> None:
    root = release(tmp_path / "IJB")
    files, why = find_nist(root / place)
    assert files is not None
    assert files.folder == root
    assert "layout, by" in why


def test_what_was_looked_for_is_said_where_nothing_is_found(tmp_path: Path) -> None:
    files, why = find_nist(tmp_path)
    assert files is None
    assert "ijbc_11_G1_G2_matches.csv" in why
    assert "match.csv" in why
    with pytest.raises(DatasetError, match="give the folder that holds protocols and images"):
        read(tmp_path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    root = first_release(tmp_path)
    (root / "images" / "img" / "6.jpg").unlink()
    dataset = read(root)
    assert [problem.image for problem in dataset.problems] == ["img/6.jpg"]
    kept = dataset.keep_images(np.array([name != "img/6.jpg" for name in dataset.files]))
    assert len(kept) == len(kept.covariates[0].values) == 6
    assert kept.protocol.template_ids.tolist() == [1, 4, 90]


def test_a_row_that_stands_twice_in_a_template_is_counted(tmp_path: Path) -> None:
    root = first_release(tmp_path)
    path = root / "protocols" / "ijbc_1N_gallery_G1.csv"
    path.write_text(path.read_text() + ONE[0] + "\n")
    assert any("1 rows stand twice in one template" in warning for warning in read(root).warnings)


def test_a_list_of_pairs_may_name_its_columns(tmp_path: Path) -> None:
    root = first_release(tmp_path)
    path = root / "protocols" / "ijbc_11_G1_G2_matches.csv"
    path.write_text("ENROLL_TEMPLATE_ID,VERIF_TEMPLATE_ID\r\n" + path.read_text().replace("\n", "\r\n"))
    dataset = read(root)
    assert len(dataset.protocol) == len(MATCHES)
    path.write_text(path.read_text().replace("4,95", "4,96"))
    with pytest.raises(DatasetError, match="line 6 names template 96"):
        read(root)


def test_templates_of_other_content_are_no_search(tmp_path: Path) -> None:
    root = later_release(tmp_path)
    path = root / "protocols" / "test4" / "probes.csv"
    path.write_text(path.read_text().replace("91,8,", "91,9,"))
    dataset = read(root)
    assert dataset.search is None
    assert any("probes.csv: template 91 is another one" in warning for warning in dataset.warnings)


def test_pairs_of_templates_without_a_subject_are_left_out(tmp_path: Path) -> None:
    root = first_release(tmp_path)
    path = root / "protocols" / "ijbc_1N_probe_mixed.csv"
    path.write_text(path.read_text().replace("95,9,", "95,NaN,"))
    dataset = read(root)
    assert len(dataset.protocol) == 4
    assert dataset.subjects[-1] == ""
    assert any("1 pairs of templates without a subject were left out" in warning for warning in dataset.warnings)


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("ijbc_1N_gallery_G1.csv", "1,7,img/1", "x,7,img/1", r"line 2: 'x' is not a number \(column TEMPLATE_ID\)"),
        ("ijbc_1N_gallery_G1.csv", ",10,20,", ",ten,20,", r"line 2: 'ten' is not a number \(column FACE_X\)"),
        ("ijbc_1N_gallery_G1.csv", "FACE_X", "LEFT", "its first line names no column FACE_X"),
        ("ijbc_1N_gallery_G1.csv", "img/1.jpg", "/etc/1.jpg", "line 2: '/etc/1.jpg' is no path of an image inside"),
        ("ijbc_1N_gallery_G1.csv", "img/1.jpg", "../1.jpg", r"line 2: '../1.jpg' is no path"),
        ("ijbc_1N_gallery_G1.csv", "3,1,20.5\n", "3", "line 3: it has 10 of 12 columns; the file ends in the middle"),
        ("ijbc_1N_gallery_G1.csv", 'b.jpg"', "b.jpg", "line 3: a quote is opened and not closed"),
        ("ijbc_1N_probe_mixed.csv", "90,7,frames/5_2", "90,8,frames/5_2", "line 3: template 90 is of subject 8 here"),
        ("ijbc_1N_probe_mixed.csv", "95,9,", "4,9,", "template 4 is of subject 9 here and of 8 in ijbc_1N_gallery_G2"),
        ("ijbc_11_G1_G2_matches.csv", "4,91", "4,9", "line 4 names template 9, of which there is no image"),
        ("ijbc_11_G1_G2_matches.csv", "4,91", "4,9a", "line 4: '9a' is not a whole number"),
        ("ijbc_11_G1_G2_matches.csv", "4,95\n", "4", "line 5: it has 1 of 2 columns; the file ends in the middle"),
    ],
)
def test_a_fault_is_told_with_file_and_line(tmp_path: Path, name: str, old: str, new: str, says: str) -> None:
    root = first_release(tmp_path)
    path = root / "protocols" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(DatasetError, match=says) as caught:
        read(root)
    assert caught.value.path == path
    assert caught.value.remedy


def test_gzip_by_mistake_and_missing_tables_are_refused(tmp_path: Path) -> None:
    root = first_release(tmp_path)
    path = root / "protocols" / "ijbc_1N_probe_mixed.csv"
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(DatasetError, match="is compressed with gzip"):
        read(root)
    path.unlink()
    with pytest.raises(DatasetError, match="is missing; put it beside ijbc_11_G1_G2_matches"):
        read(root)


@pytest.fixture(scope="module")
def whole_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return first_release(tmp_path_factory.mktemp("nist"))


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["ijbc_1N_gallery_G1.csv", "ijbc_1N_probe_mixed.csv", "ijbc_11_G1_G2_matches.csv"]),
    st.integers(0, 10_000),
    st.one_of(
        st.binary(max_size=12), st.sampled_from([b'"', b"\n", b"\r", b",", b"-1", b"nan", b"1e99", b"../", b"x"])
    ),
    st.integers(0, 12),
)
def test_a_damaged_file_gives_a_dataset_or_an_error_of_ours(
    whole_tree: Path, name: str, place: int, junk: bytes, removed: int
) -> None:
    path = whole_tree / "protocols" / name
    good = path.read_bytes()
    place %= len(good) + 1
    try:
        path.write_bytes(good[:place] + junk + good[place + removed :])
        dataset = read(whole_tree)
    except CanonError:
        pass  # said in our words
    else:
        dataset.protocol.check()
        assert len(set(dataset.ids)) == dataset.protocol.images
    finally:
        path.write_bytes(good)
