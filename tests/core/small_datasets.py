"""The smallest dataset of every format, for tests of what readers make of them."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from PIL import Image

POINTS = "46.06 62.026 87.785 60.323 68.851 77.656 52.162 99.875 86.45 98.648"
#: Image, template, media; subject 7: templates 1 and 90, subject 8: templates 4 and 91.
ROWS = [("1.jpg", 1, 10), ("2.jpg", 1, 11), ("3.jpg", 4, 12), ("4.jpg", 90, 13), ("5.jpg", 90, 13), ("6.jpg", 91, 14)]
PAIRS = ["1 90 1", "1 91 0", "4 90 0", "4 91 1"]


def picture(path: Path, size: tuple[int, int] = (120, 130)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(sum(str(path.name).encode()))
    Image.fromarray(rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)).resize(size).save(path)
    return path


def ijbc(folder: Path, *, images: bool = True) -> Path:
    root = folder / "IJBC"
    (root / "meta").mkdir(parents=True)
    if images:
        for name, _, _ in ROWS:
            picture(root / "loose_crop" / name)
    write = {
        "face_tid_mid.txt": [" ".join(map(str, row)) for row in ROWS],
        "template_pair_label.txt": PAIRS,
        "name_5pts_score.txt": [f"{name} {POINTS} 0.{90 + row}" for row, (name, _, _) in enumerate(ROWS)],
        "1N_gallery_G1.csv": ["TEMPLATE_ID,SUBJECT_ID", "1,7"],
        "1N_gallery_G2.csv": ["TEMPLATE_ID,SUBJECT_ID", "4,8"],
        "1N_probe_mixed.csv": ["TEMPLATE_ID,SUBJECT_ID", "90,7", "91,8"],
    }
    for name, lines in write.items():
        (root / "meta" / f"ijbc_{name}").write_text("\n".join(lines) + "\n")
    return root


HEADER = "TEMPLATE_ID,SUBJECT_ID,FILENAME,SIGHTING_ID,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT,GENDER"


def nist(folder: Path, *, images: bool = True) -> Path:
    write = {
        "ijbc_1N_gallery_G1.csv": [HEADER, "1,7,img/1.jpg,100,10,20,30,40,1", "1,7,img/2.jpg,101,11,21,31,41,1"],
        "ijbc_1N_gallery_G2.csv": [HEADER, "4,8,img/3.jpg,102,1,2,30,40,0"],
        "ijbc_1N_probe_mixed.csv": [HEADER, "90,7,img/3.jpg,103,50,60,20,20,0", "91,8,img/4.jpg,104,5,6,7,8,"],
        "ijbc_11_G1_G2_matches.csv": ["1,90", "1,91", "4,90", "4,91"],
    }
    for name, lines in write.items():
        path = folder / "protocols" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    if images:
        for number in range(1, 5):
            picture(folder / "images" / "img" / f"{number}.jpg")
    return folder


def verification_bin(folder: Path, *, damaged: int | None = None) -> Path:
    """Pairs (0, 1) genuine, (2, 3) impostor, (1 again, 4) genuine, (5, 6) impostor; 112 × 112 JPEGs."""
    data = [picture(folder / "tmp" / f"{number}.jpg", (112, 112)).read_bytes() for number in range(7)]
    images = [data[number] for number in (0, 1, 2, 3, 1, 4, 5, 6)]
    if damaged is not None:
        images[damaged] = b"no image"
    path = folder / "lfw.bin"
    path.write_bytes(pickle.dumps((images, [True, False, True, False])))
    return path


def later_nist(folder: Path) -> Path:
    """NIST's later layout without images, with covariates in a file of their own."""
    header = "TEMPLATE_ID,SUBJECT_ID,FILENAME,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT"
    one, two = ["1,7,img/1.jpg,10,20,30,40", '1,7,"img/2,b.jpg",11,21,31,41'], ["4,8,img/3.jpg,1,2,30,40"]
    probes = ["90,7,frames/5_1.png,50,60,20,20", "90,7,frames/5_2.png,5,6,7,8", "91,8,img/4.jpg,5,6,7,8"]
    rows = [line.split(",", 1)[1] for line in (*one, *two, *probes)]
    write = {
        "test1/enroll_templates.csv": [header, *one, *two],
        "test1/verif_templates.csv": [header, *probes],
        "test1/match.csv": ["1,90", "1,91", "4,90", "4,91"],
        "test4/gallery_G1.csv": [header, *one],
        "test4/gallery_G2.csv": [header, *two],
        "test4/probes.csv": [header, *probes],
        "ijbc_metadata.csv": [
            "SUBJECT_ID,FILENAME,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT,YAW,HAIR",
            *(f"{row},{3 * number},{'dark' if number % 2 else 'fair'}" for number, row in enumerate(rows)),
        ],
    }
    for name, lines in write.items():
        path = folder / "protocols" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    return folder


def lfw(folder: Path) -> Path:
    """Two subjects of two images each, one fold, and landmarks."""
    names = [f"{subject}/{subject}_{number:04d}.jpg" for subject in ("Ann", "Bob") for number in (1, 2)]
    for name in names:
        picture(folder / name, (50, 50))
    (folder / "pairs.txt").write_text("1\t2\nAnn\t1\t2\nBob\t1\t2\nAnn\t1\tBob\t1\nAnn\t2\tBob\t2\n")
    points = "10,10,30,10,20,20,12,30,28,30,0.9"
    (folder / "landmarks.csv").write_text("\n".join(f"{name},{points}" for name in names) + "\n")
    return folder


def embeddings(path: Path) -> Path:
    """Four embeddings of three dimensions in the kind of file that the name's ending says; ids where it has them."""
    rows = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    ids = ["Ann/1.jpg", "Ann/2.jpg", "Bob/1.jpg", "Bob/2.jpg"]
    if path.suffix == ".npy":
        np.save(path, rows)
    elif path.suffix == ".npz":
        np.savez(path, embs=rows, embs_f=rows, ids=np.array(ids))
    elif path.suffix == ".h5":
        import h5py

        with h5py.File(path, "w") as file:
            file["embs"] = rows
            file["ids"] = ids
    elif path.suffix == ".csv":
        path.write_text(
            "\n".join(f"{name},{','.join(map(str, row))}" for name, row in zip(ids, rows.tolist(), strict=True)) + "\n"
        )
    else:
        path.write_text("\n".join(ids) + "\n")
    return path
