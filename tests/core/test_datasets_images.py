"""Decoding one image: Pillow is the independent reader."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from canon_core.datasets.images import opencv, read_bytes, read_image
from canon_core.errors import DatasetError


def noise(height: int = 40, width: int = 56, channels: tuple[int, ...] = (3,)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, *channels)).astype(np.uint8)


def encoded(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that promises width × height pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_images_are_read_as_they_were_written_in_rgb(tmp_path: Path, kind: str) -> None:
    pixels = noise()
    path = tmp_path / f"image.{kind.lower()}"
    path.write_bytes(encoded(pixels, kind))
    np.testing.assert_array_equal(read_image(path), pixels)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_images_are_read_as_pillow_reads_them(tmp_path: Path, kind: str) -> None:
    smooth = np.asarray(Image.fromarray(noise(5, 7)).resize((56, 40), Image.Resampling.BICUBIC))
    data = encoded(smooth, kind, quality=90)
    difference = read_image(tmp_path / "x", data).astype(int) - np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert np.abs(difference).max() <= 3


def test_gray_becomes_three_equal_channels_and_transparency_is_dropped(tmp_path: Path) -> None:
    gray, clear = noise(channels=()), noise(channels=(4,))
    np.testing.assert_array_equal(read_image(tmp_path / "g", encoded(gray, "PPM")), np.dstack([gray] * 3))
    np.testing.assert_array_equal(read_image(tmp_path / "a", encoded(clear, "PNG")), clear[..., :3])


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_photographs_are_turned_upright_as_their_exif_says(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(np.asarray(Image.fromarray(noise(4, 6)).resize((60, 40))), "JPEG", exif=exif, quality=95)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    read = read_image(tmp_path / "photo", data)
    assert read.shape == upright.shape
    assert np.abs(read.astype(int) - upright).max() <= 3


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "TIFF", "PPM"])
@pytest.mark.parametrize("share", [0.0005, 0.02, 0.5, 0.9, 0.999])
def test_an_image_cut_short_is_refused_by_name(tmp_path: Path, kind: str, share: float) -> None:
    data = encoded(noise(), kind)
    path = tmp_path / "short"
    with pytest.raises(DatasetError, match=r"short: .*(cut short|damaged).*; replace") as caught:
        read_image(path, data[: max(1, int(len(data) * share))])
    assert caught.value.path == path


def test_a_photograph_cut_short_is_not_saved_by_the_end_of_its_thumbnail(tmp_path: Path) -> None:
    thumbnail = encoded(noise(8, 8), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    data = encoded(noise(), "JPEG")
    photograph = data[:2] + segment + data[2:]
    assert read_image(tmp_path / "whole", photograph).shape == (40, 56, 3)
    with pytest.raises(DatasetError, match="cut short"):
        read_image(tmp_path / "cut", photograph[: len(photograph) * 3 // 4])


def test_bytes_after_the_end_of_a_jpeg_do_no_harm(tmp_path: Path) -> None:
    assert read_image(tmp_path / "x", encoded(noise(), "JPEG") + bytes(100)).shape == (40, 56, 3)


def test_a_cut_image_says_nothing_on_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for kind in ("JPEG", "PNG", "BMP", "TIFF", "WEBP"):
        data = encoded(noise(), kind)
        with pytest.raises(DatasetError):
            read_image(tmp_path / "x", data[: len(data) // 2])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("size", [(30_000, 30_000), (1 << 30, 4)])
def test_an_image_that_would_unpack_to_gigabytes_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    with pytest.raises(DatasetError, match=r"megapixels|damaged"):
        read_image(tmp_path / "bomb", png_header(*size))


def test_the_bound_on_pixels_is_set_before_opencv_is_loaded(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from canon_core.datasets.images import opencv, read_image\n"
        "assert 'cv2' not in sys.modules\n"
        "cv2 = opencv()\n"
        "import numpy as np\n"
        "try: cv2.imdecode(np.frombuffer(Path(sys.argv[1]).read_bytes(), np.uint8), 1)\n"
        "except cv2.error as error: assert 'PIXELS' in str(error); print('refused')\n"
    )
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png_header(20_000, 10_000))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENCV")}
    run = subprocess.run(
        [sys.executable, "-c", program, bomb], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "refused"


def test_opencv_leaves_the_cores_to_our_own_threads() -> None:
    assert opencv().getNumThreads() == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(DatasetError, match="is not a file"):
        read_bytes(tmp_path / "pipe.jpg")


def test_missing_empty_and_foreign_files_are_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("no image at all\n" * 20)
    for name, problem in (("missing", "no such file"), ("empty", "is empty"), ("text", "damaged"), (".", "not a file")):
        with pytest.raises(DatasetError, match=problem) as caught:
            read_image(tmp_path / name)
        assert caught.value.remedy
