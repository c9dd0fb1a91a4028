"""Pictures of results: success probabilities, the Pareto frontier, and theory beside them.

They need matplotlib, imported when the first picture is drawn. The figures
are made without pyplot, so that threads of a server may draw at the same time.
"""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tombola.results import Frontier, Report, SuccessTable

__all__ = ["frontier", "heatmap", "render", "resources", "theory"]

PNG_DPI = 150
#: More sparsities than this show nothing to anyone; a picture of them is a ValueError.
MAX_SPARSITIES = 64
_HASH_SALT = "tombola"
#: The salt of an SVG's ids is a setting of the whole process: one thread at a time changes it and back.
_salting = threading.Lock()


def heatmap(table: SuccessTable, *, title: str | None = None) -> Figure:
    """Draw the success probability over width and samples, one panel per sparsity, dense last.

    In the manner of Figure 1 of Edelman et al. 2023 (arXiv 2309.03800). Cells show successes/runs where that
    is legible; cells without a finished run are hatched.

    Args:
        table: Success table; cells that it lacks are shown as without a run.
        title: Line above the panels; wrapped where it is long. None leaves it out.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: The table has no cells, or more sparsities than a picture holds.
    """
    _require_matplotlib()
    from tombola.plots import _heatmap  # noqa: PLC0415  # matplotlib is an extra, and slow to import

    return _heatmap.draw(table, title)


def frontier(table: SuccessTable, front: Frontier, *, title: str | None = None) -> Figure:
    """Draw the Pareto frontier over all cells, width against samples on logarithmic axes.

    The filled part of a disc is the cell's success probability, its colour the sparsity. The frontier's
    points are joined as a staircase. Online cells stand in a band of their own on top.

    Args:
        table: Success table with the cells to draw.
        front: Frontier of the same experiment.
        title: Line above the picture; wrapped where it is long. None leaves it out.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: The table has no cells or more sparsities than a picture holds, or the frontier is that
            of another experiment.
    """
    _require_matplotlib()
    from tombola.plots import _frontier  # noqa: PLC0415  # matplotlib is an extra, and slow to import

    return _frontier.draw(table, front, title)


def theory(report: Report, *, title: str | None = None) -> Figure:
    """Draw success against width with the lines of parallel search, one panel per sparsity, dense last.

    Dots are observed probabilities with their intervals, one colour per training-set size; solid lines are
    1 - (1 - p)^width with the p that fits best, the dashed one has the predicted p. Of many training-set
    sizes some are shown.

    Args:
        report: Report with the lines to draw.
        title: Line above the panels; wrapped where it is long. None leaves it out.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: The report has no complete cell, or more sparsities than a picture holds.
    """
    _require_matplotlib()
    from tombola.plots import _theory  # noqa: PLC0415  # matplotlib is an extra, and slow to import

    return _theory.draw(report, title)


def resources(report: Report, *, title: str | None = None) -> Figure:
    """Draw width against samples: the fewest that suffice with their limits, and what theory asks for.

    Besides the observed thresholds stand the samples that Gaussian elimination over GF(2) takes, and the
    statistical-query bound where it lies in the picture.

    Args:
        report: Report with the thresholds to draw.
        title: Line above the picture; wrapped where it is long. None leaves it out.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: The report has no complete cell with a training set.
    """
    _require_matplotlib()
    from tombola.plots import _resources  # noqa: PLC0415  # matplotlib is an extra, and slow to import

    return _resources.draw(report, title)


def render(figure: Figure, format: Literal["svg", "png"]) -> bytes:  # noqa: A002  # as matplotlib's savefig
    """Return the picture as a file; the same figure gives the same bytes under one version of matplotlib.

    Raises:
        ValueError: `format` is neither svg nor png.
    """
    if format not in ("svg", "png"):
        raise ValueError(f'format must be "svg" or "png", got {format!r}')
    from matplotlib import rcParams  # noqa: PLC0415  # matplotlib is an extra, and slow to import

    file = io.BytesIO()
    if format == "png":
        figure.savefig(file, format="png", dpi=PNG_DPI, bbox_inches=None, metadata={"Software": "Tombola"})
        return file.getvalue()
    with _salting:
        previous = rcParams["svg.hashsalt"]
        rcParams["svg.hashsalt"] = _HASH_SALT
        try:
            metadata = {"Date": None, "Creator": "Tombola"}
            figure.savefig(file, format="svg", bbox_inches=None, metadata=metadata)
        finally:
            rcParams["svg.hashsalt"] = previous
    return file.getvalue()


def _require_matplotlib() -> None:
    try:
        import matplotlib as mpl  # noqa: F401, PLC0415  # an extra: only pictures need it
    except ImportError as error:
        raise ImportError("pictures need matplotlib: pip install matplotlib") from error
