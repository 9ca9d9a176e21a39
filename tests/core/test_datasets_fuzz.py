"""Valid files with anything done to them: every reader gives a dataset that fits together, or an error of ours."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canon_core.datasets.embedding_files import READERS
from canon_core.datasets.faces import FaceImages
from canon_core.datasets.imported import pair_rows, read_imported
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import LoadedDataset, read_dataset
from canon_core.datasets.template_protocol import TemplateProtocols
from canon_core.errors import CanonError, DatasetError
from canon_core.jobs import JobContext

from .small_datasets import embeddings, ijbc, later_nist, lfw, nist, verification_bin
from .watchdog import watchdog

#: Each damage as (what, where in thousandths of the file, how long, with which bytes).
Damage = tuple[str, int, int, bytes]
_PIECES = (
    *(b"\n", b"\r\n", b"\r", b",", b'"', b" ", b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\x1f\x8b"),
    *(
        b"nan",
        b"inf",
        b"-1",
        b"1e400",
        b"1e18",
        b"9" * 30,
        b"1_0",
        b"0x1",
        "٣".encode(),
        b"../../x.jpg",
        b"/etc/passwd",
    ),
    *(b"TEMPLATE_ID", b"#2", b"A" * 5000),
)
DAMAGES = st.lists(
    st.tuples(
        st.sampled_from(["cut", "flip", "insert", "delete", "repeat lines", "drop lines", "swap lines"]),
        st.integers(0, 1000),
        st.integers(1, 40),
        st.one_of(st.sampled_from(_PIECES), st.binary(min_size=1, max_size=6)),
    ),
    min_size=1,
    max_size=3,
)
#: More runs than every test run makes: CANON_FUZZ=5000.
EXAMPLES = int(os.environ.get("CANON_FUZZ", "25"))
FUZZED = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def damaged(data: bytes, damages: list[Damage]) -> bytes:
    for what, where, length, piece in damages:
        place = len(data) * where // 1000
        lines = data.splitlines(keepends=True)
        line = len(lines) * where // 1001
        if what == "cut":
            data = data[:place]
        elif what == "flip" and data:
            place = min(place, len(data) - 1)
            data = data[:place] + bytes([data[place] ^ (1 + piece[0] % 255)]) + data[place + 1 :]
        elif what == "insert":
            data = data[:place] + piece + data[place:]
        elif what == "delete":
            data = data[:place] + data[place + length :]
        elif what == "repeat lines":
            data = b"".join(lines[: line + length] + lines[line:])
        elif what == "drop lines":
            data = b"".join(lines[:line] + lines[line + length :])
        else:
            data = b"".join(lines[line:] + lines[:line])
    return data


def fits_together(loaded: LoadedDataset) -> None:
    """What the rest of the program relies on."""
    faces = loaded.faces
    rows = len(faces)
    assert rows == len(faces.subjects) == len(set(faces.ids)) == len(faces.sha256) == len(faces.width)
    assert FaceImages.from_arrays(faces.to_arrays(), faces.root).fingerprint == faces.fingerprint
    if faces.has_images:
        assert all(faces.path(row).resolve().is_relative_to(faces.root.resolve()) for row in range(rows))
    if loaded.folds is not None and len(loaded.folds):
        assert max(loaded.folds.first.max(), loaded.folds.second.max()) < rows
    if loaded.templates is not None:
        assert loaded.templates.verification.images == rows
        loaded.templates.verification.check()
        assert all(len(covariate.values) == rows for covariate in loaded.templates.covariates)
        again = TemplateProtocols.from_arrays(loaded.templates.to_arrays())
        assert again.fingerprint == loaded.templates.fingerprint


def read_damaged(
    folder: Path, make: Callable[[Path], Path], pick: str, damages: list[Damage], **options: object
) -> None:
    """Make a dataset, damage the file that matches, and read it."""
    if not folder.exists():
        folder.mkdir()
        make(folder)
    (path,) = folder.rglob(pick)
    whole = path.read_bytes()
    path.write_bytes(damaged(whole, damages))
    chosen = {key: folder / value if isinstance(value, Path) else value for key, value in options.items()}
    start = path if path.suffix == ".bin" else folder
    unpacked = folder.with_name("unpacked")
    fault: CanonError | None = None
    try:
        with watchdog():
            fits_together(read_dataset(start, DatasetOptions(**chosen), JobContext(), unpack_to=unpacked))  # type: ignore[arg-type]
    except CanonError as error:
        fault = error
    finally:
        path.write_bytes(whole)
        shutil.rmtree(unpacked, ignore_errors=True)
    assert fault is None or (fault.problem and (fault.path is not None or not isinstance(fault, DatasetError)))


def without_images(folder: Path) -> Path:
    return ijbc(folder, images=False)


def first_nist(folder: Path) -> Path:
    return nist(folder, images=False)


@pytest.mark.parametrize(
    "pick",
    [
        "*face_tid_mid.txt",
        "*template_pair_label.txt",
        "*name_5pts_score.txt",
        "*1N_gallery_G1.csv",
        "*1N_probe_mixed.csv",
    ],
)
@FUZZED
@given(damages=DAMAGES)
def test_insightfaces_layout(tmp_path: Path, pick: str, damages: list[Damage]) -> None:
    read_damaged(tmp_path / "d", without_images, pick, damages)


@pytest.mark.parametrize("pick", ["*1N_gallery_G1.csv", "*1N_probe_mixed.csv", "*_matches.csv"])
@FUZZED
@given(damages=DAMAGES)
def test_nists_first_layout(tmp_path: Path, pick: str, damages: list[Damage]) -> None:
    read_damaged(tmp_path / "d", first_nist, pick, damages)


@pytest.mark.parametrize("pick", ["enroll_templates.csv", "match.csv", "gallery_G2.csv", "probes.csv", "*metadata.csv"])
@FUZZED
@given(damages=DAMAGES)
def test_nists_later_layout(tmp_path: Path, pick: str, damages: list[Damage]) -> None:
    read_damaged(tmp_path / "d", later_nist, pick, damages)


@pytest.mark.parametrize("make", [ijbc, nist])
@FUZZED
@given(damages=DAMAGES)
def test_images_of_template_datasets(tmp_path: Path, make: Callable[[Path], Path], damages: list[Damage]) -> None:
    read_damaged(tmp_path / "d", make, "3.jpg", damages)


@FUZZED
@given(damages=DAMAGES)
def test_lists_of_pairs(tmp_path: Path, damages: list[Damage]) -> None:
    read_damaged(tmp_path / "d", lfw, "pairs.txt", damages, format="lfw")


@FUZZED
@given(damages=DAMAGES)
def test_landmarks(tmp_path: Path, damages: list[Damage]) -> None:
    read_damaged(tmp_path / "d", lfw, "landmarks.csv", damages, landmarks=Path("landmarks.csv"))


@FUZZED
@given(damages=DAMAGES)
def test_folders_of_identities(tmp_path: Path, damages: list[Damage]) -> None:
    read_damaged(tmp_path / "d", lfw, "Bob_0002.jpg", damages, format="folder")


@FUZZED
@given(damages=DAMAGES)
def test_verification_sets(tmp_path: Path, damages: list[Damage]) -> None:
    read_damaged(tmp_path / "d", verification_bin, "lfw.bin", damages)


@pytest.mark.parametrize("name", ["e.npy", "e.npz", "e.h5", "e.csv", "e.ids"])
@FUZZED
@given(damages=DAMAGES)
def test_embeddings(tmp_path: Path, name: str, damages: list[Damage]) -> None:
    path = tmp_path / name
    if not path.exists():
        embeddings(tmp_path / "e.npy")
        embeddings(path)
    whole = path.read_bytes()
    path.write_bytes(damaged(whole, damages))
    table, ids = (path, None) if path.suffix in READERS else (tmp_path / "e.npy", path)
    fault: DatasetError | None = None
    try:
        with watchdog():
            imported = read_imported(table, JobContext(), ids=ids)
        assert imported.rows.ndim in (2, 3)
        assert imported.ids is None or len(imported.ids) == len(set(imported.ids)) == len(imported)
        assert all(0 <= row < len(imported) for row in imported.bad_rows)
        pairing = pair_rows(imported, ["Ann/1.jpg", "Ann/2.jpg", "Bob/1.jpg", "Bob/2.jpg"])
        assert len(pairing.rows) == 4
    except DatasetError as error:
        fault = error
    finally:
        path.write_bytes(whole)
    assert fault is None or fault.path is not None
