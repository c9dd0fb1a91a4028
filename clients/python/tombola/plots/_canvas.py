"""What a picture is laid out on by hand: header, panels, names of axes, legend. All lengths are in points."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from tombola.plots import _common as common

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.transforms import Transform

MAX_WIDTH = 1000.0  #: panels wrap into a second row beyond this
LEAST_WIDTH = 250.0
LEGEND_ROWS = 20
_KEY = 42  #: what a legend's entry takes beside its text


class Picture(Figure):
    """A figure that a notebook shows where it is the last value of a cell, without pyplot."""

    def _repr_svg_(self) -> str:
        return self._rendered("svg").decode()

    def _repr_png_(self) -> bytes:
        return self._rendered("png")

    def _rendered(self, kind: Any) -> bytes:  # noqa: ANN401  # svg or png
        from tombola.plots import render  # noqa: PLC0415  # it loads this module when it draws

        return render(self, kind)


@dataclass(frozen=True)
class Text:
    """What stands above a picture."""

    title: str | None
    note: str


class Header:
    """A title and a note below it, at the top left of a figure.

    Attributes:
        height: Room that they take, margins included.
    """

    def __init__(self, text: Text, width: float) -> None:
        room = width - 2 * common.MARGIN
        self._title = _wrapped(text.title or "", common.TITLE_SIZE, "bold", room)
        self._note = _wrapped(text.note, common.TICK_SIZE, "normal", room)
        lines = len(self._title) * common.TITLE_SIZE + len(self._note) * common.TICK_SIZE
        self.height = common.MARGIN + common.LINE * lines + 4

    def write(self, figure: Figure) -> None:
        """Write title and note; a dollar sign in them is a dollar sign, not mathematics."""
        height = figure.get_figheight() * common.INCH
        left = common.MARGIN / (figure.get_figwidth() * common.INCH)
        top = height - common.MARGIN
        title: dict[str, Any] = {"size": common.TITLE_SIZE, "weight": "bold"}
        note: dict[str, Any] = {"size": common.TICK_SIZE, "color": common.NOTE_COLOUR}
        for line, style in [*((line, title) for line in self._title), *((line, note) for line in self._note)]:
            figure.text(left, top / height, line, va="top", parse_math=False, **style)
            top -= common.LINE * style["size"]


class Canvas:
    """A figure with its header, on which things are placed in points from the lower left corner."""

    def __init__(self, text: Text, width: float, height: float) -> None:
        """Make a figure of `width`, and of `height` below its header."""
        header = Header(text, width)
        self.width, self.height = width, height + header.height
        self.figure = Picture(figsize=(self.width / common.INCH, self.height / common.INCH))
        header.write(self.figure)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Place axes."""
        box = (x / self.width, y / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(box)

    def name_below(self, name: str, x: float) -> None:
        """Name the horizontal axes at the lower edge, centred on `x`."""
        place = (x / self.width, common.MARGIN / self.height)
        self.figure.text(*place, name, size=common.LABEL_SIZE, ha="center", va="baseline")

    def name_beside(self, name: str, y: float) -> None:
        """Name vertical axes at the left edge, centred on `y`."""
        place = ((common.MARGIN + common.LABEL_SIZE / 2) / self.width, y / self.height)
        self.figure.text(*place, name, size=common.LABEL_SIZE, rotation=90, ha="center", va="center")


#: Room for the name of the axes at the lower, and at the left edge.
NAME_BELOW = common.MARGIN + common.LABEL_SIZE
NAME_BESIDE = common.MARGIN + common.LABEL_SIZE * common.LINE


@dataclass(frozen=True)
class Panels:
    """Panels of one size side by side, wrapped into rows where they are many.

    Attributes:
        count: How many.
        width: Of each.
        height: Of each.
        left: Room left of the first column.
        below: Room under each panel, for its tick labels.
        right: Room right of the last column.
        gap: Between them.
        row_gap: Between rows; None is the same.
    """

    count: int
    width: float
    height: float
    left: float
    below: float
    right: float
    gap: float = 12.0
    row_gap: float | None = None

    @property
    def columns(self) -> int:
        """How many stand side by side: rows are about equally long."""
        fitting = max(1, int((MAX_WIDTH - self.left) // (self.width + self.gap)))
        return math.ceil(self.count / math.ceil(self.count / fitting))

    @property
    def rows(self) -> int:
        """How many rows they take."""
        return math.ceil(self.count / self.columns)

    @property
    def row_pitch(self) -> float:
        """From one row to the next: panel, tick labels, title and gap."""
        return self.height + self.below + common.LABEL_SIZE * common.LINE + self._row_gap

    @property
    def _row_gap(self) -> float:
        return self.gap if self.row_gap is None else self.row_gap

    @property
    def end(self) -> float:
        """Right edge of the last column."""
        return self.left + self.columns * (self.width + self.gap) - self.gap

    @property
    def floor(self) -> float:
        """Lower edge of the lowest row."""
        return NAME_BELOW + self.below

    @property
    def top(self) -> float:
        """Upper edge of the highest row."""
        return self.floor + (self.rows - 1) * self.row_pitch + self.height

    @property
    def middle(self) -> tuple[float, float]:
        """Centre of all of them."""
        return (self.left + self.end) / 2, (self.floor + self.top) / 2

    def canvas(self, text: Text) -> Canvas:
        """Make the figure that holds them, with a header."""
        width = max(LEAST_WIDTH, self.end + self.right)
        return Canvas(text, width, NAME_BELOW + self.rows * self.row_pitch - self._row_gap)

    def corners(self) -> Iterator[tuple[float, float, bool]]:
        """Yield the lower left corner of each, and whether it is in the first column."""
        for index in range(self.count):
            row, column = divmod(index, self.columns)
            x = self.left + column * (self.width + self.gap)
            yield x, self.floor + (self.rows - 1 - row) * self.row_pitch, column == 0


class Legend:
    """A legend right of the axes, in as many columns as it takes.

    Attributes:
        width: Room that it takes, margins included.
    """

    def __init__(self, entries: Sequence[Artist], title: Sequence[str] = ()) -> None:
        self._entries, self._title = entries, title
        self._columns = max(1, math.ceil(len(entries) / LEGEND_ROWS))
        column = common.widest(str(entry.get_label()) for entry in entries) + _KEY
        self.width = max(common.widest(title), column * self._columns) + 2 * common.MARGIN

    @property
    def height(self) -> float:
        """Room that it takes downwards, at most."""
        lines = math.ceil(len(self._entries) / self._columns) + len(self._title)
        return lines * common.TICK_SIZE * 1.75 + common.MARGIN

    def draw(self, axes: Axes) -> None:
        """Draw it at the upper right of some axes."""
        axes.legend(
            handles=self._entries,
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
            bbox_transform=axes.transAxes,
            borderaxespad=0.75,
            frameon=False,
            fontsize=common.TICK_SIZE,
            title="\n".join(self._title) or None,
            title_fontsize=common.TICK_SIZE,
            alignment="left",
            ncols=self._columns,
        )


def plain(axes: Axes) -> None:
    """Make axes look as all do: small ticks, a light grid, no frame at the top and at the right."""
    axes.minorticks_off()
    axes.tick_params(length=2, pad=3, labelsize=common.TICK_SIZE)
    axes.grid(visible=True, color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def beside(axes: Axes, shift: float) -> Transform:
    """Return the transform that draws data `shift` right of where they are."""
    figure = axes.get_figure(root=True)
    assert figure is not None  # noqa: S101  # for the type checker: these axes were made on a figure
    return axes.transData + ScaledTranslation(shift / common.INCH, 0, figure.dpi_scale_trans)


def _wrapped(text: str, size: float, weight: str, room: float) -> list[str]:
    """Break a text into lines that fit into `room`."""
    fraction = common.text_width(text, size, weight) / room
    columns = len(text)
    while True:
        lines = textwrap.wrap(text, columns) if text else []
        widths = [common.text_width(line, size, weight) for line in lines]
        if fraction <= 1 or columns <= 1 or max(widths) <= room:
            return lines
        columns = columns * 9 // 10
