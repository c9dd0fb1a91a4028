from __future__ import annotations

import pytest
from matplotlib.collections import LineCollection

from tombola import plots

UNSURE = [(16, 19.0, 0.3, "width"), (112, 2.7, 0.6, "undecided")]


def points(axes):
    """Return the points by marker."""
    return {
        line.get_marker(): line.get_xydata().tolist() for line in axes.lines if len(line.get_xdata()) == 1
    }


def test_luck_draws_the_best_of_restarts_beside_one_run_of_the_wide_network(group, luck, panels):
    rivals = [(16, 19.0, 0.3, "width"), (64, 4.75, 0.6, "undecided"), (112, 2.7, 0.95, "restarts")]
    (axes,) = panels(plots.luck(luck([group(600, 2, 0.75, rivals)])))
    assert axes.get_title() == "600 samples, 2-sparse"
    assert points(axes) == {"v": [[16, 0.3]], "o": [[64, 0.6]], "^": [[112, 0.95]], "s": [[304, 0.75]]}
    (line,) = (line for line in axes.lines if len(line.get_xdata()) == 2)
    assert line.get_ydata() == [0.75, 0.75]
    (band,) = axes.patches
    assert (band.get_y(), band.get_height()) == pytest.approx((0.55, 0.4))
    ends = [
        one.get_segments()[0][:, 1].tolist() for one in axes.collections if isinstance(one, LineCollection)
    ]
    assert ends == [pytest.approx(pair) for pair in ([0.1, 0.5], [0.4, 0.8], [0.75, 1.0])]


def test_luck_says_how_many_runs_the_flops_pay_for(group, luck, panels, ticks, words):
    figure = plots.luck(luck([group(600, 2, 0.75, UNSURE)]))
    assert ticks(panels(figure)[0].xaxis) == ["16\n×19", "112\n×2.7", "304\n×1"]  # noqa: RUF001  # as drawn
    assert any("of one run of width 304 pay for" in text for text in words(figure))


def test_luck_explains_the_verdicts_that_there_are(group, luck, legend):
    figure = plots.luck(luck([group(600, 2, 0.75, UNSURE)]))
    assert legend(figure) == ["undecided", "width is better", "one run of width 304"]


def test_luck_leaves_out_where_all_is_sure_and_says_so(group, luck, panels, words):
    sure = [[(16, 19.0, 0.0), (112, 2.7, 0.0)], [(16, 19.0, 1.0), (112, 2.7, 0.999)]]
    groups = [group(300, 2, 0.0, sure[0]), group(600, None, 0.5, UNSURE), group(1000, 2, 1.0, sure[1])]
    figure = plots.luck(luck(groups))
    assert [axes.get_title() for axes in panels(figure)] == ["600 samples, dense"]
    left_out = "2 of 3 pairs of samples and sparsity left out, in which all or none succeed"
    assert left_out in " ".join(words(figure))
    only_sure = plots.luck(luck([groups[0], groups[2]]))
    assert len(panels(only_sure)) == 2


def test_luck_shows_twelve_panels_at_most_the_least_sure_in_their_order(group, luck, panels, words):
    groups = [
        group(100 * number, 2, number / 40, [(16, 19.0, number / 40)]) for number in [*range(20, 0, -1)]
    ]
    figure = plots.luck(luck(groups))
    titles = [axes.get_title() for axes in panels(figure)]
    shown = [2000 - 100 * number for number in range(12)]
    names = [f"{at // 1000}k" if at % 1000 == 0 else str(at) for at in shown]
    assert titles == [f"{name} samples, 2-sparse" for name in names]
    assert any("8 of 20 pairs of samples and sparsity" in text for text in words(figure))


def test_luck_without_a_narrower_width_or_a_run_says_so(luck_of, tables, words):
    assert any("no narrower width" in text for text in words(plots.luck(luck_of(tables["one width"]))))
    assert any("no run finished yet" in text for text in words(plots.luck(luck_of(tables["no run yet"]))))


def test_luck_without_a_group_is_refused(luck):
    with pytest.raises(ValueError, match="needs at least one cell; the luck of e has none"):
        plots.luck(luck([]))
