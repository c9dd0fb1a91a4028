from __future__ import annotations

import math

import pytest
from matplotlib.collections import FillBetweenPolyCollection, LineCollection

from tombola import plots
from tombola.results import SuccessTable


def curves(axes):
    """Return the points of each width by its name, those of numbers of samples joined."""
    found = {}
    for line in axes.lines:
        found.setdefault(line.get_label(), []).extend(line.get_xydata().tolist())
    return found


def bars(axes):
    return [
        tuple(segment[:, 1])
        for one in axes.collections
        if isinstance(one, LineCollection)
        for segment in one.get_segments()
    ]


def below(figure, axes):
    """Return the axes of steps under those of probabilities."""
    left, bottom = axes.get_position().x0, axes.get_position().y0
    under = [one for one in figure.axes if one.get_position().x0 == left and one.get_position().y0 < bottom]
    return max(under, key=lambda one: one.get_position().y0)


def test_steps_have_a_column_for_each_sparsity_dense_last(grid, panels, words):
    figure = plots.steps(grid(sparsities=[None, 5, 2]))
    above = panels(figure)
    assert [axes.get_title() for axes in above] == ["2-sparse", "5-sparse", "dense"]
    assert [axes.get_xscale() for axes in above] == ["log"] * 3
    assert [below(figure, axes).get_yscale() for axes in above] == ["log"] * 3
    assert {"success probability", "median steps to success", "training samples"} <= set(words(figure))


def test_steps_draw_what_the_table_says_with_limits_and_gaps_where_no_median_is_reached(cell, panels):
    cells = [
        cell(112, 600, 2, successes=6),
        cell(112, 1000, 2, successes=12, median=9000.0),
        cell(112, 2000, 2, successes=24, median=3000.0),
    ]
    figure = plots.steps(SuccessTable(experiment="e", cells=cells))
    (above,) = panels(figure)
    assert curves(above) == {"112": [[600, 0.25], [1000, 0.5], [2000, 1.0]]}
    assert bars(above) == [pytest.approx((0.05, 0.45)), pytest.approx((0.3, 0.7)), pytest.approx((0.8, 1.0))]
    under = below(figure, above)
    (first, *reached) = curves(under)["112"]
    assert (first[0], math.isnan(first[1]), reached) == (600, True, [[1000, 9000], [2000, 3000]])
    open_above = under.get_ylim()[1]
    assert bars(under) == [(4500, open_above), (1500, 6000)]


def test_steps_of_online_stand_alone_in_a_band_beyond_all_numbers(tables, panels):
    (axes, *_) = panels(plots.steps(tables["online"]))
    (band,) = axes.patches
    last = band.get_x()
    for line in axes.lines:
        places = line.get_xdata().tolist()
        assert all(place < last for place in places) or (len(places) == 1 and places[0] > last)


def test_steps_tell_widths_apart_by_colour_and_marker_wide_on_top(grid, legend, panels):
    figure = plots.steps(grid([10, 100, 1000]))
    assert legend(figure) == ["1k", "100", "10"]
    looks = {(line.get_color(), line.get_marker()) for line in panels(figure)[0].lines}
    assert len({colour for colour, _ in looks}) == len({marker for _, marker in looks}) == 3


def test_steps_of_many_widths_show_some_spread_over_the_grid(grid, legend, words):
    figure = plots.steps(grid(range(10, 310, 10)))
    assert [int(text) for text in legend(figure)] == [300, 260, 220, 180, 130, 90, 50, 10]
    assert "with 95% limits (wilson); 8 of 30 widths" in words(figure)


def test_where_bars_would_hide_each_other_limits_are_shaded(grid, panels):
    (axes,) = panels(plots.steps(grid(range(10, 90, 10), [100 + 100 * i for i in range(30)], [2])))
    assert bars(axes) == []
    assert len([one for one in axes.collections if isinstance(one, FillBetweenPolyCollection)]) == 8


def test_steps_say_where_no_cell_succeeds_in_half_of_its_runs(tables, words):
    assert "no cell succeeds in half of its runs" in words(plots.steps(tables["all 0"]))


def test_steps_of_too_many_sparsities_are_refused(grid):
    with pytest.raises(ValueError, match="at most 12 sparsities, the table of e has 13"):
        plots.steps(grid([16], [600], range(1, 14)))
