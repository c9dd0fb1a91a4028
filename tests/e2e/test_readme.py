"""The README's walk-throughs work as pasted, and its table of settings is whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from service.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def block(section, language):
    """Return the code block of a section."""
    text = README.partition(f"## {section}\n")[2]
    return re.search(rf"```{language}\n(.*?)```", text, re.DOTALL).group(1)


def run(command, script, stack, tmp_path):
    script = script.replace("http://127.0.0.1:8000", stack.url)
    return subprocess.run(
        [*command, script], cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False
    )


def test_the_curl_walk_through_works_as_pasted(stack, tmp_path):
    result = run(["bash", "-euc"], block("With curl", "bash"), stack, tmp_path)
    assert result.returncode == 0, result.stderr
    assert '"run_steps":320000' in result.stdout, "the quote: 64 runs of 5000 steps"
    assert '"status":"succeeded"' in result.stdout
    assert "width,samples,sparsity,runs" in result.stdout
    assert '"points":[' in result.stdout
    assert '"test_error":[' in result.stdout
    for name in ("heatmap", "curves"):
        assert (tmp_path / f"{name}.svg").read_text().startswith("<?xml")


def test_the_python_walk_through_works_as_pasted(stack, tmp_path):
    result = run([sys.executable, "-c"], block("With Python", "python"), stack, tmp_path)
    assert result.returncode == 0, result.stderr
    assert "method='wilson'" in result.stdout
    assert "median_steps" in result.stdout
    assert (tmp_path / "steps.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_line_walk_through_works_as_pasted(stack, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TOMBOLA_URL", stack.url)
    result = run(["bash", "-euc"], block("On the command line", "bash"), stack, tmp_path)
    assert result.returncode == 0, result.stderr
    assert "64 runs in 8 cells" in result.stdout
    assert "sparsity dense" in result.stdout
    for name in ("heatmap", "luck"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_data_sets_walk_through_works_as_pasted(stack, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TOMBOLA_URL", stack.url)
    result = run(["bash", "-euc"], block("Data sets", "bash"), stack, tmp_path)
    assert result.returncode == 0, result.stderr
    assert "benign 357 (62.7%), malignant 212 (37.3%)" in result.stdout
    last = result.stdout.splitlines()[-1].split()
    assert last[:4] == ["breast_cancer", "target", "binary", "569"], "the CSV is the same data set"


def test_the_tables_walk_through_works_as_pasted(stack, tmp_path, monkeypatch):
    for engines in ("worker.engine.mlp", "worker.tabular.estimators"):
        pytest.importorskip(engines)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TOMBOLA_URL", stack.url)
    result = run(["bash", "-euc"], block("Experiments on tables", "bash"), stack, tmp_path)
    assert result.returncode == 0, result.stderr
    assert "20 of 20 runs have scores" in result.stdout
    assert '"name":"more rows"' in result.stdout


def test_the_walk_through_on_a_table_of_ones_own_works_as_pasted(stack, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TOMBOLA_URL", stack.url)
    result = run(["bash", "-euc"], block("Compare on your own table", "bash"), stack, tmp_path)
    assert result.returncode == 0, result.stderr
    assert "Does a wide sparse network beat a tuned forest on breast_cancer?" in result.stdout
    assert (tmp_path / "cancer.html").read_text().startswith("<!DOCTYPE html>")
    assert (tmp_path / "accuracy.png").read_bytes().startswith(b"\x89PNG")


def test_every_setting_stands_in_the_readme():
    for name in Settings.model_fields:
        assert f"TOMBOLA_{name.upper()}`" in README, name


def test_every_file_the_readme_links_to_is_there():
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / target).exists(), target
