"""What all pictures have in common."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree as ET

import pytest

from tombola import plots
from tombola.results import SuccessTable

LONG_TITLE = "a name of many words, $dollars, <tags> & more: " * 4
MOST_OF_STEPS = 12  # sparsities


@pytest.fixture
def draw(front, thresholds_of, luck_of):
    """Return `draw(table, title)`: every picture of a table."""

    def pictures(table, title="n50-k3"):
        yield plots.heatmap(table, title=title)
        front_of_table = front(table, marks=["certain", "possible"])
        yield plots.frontier(table, front_of_table, thresholds_of(table), title=title)
        if len({cell.sparsity for cell in table}) <= MOST_OF_STEPS:
            yield plots.steps(table, title=title)
        yield plots.luck(luck_of(table), title=title)

    return pictures


def test_no_text_overlaps_another_or_leaves_the_picture(any_table, draw, legible):
    for figure in draw(any_table):
        legible(figure)


@pytest.mark.parametrize("name", ["3x3x2", "one cell", "unfinished"])
def test_a_long_title_is_wrapped(tables, draw, legible, name):
    for figure in draw(tables[name], LONG_TITLE):
        legible(figure)


def test_the_curves_of_any_number_of_runs_are_legible(curve, legible):
    for count in (1, 2, 5, 12):
        legible(plots.curves([curve(2**32 - 1 - seed) for seed in range(count)], title=LONG_TITLE))


def test_pictures_refuse_what_they_cannot_show(grid, front):
    for draw in (plots.heatmap, lambda table: plots.frontier(table, front(table)), plots.steps):
        with pytest.raises(ValueError, match="needs at least one cell; the table of e has none"):
            draw(SuccessTable(experiment="e", cells=[]))
        with pytest.raises(ValueError, match=r"at most \d\d sparsities, the table of e has 65"):
            draw(grid([16], [600], range(1, 66)))


@pytest.fixture
def figures(draw, tables, curve):
    """Return `figures(title)`: one of each picture."""

    def drawn(title="n50-k3"):
        yield from draw(tables["unfinished"], title)
        yield plots.curves([curve(0), curve(1)], title=title, success_error=0.1)

    return drawn


def test_render_gives_well_formed_svg_and_png(figures):
    found = list(figures(LONG_TITLE))
    assert len(found) == 5
    for figure in found:
        svg, png = plots.render(figure, "svg"), plots.render(figure, "png")
        assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314  # our own file
        assert b"<dc:date>" not in svg
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        assert png.endswith(b"IEND\xaeB`\x82")


def test_render_gives_the_same_bytes_each_time_and_in_every_thread(figures):
    def files(kind):
        return [plots.render(figure, kind) for figure in figures()]

    expected = {kind: files(kind) for kind in ("svg", "png")}
    with ThreadPoolExecutor(3) as threads:
        kinds = ["svg", "png", "svg"]
        for kind, drawn in zip(kinds, threads.map(files, kinds), strict=True):
            assert drawn == expected[kind]


def test_render_gives_the_same_bytes_for_the_same_figure(grid):
    figure = plots.heatmap(grid())
    first = plots.render(figure, "svg")
    plots.render(figure, "png")
    assert plots.render(figure, "svg") == first


def test_render_leaves_the_process_settings_of_matplotlib_alone(figures):
    from matplotlib import rcParams  # noqa: PLC0415  # beside its only use

    before = dict(rcParams)
    for figure in figures():
        plots.render(figure, "svg")
    assert dict(rcParams) == before


def test_render_rejects_another_format(grid):
    with pytest.raises(ValueError, match='format must be "svg" or "png", got \'pdf\''):
        plots.render(plots.heatmap(grid()), "pdf")


def test_a_notebook_shows_every_picture_that_is_the_last_value_of_a_cell(figures):
    for figure in figures():
        assert figure._repr_svg_().encode() == plots.render(figure, "svg")
        assert figure._repr_png_() == plots.render(figure, "png")


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
table = results.SuccessTable(experiment="e", cells=[cell])
curve = results.Curve(cell=0, seed=0, steps=[1], train_error=[0], test_error=[0])
for figure in (plots.heatmap(table), plots.steps(table), plots.curves([curve])):
    figure._repr_svg_()
print("matplotlib.pyplot" in sys.modules)
"""
    assert python(program).split() == ["False", "False"]


def test_missing_matplotlib_names_the_extra():
    program = """
import sys
sys.modules["matplotlib"] = None  # import raises ImportError, as where it is not installed
from tombola import plots, results
table = results.SuccessTable(experiment="e", cells=[])
for draw in (plots.heatmap, plots.steps, plots.curves, plots.luck):
    try:
        draw(table)
    except ImportError as error:
        print(error)
"""
    assert python(program).splitlines() == ["pictures need matplotlib: pip install matplotlib"] * 4
