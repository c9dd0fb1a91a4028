"""Results to draw, and what a picture shows."""

from __future__ import annotations

import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from tombola.results import (
    Cell,
    Curve,
    EqualFlops,
    Frontier,
    FrontierCell,
    Interval,
    Limits,
    Luck,
    Rival,
    SmallestSamples,
    SuccessTable,
    Thresholds,
)

WIDTHS, SAMPLES, SPARSITIES = [16, 112, 304], [600, 1000, 2000], [2, None]


def _cell(width, samples, sparsity, *, successes=0, runs=24, total=24, median=None):
    share = successes / runs if runs else None
    return Cell(
        width=width,
        samples=samples,
        sparsity=sparsity,
        runs=runs,
        runs_total=total,
        successes=successes,
        censored=runs - successes,
        diverged=0,
        probability=share,
        interval=_interval(share),
        median_steps=median,
        median_steps_low=median and median / 2,
        median_steps_high=median and (None if share < 0.8 else median * 2),
    )


def _interval(share):
    if share is None:
        return None
    return Interval(low=max(0, share - 0.2), high=min(1, share + 0.2), level=0.95, method="wilson")


def _grid(widths=WIDTHS, samples=SAMPLES, sparsities=SPARSITIES, *, runs=24, total=None):
    points = list(itertools.product(widths, samples, sparsities))
    cells = []
    for index, point in enumerate(points):
        successes = index * runs // max(1, len(points) - 1)
        median = 1000.0 + 7 * point[0] if 2 * successes >= max(runs, 1) else None
        cells.append(_cell(*point, successes=successes, runs=runs, total=total or runs, median=median))
    return SuccessTable(experiment="e", cells=cells)


def _front(table, *points, probability=0.9, marks=()):
    cells = {(one.width, one.samples, one.sparsity): one for one in table.cells}
    told = [
        FrontierCell(
            width=one.width,
            samples=one.samples,
            sparsity=one.sparsity,
            mark=mark,
            frontier_probability=None,
            objectives={},
        )
        for one, mark in zip(table.cells, marks, strict=False)
    ]
    points = [cells[point] for point in points]
    return Frontier(experiment=table.experiment, probability=probability, points=points, cells=told)


def _smallest(width, sparsity, low, fitted, high):
    return SmallestSamples(
        width=width, sparsity=sparsity, observed=fitted, fitted=fitted, low=low, high=high, curve=[]
    )


def _thresholds(rows, *, probability=0.9, experiment="e"):
    return Thresholds(
        experiment=experiment,
        probability=probability,
        level=0.95,
        method="wilson",
        samples=[_smallest(*row) for row in rows],
        widths=[],
    )


def _thresholds_of(table):
    """Return bands from the first to the last number of samples, open above for the narrowest width."""
    numbers = sorted({cell.samples for cell in table.cells if cell.samples is not None})
    places = sorted({(cell.width, cell.sparsity or 0) for cell in table.cells})
    rows = [
        (width, sparsity or None, numbers[0], numbers[-1], None if width == places[0][0] else numbers[-1])
        for width, sparsity in places
        if numbers
    ]
    return _thresholds(rows)


def _rival(width, restarts, value, better="undecided"):
    low, high = (None, None) if value is None else (max(0, value - 0.2), min(1, value + 0.2))
    limits = Limits(value=value, low=low, high=high)
    return Rival(
        width=width, runs=24, restarts=restarts, probability=limits, difference=limits, better=better
    )


def _group(samples, sparsity, value, rivals, width=304):
    limits = _rival(width, 1, value).probability
    return EqualFlops(
        samples=samples,
        sparsity=sparsity,
        width=width,
        runs=24,
        flops=1e9,
        probability=limits,
        rivals=[_rival(*rival) for rival in rivals],
    )


def _luck(groups):
    return Luck(
        experiment="e", level=0.95, method="wilson", probability=0.9, cells=[], equal_flops=list(groups)
    )


def _luck_of(table):
    found = {}
    for cell in table.cells:
        found.setdefault((cell.samples, cell.sparsity), []).append(cell)
    groups = []
    for (samples, sparsity), cells in found.items():
        *narrower, wide = sorted(cells, key=lambda cell: cell.width)
        rivals = [(cell.width, wide.width / cell.width, cell.probability) for cell in narrower]
        groups.append(_group(samples, sparsity, wide.probability, rivals, width=wide.width))
    return _luck(groups)


def _curve(seed=0, steps=(500, 1000, 20_000), train=(0.4, 0.0, 0.0), test=(0.5, 0.5, 0.05), cell=0):
    return Curve(cell=cell, seed=seed, steps=list(steps), train_error=list(train), test_error=list(test))


TABLES = {
    "3x3x2": _grid(),
    "5x6x2": _grid([16, 112, 304, 1008, 3000], [300, 600, 1000, 1500, 2000, 10_000], runs=50),
    "12x12x2": _grid([10 + 97 * i for i in range(12)], [100 * 2**i for i in range(12)], runs=50),
    "far apart": _grid([100, 101, 102, 100_000], [600, 601, 10**6]),
    "one cell": _grid([112], [1000], [2]),
    "one width": _grid([112]),
    "online": _grid(WIDTHS, [600, 1000, None]),
    "online alone": _grid(WIDTHS, [None]),
    "50x50": _grid(range(1, 51), range(100, 5100, 100), [3]),
    "300x2": _grid(range(1, 301), [99_999, 1_234_567], [2]),
    "5 sparsities": _grid(sparsities=[1, 2, 3, 5, None]),
    "9 sparsities": _grid(sparsities=[*range(1, 9), None]),
    "64 sparsities": _grid(sparsities=[*range(1, 64), None]),
    "many runs": _grid(runs=10_000),
    "all 0": SuccessTable(experiment="e", cells=[_cell(*p) for p in itertools.product(WIDTHS, SAMPLES, [2])]),
    "all 1": SuccessTable(
        experiment="e",
        cells=[_cell(*p, successes=24, median=500.0) for p in itertools.product(WIDTHS, SAMPLES, SPARSITIES)],
    ),
    "unfinished": SuccessTable(
        experiment="e", cells=[*_grid(runs=5, total=24).cells[:-4], *_grid(runs=0, total=24).cells[-4:]]
    ),
    "no run yet": _grid(runs=0, total=24),
}


def _texts(figure):
    FigureCanvasAgg(figure).draw()
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def _look(figure):
    """See whether texts stand apart, inside of the picture."""
    shown = [(text.get_text(), text.get_window_extent()) for text in _texts(figure)]
    for text, box in shown:
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
        assert inside, f"{text} leaves the picture"
    for (one, box), (other, other_box) in itertools.combinations(shown, 2):
        apart = box.x1 <= other_box.x0 or other_box.x1 <= box.x0
        apart = apart or box.y1 <= other_box.y0 or other_box.y1 <= box.y0
        assert apart, f"{one} overlaps {other}"


@pytest.fixture(params=TABLES)
def any_table(request):
    """Every table, one after the other."""
    return TABLES[request.param]


@pytest.fixture(scope="session")
def tables():
    """Return tables by name."""
    return TABLES


@pytest.fixture(scope="session")
def cell():
    return _cell


@pytest.fixture(scope="session")
def grid():
    return _grid


@pytest.fixture(scope="session")
def front():
    """Return `front(table, *points, marks=…)`: a frontier through points, with marks of the table's cells."""
    return _front


@pytest.fixture(scope="session")
def thresholds():
    """Return `thresholds([(width, sparsity, low, fitted, high), …])`."""
    return _thresholds


@pytest.fixture(scope="session")
def thresholds_of():
    return _thresholds_of


@pytest.fixture(scope="session")
def group():
    """Return `group(samples, sparsity, value, [(width, restarts, value, better), …])`."""
    return _group


@pytest.fixture(scope="session")
def luck():
    """Return `luck(groups)`."""
    return _luck


@pytest.fixture(scope="session")
def luck_of():
    return _luck_of


@pytest.fixture(scope="session")
def curve():
    return _curve


@pytest.fixture(scope="session")
def texts():
    """Return `texts(figure)`: everything written in it that can be seen."""
    return _texts


@pytest.fixture(scope="session")
def legible():
    """Return `legible(figure)`: asserts that texts stand apart, inside of the picture."""
    return _look


@pytest.fixture(scope="session")
def words():
    """Return `words(figure)`: what is written in it."""
    return lambda figure: [text.get_text() for text in _texts(figure)]


@pytest.fixture(scope="session")
def panels():
    """Return `panels(figure)`: axes that have a title."""
    return lambda figure: [axes for axes in figure.axes if axes.get_title()]


@pytest.fixture(scope="session")
def ticks():
    """Return `ticks(axis)`: its labels."""
    return lambda axis: [label.get_text() for label in axis.get_ticklabels() if label.get_text()]


@pytest.fixture(scope="session")
def legend():
    """Return `legend(figure)`: texts of its legend."""
    return lambda figure: [
        text.get_text()
        for axes in figure.axes
        if axes.get_legend() is not None
        for text in axes.get_legend().get_texts()
    ]
