"""An experiment on tables outlives its worker: every run once, and the scores of an undisturbed engine."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import func, select

import tombola
from service.store.database import Database
from service.store.models import Run, Score

ROWS = "\n".join(
    f"{row % 10},{row * row % 17},{'red' if row % 3 else 'blue'},{'no' if row % 10 < 4 else 'yes'}"
    for row in range(400)
)
SPEC = {
    "name": "killed",
    "target": {"kind": "tabular", "datasets": ["survivors"]},
    "grid": {"fractions": [0.2, 1.0], "splits": 3},
    "models": [
        {"kind": "mlp", "width": [16], "learning_rate": [0.1], "max_steps": 400},
        {"kind": "forest", "trials": 2},
        {"kind": "logistic", "trials": 1},
    ],
}
