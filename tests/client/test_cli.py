from __future__ import annotations

import importlib.metadata
import json
import re
import socket
import subprocess
import sys

import pytest
import typer

from tombola.cli import main, render
from tombola.cli._format import actual_line, adaptive_line, memory, quote_line, time
from tombola.results import Actual, Adaptive, Cell, Estimate, Frontier, Interval, Quote, SuccessTable


@pytest.fixture
def closed_port():
    """Return a URL at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def plugins(monkeypatch):
    """Return a function that sets which plugins are installed."""

    def install(**registers):
        found = [
            importlib.metadata.EntryPoint(name, f"{name}:register", "tombola.commands") for name in registers
        ]
        monkeypatch.setattr(
            importlib.metadata.EntryPoint, "load", lambda entry_point: _raise_or(registers[entry_point.name])
        )
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: found if group else [])

    return install


def _raise_or(value):
    if isinstance(value, Exception):
        raise value
    return value


@pytest.fixture
def write_spec(tmp_path, spec):
    def write(**changes):
        path = tmp_path / "spec.json"
        path.write_text(json.dumps(spec | changes))
        return str(path)

    return write


def _greet(app):
    @app.command()
    def greet(name: str) -> None:
        """Greet."""
        typer.echo(f"hello {name}")


def test_plugins_add_commands(plugins, capsys):
    plugins(greeting=_greet)
    assert main(["greet", "Ada"]) == 0
    assert capsys.readouterr().out == "hello Ada\n"


def test_a_broken_plugin_costs_one_line_and_no_command(plugins, capsys):
    plugins(broken=ImportError("no module named\n'torch'"), greeting=_greet)
    assert main(["greet", "Ada"]) == 0
    out, err = capsys.readouterr()
    assert out == "hello Ada\n"
    assert err == (
        "tombola: warning: the commands of broken:register are missing "
        "(ImportError: no module named 'torch')\n"
    )


def test_the_exit_code_of_a_plugins_command_is_kept(plugins):
    def register(app):
        @app.command()
        def stop() -> None:
            raise typer.Exit(3)

    plugins(stopping=register)
    assert main(["stop"]) == 3


def test_versions_name_both_distributions_and_the_libraries(capsys):
    assert main(["--version"]) == 0
    lines = dict(line.split() for line in capsys.readouterr().out.splitlines())
    expected = {name: importlib.metadata.version(name) for name in ("tombola", "httpx", "pydantic")}
    assert lines.items() >= expected.items()
    assert lines["python"] == sys.version.split()[0]


def test_without_the_server_its_version_is_left_out(capsys, monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name == "tombola-server":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert main(["--version"]) == 0
    assert "tombola-server" not in capsys.readouterr().out


def test_help_names_the_environment_and_shows_examples(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for text in ("TOMBOLA_URL", "TOMBOLA_API_KEY", "tombola submit spec.json --wait"):
        assert text in out


def test_without_arguments_the_help_is_shown(capsys):
    assert main([]) == 2
    assert "Usage: tombola" in "".join(capsys.readouterr())


EXPERIMENTS = ["submit", "quote", "wait", "ls", "show", "cancel", "pause", "resume", "retry", "delete"]
RESULTS = [
    *("table", "frontier", "thresholds", "times", "luck", "report", "runs", "curve", "curves"),
    *("picture", "heatmap"),
]
SERVER = ["presets", "workers", "version"]


@pytest.mark.parametrize("command", EXPERIMENTS + RESULTS + SERVER)
def test_every_command_has_help_and_takes_the_global_options(command, capsys):
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    for option in ("--url", "--api-key", "--json"):
        assert option in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nope"], "No such command 'nope'"),
        (["table"], "Missing argument 'ID'"),
        (["frontier", "x", "--objectives", "cost", "-o", "x.svg"], "leave out --objectives or --output"),
        (["times", "x", "--quantiles", "half"], "such as 0.25,0.5, not 'half'"),
        (["table", "x", "--csv", "--json"], "give either --csv or --json"),
        (["ls", "--status", "done"], "'done'"),
        (["ls", "--limit", "0"], "'--limit': Input should be greater than or equal to 1"),
        (["runs", "x", "--samples", "many"], "--samples takes a number or online, not 'many'"),
        (["runs", "x", "--sparsity", "online"], "--sparsity takes a number or dense, not 'online'"),
        (["curve", "x", "-1"], "No such option"),
        (["heatmap", "x"], "--output"),
        (["heatmap", "x", "-o", "map.gif"], "a picture's file ends in .png or .svg; got 'map.gif'"),
        (["picture", "bars", "x", "-o", "x.svg"], "'bars'"),
        (["picture", "steps", "x", "-o", "x.pdf"], "a picture's file ends in .png or .svg; got 'x.pdf'"),
        (["picture", "curves", "x", "-o", "x.svg", "--samples", "few"], "a number or online, not 'few'"),
        (["report", "x", "-o", "x.pdf"], "a report's file ends in .html, .md or .json; got 'x.pdf'"),
        (["submit"], "give either a spec"),
        (["submit", "spec.json", "--scale", "full"], "--scale goes with --preset"),
        (["quote", "--preset", "x", "--scale", "huge"], "'huge'"),
        (["presets", "--scale", "full"], "--scale goes with the name of a preset"),
        (["submit", "nowhere.json"], "cannot read nowhere.json: No such file or directory"),
        (["ls", "--url", "localhost"], "begins with http:// or https://"),
        (["--url", "localhost", "ls"], "begins with http:// or https://"),
        (["submit", "--preset", "x", "--idempotency-key", ""], "1 to 255 printable ASCII characters, not ''"),
        (["show", ".."], "experiment id '..' cannot stand in a URL"),
        (["presets", ".."], "preset name '..' cannot stand in a URL"),
        (["demo", "--preset", ".."], "preset name '..' cannot stand in a URL"),
        (["quote", "--preset", ""], "preset name '' cannot stand in a URL"),
        (["submit", "--preset", "paper/../quickstart"], "preset name 'paper/../quickstart' cannot stand"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(args, message, capsys):
    assert main(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tombola: ")
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_wrong_spec_is_a_line_for_each_field_and_exit_code_2(write_spec, capsys):
    assert main(["submit", write_spec(name="", seeds={"count": 0})]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "tombola: the spec is not valid",
        "  /name: must not be empty",
        "  /seeds/count: must be greater than or equal to 1, not 0",
    ]


@pytest.mark.usefixtures("impatient")
def test_no_server_is_one_line_and_exit_code_1(write_spec, closed_port, capsys):
    assert main(["submit", write_spec(), "--url", closed_port]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"tombola: cannot connect to {closed_port}")
    assert len(err.splitlines()) == 1


@pytest.mark.usefixtures("impatient")
def test_the_clients_version_is_printed_without_a_server(closed_port, capsys):
    assert main(["--url", closed_port, "version"]) == 1
    assert capsys.readouterr().out == f"client {importlib.metadata.version('tombola')}\n"


@pytest.mark.usefixtures("impatient")
def test_the_url_after_the_command_goes_before_the_environment(closed_port, capsys, monkeypatch):
    monkeypatch.setenv("TOMBOLA_URL", "http://example.test")
    assert main(["ls", "--url", closed_port]) == 1
    assert closed_port in capsys.readouterr().err


def test_the_module_runs_as_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "tombola", "--version"], check=True, capture_output=True, text=True
    )
    assert done.stdout.startswith("tombola ")


def _cell(samples, sparsity, **changes):
    fields = {
        "width": 112,
        "samples": samples,
        "sparsity": sparsity,
        "runs": 24,
        "runs_total": 24,
        "successes": 16,
        "censored": 7,
        "diverged": 1,
        "probability": 16 / 24,
        "interval": Interval(low=0.467, high=0.82, level=0.95, method="wilson"),
        "median_steps": 12_500.0,
    }
    return Cell(**fields | changes)


UNTRAINED = {
    "runs": 0,
    "successes": 0,
    "diverged": 0,
    "probability": None,
    "interval": None,
    "median_steps": None,
}


def test_a_success_table_is_printed_by_sparsity_with_dense_last(capsys):
    cells = [_cell(600, None), _cell(600, 2), _cell(None, None, **UNTRAINED), _cell(None, 2, runs=20)]
    render.print_success_table(SuccessTable(experiment="01A", cells=cells))
    assert capsys.readouterr().out == (
        "sparsity 2\n"
        "width  samples  probability  95% interval  successes      runs  diverged  median steps\n"
        "  112      600         0.67     0.47-0.82         16        24         1         12500\n"
        "  112   online         0.67     0.47-0.82         16  20 of 24         1         12500\n"
        "\n"
        "sparsity dense\n"
        "width  samples  probability  95% interval  successes     runs  diverged  median steps\n"
        "  112      600         0.67     0.47-0.82         16       24         1         12500\n"
        "  112   online            -             -          0  0 of 24         0             -\n"
    )


def test_a_frontier_is_printed_with_its_coordinates(capsys):
    render.print_frontier(Frontier(experiment="01A", probability=0.5, points=[_cell(None, None)]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["width", "samples", "sparsity", "probability"]
    assert lines[1].split()[:4] == ["112", "online", "dense", "0.67"]


def test_an_empty_frontier_is_said_on_standard_error(capsys):
    render.print_frontier(Frontier(experiment="01A", probability=0.5, points=[]))
    assert capsys.readouterr() == ("", "no cell reaches probability 0.5\n")


def test_text_in_tables_is_neither_cut_nor_read_as_markup(capsys):
    long = "[red]x[/red] :fire: " + "y" * 300
    render.print_table(["<name"], [[long]])
    assert capsys.readouterr().out == f"name\n{long}\n"


def test_on_a_terminal_a_table_fits_it(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    render.print_table(["<name", "number"], [["x" * 100, "1"]])
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert len(lines) > 4
    assert max(len(line) for line in lines) <= 40


def _quote(**changes):
    fields = {"cells": 8, "runs": 48, "runs_existing": 0, "runs_pending": 0, "run_steps": 192_000}
    return Quote(**fields | {"flops": 5.8e10, "seconds": 7300.0, "workers": 2} | changes)


MOST = "at most 1.92e+05 steps, 5.8e+10 FLOP"
SHARED = "3 in the store already, 4 in training for another experiment"


@pytest.mark.parametrize(
    ("quote", "line"),
    [
        (_quote(), f"48 runs in 8 cells: {MOST}, 1:00:50 on 2 workers"),
        (
            _quote(runs_existing=3, runs_pending=4, workers=1),
            f"48 runs in 8 cells ({SHARED}): {MOST}, 2:01:40 on one worker",
        ),
        (
            _quote(seconds=65.0, workers=0),
            f"48 runs in 8 cells: {MOST}, 1:05 on one worker, and none is there now",
        ),
    ],
)
def test_a_quote_is_one_sentence(quote, line):
    assert quote_line(quote) == line


RANGES = {
    "core_seconds": Estimate(low=12.0, expected=158.4, high=2123.0),
    "wall_seconds": Estimate(low=6.0, expected=79.0, high=1061.0),
    "expected_run_steps": 150_000,
    "memory_bytes": 2_100_000,
    "basis": "2 x native on a processor",
}


def test_a_quote_with_ranges_is_one_sentence_and_a_table(capsys):
    quote = _quote(**RANGES)
    line = f"48 runs in 8 cells: {MOST}, about 1:19 (0:06 to 17:41) on 2 workers"
    assert quote_line(quote) == line
    render.print_quote("mine", quote)
    assert capsys.readouterr().out.splitlines() == [
        f"mine: {line}",
        "",
        "               low  expected   high",
        "wall time     0:06      1:19  17:41",
        "core-seconds    12       158   2120",
        "",
        "largest run: about 2.1 MB of memory",
        "estimated for 2 x native on a processor",
    ]


def test_less_than_a_second_is_told_in_tenths():
    quote = _quote(workers=1, wall_seconds=Estimate(low=0.004, expected=0.26, high=1.4))
    assert quote_line(quote).endswith("about 0.3 s (0.1 s to 0:01) on one worker")


def test_a_quote_of_adaptive_seeds_tells_the_range_of_its_runs():
    estimate = Estimate(low=56, expected=210.4, high=800)
    assert quote_line(_quote(adaptive_runs=estimate)).startswith("about 210 runs (56 to 800) in 8 cells: ")


def test_an_adaptive_experiment_tells_its_decisions_and_what_they_saved():
    under_way = Adaptive(cells_open=3, cells_above=4, cells_below=1, runs_spent=96, runs_most=700)
    assert adaptive_line(under_way) == "8 cells: 3 open, 4 above, 1 below; 96 runs spent, at most 700"
    done = Adaptive(
        cells_open=0,
        cells_narrow=7,
        cells_undecided=1,
        runs_spent=130,
        runs_most=130,
        runs_fixed=800,
        runs_one_look=272,
        saving=800 / 130,
    )
    assert adaptive_line(done) == (
        "8 cells: 7 narrow enough, 1 undecided; 130 runs spent, 6.2 times fewer than the 800 of a fixed "
        "design by the same rule (272 looked at once)"
    )


def test_the_decisions_of_adaptive_cells_are_a_column(capsys):
    cells = [_cell(600, 2, decision="above"), _cell(700, 2, decision="open", **UNTRAINED)]
    render.print_success_table(SuccessTable(experiment="01A", cells=cells))
    _, header, *rows = capsys.readouterr().out.splitlines()
    assert header.endswith("median steps  decision")
    assert [row.split()[-1] for row in rows] == ["above", "open"]


def test_the_quote_of_an_older_server_is_its_sentence(capsys):
    render.print_quote("mine", _quote())
    assert capsys.readouterr().out == f"mine: 48 runs in 8 cells: {MOST}, 1:00:50 on 2 workers\n"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0:00"),
        (0.01, "0.1 s"),
        (75, "1:15"),
        (172_799, "47:59:59"),
        (172_800, "2 days"),
        (1.2e7, "139 days"),
    ],
)
def test_a_duration_is_told_in_the_unit_that_fits(seconds, shown):
    assert time(seconds) == shown


def test_what_was_taken_is_told_beside_what_was_quoted():
    actual = Actual(
        runs_trained=48,
        run_steps=120_500,
        flops=4.2e10,
        core_seconds=140.0,
        gpu_seconds=0.0,
        wall_seconds=75.0,
    )
    assert actual_line(_quote(**RANGES), actual) == (
        "48 runs trained, 120000 steps (quoted 150000), 4.2e+10 FLOP, "
        "140 core-seconds (quoted 158: 12 to 2120), 1:15 of wall time (quoted 1:19: 0:06 to 17:41)"
    )
    under_way = actual.model_copy(update={"wall_seconds": None, "gpu_seconds": 2.0})
    assert actual_line(_quote(), under_way) == (
        "48 runs trained, 120000 steps (quoted 192000 at most), 4.2e+10 FLOP, 140 core-seconds, 2 GPU-seconds"
    )


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (999, "999 bytes"), (2048, "2.05 kB"), (3_000_000_000, "3 GB")]
)
def test_memory_is_told_in_the_unit_that_fits(count, text):
    assert memory(count) == text
