"""What commonly happens to files on their way: every reader names file and line, or goes on and says so."""

from __future__ import annotations

import gzip
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from canon_core.datasets.imported import read_imported
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import read_dataset
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext

from .small_datasets import embeddings, ijbc, later_nist, lfw, nist, verification_bin


@dataclass(frozen=True)
class Reader:
    """Makes a small valid dataset in a folder and returns one of its files, and reads it; notes come back."""

    make: Callable[[Path], Path]
    read: Callable[[Path], tuple[str, ...]]


def dataset(make: Callable[..., Path], name: str, **options: object) -> Reader:
    def read(folder: Path) -> tuple[str, ...]:
        chosen = {key: folder / value if isinstance(value, Path) else value for key, value in options.items()}
        return read_dataset(folder, DatasetOptions(**chosen), JobContext()).notes  # type: ignore[arg-type]

    return Reader(lambda folder: make(folder).joinpath(name), read)


def imported(name: str, ids: str | None = None) -> Reader:
    def make(folder: Path) -> Path:
        made = embeddings(folder / name)
        return made if ids is None else embeddings(folder / ids)

    return Reader(
        make, lambda folder: read_imported(folder / name, JobContext(), ids=folder / ids if ids else None).notes
    )


def without_images(folder: Path) -> Path:
    return ijbc(folder, images=False)


def first_nist(folder: Path) -> Path:
    return nist(folder, images=False)


META = "meta/ijbc_"
#: Every kind of text file that is read, with a small valid dataset around it.
TEXTS = {
    "images": dataset(without_images, f"{META}face_tid_mid.txt"),
    "pairs": dataset(without_images, f"{META}template_pair_label.txt"),
    "points": dataset(without_images, f"{META}name_5pts_score.txt"),
    "gallery": dataset(without_images, f"{META}1N_gallery_G2.csv"),
    "probes": dataset(without_images, f"{META}1N_probe_mixed.csv"),
    "NIST's gallery": dataset(first_nist, "protocols/ijbc_1N_gallery_G1.csv"),
    "NIST's probes": dataset(first_nist, "protocols/ijbc_1N_probe_mixed.csv"),
    "NIST's matches": dataset(first_nist, "protocols/ijbc_11_G1_G2_matches.csv"),
    "NIST's later templates": dataset(later_nist, "protocols/test1/verif_templates.csv"),
    "NIST's later matches": dataset(later_nist, "protocols/test1/match.csv"),
    "NIST's later gallery": dataset(later_nist, "protocols/test4/gallery_G2.csv"),
    "NIST's metadata": dataset(later_nist, "protocols/ijbc_metadata.csv"),
    "LFW's pairs": dataset(lfw, "pairs.txt"),
    "landmarks": dataset(lfw, "landmarks.csv", landmarks=Path("landmarks.csv")),
    "embeddings": imported("e.csv"),
    "ids": imported("e.npy", "e.ids"),
}
FEW_COLUMNS = re.compile(
    r"it has \d+ of \d+ columns|holds no number|a quote is opened|names template|has \d+ fields|should stand here"
)
#: Text files whose every line holds a number.
NUMBERS = [name for name in TEXTS if name != "ids"]


def damaged(reader: Reader, folder: Path, damage: Callable[[bytes], bytes]) -> Path:
    path = reader.make(folder)
    path.write_bytes(damage(path.read_bytes()))
    return path


@pytest.mark.parametrize("name", NUMBERS)
def test_a_file_cut_in_the_middle_of_a_line_is_an_error_with_that_line(tmp_path: Path, name: str) -> None:
    def cut(data: bytes) -> bytes:
        return data[: data.rstrip().rfind(b"\n") + 3]  # two characters of the last line

    path = damaged(TEXTS[name], tmp_path, cut)
    last = len(path.read_bytes().splitlines())
    with pytest.raises(DatasetError, match=rf"line {last}(:| has| names) ?.*") as caught:
        TEXTS[name].read(tmp_path)
    assert FEW_COLUMNS.search(str(caught.value))
    assert caught.value.path is not None
    assert caught.value.path.name == path.name
    assert caught.value.remedy


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "LFW's pairs"])
def test_a_file_that_ends_without_a_line_end_is_read_with_a_warning(tmp_path: Path, name: str) -> None:
    path = damaged(TEXTS[name], tmp_path, lambda data: data.rstrip(b"\n"))
    notes = TEXTS[name].read(tmp_path)
    assert any(note.startswith(f"the last line of {path.name} has no line end") for note in notes)


#: A column of each that must hold a number.
COLUMNS = {
    **{"images": 1, "pairs": 0, "points": 3, "gallery": 1, "probes": 0, "LFW's pairs": 1, "landmarks": 3},
    **{"NIST's gallery": 4, "NIST's probes": 0, "NIST's matches": 1, "NIST's later templates": 5},
    **{"NIST's later matches": 0, "NIST's later gallery": 1, "NIST's metadata": 2, "embeddings": 2},
}


@pytest.mark.parametrize("name", COLUMNS)
def test_letters_where_a_number_belongs_are_an_error_with_that_line(tmp_path: Path, name: str) -> None:
    def letters(data: bytes) -> bytes:
        lines = data.splitlines()
        between = next(mark for mark in (b"\t", b",", b" ") if mark in lines[1])
        fields = lines[1].split(between)
        fields[COLUMNS[name]] = b"l2O"
        return b"\n".join([lines[0], between.join(fields), *lines[2:]]) + b"\n"

    path = damaged(TEXTS[name], tmp_path, letters)
    with pytest.raises(DatasetError, match=r"line 2: 'l2O' (is not a|is no)( whole| finite)? number") as caught:
        TEXTS[name].read(tmp_path)
    assert caught.value.path is not None
    assert caught.value.path.name == path.name


@pytest.mark.parametrize("name", TEXTS)
def test_windows_line_ends_and_a_byte_order_mark_are_read_with_a_warning(tmp_path: Path, name: str) -> None:
    reader = TEXTS[name]
    (tmp_path / "plain").mkdir()
    (tmp_path / "windows").mkdir()
    reader.make(tmp_path / "plain")
    path = damaged(reader, tmp_path / "windows", lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"))
    notes = reader.read(tmp_path / "windows")
    assert f"{path.name} begins with a byte-order mark, which was passed over" in notes
    assert f"{path.name} has Windows line ends" in notes
    assert len(notes) == len(reader.read(tmp_path / "plain")) + 2


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("pack", [gzip.compress, lambda data: data.decode().encode("utf-16")])
def test_a_packed_or_otherwise_encoded_file_is_told_with_what_to_do(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
) -> None:
    path = damaged(TEXTS[name], tmp_path, pack)
    with pytest.raises(
        DatasetError, match=r"(is compressed with gzip; unpack it|is UTF-16 text; save it as)"
    ) as caught:
        TEXTS[name].read(tmp_path)
    assert caught.value.path is not None
    assert caught.value.path.name == path.name


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("images", "line 7: it and line 6 are both of image 6.jpg"),
        ("points", "line 7: it and line 6 are both of image 6.jpg"),
        ("landmarks", "lines 4 and 5 both hold landmarks of Bob/Bob_0002.jpg"),
        ("LFW's pairs", "line 6: 1 × 2 × 2 pairs were announced and this is one more"),
        ("embeddings", "names 'Bob/2.jpg' twice, for rows 4 and 5"),
        ("ids", "names 5 ids for 4 rows"),
    ],
)
def test_two_rows_for_one_image_are_an_error_with_both(tmp_path: Path, name: str, says: str) -> None:
    damaged(TEXTS[name], tmp_path, lambda data: data + data.splitlines(keepends=True)[-1])
    with pytest.raises(DatasetError, match=re.escape(says)):
        TEXTS[name].read(tmp_path)


@pytest.mark.parametrize("name", ["NIST's gallery", "NIST's probes", "NIST's later templates"])
def test_a_row_that_stands_twice_in_a_template_is_told(tmp_path: Path, name: str) -> None:
    damaged(TEXTS[name], tmp_path, lambda data: data + data.splitlines(keepends=True)[-1])
    assert any("stand twice in one template" in note for note in TEXTS[name].read(tmp_path))


@pytest.mark.parametrize("name", ["pairs", "NIST's matches", "NIST's later matches"])
def test_a_pair_of_a_template_that_does_not_exist_is_an_error_with_its_line(tmp_path: Path, name: str) -> None:
    path = damaged(TEXTS[name], tmp_path, lambda data: data.replace(b"90", b"777", 1))
    with pytest.raises(DatasetError, match="line 1 names template 777, of which there is no image") as caught:
        TEXTS[name].read(tmp_path)
    assert caught.value.path is not None
    assert caught.value.path.name == path.name


@pytest.mark.parametrize("name", ["gallery", "probes", "NIST's later gallery"])
def test_a_searched_template_that_does_not_exist_is_counted_in_a_warning(tmp_path: Path, name: str) -> None:
    path = damaged(TEXTS[name], tmp_path, lambda data: re.sub(rb"\n(4|90),", rb"\n777,", data, count=1))
    notes = TEXTS[name].read(tmp_path)
    assert any(note.startswith(f"{path.name}: 1 templates") and "left out" in note for note in notes)


@pytest.mark.parametrize("name", ["NIST's probes", "NIST's metadata"])
def test_a_slip_in_a_column_of_numbers_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    reader = TEXTS[name]

    def slip(data: bytes) -> bytes:
        lines = data.splitlines()
        fields = lines[1].split(b",")
        column = lines[0].split(b",").index(b"YAW" if b"YAW" in lines[0] else b"GENDER")
        fields[column] = b"1o"
        return b"\n".join([lines[0], b",".join(fields), *lines[2:]]) + b"\n"

    path = damaged(reader, tmp_path, slip)
    notes = reader.read(tmp_path)
    assert any(
        re.match(rf"{path.name}: line 2: '1o' in column \w+ is not a number; 1 such count", note) for note in notes
    )


# -- files that are no text ------------------------------------------------------------------------------------------
BINARIES = ("e.npy", "e.npz", "e.h5")


@pytest.mark.parametrize("name", BINARIES)
@pytest.mark.parametrize("damage", [lambda data: data[:-7], lambda data: data[:20], lambda data: b""], ids=str)
def test_embeddings_that_were_cut_short_are_an_error(tmp_path: Path, name: str, damage: Callable) -> None:
    damaged(imported(name), tmp_path, damage)
    with pytest.raises(DatasetError) as caught:
        read_imported(tmp_path / name, JobContext())
    assert caught.value.path == tmp_path / name
    assert caught.value.remedy


@pytest.mark.parametrize("name", BINARIES)
def test_packed_embeddings_are_told(tmp_path: Path, name: str) -> None:
    damaged(imported(name), tmp_path, gzip.compress)
    with pytest.raises(DatasetError, match="is compressed with gzip; unpack it"):
        read_imported(tmp_path / name, JobContext())


def test_a_second_array_after_the_first_is_told(tmp_path: Path) -> None:
    damaged(imported("e.npy"), tmp_path, lambda data: data + data)
    assert read_imported(tmp_path / "e.npy", JobContext()).notes == ("176 bytes after the array were passed over",)


def test_arrays_of_objects_are_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "e.npy", np.array([[Runs()]], object), allow_pickle=True)
    with pytest.raises(DatasetError, match="objects that would have to be unpickled, which is refused"):
        read_imported(tmp_path / "e.npy", JobContext())
    assert not Runs.ran


class Runs:
    """Calls a function when it is unpickled."""

    ran = False

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return _run, ()


def _run() -> None:
    Runs.ran = True


def read_bin(path: Path) -> tuple[str, ...]:
    return read_dataset(path, DatasetOptions(), JobContext(), unpack_to=path.parent / "unpacked").notes


def test_a_verification_set_that_calls_a_function_is_refused_before_anything_runs(tmp_path: Path) -> None:
    path = tmp_path / "lfw.bin"
    path.write_bytes(pickle.dumps(([b"image", b"image"], [Runs()])))
    with pytest.raises(
        DatasetError, match=r"is a pickle that would call '.*_run'; nothing of it was run|nothing of it"
    ):
        read_bin(path)
    assert not Runs.ran
    assert not (tmp_path / "unpacked").exists()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: data[: len(data) // 2], "is no pickle, or cut short"),
        (gzip.compress, "is compressed with gzip; unpack it"),
        (lambda data: b"\xef\xbb\xbf" + data, "is no pickle, or cut short"),
        (lambda data: data.replace(b"\n", b"\r\n").replace(b"\x0a", b"\x0d\x0a"), "is no pickle, or cut short"),
        (lambda data: b"", "is empty"),
        (lambda data: b"PK\x03\x04" + data, "is no pickle, or cut short"),
    ],
    ids=["cut", "gzip", "mark", "as text", "empty", "zip"],
)
def test_what_is_no_verification_set_is_an_error(tmp_path: Path, damage: Callable[[bytes], bytes], says: str) -> None:
    path = verification_bin(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DatasetError, match=says) as caught:
        read_bin(path)
    assert caught.value.path == path


def test_bytes_after_the_end_of_a_verification_set_are_told(tmp_path: Path) -> None:
    path = verification_bin(tmp_path)
    path.write_bytes(path.read_bytes() + b"more")
    assert read_bin(path)[0] == "4 bytes after the end of lfw.bin were passed over"
