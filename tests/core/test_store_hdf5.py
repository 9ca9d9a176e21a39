"""A file from elsewhere cannot make us read another file, a huge array or nonsense; it is refused by name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from canon_core.errors import StoreError
from canon_core.limits import H5_CALL_BYTES
from canon_core.store.arrays import load_arrays, save_arrays
from canon_core.store.embeddings import create_embeddings, read_info
from canon_core.store.hdf5 import open_hdf5, plain_attributes, read_slices, rows_per_call

from .watchdog import watchdog


def external_link(file: h5py.File) -> None:
    file["sub/leak"] = h5py.ExternalLink("/etc/passwd", "/x")


def soft_link(file: h5py.File) -> None:
    file["leak"] = h5py.SoftLink("/elsewhere")


def external_storage(file: h5py.File) -> None:
    file.create_dataset("leak", (10,), "u1", external=[("/etc/passwd", 0, 10)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((10,), "u1")
    layout[:] = h5py.VirtualSource("other.h5", "x", (10,))
    file.create_virtual_dataset("leak", layout)


def bomb(file: h5py.File) -> None:
    file.create_dataset("leak", (2**30, 2**20), "f4", chunks=(2**10, 2**10), compression="gzip")


def many_axes(file: h5py.File) -> None:
    file.create_dataset("leak", data=np.zeros((1, 1, 1, 1, 1)))


def compound(file: h5py.File) -> None:
    file.create_dataset("leak", data=np.zeros(3, [("a", "f4"), ("b", "i4")]))


def reference(file: h5py.File) -> None:
    file.create_dataset("leak", (1,), h5py.ref_dtype)


def foreign_filter(file: h5py.File) -> None:
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((10,))
    creation.set_filter(h5py.h5z.FILTER_SCALEOFFSET, h5py.h5z.FLAG_OPTIONAL, (2, 0))
    h5py.h5d.create(file.id, b"leak", h5py.h5t.STD_I32LE, h5py.h5s.create_simple((10,)), creation)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (external_link, "link into another file"),
        (soft_link, "soft link"),
        (external_storage, "another file"),
        (virtual, "virtual"),
        (bomb, "shape"),
        (many_axes, "5 axes"),
        (compound, "elements of type"),
        (reference, "elements of type"),
        (foreign_filter, "plugin"),
    ],
)
def test_what_a_file_must_not_hold(tmp_path: Path, make: Callable[[h5py.File], None], words: str) -> None:
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        file["good"] = np.arange(5)
        make(file)
    with pytest.raises(StoreError, match=words) as caught, open_hdf5(path):
        pass
    assert str(path) in str(caught.value)
    assert "leak" in str(caught.value)


def test_a_ring_of_groups_ends(tmp_path: Path) -> None:
    path = tmp_path / "ring.h5"
    with h5py.File(path, "w") as file:
        file["a/b/x"] = np.arange(5)
        file["a/b/back"] = file["a"]
    with open_hdf5(path) as file:
        assert list(file["a/b/back/b/x"]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kept", [0, 5, 100, 900, 3000, -1])
def test_a_file_cut_short_says_so(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "embeddings.h5"
    create_embeddings(path, 100, 16, {"model": "m"})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(StoreError, match=r"(cut short|not an HDF5 file); delete it and embed") as caught:
        read_info(path)
    assert str(path) in str(caught.value)


def test_what_is_missing_or_something_else_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such file"):
        read_info(tmp_path / "none.h5")
    with pytest.raises(StoreError, match="directory"):
        read_info(tmp_path)
    (tmp_path / "text.h5").write_text("a,b\n" * 1000)
    with pytest.raises(StoreError, match=r"not an HDF5 file; delete it and compute it again"):
        load_arrays(tmp_path / "text.h5")


def test_damage_anywhere_is_a_store_error_or_harmless(tmp_path: Path) -> None:
    save_arrays(tmp_path / "a.h5", {"x": np.arange(2000.0), "names": ["a", "b"]}, {"kind": "map", "n": 1, "r": 0.5})
    create_embeddings(tmp_path / "e.h5", 20, 8, {"model": "m"})
    rng = np.random.default_rng(5)
    refused = 0
    for name, read in (("a.h5", load_arrays), ("e.h5", read_info)):
        intact = (tmp_path / name).read_bytes()
        for _ in range(300):
            damaged = bytearray(intact)
            damaged[rng.integers(0, min(len(intact), 4000))] = rng.integers(0, 256)
            (tmp_path / "damaged.h5").write_bytes(damaged)
            try:
                with watchdog():
                    read(tmp_path / "damaged.h5")
            except StoreError as error:
                refused += 1
                assert str(tmp_path / "damaged.h5") in str(error)  # noqa: PT017
    assert refused > 50


def test_one_call_moves_a_bounded_number_of_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rows_per_call(512 * 4) * 512 * 4 == H5_CALL_BYTES
    assert rows_per_call(10**9) == 1
    values = np.arange(5 * 2**20, dtype=np.float32).reshape(-1, 1024)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = values
    sizes = []
    whole = h5py.Dataset.read_direct

    def counted(self: h5py.Dataset, out: np.ndarray, source: object, target: slice) -> None:
        sizes.append(out[target].nbytes)
        whole(self, out, source, target)

    monkeypatch.setattr(h5py.Dataset, "read_direct", counted)
    with open_hdf5(tmp_path / "x.h5") as file:
        assert np.array_equal(read_slices(file["x"], 3, 5000), values[3:5000])
    assert len(sizes) == 2
    assert max(sizes) <= H5_CALL_BYTES


def with_text(path: Path, *, attribute: bool) -> bytearray:
    """A file with text of variable length, which lies in a global heap."""
    with h5py.File(path, "w") as file:
        file["embs"] = np.ones((3, 4), np.float32)
        if attribute:
            file.attrs["made by"] = "somebody"
        else:
            file["ids"] = ["a", "bc", "d"]
    return bytearray(path.read_bytes())


def read_all(path: Path) -> list[object]:
    found: list[object] = []
    with watchdog(), open_hdf5(path) as file:
        for name in list(file.attrs):  # h5py's values() holds its lock, which an error's traceback would keep held
            found.append(file.attrs[name])
        for name in list(file):
            found.append(file[name][()])
    return found


@pytest.mark.parametrize("attribute", [True, False])
@pytest.mark.parametrize(
    ("what", "size"),
    [
        *[("free object", size) for size in (0, 8, 2**20, 2**64 - 16)],  # 0 keeps HDF5 in its loop for ever
        *[("first object", size) for size in (2**20, 2**64 - 16, 2**64 - 8)],
        *[("collection", size) for size in (0, 8, 2**40)],
    ],
)
def test_a_global_heap_without_an_end_is_refused(tmp_path: Path, attribute: bool, what: str, size: int) -> None:
    path = tmp_path / "endless.h5"
    data = with_text(path, attribute=attribute)
    assert len(read_all(path)) == 2, "it can be read as it was"
    heap = data.index(b"GCOL")
    place = heap + 16
    if what == "free object":
        while data[place : place + 2] != b"\0\0":
            place += 16 + (int.from_bytes(data[place + 8 : place + 16], "little") + 7) // 8 * 8
    where = heap + 8 if what == "collection" else place + 8
    data[where : where + 8] = size.to_bytes(8, "little")
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"endless\.h5: damaged HDF5 file \(global heap at byte [\d,]+: "):
        read_all(path)


def test_text_in_many_heaps_is_read(tmp_path: Path) -> None:
    texts = [f"{number:05d}" * (1 + number % 7) for number in range(2000)] + ["x" * 300_000]
    with h5py.File(tmp_path / "ids.h5", "w", userblock_size=512) as file:
        file["ids"] = texts
    with open_hdf5(tmp_path / "ids.h5") as file:
        assert file["ids"].asstr()[:].tolist() == texts


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from canon_core.errors import StoreError
from canon_core.store.arrays import save_arrays
from canon_core.store.embeddings import create_embeddings
from canon_core.store.hdf5 import write_hdf5

what, limit, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
values = np.random.default_rng(0).normal(size=(1000, 200))
if what == "added":
    create_embeddings(path, 2000, 128, {"model": "m"})
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    if what == "embeddings":
        create_embeddings(path, 5000, 128, {"model": "m"})
    elif what == "added":
        with write_hdf5(path, "r+") as file:
            file["ids"] = values
    else:
        save_arrays(path, {"x": values, "names": ["a"] * 500}, {"kind": "map"}, compress=what == "compressed")
except StoreError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="limits on the size of files")
@pytest.mark.parametrize("what", ["embeddings", "arrays", "compressed", "added"])
@pytest.mark.parametrize("limit", [100, 3000, 1_200_000])
def test_a_limit_on_the_size_of_files_is_an_error_of_ours_and_no_crash(tmp_path: Path, what: str, limit: int) -> None:
    path = tmp_path / "made.h5"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, what, str(limit), str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{path}: file too large; raise the limit on the size of files (ulimit -f)")
    assert [entry.name for entry in tmp_path.iterdir()] == (["made.h5"] if what == "added" else [])


def test_attributes_of_variable_length_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "damaged.h5"
    data = with_text(path, attribute=True)
    heap = data.index(b"GCOL")
    data[heap + 8 : heap + 16] = bytes(8)
    path.write_bytes(data)
    with watchdog(), open_hdf5(path) as file:
        assert plain_attributes(file) == {}
        assert (file["embs"][()] == 1).all()
