"""Where a scatter plot looks: everything or nearly everything until the user moves or zooms, from then on a place."""

from __future__ import annotations

from canon_core.projection.point_grid import Box

from .scatter_camera import Camera
from .scatter_points import ScatterPoints


class Sight:
    """A camera that follows the size of the plot, or stays where the user put it.

    Attributes
    ----------
    camera : Camera
        The part of the plane in view.
    """

    def __init__(self) -> None:
        self.camera = Camera()
        self._follows = True
        self._everything: Box | None = None  # where somebody asked for it; it stays while points move

    @property
    def is_first(self) -> bool:
        """Whether nobody chose what is in view: the bulk of the points is."""
        return self._follows and self._everything is None

    def begin(self) -> None:
        """From now on the bulk of the points stays in view."""
        self._follows, self._everything = True, None

    def keep(self, everything: Box) -> None:
        """From now on this box stays in view."""
        self._follows, self._everything = True, everything

    def look(self, camera: Camera) -> None:
        """From now on this part of the plane stays in view, however large the plot is."""
        self.camera, self._follows = camera, False

    def fit(self, points: ScatterPoints | None, width: float, height: float) -> None:
        """Fit what is to stay in view into a plot of this size."""
        if self._follows and points is not None:
            box = self._everything if self._everything is not None else points.bulk
            self.camera = Camera.fit(box, width, height)
