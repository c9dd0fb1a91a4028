from __future__ import annotations

import pytest

from tombola import plots


def errors(axes):
    """Return what is drawn against steps: first the training error, then the test error."""
    return [line.get_ydata().tolist() for line in axes.lines if len(line.get_xdata()) > 2]


def test_curves_have_a_panel_for_each_run_with_both_errors_on_the_same_axes(curve, panels, legend, ticks):
    figure = plots.curves([curve(seed, test=(0.5, 0.5, 0.01 * seed)) for seed in range(6)])
    found = panels(figure)
    assert [axes.get_title() for axes in found] == [f"seed {seed}" for seed in range(6)]
    assert errors(found[3]) == [[0.4, 0, 0], [0.5, 0.5, 0.03]]
    training, test = found[0].lines
    assert (training.is_dashed(), test.is_dashed()) == (True, False)
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in found}) == 1
    assert legend(figure) == ["test error", "training error"]


def test_curves_draw_the_error_at_which_a_run_succeeds(curve, panels, legend):
    figure = plots.curves([curve()], success_error=0.1)
    (axes,) = panels(figure)
    assert [0.1, 0.1] in [list(line.get_ydata()) for line in axes.lines]
    assert "success at 0.1" in legend(figure)


@pytest.mark.parametrize(
    ("steps", "scale", "shown"),
    [
        ((500, 1000, 20_000), "log", ["500", "1k", "2k", "5k", "10k", "20k"]),
        ((500, 1000, 2000), "linear", ["500", "1k", "1500", "2k"]),
    ],
)
def test_steps_are_logarithmic_where_they_span_a_large_range(curve, panels, ticks, steps, scale, shown):
    (axes,) = panels(plots.curves([curve(steps=steps)]))
    assert axes.get_xscale() == scale
    assert ticks(axes.xaxis) == shown


def test_curves_of_online_runs_have_no_training_error_and_say_so(curve, panels, words, legend):
    figure = plots.curves([curve(train=(None, None, None))])
    assert "no training error: every sample is fresh" in words(figure)
    assert legend(figure) == ["test error"]


def test_a_curve_of_one_evaluation_is_a_point(curve, panels):
    (axes,) = panels(plots.curves([curve(steps=[500], train=[0.2], test=[0.1])]))
    assert [line.get_marker() for line in axes.lines] == ["o", "o"]
    assert axes.get_xlim()[0] < 500 < axes.get_xlim()[1]


def test_what_is_not_finite_is_left_out(curve, panels):
    (axes,) = panels(plots.curves([curve(test=(0.5, None, None), train=(0.4, None, None))]))
    assert axes.lines[1].get_ydata()[0] == 0.5
    plots.render(axes.figure, "png")


def test_curves_that_make_no_picture_are_refused(curve):
    with pytest.raises(ValueError, match="needs at least one"):
        plots.curves([])
    with pytest.raises(ValueError, match="at most 12 curves, not 13"):
        plots.curves([curve(seed) for seed in range(13)])
    with pytest.raises(ValueError, match="of several cells: 0, 3; give those of one"):
        plots.curves([curve(), curve(cell=3)])
