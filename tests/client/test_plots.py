from __future__ import annotations

import itertools
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree as ET

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from matplotlib.text import Text

from tombola import plots
from tombola.results import Cell, Frontier, SuccessTable

WIDTHS, SAMPLES, SPARSITIES = [16, 112, 304], [600, 1000, 2000], [2, None]


def cell(width, samples, sparsity, *, successes=0, runs=24, total=24):  # a row
    return Cell(
        width=width,
        samples=samples,
        sparsity=sparsity,
        runs=runs,
        runs_total=total,
        successes=successes,
        censored=runs - successes,
        diverged=0,
        probability=successes / runs if runs else None,
        interval=None,
        median_steps=None,
    )


def grid(widths=WIDTHS, samples=SAMPLES, sparsities=SPARSITIES, *, runs=24, total=None):
    points = list(itertools.product(widths, samples, sparsities))
    cells = [
        cell(*point, successes=index * runs // max(1, len(points) - 1), runs=runs, total=total or runs)
        for index, point in enumerate(points)
    ]
    return SuccessTable(experiment="e", cells=cells)


def front(table, *points, probability=0.9):
    cells = {(one.width, one.samples, one.sparsity): one for one in table.cells}
    return Frontier(
        experiment=table.experiment, probability=probability, points=[cells[point] for point in points]
    )


def texts(figure):
    FigureCanvasAgg(figure).draw()
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def words(figure):
    return [text.get_text() for text in texts(figure)]


def panels(figure):
    return [axes for axes in figure.axes if axes.get_title()]


def counts(figure):
    return [text for text in words(figure) if "/" in text]


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels() if label.get_text()]


def lines(figure, text):
    """Lines of the picture whose legend has this text."""
    legend = figure.axes[0].get_legend()
    return [line for line in legend.get_lines() if line.get_label() == text]


TABLES = {
    "3x3x2": grid(),
    "5x6x2": grid([16, 112, 304, 1008, 3000], [300, 600, 1000, 1500, 2000, 10_000], runs=50),
    "12x12x2": grid([10 + 97 * i for i in range(12)], [100 * 2**i for i in range(12)], runs=50),
    "one cell": grid([112], [1000], [2]),
    "online": grid(WIDTHS, [600, 1000, None]),
    "online alone": grid(WIDTHS, [None]),
    "50x50": grid(range(1, 51), range(100, 5100, 100), [3]),
    "300x2": grid(range(1, 301), [99_999, 1_234_567], [2]),
    "9 sparsities": grid(sparsities=[*range(1, 9), None]),
    "64 sparsities": grid(sparsities=[*range(1, 64), None]),
    "many runs": grid(runs=10_000),
    "unfinished": SuccessTable(
        experiment="e", cells=[*grid(runs=5, total=24).cells[:-4], *grid(runs=0, total=24).cells[-4:]]
    ),
    "no run yet": grid(runs=0, total=24),
}
LONG_TITLE = "a name of many words, $dollars, <tags> & more: " * 4


@pytest.mark.parametrize("title", ["n50-k3", LONG_TITLE], ids=["short title", "long title"])
@pytest.mark.parametrize("name", TABLES)
def test_no_text_overlaps_another_or_leaves_the_picture(name, title):
    table = TABLES[name]
    for figure in (
        plots.heatmap(table, title=title),
        plots.frontier(table, Frontier(experiment="e", probability=0.9, points=[]), title=title),
    ):
        shown = texts(figure)
        boxes = [text.get_window_extent() for text in shown]
        for text, box in zip(shown, boxes, strict=True):
            inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
            assert inside, f"{text.get_text()} leaves the picture"
        for (one, box), (other, other_box) in itertools.combinations(zip(shown, boxes, strict=True), 2):
            apart = box.x1 <= other_box.x0 or other_box.x1 <= box.x0
            apart = apart or box.y1 <= other_box.y0 or other_box.y1 <= box.y0
            assert apart, f"{one.get_text()} overlaps {other.get_text()}"


def test_heatmap_has_a_panel_per_sparsity_sparse_first_and_dense_last():
    figure = plots.heatmap(grid(sparsities=[None, 5, 2]))
    assert [axes.get_title() for axes in panels(figure)] == ["2-sparse", "5-sparse", "dense"]
    tops = {axes.get_position().y1 for axes in panels(figure)}
    lefts = [axes.get_position().x0 for axes in panels(figure)]
    assert len(tops) == 1
    assert lefts == sorted(lefts)


def test_heatmap_has_width_upwards_and_samples_rightwards_with_online_last():
    table = grid([304, 16, 112], [None, 2000, 600])
    first, second = panels(plots.heatmap(table))
    assert ticks(first.yaxis) == ["16", "112", "304"]
    assert ticks(first.xaxis) == ticks(second.xaxis) == ["600", "2k", "online"]
    assert {"width", "training samples", "success probability"} <= set(words(first.figure))


def test_heatmap_colours_each_cell_by_its_probability_on_a_scale_from_0_to_1():
    table = grid(sparsities=[2])
    (axes,) = panels(plots.heatmap(table))
    (mesh,) = (one for one in axes.collections if isinstance(one, QuadMesh))
    expected = [[one.probability for one in table.cells[row : row + 3]] for row in (0, 3, 6)]
    assert mesh.get_array().tolist() == expected
    assert mesh.get_clim() == (0, 1)


def test_heatmap_shows_successes_of_runs_at_the_place_of_the_cell():
    table = grid(sparsities=[2])
    (axes,) = panels(plots.heatmap(table))
    (mesh,) = (one for one in axes.collections if isinstance(one, QuadMesh))
    corners = mesh.get_coordinates()
    assert len(axes.texts) == 9
    for index, one in enumerate(table.cells):
        row, column = divmod(index, 3)
        (left, bottom), (right, top) = corners[row, column], corners[row + 1, column + 1]
        assert left < one.samples < right
        assert bottom < one.width < top
        (count,) = (text for text in axes.texts if text.get_text() == f"{one.successes}/24")
        assert count.get_position() == pytest.approx(((left * right) ** 0.5, (bottom * top) ** 0.5))


def test_heatmap_writes_light_on_dark_and_dark_on_light():
    (axes,) = panels(plots.heatmap(grid(sparsities=[2])))
    colours = {text.get_text(): text.get_color() for text in axes.texts}
    assert (colours["0/24"], colours["24/24"]) == ("white", "black")


def test_heatmap_leaves_counts_out_where_they_are_not_legible():
    assert len(counts(plots.heatmap(TABLES["12x12x2"]))) == 288
    assert counts(plots.heatmap(TABLES["50x50"])) == []


def test_heatmap_hatches_cells_without_a_run_and_says_so():
    figure = plots.heatmap(TABLES["unfinished"])
    assert "70 of 432 runs finished; hatched: no run finished yet" in words(figure)
    assert len(counts(figure)) == 14
    dense = panels(figure)[1]
    (mesh,) = (one for one in dense.collections if isinstance(one, QuadMesh))
    assert mesh.get_array().mask.tolist() == [[False] * 3, [False] * 3, [False, True, True]]
    assert dense.patch.get_hatch()


def test_heatmap_treats_cells_that_the_table_lacks_as_without_a_run():
    figure = plots.heatmap(SuccessTable(experiment="e", cells=grid(sparsities=[2]).cells[:-1]))
    assert len(counts(figure)) == 8


def test_frontier_joins_its_points_as_a_staircase():
    table = grid()
    figure = plots.frontier(table, front(table, (16, 2000, 2), (112, 1000, None), (304, 600, 2)))
    (stairs,) = (line for line in figure.axes[0].lines if line.get_drawstyle() == "steps-post")
    assert stairs.get_xydata().tolist() == [[16, 2000], [112, 1000], [304, 600]]
    assert lines(figure, "frontier at \N{GREATER-THAN OR EQUAL TO} 0.9")


def test_frontier_has_logarithmic_axes_and_a_colour_per_sparsity():
    table = grid(sparsities=[2, 5, None])
    figure = plots.frontier(table, front(table))
    axes = figure.axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert (ticks(axes.xaxis), ticks(axes.yaxis)) == (["16", "112", "304"], ["600", "1k", "2k"])
    colours = [lines(figure, label)[0].get_color() for label in ("2-sparse", "5-sparse", "dense")]
    assert len(set(colours)) == 3


def test_frontier_fills_the_share_of_a_disc_that_succeeded():
    table = SuccessTable(experiment="e", cells=[cell(1, 1, 2, successes=6), cell(2, 1, 2, successes=24)])
    figure = plots.frontier(table, front(table))
    ring, quarter, full = sorted(
        figure.axes[0].lines, key=lambda line: (len(line.get_xdata()) < 2, *line.get_xdata())
    )
    assert list(ring.get_xdata()) == [1, 2]
    assert quarter.get_markersize() == pytest.approx(ring.get_markersize() / 2, rel=0.05)
    assert full.get_markersize() == ring.get_markersize()


@pytest.mark.parametrize("name", TABLES)
def test_frontier_keeps_every_disc_between_its_axes(name):
    figure = plots.frontier(TABLES[name], front(TABLES[name]))
    axes = figure.axes[0]
    for line in axes.lines:
        radius = line.get_markersize() / 72 * figure.dpi / 2
        x, y = line.get_transform().transform(line.get_xydata()).T
        assert axes.bbox.x0 <= x.min() - radius
        assert x.max() + radius <= axes.bbox.x1
        assert axes.bbox.y0 <= y.min() - radius
        assert y.max() + radius <= axes.bbox.y1


def test_frontier_puts_online_into_a_band_above_all_numbers():
    table = TABLES["online"]
    figure = plots.frontier(table, front(table, (16, None, 2), (112, 1000, 2)))
    axes = figure.axes[0]
    assert ticks(axes.yaxis) == ["600", "1k", "online"]
    (stairs,) = (line for line in axes.lines if line.get_drawstyle() == "steps-post")
    online = stairs.get_ydata()[0]
    (band,) = axes.patches
    bottom, top = band.get_y(), band.get_y() + band.get_height()
    assert 1000 < bottom < online < top
    assert top == axes.get_ylim()[1]


def test_empty_frontier_says_that_no_cell_reaches_the_probability():
    table = grid()
    figure = plots.frontier(table, front(table, probability=0.95))
    assert "no cell reaches success probability 0.95" in words(figure)
    assert not lines(figure, "frontier at \N{GREATER-THAN OR EQUAL TO} 0.95")


def test_frontier_of_another_experiment_is_refused():
    with pytest.raises(ValueError, match="the frontier is of experiment other, the table of e"):
        plots.frontier(grid(), Frontier(experiment="other", probability=0.9, points=[]))


@pytest.mark.parametrize("draw", [plots.heatmap, lambda table: plots.frontier(table, front(table))])
def test_pictures_refuse_what_they_cannot_show(draw):
    with pytest.raises(ValueError, match="needs at least one cell; the table of e has none"):
        draw(SuccessTable(experiment="e", cells=[]))
    with pytest.raises(ValueError, match="at most 64 sparsities, the table of e has 65"):
        draw(grid([16], [600], range(1, 66)))


def draw_all(title="n50-k3"):
    table = TABLES["unfinished"]
    figures = (
        plots.heatmap(table, title=title),
        plots.frontier(table, front(table, (112, 600, 2)), title=title),
    )
    return [plots.render(figure, kind) for figure in figures for kind in ("svg", "png")]


def test_render_gives_well_formed_svg_and_png():
    heatmap_svg, heatmap_png, frontier_svg, frontier_png = draw_all(title=LONG_TITLE)
    for svg in (heatmap_svg, frontier_svg):
        assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314  # our own file
    for png in (heatmap_png, frontier_png):
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        assert png.endswith(b"IEND\xaeB`\x82")


def test_render_gives_the_same_bytes_each_time_and_in_every_thread():
    expected = draw_all()
    with ThreadPoolExecutor(4) as threads:
        for drawn in threads.map(lambda _: draw_all(), range(8)):
            assert drawn == expected


def test_render_gives_the_same_bytes_for_the_same_figure():
    figure = plots.heatmap(grid())
    first = plots.render(figure, "svg")
    plots.render(figure, "png")
    assert plots.render(figure, "svg") == first


def test_render_writes_no_date():
    assert b"<dc:date>" not in draw_all()[0]


def test_render_leaves_the_process_settings_of_matplotlib_alone():
    from matplotlib import rcParams  # noqa: PLC0415  # beside its only use

    before = dict(rcParams)
    draw_all()
    assert dict(rcParams) == before


def test_render_rejects_another_format():
    with pytest.raises(ValueError, match='format must be "svg" or "png", got \'pdf\''):
        plots.render(plots.heatmap(grid()), "pdf")


def python(program):
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_importing_plots_loads_no_matplotlib_and_drawing_loads_no_pyplot():
    program = """
import sys
from tombola import plots, results
print("matplotlib" in sys.modules)
cell = results.Cell(width=1, samples=1, sparsity=1, runs=1, runs_total=1, successes=1, censored=0, diverged=0,
                    probability=1, interval=None, median_steps=1)
plots.render(plots.heatmap(results.SuccessTable(experiment="e", cells=[cell])), "svg")
print("matplotlib.pyplot" in sys.modules)
"""
    assert python(program).split() == ["False", "False"]


def test_missing_matplotlib_names_the_extra():
    program = """
import sys
sys.modules["matplotlib"] = None  # import raises ImportError, as where it is not installed
from tombola import plots, results
try:
    plots.heatmap(results.SuccessTable(experiment="e", cells=[]))
except ImportError as error:
    print(error)
"""
    assert python(program).strip() == "pictures need matplotlib: pip install matplotlib"
