"""The command line against the real stack: broker, API, worker and sweeper."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from service.settings import Settings
from tombola.cli import main
from worker.embedded import Stack


@pytest.fixture
def spec_file(tmp_path):
    def write(spec):
        path = tmp_path / "spec.json"
        path.write_text(json.dumps(spec))
        return path

    return write


def test_submit_and_wait_prints_the_end_and_exits_0(tool, spec_file, tiny):
    code, out, err = tool("submit", spec_file(tiny), "--name", "shell", "--wait", "--json")
    assert code == 0
    answer = json.loads(out)
    assert (answer["name"], answer["status"]) == ("shell", "succeeded")
    assert f"submitted {answer['id']}" in err
    assert "shell: 100%, 24/24 runs" in err
    code, _, said = tool("delete", "latest")
    assert (code, "give --yes" in said) == (2, True)
    assert tool("delete", "latest", "--yes") == (0, f"{answer['id']} shell: deleted\n", "")


def test_an_adaptive_experiment_is_followed_and_shown(tool, spec_file, tiny):
    seeds = {"mode": "adaptive", "goal": "boundary", "max": 12, "start": 1000}
    code, out, err = tool("submit", spec_file(tiny | {"seeds": seeds}), "--wait")
    assert code == 0
    assert "so far (at most 96), 8 of 8 cells open" in err
    assert out.splitlines()[1].startswith("8 cells: ")
    code, shown, _ = tool("show", "latest")
    assert code == 0
    assert "adaptive   8 cells: " in shown
    assert "of a fixed design by the same rule" in shown
    assert "seeds      mode adaptive, max 12, start 1000, level 0.95, goal boundary, probability 0.5" in shown
    _, table, _ = tool("table", "latest")
    assert table.splitlines()[1].endswith("decision")
    assert tool("delete", "latest", "--yes")[0] == 0


def test_quotes_by_either_name(tool, spec_file, tiny):
    new = {**tiny, "seeds": {"count": 3, "start": 700_000}}
    _, quoted, _ = tool("quote", spec_file(new))
    code, dry, _ = tool("submit", spec_file(new), "--dry-run")
    assert code == 0
    assert dry == quoted
    assert dry.startswith("tiny: 24 runs in 8 cells")
    assert "wall time" in dry
    assert "seconds" in dry
    assert "speed measured" in dry or "speed assumed" in dry
    code, known, _ = tool("quote", spec_file(tiny))
    assert (code, known) == (0, "tiny: 24 runs in 8 cells (24 in the store already): nothing to train\n")


def test_a_preset_is_quoted_and_printed(tool):
    code, out, _ = tool("quote", "--preset", "quickstart", "--json")
    assert code == 0
    code, spec, _ = tool("presets", "quickstart")
    assert code == 0
    assert json.loads(out)["spec"] == json.loads(spec)
    assert "quickstart" in tool("presets")[1]


def test_every_reading_command_prints_text_and_json(tool, done):
    for args in (
        ["ls"],
        ["show", done],
        ["table", done],
        ["frontier", done, "-p", "0.3"],
        ["frontier", done, "-p", "0.3", "--objectives", "width,cost"],
        ["thresholds", done, "-p", "0.3"],
        ["times", done],
        ["luck", done, "-p", "0.99", "--width", "32"],
        ["runs", done],
        ["workers"],
    ):
        code, out, err = tool(*args)
        assert (code, err) == (0, ""), args
        assert len(out.splitlines()) > 1
        code, out, err = tool(*args, "--json")
        assert (code, err) == (0, ""), args
        assert json.loads(out)


def test_an_experiment_that_ended_shows_what_it_took(tool, done):
    for args in (["show", done], ["wait", done, "--quiet"]):
        code, out, _ = tool(*args)
        assert code == 0
        assert "24 runs trained, " in out
        assert "-seconds (quoted " in out
        assert " of wall time (quoted " in out


def test_the_table_is_printed_whole(tool, done, client):
    _, out, _ = tool("table", done)
    assert [line for line in out.splitlines() if line.startswith("sparsity")] == [
        "sparsity 2",
        "sparsity dense",
    ]
    _, out, _ = tool("table", done, "--csv")
    assert out.splitlines() == client.experiments.get(done).success_table_csv().splitlines()


def test_intervals_are_made_as_was_asked(tool, done):
    asked = ("--interval", "jeffreys", "--level", 0.9)
    code, out, _ = tool("table", done, *asked)
    assert code == 0
    assert "90% interval" in out
    code, out, _ = tool("frontier", done, "-p", "0.3", *asked, "--json")
    (point, *_) = json.loads(out)["points"]
    assert (point["interval"]["method"], point["interval"]["level"]) == ("jeffreys", 0.9)
    assert ",jeffreys," in tool("table", done, "--csv", *asked)[1]


def test_luck_compares_width_with_restarts(tool, done):
    _, out, _ = tool("luck", done)
    assert "1 x 32" in out
    assert out.count(" x 8 ") == 4
    code, out, err = tool("luck", done, "--width", "9")
    assert (code, out) == (2, "")
    assert "the experiment has no cells of width 9; it has 8, 32" in err


def test_runs_are_filtered_and_limited(tool, done):
    _, out, _ = tool("runs", done, "--width", 32, "--samples", "online", "--sparsity", "dense", "--json")
    assert [(run["cell"], run["seed"]) for run in json.loads(out)] == [(7, 0), (7, 1), (7, 2)]
    _, out, _ = tool("runs", done, "--limit", 2, "--json")
    assert len(json.loads(out)) == 2
    assert tool("runs", done, "--outcome", "diverged", "--json")[1] == "[]\n"
    assert tool("runs", done, "--outcome", "diverged") == (0, "", "no such runs have finished\n")


def test_a_curve_is_printed(tool, done):
    code, out, _ = tool("curve", done, 0, "--width", 32, "--samples", 100, "--sparsity", 2)
    assert code == 0
    assert out.splitlines()[0].split() == ["step", "train", "error", "test", "error"]
    assert out.splitlines()[1].split()[0] == "200"


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_pictures_are_written(tool, done, tmp_path, suffix, magic):
    for command in ("heatmap", "frontier"):
        path = tmp_path / f"{command}.{suffix}"
        assert tool(command, done, "-o", path) == (0, "", f"wrote {path}\n")
        assert path.read_bytes().startswith(magic)


def test_an_illegal_change_is_one_line_and_exit_code_2(tool, done):
    code, out, err = tool("cancel", done)
    assert (code, out) == (2, "")
    assert err.startswith("tombola: ")
    assert len(err.splitlines()) == 1


def test_an_unknown_experiment_is_one_line_and_exit_code_2(tool):
    code, out, err = tool("table", "01JD0M3X8Z6T4Q2W9V5K7N1R3P", "--json")
    assert (code, out) == (2, "")
    assert "01JD0M3X8Z6T4Q2W9V5K7N1R3P" in err
    assert len(err.splitlines()) == 1


def test_waiting_for_a_cancelled_experiment_exits_1(tool, long):
    assert tool("cancel", long.id)[:2] == (0, f"{long.id} long: cancelled\n")
    code, out, err = tool("wait", long.id, "--quiet", "--json")
    assert code == 1
    assert json.loads(out)["status"] == "cancelled"
    assert err == f"tombola: experiment {long.id} was cancelled after 0 of 100 runs\n"


def test_ctrl_c_stops_the_waiting_and_not_the_experiment(url, long):
    process = subprocess.Popen(
        [sys.executable, "-m", "tombola", "wait", "latest"],
        env=os.environ | {"TOMBOLA_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell ignores the signal in what it starts in the background, and with it all that starts there.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # one thread here
    )
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert first.startswith("long: ")
    assert process.returncode == 130
    assert out == ""
    assert f"the experiment goes on; come back with: tombola wait {long.id}" in err
    assert "Traceback" not in err
    assert not long.refresh().status.finished


def test_a_reader_that_leaves_early_gets_no_traceback(url, done):
    script = f"{sys.executable} -m tombola runs {done} --json | head -n 1"
    process = subprocess.run(
        ["/bin/sh", "-c", script],
        env=os.environ | {"TOMBOLA_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stdout.strip() == "["
    assert process.stderr == ""


def test_versions_of_both_sides_are_printed(tool):
    code, out, _ = tool("version")
    assert code == 0
    assert out.startswith("client ")
    assert "\nserver " in out
    assert set(json.loads(tool("version", "--json")[1])) == {"client", "server"}


def test_without_experiments_there_is_no_latest(tmp_path, capsys):
    settings = Settings(data_dir=tmp_path, port=0, database_url="", host="127.0.0.1")
    with Stack(settings, log_file=tmp_path / "stack.log") as stack:
        assert main(["--url", stack.url, "table", "latest"]) == 2
        assert "none was submitted yet" in capsys.readouterr().err
        assert main(["--url", stack.url, "ls"]) == 0
        assert capsys.readouterr() == ("", "no experiments yet: tombola submit --preset quickstart\n")
