"""A file of embeddings: whole from the start, the same bytes whatever the blocks, and never counting too much."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canon_core.errors import Cancelled, StoreError
from canon_core.jobs import JobContext
from canon_core.store.embeddings import (
    create_embeddings,
    iterate_embeddings,
    read_embeddings,
    read_info,
    successor_path,
)
from canon_core.store.embeddings_in_place import EmbeddingsReader, EmbeddingsWriter, relabel_embeddings
from canon_core.store.unusable_rows import bad_rows


def rows_of(count: int, dimensions: int, flip: bool = False) -> np.ndarray:
    shape = (count, 2, dimensions) if flip else (count, dimensions)
    return np.random.default_rng(count).standard_normal(shape).astype(np.float32)


def test_a_new_file_is_laid_out_whole_and_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "embeddings" / "mbf" / "lfw.h5"
    create_embeddings(path, 1000, 128, {"model": "ab" * 32, "naïve": "é", "empty": "", "batch": 64, "scale": 0.25})
    assert path.stat().st_mode & 0o777 == 0o600
    with h5py.File(path) as file:
        assert file["embeddings"].shape == (1000, 128)
        assert file["embeddings"].dtype == np.dtype("<f4")
        assert file["embeddings"].chunks is None
        assert file["embeddings"].id.get_storage_size() == 1000 * 128 * 4
        assert file["done"][()] == 0
        assert file["done"].dtype == np.int64
    info = read_info(path)
    assert (info.rows, info.dimensions, info.flip_kept, info.done, info.complete) == (1000, 128, False, 0, False)
    assert info.attributes == {"model": "ab" * 32, "naïve": "é", "empty": "", "batch": 64, "scale": 0.25}
    assert read_info_of_flipped(tmp_path).flip_kept


def read_info_of_flipped(folder: Path):
    create_embeddings(folder / "flipped.h5", 3, 4, {}, flip_kept=True)
    return read_info(folder / "flipped.h5")


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(0, 40),
    dimensions=st.integers(1, 9),
    flip=st.booleans(),
    cuts=st.lists(st.integers(0, 40), max_size=6),
    reopen=st.booleans(),
)
def test_any_split_into_blocks_and_runs_gives_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, rows: int, dimensions: int, flip: bool, cuts: list[int], reopen: bool
) -> None:
    folder = tmp_path_factory.mktemp("split")
    values = rows_of(rows, dimensions, flip)
    bounds = sorted({0, rows, *(cut for cut in cuts if cut <= rows)})
    for name, edges in (("whole.h5", [0, rows]), ("split.h5", bounds)):
        create_embeddings(folder / name, rows, dimensions, {"model": "m"}, flip_kept=flip)
        runs = list(pairwise(edges))
        for run in [[edge] for edge in runs] if reopen else [runs]:
            with EmbeddingsWriter(folder / name) as writer:
                for low, high in run:
                    assert writer.done == low
                    writer.append(values[low:high])
    assert (folder / "whole.h5").read_bytes() == (folder / "split.h5").read_bytes()
    assert np.array_equal(read_embeddings(folder / "split.h5"), values)
    with h5py.File(folder / "split.h5") as file:  # what another program sees
        assert np.array_equal(file["embeddings"][()], values)
        assert file["done"][()] == rows


def test_the_same_layout_at_another_time_has_the_same_bytes(tmp_path: Path) -> None:
    create_embeddings(tmp_path / "a.h5", 10, 4, {"model": "m"})
    time.sleep(1.1)  # HDF5's time stamps count seconds
    create_embeddings(tmp_path / "b.h5", 10, 4, {"model": "m"})
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_only_rows_and_the_counter_change_after_the_layout(tmp_path: Path) -> None:
    path = tmp_path / "e.h5"
    create_embeddings(path, 50, 16, {"model": "m"})
    before = np.frombuffer(path.read_bytes(), np.uint8)
    with EmbeddingsWriter(path) as writer:
        writer.append(rows_of(20, 16))
    after = np.frombuffer(path.read_bytes(), np.uint8)
    with h5py.File(path) as file:
        rows_at, done_at = file["embeddings"].id.get_offset(), file["done"].id.get_offset()
    changed = np.flatnonzero(before != after)
    in_rows = (changed >= rows_at) & (changed < rows_at + 20 * 16 * 4)
    in_done = (changed >= done_at) & (changed < done_at + 8)
    assert (in_rows | in_done).all()
    assert in_rows.any()
    assert in_done.any()


def test_rows_are_read_as_numpy_would_index_them(tmp_path: Path) -> None:
    values = rows_of(9000, 1024)  # more than two calls' worth
    path = tmp_path / "e.h5"
    create_embeddings(path, 9000, 1024, {})
    with EmbeddingsWriter(path) as writer:
        writer.append(values)
    shuffled = np.random.default_rng(0).integers(-9000, 9000, 500)
    for rows in (None, slice(10, 20), slice(5, 5), slice(8000, 100, -7), slice(-3, None), shuffled, np.array([], int)):
        wanted = values if rows is None else values[rows]
        assert np.array_equal(read_embeddings(path, rows), wanted)
    blocks = list(iterate_embeddings(path, 4000))
    assert [start for start, _ in blocks] == [0, 4000, 8000]
    assert np.array_equal(np.concatenate([block for _, block in blocks]), values)
    for rows in ([9000], [-9001]):
        with pytest.raises(IndexError):
            read_embeddings(path, np.array(rows))


def written(path: Path, values: np.ndarray, rows: int | None = None) -> Path:
    create_embeddings(path, rows or len(values), values.shape[-1], {"model": "m"}, flip_kept=values.ndim == 3)
    with EmbeddingsWriter(path) as writer:
        writer.append(values)
    return path


@settings(max_examples=40, deadline=None)
@given(
    flip=st.booleans(),
    spoilt=st.dictionaries(
        st.integers(0, 29),
        st.tuples(st.integers(0, 1), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e-30, 3e38, 1e-45])),
    ),
)
def test_rows_that_are_no_embedding_are_found_in_the_file(
    tmp_path_factory: pytest.TempPathFactory, flip: bool, spoilt: dict[int, tuple[int, float]]
) -> None:
    values = rows_of(30, 6, flip)
    for row, (side, level) in spoilt.items():
        place = values[row, side] if flip else values[row]
        place[:] = level if level == 0 or abs(level) < 1 or abs(level) > 1e30 else place
        if not np.isfinite(level):
            place[1:] = 1.0  # one number of it is enough
    wanted = [
        row
        for row in range(30)
        for sides in [values[row] if flip else values[row][None]]
        if any(not all(map(np.isfinite, side)) or not any(number != 0 for number in side) for side in sides)
    ]
    path = written(tmp_path_factory.mktemp("bad") / "e.h5", values)
    assert bad_rows(path) == tuple(wanted)


def test_bad_rows_are_numbered_over_all_blocks_and_only_what_is_written_counts(tmp_path: Path) -> None:
    values = rows_of(9000, 1024)  # more than two blocks
    bad = [0, 4095, 4096, 8191, 8192, 8999]
    values[bad] = 0
    assert bad_rows(written(tmp_path / "e.h5", values, rows=9500)) == tuple(bad)
    ctx = JobContext()
    ctx.cancel()
    with pytest.raises(Cancelled):
        bad_rows(tmp_path / "e.h5", ctx)


@pytest.mark.parametrize("flip", [False, True])
def test_other_attributes_keep_every_row_and_the_count(tmp_path: Path, flip: bool) -> None:
    values = rows_of(20, 8, flip)
    path = written(tmp_path / "e.h5", values, rows=30)
    relabel_embeddings(path, {"model": "m", "provider": "cuda, then cpu"})
    info = read_info(path)
    assert (info.rows, info.done, info.flip_kept) == (30, 20, flip)
    assert info.attributes == {"model": "m", "provider": "cuda, then cpu"}
    assert np.array_equal(read_embeddings(path, slice(0, 20)), values)
    assert [entry.name for entry in tmp_path.iterdir()] == ["e.h5"]


def test_a_relabelling_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "e.h5", rows_of(20, 8))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(EmbeddingsWriter, "_write", full)
    with pytest.raises(StoreError, match="no space left on device"):
        relabel_embeddings(path, {"model": "other"})
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["e.h5"]


def test_a_successor_lies_in_the_same_folder_under_a_name_no_dataset_has(tmp_path: Path) -> None:
    assert successor_path(tmp_path / "lfw.a.h5") == tmp_path / "lfw.a~next.h5"


def test_rows_that_are_not_written_yet_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.h5"
    values = rows_of(30, 8)
    create_embeddings(path, 100, 8, {})
    with EmbeddingsWriter(path) as writer:
        writer.append(values)
        assert np.array_equal(read_embeddings(path, slice(0, 30)), values)  # beside the open writer
    assert [len(block) for _, block in iterate_embeddings(path, 20)] == [20, 10]
    for rows in (None, slice(0, 31), np.array([0, 30])):
        with pytest.raises(StoreError, match=r"only 30 of 100 images are embedded; embed the rest"):
            read_embeddings(path, rows)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("positioned", [True, False])
def test_blocks_read_by_several_threads_at_once_are_those_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flip: bool, positioned: bool
) -> None:
    values = rows_of(3000, 16, flip)
    path = written(tmp_path / "e.h5", values)
    if not positioned:  # as on systems that cannot read at a place without moving there
        monkeypatch.delattr(os, "preadv", raising=False)
    edges = [0, 700, 701, 2300, 3000, 3000]
    with EmbeddingsReader(path) as reader, ThreadPoolExecutor(4) as pool:
        assert (reader.info.rows, reader.info.flip_kept) == (3000, flip)
        for _ in range(20):
            blocks = list(pool.map(reader.read, edges[:-1], edges[1:]))
            np.testing.assert_array_equal(np.concatenate(blocks), values)


def test_a_reader_refuses_rows_that_are_not_written_or_were_cut_off(tmp_path: Path) -> None:
    path = written(tmp_path / "e.h5", rows_of(30, 8), 100)
    with EmbeddingsReader(path) as reader:
        np.testing.assert_array_equal(reader.read(5, 30), rows_of(30, 8)[5:])
        with pytest.raises(StoreError, match="only 30 of 100"):
            reader.read(0, 31)
        with open(path, "r+b") as file:
            file.truncate(path.stat().st_size - 100 * 32 + 20)
        with pytest.raises(StoreError, match="cut short"):
            reader.read(0, 30)
    with pytest.raises(StoreError, match="no such file"):
        EmbeddingsReader(tmp_path / "absent.h5")


def test_blocks_that_do_not_fit_are_a_fault_of_the_program(tmp_path: Path) -> None:
    create_embeddings(tmp_path / "e.h5", 10, 8, {})
    with EmbeddingsWriter(tmp_path / "e.h5") as writer:
        for block in (rows_of(11, 8), rows_of(1, 7), rows_of(1, 8, flip=True)):
            with pytest.raises(ValueError, match="do not fit"):
                writer.append(block)
        assert writer.done == 0
    with pytest.raises(ValueError, match="no file of embeddings"):
        create_embeddings(tmp_path / "f.h5", 10, 0, {})


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["embeddings"] = np.zeros((3, 4), np.float64)
        file["done"] = np.int64(3)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["embeddings"] = np.zeros((3, 4), np.float32)
        file["done"] = np.int64(4)
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["vectors"] = np.zeros((3, 4), np.float32)
    for name, words in (("a.h5", "shape of embeddings"), ("b.h5", "counts 4 of 3"), ("c.h5", "not a file of emb")):
        with pytest.raises(StoreError, match=words):
            EmbeddingsWriter(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no space is reserved here")
def test_a_full_disk_shows_before_the_first_row_and_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "e.h5"
    create_embeddings(path, 2, 2, {"model": "old"})

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(StoreError, match=r"no space left on device; free space on that disk"):
        create_embeddings(path, 1000, 1000, {"model": "new"})
    assert read_info(path).attributes == {"model": "old"}


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file size are POSIX")
def test_a_write_that_is_refused_half_way_keeps_what_was_counted(tmp_path: Path) -> None:
    path = tmp_path / "e.h5"
    create_embeddings(path, 100, 64, {})
    program = (
        "import resource, signal, sys, numpy as np; from pathlib import Path\n"
        "from canon_core.errors import StoreError; from canon_core.store.embeddings_in_place import EmbeddingsWriter\n"
        "writer = EmbeddingsWriter(Path(sys.argv[1])); writer.append(np.full((10, 64), 1, np.float32))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
        "try: writer.append(np.full((90, 64), 2, np.float32))\n"
        "except StoreError as error: print(writer.done, error)\n"
    )
    run = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout.startswith(f"10 {path}: file too large")
    assert read_info(path).done == 10
    assert (read_embeddings(path, slice(0, 10)) == 1).all()


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_writer_never_counts_a_row_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "e.h5"
    create_embeddings(path, 2_000_000, 4, {})
    program = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from canon_core.store.embeddings_in_place import EmbeddingsWriter\n"
        "writer = EmbeddingsWriter(Path(sys.argv[1]))\n"
        "while writer.done < 2_000_000:\n"
        "    writer.append(np.arange(writer.done + 1, writer.done + 101, dtype=np.float32)[:, None].repeat(4, 1))\n"
    )
    done = 0
    for wait in (0.005, 0.02, 0.04):
        child = subprocess.Popen([sys.executable, "-c", program, str(path)])
        while read_info(path).done == done and child.poll() is None:
            time.sleep(0.001)
        time.sleep(wait)
        child.send_signal(signal.SIGKILL)
        child.wait()
        info = read_info(path)
        assert info.done > done
        assert info.done % 100 == 0
        done = info.done
        written = read_embeddings(path, slice(0, done))
        assert np.array_equal(written[:, 0], np.arange(1, done + 1))
