from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import QuadMesh

from tombola import plots
from tombola.plots._cells import MAX_SIDE, MIN_SIDE, Wish, axis
from tombola.results import SuccessTable


@pytest.fixture
def counts(words):
    """Return `counts(figure)`: successes/runs as they are written in it."""
    return lambda figure: [text for text in words(figure) if "/" in text]


def mesh_of(axes):
    (mesh,) = (one for one in axes.collections if isinstance(one, QuadMesh))
    return mesh


def test_heatmap_has_a_panel_per_sparsity_sparse_first_and_dense_last(grid, panels):
    figure = plots.heatmap(grid(sparsities=[None, 5, 2]))
    assert [axes.get_title() for axes in panels(figure)] == ["2-sparse", "5-sparse", "dense"]
    tops = {axes.get_position().y1 for axes in panels(figure)}
    lefts = [axes.get_position().x0 for axes in panels(figure)]
    assert len(tops) == 1
    assert lefts == sorted(lefts)


def test_heatmap_has_width_upwards_and_samples_rightwards_with_online_last(grid, words, panels, ticks):
    table = grid([304, 16, 112], [None, 2000, 600])
    first, second = panels(plots.heatmap(table))
    assert ticks(first.yaxis) == ["16", "112", "304"]
    assert ticks(first.xaxis) == ticks(second.xaxis) == ["600", "2k", "online"]
    assert {"width", "training samples", "success probability"} <= set(words(first.figure))


def test_heatmap_colours_each_cell_by_its_probability_on_a_scale_from_0_to_1(grid, panels):
    table = grid(sparsities=[2])
    (axes,) = panels(plots.heatmap(table))
    mesh = mesh_of(axes)
    expected = [[one.probability for one in table.cells[row : row + 3]] for row in (0, 3, 6)]
    assert mesh.get_array().tolist() == expected
    assert mesh.get_clim() == (0, 1)


def test_heatmap_shows_successes_of_runs_at_the_place_of_the_cell(grid, panels):
    table = grid(sparsities=[2])
    (axes,) = panels(plots.heatmap(table))
    corners = mesh_of(axes).get_coordinates()
    assert len(axes.texts) == 9
    for index, one in enumerate(table.cells):
        row, column = divmod(index, 3)
        (left, bottom), (right, top) = corners[row, column], corners[row + 1, column + 1]
        assert left < one.samples < right
        assert bottom < one.width < top
        (count,) = (text for text in axes.texts if text.get_text() == f"{one.successes}/24")
        assert count.get_position() == pytest.approx(((left * right) ** 0.5, (bottom * top) ** 0.5))


def test_heatmap_writes_light_on_dark_and_dark_on_light(grid, panels):
    (axes,) = panels(plots.heatmap(grid(sparsities=[2])))
    colours = {text.get_text(): text.get_color() for text in axes.texts}
    assert (colours["0/24"], colours["24/24"]) == ("white", "black")


def test_heatmap_leaves_counts_out_where_they_are_not_legible(tables, counts):
    assert len(counts(plots.heatmap(tables["12x12x2"]))) == 288
    assert counts(plots.heatmap(tables["50x50"])) == []


def test_heatmap_hatches_cells_without_a_run_and_says_so(words, panels, tables, counts):
    figure = plots.heatmap(tables["unfinished"])
    assert "70 of 432 runs finished; hatched: no run finished yet" in words(figure)
    assert len(counts(figure)) == 14
    dense = panels(figure)[1]
    assert mesh_of(dense).get_array().mask.tolist() == [[False] * 3, [False] * 3, [False, True, True]]
    assert dense.patch.get_hatch()


def test_heatmap_treats_cells_that_the_table_lacks_as_without_a_run(grid, counts):
    figure = plots.heatmap(SuccessTable(experiment="e", cells=grid(sparsities=[2]).cells[:-1]))
    assert len(counts(figure)) == 8


def test_heatmap_stands_on_logarithmic_axes_with_edges_half_way_between_values(grid, panels):
    first, second = panels(plots.heatmap(grid([10, 100, 1000], [100, 400, 1600])))
    for axes in (first, second):
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        corners = mesh_of(axes).get_coordinates()
        assert corners[0, :, 0].tolist() == pytest.approx([50, 200, 800, 3200])
        assert corners[:, 0, 1].tolist() == pytest.approx([10**0.5, 10**1.5, 10**2.5, 10**3.5])
        assert axes.get_xlim() == pytest.approx((50, 3200))
        assert axes.get_xticks().tolist() == [100, 400, 1600]


@settings(max_examples=200)
@given(
    st.lists(st.integers(1, 10**7), min_size=1, max_size=40, unique=True),
    st.booleans(),
    st.floats(10, 60),
)
def test_cells_cover_an_axis_without_gaps_each_around_its_value(numbers, online, text):
    values = sorted(numbers) + [None] * online
    found = axis(values, Wish(text, text, text / 2))
    assert found.edges == sorted(set(found.edges))
    assert len(found.edges) == len(values) + 1
    for low, high, place, centre in zip(
        found.edges[:-1], found.edges[1:], found.places, found.centres, strict=True
    ):
        assert low < place < high
        assert low < centre < high
    assert MIN_SIDE - 1e-6 <= found.side <= MAX_SIDE + 1e-6
    least = text / 2 if MAX_SIDE / len(values) >= text / 2 else min(2.5, MAX_SIDE / len(values))
    assert found.smallest >= least - 1e-6
    if not found.equal_steps:
        assert found.places[: len(numbers)] == sorted(numbers)


@pytest.mark.parametrize(
    ("widths", "samples", "note"),
    [
        ([100, 101, 102, 100_000], [600, 1000], "widths in equal steps"),
        ([100, 1000], [600, 601, 10**6], "samples in equal steps"),
        ([100, 101, 102, 100_000], [600, 601, 10**6], "axes in equal steps"),
    ],
)
def test_where_logarithmic_cells_would_be_too_small_steps_are_equal_and_the_note_says_so(
    widths, samples, note, grid, panels, words, counts
):
    figure = plots.heatmap(grid(widths, samples))
    assert note in words(figure)
    assert len(counts(figure)) == 2 * len(widths) * len(samples)
    axes = panels(figure)[0]
    assert [axes.get_yscale() == "linear", axes.get_xscale() == "linear"] == [
        widths[1] == 101,
        samples[1] == 601,
    ]


def test_heatmap_sets_online_apart_from_all_numbers(tables, panels):
    axes = panels(plots.heatmap(tables["online"]))[0]
    *numbers, edge, end = mesh_of(axes).get_coordinates()[0, :, 0]
    assert numbers[-1] < 1000 < edge < axes.get_xticks()[-1] < end
    (gap,) = (line for line in axes.lines if line.get_xdata()[0] == edge)
    assert (gap.get_color(), gap.get_linewidth() > 2) == ("white", True)
