"""The contact sheet shows exactly what a network sees, and failures as failures."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from canon_core.datasets.faces import FaceImages
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import read_dataset
from canon_core.embedding.contact_sheet import ContactSheet, caption_lines, contact_sheet, sample_indices
from canon_core.embedding.network_sheet import write_contact_sheet
from canon_core.errors import Cancelled, SettingsError
from canon_core.jobs import JobContext
from canon_core.models.spec import InputSpec, ModelSpec


def make(root: Path, count: int, size: tuple[int, int] = (112, 112)) -> FaceImages:
    rng = np.random.default_rng(0)
    (root / "Ann").mkdir(parents=True)
    for number in range(count):
        pixels = rng.integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
        Image.fromarray(pixels).save(root / "Ann" / f"{number:02d}.png")
    return read_dataset(root, DatasetOptions(whole_image=size != (112, 112)), JobContext()).faces


def tile_of(sheet: ContactSheet, place: int) -> np.ndarray:
    x, y = sheet.corners[place]
    return sheet.pixels[y : y + sheet.tile, x : x + sheet.tile]


def pixels_of(faces: FaceImages, row: int) -> np.ndarray:
    with Image.open(faces.path(row)) as image:
        return np.asarray(image)


@pytest.mark.parametrize("color", ["rgb", "bgr"])
@pytest.mark.parametrize("captions", [True, False])
def test_aligned_crops_are_shown_pixel_for_pixel_in_rgb(tmp_path: Path, color: str, captions: bool) -> None:
    faces = make(tmp_path / "crops", 5)
    spec = ModelSpec(input=InputSpec.model_validate({"color": color}))
    sheet = contact_sheet(faces, spec, [4, 0, 2], columns=2, captions=captions)
    assert sheet.ids == ("Ann/04.png", "Ann/00.png", "Ann/02.png")
    assert sheet.columns == 2
    for place, row in enumerate((4, 0, 2)):
        np.testing.assert_array_equal(tile_of(sheet, place), pixels_of(faces, row))


def test_a_gray_network_is_shown_gray(tmp_path: Path) -> None:
    faces = make(tmp_path / "crops", 1)
    spec = ModelSpec(input=InputSpec.model_validate({"color": "gray"}))
    tile = tile_of(contact_sheet(faces, spec, [0]), 0).astype(float)
    np.testing.assert_array_equal(tile[..., 0], tile[..., 1])
    luma = pixels_of(faces, 0) @ [0.299, 0.587, 0.114]
    assert np.abs(tile[..., 0] - luma).max() <= 1


def test_a_narrow_crop_keeps_its_shape(tmp_path: Path) -> None:
    faces = make(tmp_path / "crops", 1)
    spec = ModelSpec(input=InputSpec(template="arcface-96", width=96))
    tile = tile_of(contact_sheet(faces, spec, [0]), 0)
    np.testing.assert_array_equal(tile[:, 8:104], pixels_of(faces, 0)[:, 8:104])
    assert len(np.unique(tile[:, :8].reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize("tile", [40, 112, 200])
def test_tiles_have_the_size_that_was_asked_for_and_stay_apart(tmp_path: Path, tile: int) -> None:
    faces = make(tmp_path / "crops", 7)
    sheet = contact_sheet(faces, ModelSpec(), range(7), columns=3, tile=tile)
    x, y = np.array(sheet.corners).T
    assert len(set(x)) == len(set(y)) == 3
    assert np.diff(sorted(set(x))).min() > tile
    assert np.diff(sorted(set(y))).min() > tile
    assert sheet.pixels.shape[0] > y.max() + tile
    assert sheet.pixels.shape[1] > x.max() + tile


def test_images_that_fail_get_a_dark_tile_with_the_reason_and_never_another_face(tmp_path: Path) -> None:
    faces = make(tmp_path / "crops", 4)
    faces.path(1).unlink()
    faces.path(2).write_bytes(b"no image")
    Image.fromarray(np.zeros((50, 60, 3), np.uint8)).save(faces.path(3))
    sheet = contact_sheet(faces, ModelSpec(), range(4))
    assert [image for image, _ in sheet.failed] == ["Ann/01.png", "Ann/02.png", "Ann/03.png"]
    reasons = [reason for _, reason in sheet.failed]
    assert "no such file" in reasons[0]
    assert "damaged" in reasons[1]
    assert "another size" in reasons[2]
    for place in (1, 2, 3):
        tile = tile_of(sheet, place)
        background = tile[-1, -1]
        assert background.max() < 100
        assert 0.5 < (tile == background).all(axis=2).mean() < 1  # mostly dark, with something written on it
    np.testing.assert_array_equal(tile_of(sheet, 0), pixels_of(faces, 0))


def test_faces_of_unknown_place_are_refused_and_not_shown_whole(tmp_path: Path) -> None:
    make(tmp_path / "photos", 2, (90, 80))
    faces = read_dataset(tmp_path / "photos", DatasetOptions(), JobContext()).faces
    with pytest.raises(SettingsError, match="--landmarks"):
        contact_sheet(faces, ModelSpec(), [0, 1])


def test_whole_images_are_shown_when_that_is_what_the_network_gets(tmp_path: Path) -> None:
    faces = make(tmp_path / "photos", 2, (224, 224))
    tile = tile_of(contact_sheet(faces, ModelSpec(), [1]), 0)
    means = pixels_of(faces, 1).reshape(112, 2, 112, 2, 3).mean(axis=(1, 3))
    assert np.abs(tile - means).max() <= 0.51


@pytest.mark.parametrize("rows", [[], range(5000)])
def test_a_sheet_of_nothing_or_of_everything_is_refused(tmp_path: Path, rows: list[int]) -> None:
    with pytest.raises(SettingsError, match="cannot be drawn"):
        contact_sheet(make(tmp_path / "crops", 1), ModelSpec(), rows)


def test_drawing_stops_when_it_is_cancelled(tmp_path: Path) -> None:
    context = JobContext()
    context.cancel()
    with pytest.raises(Cancelled):
        contact_sheet(make(tmp_path / "crops", 2), ModelSpec(), [0, 1], ctx=context)


def test_a_sample_is_seeded_without_repeats_and_in_the_order_of_the_dataset(tmp_path: Path) -> None:
    faces = make(tmp_path / "crops", 30)
    rows = sample_indices(faces, 10, seed=3)
    assert sorted(set(rows.tolist())) == rows.tolist()
    assert len(rows) == 10
    np.testing.assert_array_equal(rows, sample_indices(faces, 10, seed=3))
    assert any((sample_indices(faces, 10, seed=seed) != rows).any() for seed in range(3))
    np.testing.assert_array_equal(sample_indices(faces, 99), np.arange(30))


def test_a_sheet_is_written_as_png_for_its_owner_only(tmp_path: Path) -> None:
    faces = make(tmp_path / "crops", 12)
    [seen] = write_contact_sheet(faces, {"a": ModelSpec()}, tmp_path / "sheet.png", count=5, seed=1)
    sheet = seen.sheet
    with Image.open(tmp_path / "sheet.png") as image:
        drawn = np.asarray(image)
    np.testing.assert_array_equal(drawn[-len(sheet.pixels) :], sheet.pixels)
    heading = drawn[: -len(sheet.pixels)]
    assert len(np.unique(heading.reshape(-1, 3), axis=0)) > 1  # the network's name
    assert sheet.ids == tuple(faces.ids[row] for row in sample_indices(faces, 5, seed=1))
    if os.name == "posix":
        assert (tmp_path / "sheet.png").stat().st_mode & 0o777 == 0o600


def test_every_way_of_seeing_has_a_sheet_of_the_same_images_and_names_its_networks(tmp_path: Path) -> None:
    faces = make(tmp_path / "crops", 30)
    networks = {
        "one": ModelSpec(),
        "narrow": ModelSpec(input=InputSpec(template="arcface-96", width=96)),
        "two": ModelSpec(input=InputSpec(color="bgr")),  # the same crop, fed in another order
        "gray": ModelSpec(input=InputSpec.model_validate({"color": "gray"})),
    }
    seen = write_contact_sheet(faces, networks, tmp_path / "sheet.png")
    assert [each.networks for each in seen] == [("one", "two"), ("narrow",), ("gray",)]
    assert [each.title for each in seen] == [
        "one, two: 112 x 112, arcface", "narrow: 96 x 112, arcface-96", "gray: 112 x 112, arcface, gray"
    ]  # fmt: skip
    assert len({each.sheet.ids for each in seen}) == 1
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.height > sum(len(each.sheet.pixels) for each in seen)


def test_without_a_network_there_is_nothing_to_see(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is none"):
        write_contact_sheet(make(tmp_path / "crops", 1), {}, tmp_path / "sheet.png")


def test_images_are_numbered_unless_their_names_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import canon_core.embedding.contact_sheet as module

    written: list[str] = []
    monkeypatch.setattr(module, "write_text", lambda _pixels, text, *_: written.append(text))
    faces = make(tmp_path / "crops", 12)
    contact_sheet(faces, ModelSpec(), [3, 7])
    assert written == ["3", "7"]
    write_contact_sheet(faces, {"a": ModelSpec()}, tmp_path / "sheet.png", count=2, seed=1)
    assert not [text for text in written if ".png" in text]
    written.clear()
    write_contact_sheet(faces, {"a": ModelSpec()}, tmp_path / "sheet.png", count=2, seed=1, named=True)
    assert written == [faces.ids[row].split("/")[1] for row in sample_indices(faces, 2, seed=1)]


def test_long_names_are_written_whole_in_lines_that_fit() -> None:
    name = "Maria_Guadalupe_Fernandez_de_la_Cruz_0012.jpg"
    lines = caption_lines(name, 112)
    assert "".join(lines) == name
    assert len(lines) == 3
    assert all(line.endswith(("_", ".", "g")) for line in lines)
    assert caption_lines("7.jpg", 112) == ["7.jpg"]
    assert len(caption_lines("x" * 500, 112)) == 4


def test_a_long_name_moves_the_next_row_down_and_no_tile_out_of_its_place(tmp_path: Path) -> None:
    faces = make(tmp_path / "crops", 4)
    short = contact_sheet(faces, ModelSpec(), range(4), columns=2)
    (tmp_path / "long" / "Ann").mkdir(parents=True)
    for number in range(4):
        faces.path(number).rename(tmp_path / "long" / "Ann" / f"a_name_that_is_rather_long_{number:02d}.png")
    renamed = read_dataset(tmp_path / "long", DatasetOptions(), JobContext()).faces
    long = contact_sheet(renamed, ModelSpec(), range(4), columns=2, named=True)
    assert long.corners[2][1] > short.corners[2][1]
    for place in range(4):
        np.testing.assert_array_equal(tile_of(long, place), tile_of(short, place))


@pytest.mark.real
def test_portraits_warped_by_their_landmarks_look_like_the_aligned_crops(real: Path) -> None:
    portraits = read_dataset(real / "lfw250", DatasetOptions(), JobContext()).faces
    crops = {path.relative_to(real / "lfw").as_posix(): path for path in (real / "lfw").glob("*/*.jpg")}
    rows = range(0, len(portraits), 20)
    sheet = contact_sheet(portraits, ModelSpec(), rows)
    for place, image in enumerate(sheet.ids):
        with Image.open(crops[image]) as crop:
            expected = np.asarray(crop).astype(float)
        here = np.abs(tile_of(sheet, place) - expected).mean()
        mirrored = np.abs(tile_of(sheet, place)[:, ::-1] - expected).mean()
        assert here < 8  # of 255: the crops went through JPEG once more
        assert here < mirrored / 2
