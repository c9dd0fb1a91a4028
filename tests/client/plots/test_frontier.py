from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.colors import to_hex

from tombola import plots
from tombola.plots._common import COLOURS
from tombola.results import Frontier, SuccessTable


def lines(figure, text):
    """Lines of the picture whose legend has this text."""
    legend = figure.axes[0].get_legend()
    return [line for line in legend.get_lines() if line.get_label() == text]


def test_frontier_joins_its_points_as_a_staircase(grid, front):
    table = grid()
    figure = plots.frontier(table, front(table, (16, 2000, 2), (112, 1000, None), (304, 600, 2)))
    (stairs,) = (line for line in figure.axes[0].lines if line.get_drawstyle() == "steps-post")
    assert stairs.get_xydata().tolist() == [[16, 2000], [112, 1000], [304, 600]]
    assert lines(figure, "frontier at \N{GREATER-THAN OR EQUAL TO} 0.9")


def test_frontier_has_logarithmic_axes_and_a_colour_per_sparsity(grid, front, ticks):
    table = grid(sparsities=[2, 5, None])
    figure = plots.frontier(table, front(table))
    axes = figure.axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert (ticks(axes.xaxis), ticks(axes.yaxis)) == (["16", "112", "304"], ["600", "1k", "2k"])
    colours = [lines(figure, label)[0].get_color() for label in ("2-sparse", "5-sparse", "dense")]
    assert len(set(colours)) == 3


def test_frontier_fills_the_share_of_a_disc_that_succeeded(cell, front):
    table = SuccessTable(experiment="e", cells=[cell(1, 1, 2, successes=6), cell(2, 1, 2, successes=24)])
    figure = plots.frontier(table, front(table))
    ring, quarter, full = sorted(
        figure.axes[0].lines, key=lambda line: (len(line.get_xdata()) < 2, *line.get_xdata())
    )
    assert list(ring.get_xdata()) == [1, 2]
    assert quarter.get_markersize() == pytest.approx(ring.get_markersize() / 2, rel=0.05)
    assert full.get_markersize() == ring.get_markersize()


def test_frontier_keeps_every_disc_between_its_axes(any_table, front):
    figure = plots.frontier(any_table, front(any_table, marks=["certain", "possible"]))
    axes = figure.axes[0]
    for line in axes.lines:
        radius = line.get_markersize() / 72 * figure.dpi / 2
        x, y = line.get_transform().transform(line.get_xydata()).T
        assert axes.bbox.x0 <= x.min() - radius
        assert x.max() + radius <= axes.bbox.x1
        assert axes.bbox.y0 <= y.min() - radius
        assert y.max() + radius <= axes.bbox.y1


def test_frontier_puts_online_into_a_band_above_all_numbers(front, ticks, tables):
    table = tables["online"]
    figure = plots.frontier(table, front(table, (16, None, 2), (112, 1000, 2)))
    axes = figure.axes[0]
    assert ticks(axes.yaxis) == ["600", "1k", "online"]
    (stairs,) = (line for line in axes.lines if line.get_drawstyle() == "steps-post")
    online = stairs.get_ydata()[0]
    (band,) = axes.patches
    bottom, top = band.get_y(), band.get_y() + band.get_height()
    assert 1000 < bottom < online < top
    assert top == axes.get_ylim()[1]


def test_empty_frontier_says_that_no_cell_reaches_the_probability(grid, front, words):
    table = grid()
    figure = plots.frontier(table, front(table, probability=0.95))
    assert "no cell reaches success probability 0.95" in words(figure)
    assert not lines(figure, "frontier at \N{GREATER-THAN OR EQUAL TO} 0.95")


def test_frontier_of_another_experiment_is_refused(grid):
    with pytest.raises(ValueError, match="the frontier is of experiment other, the table of e"):
        plots.frontier(grid(), Frontier(experiment="other", probability=0.9, points=[]))


def bands(figure):
    """Return the corners of every band by its colour."""
    found = {}
    for one in figure.axes[0].collections:
        if isinstance(one, FillBetweenPolyCollection):
            (path,) = one.get_paths()
            found.setdefault(to_hex(one.get_facecolor()[0]).upper(), []).append(
                {tuple(corner) for corner in path.vertices.tolist()}
            )
    return found


def test_frontier_shades_the_fewest_samples_between_their_limits_and_draws_the_fit(grid, front, thresholds):
    table = grid()
    enough = thresholds(
        [
            (16, 2, 1000, 2000, None),
            (112, 2, 600, 1000, 2000),
            (304, 2, 600, 600, 1000),
            (16, None, None, None, None),
            (112, None, 1000, None, None),
            (304, None, 1000, 2000, 2000),
        ]
    )
    figure = plots.frontier(table, front(table), enough)
    axes = figure.axes[0]
    top = axes.get_ylim()[1]
    assert bands(figure) == {
        COLOURS[0]: [{(16, 1000), (112, 600), (304, 600), (16, top), (112, 2000), (304, 1000)}],
        COLOURS[1]: [{(112, 1000), (304, 1000), (112, top), (304, 2000)}],
    }
    sparse, dense = (line.get_xydata() for line in axes.lines if line.is_dashed())
    assert sparse.tolist() == [[16, 2000], [112, 1000], [304, 600]]
    assert dense[~np.isnan(dense).any(axis=1)].tolist() == [[304, 2000]]


def test_a_band_without_an_upper_limit_ends_below_online(tables, front, thresholds):
    figure = plots.frontier(
        tables["online"], front(tables["online"]), thresholds([(w, 2, 600, 1000, None) for w in (16, 112)])
    )
    (online,) = figure.axes[0].patches
    ((corners,),) = bands(figure).values()
    assert max(y for _, y in corners) == online.get_y()


def test_the_band_of_one_width_can_be_seen(tables, front, thresholds):
    table = tables["one width"]
    figure = plots.frontier(table, front(table), thresholds([(112, 2, 600, 1000, 2000)]))
    ((corners,),) = bands(figure).values()
    assert min(x for x, _ in corners) < 112 < max(x for x, _ in corners)


def test_frontier_of_many_sparsities_has_no_bands_and_says_so(tables, front, thresholds_of, words):
    table = tables["5 sparsities"]
    figure = plots.frontier(table, front(table), thresholds_of(table))
    assert bands(figure) == {}
    assert any("bands are drawn of at most 4 sparsities" in text for text in words(figure))


def test_thresholds_of_something_else_are_refused(grid, front, thresholds):
    with pytest.raises(ValueError, match="the thresholds are of experiment other, the frontier of e"):
        plots.frontier(grid(), front(grid()), thresholds([], experiment="other"))
    with pytest.raises(ValueError, match=r"the thresholds are of probability 0.5, the frontier of 0.9"):
        plots.frontier(grid(), front(grid()), thresholds([], probability=0.5))


def test_frontier_rings_what_is_certain_and_what_is_possible(grid, front, legend):
    table = grid([16, 112], [600], [2])
    figure = plots.frontier(table, front(table, (112, 600, 2), marks=["possible", "certain"]))
    rings = {
        line.get_markeredgecolor(): line.get_xydata().tolist()
        for line in figure.axes[0].lines
        if line.get_markerfacecolor() == "none"
    }
    assert rings == {"0.55": [[16, 600]], "black": [[112, 600]]}
    assert {"ring: certainly on it", "thin ring: may be on it"} <= set(legend(figure))
    assert not {"ring: certainly on it"} & set(legend(plots.frontier(table, front(table))))
