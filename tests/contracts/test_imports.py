"""Imports run one way, and the API process carries no training code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def loaded_by(statement):
    """Return the top-level modules that a fresh interpreter has after a statement."""
    program = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


def test_the_contracts_of_imports_are_kept():
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


CREATE = """
from service.app import create_app
from service.settings import Settings
from service.store.database import Database
create_app(Settings(), database=Database("sqlite://")).openapi()
"""


@pytest.mark.parametrize("statement", ["import service.app", CREATE])
def test_the_api_process_loads_no_training_code(statement):
    loaded = loaded_by(statement)
    assert {"fastapi", "sqlalchemy", "celery"} <= loaded
    assert not loaded & {"torch", "sklearn", "worker", "numpy", "matplotlib", "pyarrow"}


def test_the_contract_needs_no_server():
    loaded = loaded_by("import tombola.spec, tombola.results, tombola.errors")
    assert "pydantic" in loaded
    assert not loaded & {"service", "worker", "fastapi", "sqlalchemy", "torch", "numpy"}
