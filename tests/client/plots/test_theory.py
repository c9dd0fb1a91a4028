from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from tombola import plots
from tombola.results import (
    BoundPoint,
    Limits,
    ObservedThreshold,
    ParallelSearch,
    Report,
    Resources,
    SearchPoint,
)

P = 0.004


def line(samples, sparsity, *, p=P, widths=(10, 100, 1000)):
    points = [
        SearchPoint(
            width=width,
            runs=24,
            successes=12,
            probability=0.5,
            low=0.31,
            high=0.69,
            fitted=1 - (1 - p) ** width,
            predicted=None if sparsity is None else 1 - 0.99**width,
        )
        for width in widths
    ]
    return ParallelSearch(
        samples=samples,
        sparsity=sparsity,
        predicted=None if sparsity is None else 0.01,
        fitted=Limits(value=p, low=p / 2, high=min(1, 2 * p)),
        design_effect=1.0,
        deviance=1.0,
        degrees=2,
        p_value=0.6,
        points=points,
    )


def threshold(width, fitted, low, high, sparsity=2):
    return ObservedThreshold(
        width=width, sparsity=sparsity, observed=fitted, fitted=fitted, low=low, high=high
    )


@pytest.fixture
def report(answer):
    """Return `report(lines, thresholds, bound=…)`."""

    def make(lines=(), thresholds=(), bound=1e-5, provisional=False):
        return Report.model_validate(
            {
                "experiment": answer(),
                "as_of": "2026-01-02T03:04:05Z",
                "provisional": provisional,
                "probability": 0.5,
                "alpha": 0.05,
                "level": 0.95,
                "rule": "",
                "seeds": 24,
                "cells": 1,
                "runs": 24,
                "left_out": [],
                "software": [],
                "findings": [],
                "not_tested": [],
                "parallel_search": list(lines),
                "resources": Resources(
                    probability=0.5,
                    level=0.95,
                    widths=[10, 100, 1000],
                    samples=[100, 300, 1000],
                    thresholds=list(thresholds),
                    statistical_query=[
                        BoundPoint(width=width, samples=bound / width) for width in (10, 100, 1000)
                    ],
                    elimination=51,
                    remark="",
                ),
                "methods": [],
            }
        )

    return make


def words(figure):
    FigureCanvasAgg(figure).draw()
    return [text.get_text() for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def curves(axes):
    """Return the smooth lines of a panel as (xs, ys)."""
    return [one.get_data() for one in axes.get_lines() if len(one.get_xdata()) == 200]


def test_one_panel_per_sparsity_with_lines_that_are_parallel_search(report):
    figure = plots.theory(report([line(300, 2), line(1000, 2), line(300, None, p=1.0), line(None, None)]))
    sparse, dense = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["2-sparse", "dense"]
    assert len(curves(sparse)) == 3  # two fitted, one predicted
    assert len(curves(dense)) == 2  # nothing is predicted of it
    widths, fitted = curves(sparse)[0]
    np.testing.assert_allclose(fitted, 1 - (1 - P) ** widths)
    np.testing.assert_allclose(curves(sparse)[-1][1], 1 - 0.99**widths)
    assert (curves(dense)[0][1] == 1).all()
    shown = words(figure)
    for word in ("m = 300", "m = 1k", "online", "predicted", "success probability", "width"):
        assert word in shown


def test_of_many_training_sets_some_are_shown_and_the_picture_says_so(report):
    sizes = range(100, 3100, 100)
    figure = plots.theory(report([line(size, 2) for size in sizes]))
    shown = words(figure)
    assert sum(word.startswith("m = ") for word in shown) == 10
    assert {"m = 100", "m = 3k"} <= set(shown)
    assert any("10 of 30 training-set sizes" in word for word in shown)


def test_thresholds_stand_at_their_width_and_bands_reach_their_limits(report):
    rows = [threshold(10, None, 1000, None), threshold(100, 1000, 300, 1000), threshold(1000, 300, 300, 1000)]
    figure = plots.resources(report(thresholds=rows), title="a $ in it")
    (axes,) = figure.axes
    data = [(tuple(one.get_xdata()), tuple(one.get_ydata())) for one in axes.get_lines()]
    top = axes.get_ylim()[1]
    for band in (((10, 10), (1000, top)), ((100, 100), (300, 1000)), ((1000, 1000), (300, 1000))):
        assert band in data
    assert ((100, 1000), (1000, 300)) in data  # joined where reached
    assert ((0, 1), (51, 51)) in data
    shown = words(figure)
    for word in (
        "a $ in it",
        "2-sparse, with limits",
        "not reached in the grid",
        "Gaussian elimination",
        "51",
    ):
        assert word in shown
    assert "the statistical-query bound (1e-06 samples) is outside" in shown
    assert "statistical-query bound" not in shown


def test_the_bound_is_drawn_where_it_lies_in_the_picture(report):
    rows = [threshold(10, 300, 300, 300)]
    figure = plots.resources(report(thresholds=rows, bound=4000.0, provisional=True))
    shown = words(figure)
    assert "statistical-query bound" in shown
    assert "provisional: runs are missing" in shown
    (bound,) = [one for one in figure.axes[0].get_lines() if one.get_linestyle() == ":"]
    assert list(bound.get_ydata()) == [400, 40, 4]


@pytest.mark.parametrize("draw", [plots.theory, plots.resources])
def test_nothing_complete_is_no_picture(report, draw):
    with pytest.raises(ValueError, match="at least one complete cell"):
        draw(report())


@pytest.mark.parametrize("draw", [plots.theory, plots.resources])
def test_more_sparsities_than_a_picture_holds_are_refused(report, draw):
    many = range(1, plots.MAX_SPARSITIES + 2)
    rows = [threshold(10, 300, 300, 300, sparsity) for sparsity in many]
    with pytest.raises(ValueError, match="at most 64 sparsities, the report on 01A has 65"):
        draw(report([line(300, sparsity) for sparsity in many], rows))


def test_many_panels_wrap_and_nothing_is_cut_off(report):
    lines = [line(300, sparsity) for sparsity in (1, 2, 3, 5, None)]
    figure = plots.theory(report(lines), title="long " * 60)
    assert len(figure.axes) == 5
    assert len({round(axes.get_position().y0, 6) for axes in figure.axes}) == 2
    FigureCanvasAgg(figure).draw()
    width, height = figure.canvas.get_width_height()
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert -1 <= box.x0 <= box.x1 <= math.ceil(width) + 1, text.get_text()
            assert -1 <= box.y0 <= box.y1 <= math.ceil(height) + 1, text.get_text()
