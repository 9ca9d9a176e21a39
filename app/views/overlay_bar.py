"""The bar above an overlay: which models, how they are laid out and coloured; behind a button, every other setting."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from canon_core.maps.kinds import MapKind
from canon_core.projection.kinds import OverlayMethod
from canon_core.study.overlay_results import EVERYTHING, OverlayLevel, OverlaySettings
from canon_core.study.results import FitMode

from ..overlay_choice import MOST_NEIGHBOURS, MOST_SUBJECTS
from ..view_state import IMAGE_MODES, TEMPLATE_MODES
from .added_datasets import AddedDatasets
from .bar_buttons import tool_button
from .choosers import MAP_TIPS, MODE_TIPS, fill, labelled, seed_box
from .flow_layout import FlowLayout

ALL_SOURCES = "all others"
#: Pixels of a chooser of names.
_WIDEST = 190
_METHODS = {
    "UMAP": (OverlayMethod.UMAP, "Joint UMAP of both spaces (cosine), aligned to the target's own layout"),
    "PCA": (OverlayMethod.PCA, "The target's two principal axes; at once"),
    "singular": (OverlayMethod.SINGULAR, "The two target directions that the map stretches most; at once"),
}
_SUBSETS = {
    "some subjects": (None, "As many random subjects as make about 4,000 points"),
    "a number of subjects": (1, "Random subjects, as many as you say"),
    "everything": (EVERYTHING, "Every image: takes long where there are many"),
}


class OverlayBar(QWidget):
    """Choosers. Each tells of itself alone: what nobody touched stays as it is, whatever the bar stands at.

    Signals
    -------
    modelsChosen(source, target) : str, str
        The source may be :data:`ALL_SOURCES`, and the target.
    methodChosen(method), mapChosen(kind), modeChosen(mode), levelChosen(level) :
        Members of their enumerations.
    subjectsChosen(number) : int or None
        As :class:`canon_core.study.overlay_results.OverlaySettings` has it.
    neighboursChosen(number), minDistChosen(distance), seedChosen(seed) : int, float, int
    colourChanged(by) : str
    searched(text) : str
    """

    modelsChosen = Signal(str, str)
    methodChosen, mapChosen, modeChosen, levelChosen = Signal(object), Signal(object), Signal(object), Signal(object)
    subjectsChosen = Signal(object)
    neighboursChosen = Signal(int)
    minDistChosen = Signal(float)
    seedChosen = Signal(int)
    colourChanged = Signal(str)
    searched = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source, self.target = QComboBox(), QComboBox()
        self.method, self.colour = QComboBox(), QComboBox()
        self.map, self.mode, self.level, self.subset = QComboBox(), QComboBox(), QComboBox(), QComboBox()
        self.subjects, self.neighbours, self.seed = QSpinBox(), QSpinBox(), seed_box()
        self.min_dist = QDoubleSpinBox()
        self.search = QLineEdit()
        self._make_fields()
        self.added = AddedDatasets()
        self.settings_button = tool_button("Settings", "Map, fit, which subjects, neighbours, min-dist and seed")
        self.settings_button.setCheckable(True)
        self.first = QWidget()
        self._row = FlowLayout(self.first, spacing=12)
        for text, chooser, tip in (
            ("source", self.source, "Whose points go through the map"),
            ("into", self.target, "Into whose space"),
            ("layout", self.method, "How the points come to their places"),
            ("colour by", self.colour, "What the colours and markers stand for"),
        ):
            self._row.addWidget(labelled(text, chooser, tip))
        self._row.addWidget(self.added)
        self._row.addWidget(self.settings_button)
        self.second = QWidget()
        row = FlowLayout(self.second, spacing=12)
        self._level_field = labelled("points are", self.level, "Single images, or templates of them")
        for field in (
            labelled("map", self.map, "What takes source embeddings into the target space"),
            labelled("fit", self.mode, "Which images the maps are fitted on"),
            self._level_field,
            labelled("show", self.subset, "Which subjects are shown"),
            labelled("how many", self.subjects, "How many random subjects"),
            labelled("neighbours", self.neighbours, "UMAP: few show detail, many the whole"),
            labelled("min-dist", self.min_dist, "UMAP: how closely points may be packed"),
            labelled("study's seed", self.seed, "Of the halves, of random subjects, of UMAP: the matrix has the same"),
        ):
            row.addWidget(field)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.first)
        column.addWidget(self.second)
        self.second.hide()
        self.settings_button.toggled.connect(self.second.setVisible)
        self._connect()

    def add_widget(self, widget: QWidget) -> None:
        """Put something behind the choosers, in the same bar."""
        self._row.addWidget(widget)

    def _make_fields(self) -> None:
        fill(self.method, _METHODS)
        fill(self.map, {kind.value: (kind, tip) for kind, tip in MAP_TIPS.items() if kind is not MapKind.NONE})
        fill(self.level, {level.value: (level, "") for level in OverlayLevel})
        fill(self.subset, _SUBSETS)
        for box in (self.source, self.target, self.colour, self.mode, self.map):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMaximumWidth(_WIDEST)
        self.map.setPlaceholderText(MapKind.NONE.value)  # what a study may stand at, though nothing moves then
        self.subjects.setRange(1, MOST_SUBJECTS)
        self.subjects.setValue(100)
        self.neighbours.setRange(2, MOST_NEIGHBOURS)
        self.min_dist.setRange(0.0, 1.0)
        self.min_dist.setSingleStep(0.05)
        for spin in (self.subjects, self.neighbours, self.min_dist):
            spin.setKeyboardTracking(False)
        words = "Find subject or image"
        self.search.setPlaceholderText(words)
        self.search.setMinimumWidth(self.search.fontMetrics().horizontalAdvance(words) + 22)
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Find a subject or image")
        self.search.setMaximumWidth(210)

    def _connect(self) -> None:
        for box in (self.source, self.target):
            box.activated.connect(
                lambda _: self.modelsChosen.emit(self.source.currentText(), self.target.currentText())
            )
        # StrEnum members come back from Qt as plain strings.
        self.method.activated.connect(lambda _: self.methodChosen.emit(OverlayMethod(self.method.currentData())))
        self.map.activated.connect(lambda _: self.mapChosen.emit(MapKind(self.map.currentData())))
        self.mode.activated.connect(lambda _: self.modeChosen.emit(FitMode(self.mode.currentData())))
        self.level.activated.connect(lambda _: self.levelChosen.emit(OverlayLevel(self.level.currentData())))
        self.subset.activated.connect(self._choose_subjects)
        self.subjects.valueChanged.connect(self._choose_subjects)
        self.neighbours.valueChanged.connect(self.neighboursChosen)
        self.min_dist.valueChanged.connect(lambda value: self.minDistChosen.emit(round(value, 3)))
        self.seed.valueChanged.connect(self.seedChosen)
        self.colour.activated.connect(lambda _: self.colourChanged.emit(str(self.colour.currentText())))
        self.search.textChanged.connect(self.searched)

    # -- given from outside --------------------------------------------------------------------------------------
    def show_models(self, models: Sequence[str], source: str, target: str, *, all_sources: bool) -> None:
        """Models to choose among, and the chosen ones; no signal."""
        sources = [name for name in models if name != target]
        texts = [*sources, ALL_SOURCES] if len(sources) > 1 else sources
        fill(self.source, {text: (text, "") for text in texts})
        fill(self.target, {name: (name, "") for name in models})
        self.source.setCurrentText(ALL_SOURCES if all_sources and len(sources) > 1 else source)
        self.target.setCurrentText(target)

    def show_settings(self, settings: OverlaySettings, *, templates: bool, level: bool) -> None:
        """Stand at these settings; no signal. ``templates`` says whether the maps' dataset has them, ``level`` whether
        points may be templates."""
        blocked = [QSignalBlocker(spin) for spin in (self.subjects, self.neighbours, self.min_dist, self.seed)]
        modes = TEMPLATE_MODES if templates else IMAGE_MODES
        fill(self.mode, {mode.value: (mode, MODE_TIPS[mode]) for mode in modes})
        self.method.setCurrentIndex([each for each, _ in _METHODS.values()].index(settings.method))
        self.map.setCurrentIndex(self.map.findText(settings.map.value))
        self.mode.setCurrentText(settings.mode.value)
        self.level.setCurrentText(settings.level.value)
        self._level_field.setVisible(level)
        several = settings.subjects not in (None, EVERYTHING)
        self.subset.setCurrentIndex(0 if settings.subjects is None else 1 if several else 2)
        if several and settings.subjects is not None:
            _stand(self.subjects, settings.subjects)
        self.subjects.parentWidget().setVisible(several)
        self.subset.setEnabled(not settings.chosen)
        _stand(self.neighbours, settings.neighbours)
        _stand(self.min_dist, settings.min_dist)
        _stand(self.seed, settings.seed)
        umap = settings.method is OverlayMethod.UMAP
        for spin in (self.neighbours, self.min_dist):
            spin.parentWidget().setVisible(umap)
        for blocker in blocked:
            blocker.unblock()

    def show_colours(self, colours: dict[str, str], chosen: str) -> None:
        """What can be coloured by; no signal."""
        fill(self.colour, {name: (name, tip) for name, tip in colours.items()})
        self.colour.setCurrentText(chosen if chosen in colours else next(iter(colours)))

    def _choose_subjects(self, *_: object) -> None:
        self.subjectsChosen.emit((None, self.subjects.value(), EVERYTHING)[self.subset.currentIndex()])


def _stand(spin: QSpinBox | QDoubleSpinBox, value: float) -> None:
    """Show a value, unless it is there already: setting it again would wipe what is being typed."""
    if spin.value() != value:
        spin.setValue(value)
