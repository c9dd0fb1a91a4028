"""Pictures of results: heat map, frontier, steps, curves, luck, theory beside, and models compared on tables.

They need matplotlib, imported when the first picture is drawn. The figures are made without pyplot, so that
threads of a server may draw at the same time; a notebook shows the one that is the last value of a cell.
"""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from tombola.results import (
        Comparison,
        Curve,
        Frontier,
        Luck,
        Report,
        SuccessTable,
        Thresholds,
        WidthFrontier,
    )

__all__ = [
    "accuracy",
    "curves",
    "frontier",
    "gain",
    "heatmap",
    "luck",
    "ranks",
    "render",
    "resources",
    "steps",
    "theory",
    "width",
]

PNG_DPI = 150
#: More sparsities than this show nothing to anyone; a picture of them is a ValueError.
MAX_SPARSITIES = 64
_HASH_SALT = "tombola"
#: The salt of an SVG's ids is a setting of the whole process: one thread at a time changes it and back.
_salting = threading.Lock()


def heatmap(table: SuccessTable, *, title: str | None = None) -> Figure:
    """Draw the success probability over width and samples, one panel per sparsity, dense last.

    In the manner of Figure 1 of Edelman et al. 2023 (arXiv 2309.03800), on logarithmic axes; in equal steps,
    and so said, where cells would be too small for that. Cells show successes/runs where that is legible;
    cells without a finished run are hatched; online has a place of its own beyond the last number of samples.

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


def frontier(
    table: SuccessTable,
    front: Frontier,
    thresholds: Thresholds | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """Draw the Pareto frontier over all cells, width against samples on logarithmic axes.

    The filled part of a disc is the cell's success probability, its colour the sparsity. The frontier's
    points are joined as a staircase; rings mark the cells that are certainly on it, and those that may be, by
    their limits. Online cells stand in a band of their own on top.

    Args:
        table: Success table with the cells to draw.
        front: Frontier of the same experiment.
        thresholds: Thresholds of the same experiment and probability; of few sparsities, each has the band
            of its smallest number of samples for each width, open where there is no upper limit, and the fit.
        title: Line above the picture; wrapped where it is long. None leaves it out.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: The table has no cells or more sparsities than a picture holds, or the frontier or the
            thresholds are those of another experiment or probability.
    """
    _require_matplotlib()
    from tombola.plots import _frontier  # noqa: PLC0415  # matplotlib is an extra, and slow to import

    return _frontier.draw(table, front, thresholds, title)


def steps(table: SuccessTable, *, title: str | None = None) -> Figure:
    """Draw success probability, and median steps to success, against samples: a line per width.

    In the manner of Figure 2 of Edelman et al. 2023 (arXiv 2309.03800): a column per sparsity, dense last.
    Bars are confidence limits. There is no median where under half of the runs succeed.

    Args:
        table: Success table; of many widths, eight spread over the grid are drawn.
        title: Line above the panels; wrapped where it is long. None leaves it out.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: The table has no cells, or more sparsities than such a picture holds.
    """
    _require_matplotlib()
    from tombola.plots import _steps  # noqa: PLC0415  # matplotlib is an extra, and slow to import

    return _steps.draw(table, title)


def curves(
    curves: Sequence[Curve], *, title: str | None = None, success_error: float | None = None
) -> Figure:
    """Draw training and test error of runs of one cell against steps, a panel per run.

    In the manner of Figure 1 (right) of Edelman et al. 2023 (arXiv 2309.03800): a test error that falls long
    after the training error did is grokking. Steps are logarithmic where they span a large range.

    Args:
        curves: One to twelve curves of one cell.
        title: Line above the panels; wrapped where it is long. None leaves it out.
        success_error: Error at which a run succeeds, drawn as a line. None leaves it out.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: There is no curve, or there are too many, or they are of several cells.
    """
    _require_matplotlib()
    from tombola.plots import _curves  # noqa: PLC0415  # matplotlib is an extra, and slow to import

    return _curves.draw(curves, title, success_error)


def luck(luck: Luck, *, title: str | None = None) -> Figure:
    """Draw whether one wide network beats restarts of narrower ones at equal floating-point operations.

    A panel for each number of samples and sparsity: the probability that the best of the restarts that one
    run of the wide network pays for succeeds, against width, beside the wide network's own, with limits.

    Args:
        luck: What restarts cost, and its comparison at equal FLOPs. Of many panels twelve are drawn, those
            first in which probabilities are neither all 0 nor all 1.
        title: Line above the panels; wrapped where it is long. None leaves it out.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: There is nothing to compare.
    """
    _require_matplotlib()
    from tombola.plots import _luck  # noqa: PLC0415  # matplotlib is an extra, and slow to import

    return _luck.draw(luck, title)


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


def accuracy(comparison: Comparison, *, title: str | None = None) -> Figure:
    """Draw test accuracy against training rows, one panel per data set, one line per model.

    In the manner of Figure 3 of Edelman et al. 2023 (arXiv 2309.03800), but with candidates chosen on
    validation rows. Bars are limits; those much wider than the spread of all means are cut. The share of the
    largest class is drawn where it lies within a panel.

    Args:
        comparison: Of an experiment on tables.
        title: Line above the panels; wrapped where it is long. None leaves it out.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: No data set has all its runs of a size.
    """
    _require_matplotlib()
    from tombola.plots import _accuracy  # noqa: PLC0415  # matplotlib is an extra, and slow to import

    return _accuracy.draw(comparison, title)


def gain(comparison: Comparison, *, title: str | None = None) -> Figure:
    """Draw what a sparse start gains over a dense one in accuracy, against width, one panel per data set.

    Args:
        comparison: Of an experiment on tables with sparse and dense networks of the same widths; of many
            sizes eight spread over the grid are drawn.
        title: Line above the panels; wrapped where it is long. None leaves it out.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: There are no such networks, or no data set has all its runs of a size.
    """
    _require_matplotlib()
    from tombola.plots import _gain  # noqa: PLC0415  # matplotlib is an extra, and slow to import

    return _gain.draw(comparison, title)


def width(frontier: WidthFrontier, *, title: str | None = None) -> Figure:
    """Draw how often networks are as good as the baseline, against training rows.

    One panel per data set, one line per width and initialisation; what is on the frontier has a ring.

    Args:
        frontier: Of an experiment on tables; of many widths six spread over the grid are drawn.
        title: Line above the panels; wrapped where it is long. None leaves it out.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: There are no networks, or no data set has all its runs of a size.
    """
    _require_matplotlib()
    from tombola.plots import _width  # noqa: PLC0415  # matplotlib is an extra, and slow to import

    return _width.draw(frontier, title)


def ranks(comparison: Comparison, *, title: str | None = None) -> Figure:
    """Draw mean ranks over data sets, one critical-difference diagram per size (Demšar 2006, Figure 1).

    Bars join the models whose ranks are not told apart.

    Args:
        comparison: Of an experiment on tables.
        title: Line above the diagrams; wrapped where it is long. None leaves it out.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: No data set has all its runs of a size.
    """
    _require_matplotlib()
    from tombola.plots import _ranks  # noqa: PLC0415  # matplotlib is an extra, and slow to import

    return _ranks.draw(comparison, title)


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
