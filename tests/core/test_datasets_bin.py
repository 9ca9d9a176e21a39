"""InsightFace's verification sets: read whoever wrote them, and never run."""

from __future__ import annotations

import gzip
import pickle
import pickletools
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import KFold

from canon_core.datasets.verification_bin import VerificationBin, looks_like_bin, read_bin
from canon_core.errors import Cancelled, CanonError, DatasetError
from canon_core.jobs import JobContext

IMAGES = [b"\xff\xd8\xff image %d \x80\xff" % number for number in range(6)]
TRUTH = [True, False, True]
PROTOCOLS = pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))


def written(folder: Path, content: object, protocol: int = 4) -> Path:
    path = folder / "lfw.bin"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return path


def read(folder: Path, content: object, protocol: int = 4) -> VerificationBin:
    return read_bin(written(folder, content, protocol), JobContext())


@PROTOCOLS
@pytest.mark.parametrize(
    "content",
    [
        (IMAGES, TRUTH),
        [IMAGES, TRUTH],
        (tuple(IMAGES), tuple(TRUTH)),
        (IMAGES, [1, 0, 1]),
        (IMAGES, np.array(TRUTH)),
        (IMAGES, list(np.array(TRUTH))),
        ([np.frombuffer(image, np.uint8) for image in IMAGES], TRUTH),
        (IMAGES, np.array(TRUTH, np.uint8)),
    ],
)
def test_images_and_truth_values_are_read_whatever_holds_them(tmp_path: Path, content: object, protocol: int) -> None:
    found = read(tmp_path, content, protocol)
    assert list(found.images) == IMAGES
    assert found.genuine.tolist() == TRUTH
    assert found.genuine.dtype == np.bool_


def test_a_pickle_of_python_2_is_read(tmp_path: Path) -> None:
    strings = b"".join(b"T" + len(image).to_bytes(4, "little") + image for image in IMAGES)
    assert read(tmp_path, b"\x80\x02](" + strings + b"e](\x88\x89\x88e\x86.").genuine.tolist() == TRUTH
    array = pickle.dumps((IMAGES, np.array(TRUTH)), 2)
    assert read(tmp_path, array.replace(b"numpy._core.", b"numpy.core.")).genuine.tolist() == TRUTH


@given(st.integers(1, 60))
def test_folds_are_those_insightface_makes(count: int) -> None:
    folds = VerificationBin(Path("x"), (b"x",) * (2 * count), np.ones(count, bool)).folds
    if count >= 10:
        expected = np.empty(count, int)
        for number, (_, rows) in enumerate(KFold(10, shuffle=False).split(np.empty(count))):
            expected[rows] = number
        assert folds.fold.tolist() == expected.tolist()
    assert folds.first.tolist() == list(range(0, 2 * count, 2))
    assert folds.second.tolist() == list(range(1, 2 * count, 2))


def test_images_are_unpacked_for_their_owner_only_and_once(tmp_path: Path) -> None:
    found = read(tmp_path, ([b"\x89PNG", *IMAGES[1:]], TRUTH))
    names = found.unpack(tmp_path / "images", JobContext())
    assert names == ("00000.png", "00001.jpg", "00002.jpg", "00003.jpg", "00004.jpg", "00005.jpg")
    first = tmp_path / "images" / names[1]
    assert first.read_bytes() == IMAGES[1]
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    before = first.stat().st_ino
    (tmp_path / "images" / names[2]).write_bytes(b"cut")
    found.unpack(tmp_path / "images", JobContext())
    assert first.stat().st_ino == before
    assert (tmp_path / "images" / names[2]).read_bytes() == IMAGES[2]


class _Call:
    """Pickles as a call."""

    def __init__(self, function: object, *arguments: object) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple:
        return self._call


called: list[str] = []


def record(text: str) -> str:
    called.append(text)
    return text


@PROTOCOLS
def test_a_file_that_calls_a_function_is_refused_and_nothing_is_run(tmp_path: Path, protocol: int) -> None:
    target = tmp_path / "touched"
    for function, argument in ((record, "x"), (eval, f"open({str(target)!r}, 'w')"), (Path.touch, target)):
        content = (IMAGES, [_Call(function, argument)])
        with pytest.raises(DatasetError, match=r"would call '.*'; nothing of it was run") as caught:
            read(tmp_path, content, protocol)
        assert "publisher" in caught.value.remedy
    assert called == []
    assert not target.exists()
    pickle.loads(pickle.dumps(_Call(record, "x")))  # the same file does call it where nobody looks
    assert called == ["x"]
    called.clear()


@pytest.mark.parametrize(
    "content",
    [
        b"cposix\nsystem\n(S'touch x'\ntR.",
        b"(S'touch x'\nios\nsystem\n.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x01x\x85R.",
        b"\x80\x04\x8c\x08builtins\x94\x8c\x04eval\x94h\x00h\x01\x93\x8c\x011\x85R.",
        b"\x80\x02c_codecs\nencode\n}U\x01xU\x01ysb.",
        b"\x80\x02c_codecs\nencode\nN}U\x04nameU\x01ys\x86b.",
        b"\x80\x02\x82\x01.",
        b"P1\n.",
        b"\x80\x04c_codecs\nencode\n)\x81.",
        b"\x80\x04cnumpy\nndarray\nK\x05\x85R.",
        b"\x80\x04cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nJ\xff\xff\xff\x7f\x85C\x01b\x87R.",
        b"\x80\x02c_codecs\nencode\nX\x03\x00\x00\x00abcU\x03hex\x86R.",
        b"\x80\x04r\xff\xff\xff\xff.",
        b"\x80\x04]r\xff\xff\xff\x7f.",
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x80\x04\x8e\xff\xff\xff\xff\x00\x00\x00\x00x.",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f]].",
    ],
)
def test_tricks_with_opcodes_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DatasetError):
        read(tmp_path, content)


@pytest.mark.parametrize("kind", [bytes, lambda data: np.frombuffer(data, np.uint8)])
def test_one_image_named_again_and_again_does_not_fill_the_disk(tmp_path: Path, kind: Callable) -> None:
    image = kind(b"\xff\xd8\xff" + bytes(300_000))
    with pytest.raises(DatasetError, match="its 2,000 images unpack to many times its size"):
        read(tmp_path, ([image] * 2000, [True] * 1000))
    assert len(read(tmp_path, ([image] * 8, [True] * 4)).images) == 8, "a few pairs may share an image"


def test_text_that_is_encoded_again_and_again_does_not_fill_the_memory(tmp_path: Path) -> None:
    text = b"X" + (10_000).to_bytes(4, "little") + b"a" * 10_000 + b"q\x00"
    again = b"c_codecs\nencode\nq\x01h\x00X\x06\x00\x00\x00latin1q\x02\x86Rq\x03" + b"h\x01h\x00h\x02\x86R" * 50
    with pytest.raises(DatasetError, match="more bytes than the file holds"):
        read(tmp_path, b"\x80\x02(" + text + again + b"t.")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"no pickle", "is a pickle of something else|is no pickle"),
        (gzip.compress(pickle.dumps((IMAGES, TRUTH))), "is compressed with gzip"),
        (pickle.dumps((IMAGES, TRUTH))[:-20], "is no pickle, or cut short"),
        ((IMAGES,), "holds something else than images and truth values"),
        ({"images": IMAGES}, "is a pickle of something else"),
        ((IMAGES, TRUTH[:2]), "holds 6 images for 2 pairs instead of two a pair"),
        ((IMAGES, [True, 2, False]), "truth values that are neither true nor false"),
        ((IMAGES, [True, "yes", False]), "truth values that are neither"),
        (([], []), "holds no pairs"),
        (([*IMAGES[1:], b""], TRUTH), "image 5 has 0 bytes"),
        (([*IMAGES[1:], "text"], TRUTH), "image 5 is no encoded image"),
        (([np.zeros((4, 4, 3), np.uint8)] * 6, TRUTH), "an array that is no list of bytes"),
        (([np.zeros(4)] * 6, TRUTH), "an array of something else than bytes"),
        ((np.array(IMAGES, object), TRUTH), "array of something else|an array that is no list"),
    ],
)
def test_what_is_no_verification_set_is_refused(tmp_path: Path, content: object, says: str) -> None:
    with pytest.raises(DatasetError, match=says) as caught:
        read(tmp_path, content)
    assert caught.value.path == tmp_path / "lfw.bin"
    assert caught.value.remedy


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.bin", tmp_path):
        with pytest.raises(DatasetError, match="cannot be read"):
            read_bin(path, JobContext())


def test_it_is_recognised_by_name(tmp_path: Path) -> None:
    assert looks_like_bin(written(tmp_path, (IMAGES, TRUTH)))
    assert looks_like_bin(written(tmp_path, b"other"))  # its reader says what is wrong with it
    assert not looks_like_bin(tmp_path)
    other = tmp_path / "lfw.txt"
    other.write_bytes(pickle.dumps((IMAGES, TRUTH)))
    assert not looks_like_bin(other)


def test_reading_stops_when_it_is_cancelled(tmp_path: Path) -> None:
    ctx = JobContext()
    ctx.cancel()
    with pytest.raises(Cancelled):
        read_bin(written(tmp_path, (IMAGES, TRUTH)), ctx)


_GOOD = [pickle.dumps((IMAGES, TRUTH), protocol) for protocol in range(6)]
_GOOD += [pickle.dumps((IMAGES, np.array(TRUTH)), protocol) for protocol in range(6)]
_OPCODES = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(_GOOD),
    st.integers(0, 10_000),
    st.one_of(st.binary(max_size=8), st.lists(st.sampled_from(_OPCODES), max_size=4).map(b"".join)),
    st.integers(0, 4),
)
def test_a_damaged_file_gives_a_set_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, good: bytes, place: int, junk: bytes, removed: int
) -> None:
    place %= len(good) + 1
    folder = tmp_path_factory.getbasetemp()
    try:
        found = read(folder, good[:place] + junk + good[place + removed :])
    except CanonError:
        return
    assert len(found.images) == 2 * len(found.genuine)
    assert all(isinstance(image, bytes) for image in found.images)
