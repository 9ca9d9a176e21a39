"""The bar of choosers above a matrix: where the ROC is read, and which map and fit the cells are made with."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSpinBox, QWidget

from canon_core.maps.kinds import MapKind
from canon_core.study.results import Features, FitMode, MatrixSettings, far_text
from canon_core.verification.roc import FarRule

from ..view_state import IMAGE_MODES, TEMPLATE_MODES
from .flow_layout import FlowLayout

#: zlib.crc32 is 32 bits wide, but any integer may seed the halves; what a spin box holds is plenty.
_LARGEST_SEED = 999_999

#: Pixels of the chooser whose texts are long, where the bar is narrow.
_NARROWEST = 120

MAP_TIPS = {
    MapKind.NONE: "Raw source against raw target: the control",
    MapKind.LINEAR: "Ordinary least squares, no intercept",
    MapKind.AFFINE: "Ordinary least squares with an intercept",
    MapKind.ROTATION: "The best rotation (Wahba, Kabsch); keeps all angles of the source",
}
MODE_TIPS = {
    FitMode.DISJOINT: "Fitted on one half of the subjects, scored on the other, both ways: leak-free",
    FitMode.IN_SAMPLE: "Fitted on all images, scored on all pairs: shows how much a map can learn by heart",
    FitMode.AUTHORS: "As the paper scored: the source embeds the first template of a pair, whose images are those that"
    " the map was fitted on",
    FitMode.REVERSED: "The source embeds the second template of a pair: its images are outside the fit, but the"
    " target's were what the map aimed at",
}
_FEATURES = {
    Features.PAPER: (
        "unit norm, detector-weighted",
        "Every image is normalised, after the map too, and weighted by the detector's score; the upright image only",
    ),
    Features.INSIGHTFACE: (
        "kept norms, detector-weighted, flips summed",
        "Images keep their norms and are weighted by the detector's score; the mirrored image is added where the model"
        " has it",
    ),
}
_RULES = {
    FarRule.CONSERVATIVE: "The smallest threshold whose FAR does not exceed the target",
    FarRule.NEAREST: "The ROC point whose FAR is nearest to the target (the paper's)",
}


@dataclass(frozen=True)
class SettingsChange:
    """What the choosers stand at when the user changed one that needs other cells."""

    map: MapKind
    mode: FitMode
    seed: int
    features: Features = Features.PAPER


class Choosers(QWidget):
    """FAR and FAR rule (only read differently), map, fit, seed and, of templates, features (other cells).

    Signals
    -------
    readingChanged(far, rule) : float, FarRule
    settingsRequested(change) : SettingsChange
    """

    readingChanged = Signal(float, object)
    settingsRequested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.far = QComboBox()
        self.rule = QComboBox()
        self.map = QComboBox()
        self.mode = QComboBox()
        self.features = QComboBox()
        self.features.setMinimumWidth(_NARROWEST)
        self.seed = seed_box()
        fill(self.rule, {rule.value: (rule, tip) for rule, tip in _RULES.items()})
        fill(self.map, {kind.value: (kind, tip) for kind, tip in MAP_TIPS.items()})
        fill(self.features, {text: (features, tip) for features, (text, tip) in _FEATURES.items()})
        self._row = FlowLayout(self, spacing=12)
        for text, chooser, tip in (
            ("FAR", self.far, "False accept rate at which the ROC of every cell is read"),
            ("rule", self.rule, "Which point of the ROC stands for that FAR"),
            ("map", self.map, "What takes source embeddings into the target space"),
            ("fit", self.mode, "Which images the maps are fitted on"),
            ("seed", self.seed, "Which subjects belong to which half"),
            ("templates", self.features, "How the embeddings of a template's images become one"),
        ):
            self._row.addWidget(labelled(text, chooser, tip))
        self.far.activated.connect(self._emit_reading)
        self.rule.activated.connect(self._emit_reading)
        self.map.activated.connect(self._emit_settings)
        self.mode.activated.connect(self._emit_settings)
        self.features.activated.connect(self._emit_settings)
        self.seed.valueChanged.connect(self._emit_settings)

    def add_widget(self, widget: QWidget) -> None:
        """Put something behind the choosers, in the same bar."""
        self._row.addWidget(widget)

    def show_settings(
        self, settings: MatrixSettings, far: float, rule: FarRule, *, templates: bool = False
    ) -> None:
        """Stand at these settings, of a dataset that compares ``templates`` or single images; no signals."""
        modes = TEMPLATE_MODES if templates else IMAGE_MODES
        fill(self.far, {far_text(target): (target, "") for target in settings.far})
        fill(self.mode, {mode.value: (mode, MODE_TIPS[mode]) for mode in modes})
        self.far.setCurrentIndex(settings.far.index(far))
        self.rule.setCurrentIndex(list(_RULES).index(rule))
        self.map.setCurrentIndex(list(MAP_TIPS).index(settings.map))
        self.mode.setCurrentIndex(modes.index(settings.mode))
        self.features.setCurrentIndex(list(_FEATURES).index(settings.features))
        self.features.parentWidget().setVisible(templates)
        blocked = self.seed.blockSignals(True)
        self.seed.setValue(settings.seed)
        self.seed.blockSignals(blocked)
        self.seed.setEnabled(settings.mode is FitMode.DISJOINT)

    def _emit_reading(self) -> None:
        # StrEnum members come back from Qt as plain strings.
        self.readingChanged.emit(self.far.currentData(), FarRule(self.rule.currentData()))

    def _emit_settings(self) -> None:
        change = SettingsChange(
            MapKind(self.map.currentData()),
            FitMode(self.mode.currentData()),
            self.seed.value(),
            Features(self.features.currentData()),
        )
        self.seed.setEnabled(change.mode is FitMode.DISJOINT)
        self.settingsRequested.emit(change)


def features_text(features: Features) -> str:
    """How templates are made, in words."""
    return _FEATURES[features][0]


def seed_box() -> QSpinBox:
    """A field for a seed."""
    box = QSpinBox()
    box.setRange(0, _LARGEST_SEED)
    box.setKeyboardTracking(False)
    return box


def fill(box: QComboBox, items: dict[str, tuple[object, str]]) -> None:
    """Offer these: text → data and tip; what is there already stays as it is."""
    if [box.itemText(number) for number in range(box.count())] == list(items):
        return
    box.clear()
    for text, (data, tip) in items.items():
        box.addItem(text, data)
        if tip:
            box.setItemData(box.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)


def labelled(text: str, chooser: QWidget, tip: str) -> QWidget:
    """A chooser with its name before it, which a screen reader says too."""
    label = QLabel(text)
    label.setBuddy(chooser)
    chooser.setToolTip(tip)
    chooser.setAccessibleName(text)
    chooser.setAccessibleDescription(tip)
    pair = QWidget()
    layout = QHBoxLayout(pair)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(5)
    layout.addWidget(label)
    layout.addWidget(chooser)
    return pair
