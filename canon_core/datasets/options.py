"""What a user says about a dataset when adding it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from canon_core.errors import SettingsError

#: Formats that are read; ``auto`` recognises the others by the files it finds.
FORMATS: Final = ("auto", "ijbc", "ijbb", "nist", "lfw", "bin", "folder")
#: Formats whose files say which images make up a template and which templates are compared.
TEMPLATE_FORMATS: Final = ("ijbc", "ijbb", "nist", "bin")


@dataclass(frozen=True)
class DatasetOptions:
    """How a dataset is to be read (house plan, *Protocols*).

    Attributes
    ----------
    format : str
        ``auto``, ``folder`` (one sub-folder a subject), ``lfw`` (the same with a list of pairs in folds), ``ijbc`` or
        ``ijbb`` (InsightFace's layout of IJB), ``nist`` (NIST's), or ``bin`` (InsightFace's verification sets).
    aligned : str or None
        ``"arcface"``: the images already are 112 × 112 crops on the ArcFace template.
    landmarks : Path or None
        CSV of five points an image; of NIST's rows by their names, ``img/1.jpg``, ``img/1.jpg#2``, ….
    pairs : Path or None
        LFW's list of pairs, where it is not in the folder or its parent.
    detector : Path or None
        ONNX file of the face detector YuNet, which finds the points.
    whole_image : bool
        Feed whole images to networks that want an aligned face. Numbers from whole photographs mean nothing.
    max_per_subject : int or None
        Draw at most so many images of each subject, by ``seed``.
    seed : int
        Of that draw.
    """

    format: str = "auto"
    aligned: str | None = None
    landmarks: Path | None = None
    pairs: Path | None = None
    detector: Path | None = None
    whole_image: bool = False
    max_per_subject: int | None = None
    seed: int = 0

    def check(self) -> None:
        """Refuse options that contradict each other.

        Raises
        ------
        SettingsError
            Naming the options and the remedy.
        """
        if self.format not in FORMATS:
            raise SettingsError(f"unknown dataset format '{self.format}'", remedy=f"choose one of {', '.join(FORMATS)}")
        if self.aligned not in (None, "arcface"):
            raise SettingsError(
                f"unknown alignment '{self.aligned}'",
                remedy="only images on the ArcFace template are known as aligned: say --aligned arcface",
            )
        given = [
            name
            for name, value in (
                ("--aligned", self.aligned),
                ("--landmarks", self.landmarks),
                ("--detector", self.detector),
                ("--whole-image", self.whole_image),
            )
            if value
        ]
        if len(given) > 1:
            raise SettingsError(
                f"{' and '.join(given)} contradict each other",
                remedy="give one of them: each says where the five points of a face come from",
            )
        if self.pairs is not None and self.format == "folder":
            raise SettingsError("--pairs and --format folder contradict each other", remedy="leave one of them out")
        self._check_templates(given)
        if self.max_per_subject is not None and self.max_per_subject < 1:
            raise SettingsError(
                f"--max-per-subject {self.max_per_subject} leaves no image", remedy="give 1 or more, or leave it out"
            )

    def _check_templates(self, given: list[str]) -> None:
        """Refuse what a set with a protocol of its own already says."""
        if self.format not in TEMPLATE_FORMATS:
            return
        if self.pairs is not None:
            raise SettingsError(
                f"--pairs and --format {self.format} contradict each other",
                remedy="leave --pairs out: the set brings its pairs",
            )
        if self.max_per_subject is not None:
            raise SettingsError(
                f"--max-per-subject and --format {self.format} contradict each other",
                remedy="leave --max-per-subject out: the set says which images are compared",
            )
        if given and self.format in ("ijbc", "ijbb"):
            raise SettingsError(
                f"{given[0]} and --format {self.format} contradict each other",
                remedy=f"leave {given[0]} out: the set brings five points of each face",
            )
        if self.format == "nist" and self.aligned:
            raise SettingsError(
                "--aligned and --format nist contradict each other",
                remedy="leave it out: the set brings face boxes, and --detector FILE.onnx finds points in them",
            )
