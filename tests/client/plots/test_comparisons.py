"""Pictures of models compared on tables."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from matplotlib.collections import LineCollection

from tests.compared import COMPARISONS, MODELS, comparison
from tombola import plots
from tombola.results import WidthFrontier, WidthPoint

DRAWN = {"accuracy": plots.accuracy, "gain": plots.gain, "ranks": plots.ranks}
LONG_TITLE = "a name of many words, $dollars, <tags> & more: " * 4


def drawn(found, title="made up"):
    for name, draw in DRAWN.items():
        if name != "gain" or found.gains:
            yield draw(found, title=title)


def bars(axes):
    return [
        segment[:, 1].tolist()
        for one in axes.collections
        if isinstance(one, LineCollection)
        for segment in one.get_segments()
    ]


#: Those whose pictures are laid out differently; each takes a while to look at.
LAID_OUT = ["1 data set", "16 data sets", "long names", "one size", "one width", "every model", "two models"]


@pytest.mark.parametrize("name", LAID_OUT)
def test_no_text_overlaps_another_or_leaves_the_picture(name, legible):
    for figure in drawn(COMPARISONS[name], LONG_TITLE):
        legible(figure)


def test_accuracy_has_a_panel_for_each_data_set_with_what_the_comparison_says(panels):
    found = comparison(2)
    axes, _ = panels(plots.accuracy(found))
    assert axes.get_title() == "table-0"
    assert axes.get_xscale() == "log"
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    rows = [row for row in found.datasets if row.dataset == "table-0"]
    expected = [
        [row.samples, next(model.accuracy.value for model in row.models if model.model == "forest")]
        for row in rows
    ]
    assert lines["forest"] == expected
    limits = [model.accuracy for row in rows for model in row.models if model.model == "forest"]
    assert [[one.low, one.high] for one in limits] == [bar for bar in bars(axes) if bar in _ends(limits)]


def _ends(limits):
    return [[one.low, one.high] for one in limits]


def test_networks_are_shown_by_their_start_where_both_are_there_else_together(legend):
    starts = legend(plots.accuracy(comparison(1)))
    assert starts == ["mlp, sparse", "mlp, dense", "forest", "boosting", "logistic", "largest class"]
    assert legend(plots.accuracy(COMPARISONS["two models"]))[:2] == ["mlp", "forest"]


def test_a_model_looks_the_same_whatever_others_there_are_and_apart_from_them_without_colour(panels):
    def looks(found):
        (axes, *_) = panels(plots.accuracy(found))
        return {line.get_label(): (line.get_color(), line.get_marker()) for line in axes.lines}

    few, every = looks(comparison(1, models=("forest", "logistic"))), looks(COMPARISONS["every model"])
    assert few["forest"] == every["forest"]
    assert few["logistic"] == every["logistic"]
    drawn = [look for label, look in every.items() if not label.startswith("_")]
    assert len({marker for _, marker in drawn}) == len({colour for colour, _ in drawn}) == len(drawn) == 9


def test_a_model_that_is_missing_at_a_size_has_no_point_there(panels):
    (axes, *_) = panels(plots.accuracy(COMPARISONS["models missing"]))
    counts = {line.get_label(): len(line.get_xdata()) for line in axes.lines}
    assert (counts["mlp, sparse"], counts["boosting"], counts["forest"]) == (2, 3, 4)


def test_with_one_split_there_are_no_limits_and_it_says_so(panels, words):
    for draw in (plots.accuracy, plots.gain):
        figure = draw(COMPARISONS["one split"])
        assert "means over 1 split; no limits from a single split" in words(figure)
        assert all(bars(axes) == [] for axes in panels(figure))


def test_limits_far_beyond_the_values_are_cut_and_it_says_so(panels, words):
    figure = plots.accuracy(COMPARISONS["two splits"])
    assert any("wide limits are cut" in text for text in words(figure))
    (axes, *_) = panels(figure)
    low, high = axes.get_ylim()
    values = [
        model.accuracy.value
        for row in COMPARISONS["two splits"].datasets
        if row.dataset == "table-0"
        for model in row.models
        if model.model != "mlp"
    ]
    assert low < min(values) < max(values) < high < min(values) + 0.45


def test_gains_stand_against_width_on_one_axis_with_a_zero_line(panels, legend):
    found = comparison(2)
    figure = plots.gain(found)
    assert legend(figure) == ["3%", "10%", "30%", "100%"]
    one, other = panels(figure)
    assert one.get_ylim() == other.get_ylim()
    assert one.get_ylim()[0] < 0 < one.get_ylim()[1]
    lines = {line.get_label(): line.get_xydata().tolist() for line in one.lines}
    own = [gain for gain in found.gains if (gain.dataset, gain.fraction) == ("table-0", 0.1)]
    assert lines["10%"] == [[gain.width, gain.gain.value] for gain in own]


def test_gains_of_many_sizes_are_of_some_spread_over_the_grid(legend, words):
    figure = plots.gain(COMPARISONS["many sizes"])
    assert legend(figure) == ["5%", "20%", "30%", "45%", "60%", "75%", "85%", "100%"]
    assert any("8 of 20 sizes" in text for text in words(figure))


def test_ranks_are_a_diagram_for_each_size_with_names_cliques_and_the_critical_difference(panels, words):
    figure = plots.ranks(comparison(3, fractions=(0.1, 1.0)))
    assert [axes.get_title() for axes in panels(figure)] == [
        "10% of the training rows, 3 data sets",
        "100% of the training rows, 3 data sets",
    ]
    shown = words(figure)
    assert shown.count("critical difference 1.20") == 2
    assert [text for text in shown if text.startswith("mlp  ")] == ["mlp  1.23"] * 2
    (axes, _) = panels(figure)
    joined = [line.get_xdata().tolist() for line in axes.lines if line.get_linewidth() == 3]
    assert len(joined) == 2, "the clique of one model has no bar"
    assert joined[0][1] < joined[1][1]


def test_ranks_of_one_data_set_have_no_critical_difference(words):
    assert "with one data set there is no critical difference" in words(plots.ranks(comparison(1)))


@pytest.fixture
def frontier():
    """Return `frontier(tables, widths, starts)`: success rises with rows and width, sparse before dense."""

    def make(tables=1, widths=(30, 300, 3000), starts=(2, None), probability=0.5):
        points = [
            WidthPoint(
                dataset=f"table-{table}",
                dataset_id=f"{table}",
                fraction=None,
                samples=samples,
                width=width,
                sparsity=sparsity,
                runs=4,
                successes=successes,
                probability=successes / 4,
                low=max(0.0, successes / 4 - 0.2),
                high=min(1.0, successes / 4 + 0.2),
                accuracy=0.8,
                on_frontier=successes == 2 and sparsity == 2,
            )
            for table in range(tables)
            for place, samples in enumerate((100, 1000, 10_000))
            for number, width in enumerate(widths)
            for sparsity in starts
            for successes in [min(4, place + (number + (sparsity is not None)) // 2)]
        ]
        return WidthFrontier(
            experiment="e",
            probability=probability,
            baseline="forest",
            against="same",
            level=0.95,
            method="wilson",
            points=points,
        )

    return make


def test_width_has_a_line_for_each_width_and_start_and_rings_on_the_frontier(frontier, panels, legend, words):
    found = frontier(2)
    figure = plots.width(found)
    assert legend(figure) == [
        *(f"{width}, {start}" for width in ("30", "300", "3k") for start in ("2-sparse", "dense")),
        "on the frontier",
    ]
    one, _ = panels(figure)
    lines = {line.get_label(): line.get_xydata().tolist() for line in one.lines}
    own = [point for point in found.points if (point.dataset, point.width) == ("table-0", 300)]
    expected = [[point.samples, point.probability] for point in own if point.sparsity is None]
    assert lines["300, dense"] == expected
    rings = [
        place
        for line in one.lines
        if line.get_markerfacecolor() == "none"
        for place in line.get_xydata().tolist()
    ]
    marked = [[p.samples, p.probability] for p in found.points if p.dataset == "table-0" and p.on_frontier]
    assert sorted(rings) == sorted(marked)
    assert rings
    assert any("against the forest of the same size" in text for text in words(figure))


def test_width_of_many_widths_and_data_sets_is_legible(frontier, legible, words):
    for found in (frontier(), frontier(9), frontier(1, widths=(7,), starts=(None,))):
        legible(plots.width(found, title=LONG_TITLE))
    figure = plots.width(frontier(1, widths=[10 * number for number in range(1, 20)]))
    legible(figure)
    assert any("6 of 19 widths" in text for text in words(figure))


def test_width_of_no_networks_is_refused(frontier):
    with pytest.raises(ValueError, match="needs networks and a data set"):
        plots.width(frontier(0))


def test_what_is_provisional_says_so(words):
    for figure in drawn(COMPARISONS["provisional"]):
        assert any("provisional: 2 sizes of data sets lack runs" in text for text in words(figure))


def test_pictures_refuse_what_they_cannot_show():
    nothing = comparison(1).model_copy(update={"datasets": [], "ranks": [], "gains": []})
    for draw in DRAWN.values():
        with pytest.raises(ValueError, match="all runs of a size; experiment e has none"):
            draw(nothing)
    with pytest.raises(ValueError, match="sparse and dense networks of one width"):
        plots.gain(comparison(1, models=MODELS[3:]))


def test_pictures_are_files_that_are_the_same_each_time():
    for one, other in zip(drawn(comparison(2)), drawn(comparison(2)), strict=True):
        svg = plots.render(one, "svg")
        assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314  # our own file
        assert svg == plots.render(other, "svg")
        assert plots.render(one, "png").startswith(b"\x89PNG")
