"""Seeds in a spec: a fixed number, or as many as a goal needs."""

from __future__ import annotations

import pytest

from tombola import BoundarySeeds, ExperimentSpec, HalfWidthSeeds, Seeds
from tombola._client.calls import as_spec
from tombola._client.progress import describe
from tombola.results import Experiment


def test_specs_of_before_there_were_modes_stay_what_they_are(spec):
    made = as_spec(spec | {"seeds": {"count": 24}})
    assert made.seeds == Seeds(count=24)
    assert made.seeds.canonical_json() == '{"count":24,"start":0}'
    assert made.canonical_json().endswith(
        '"seeds":{"count":24,"start":0},"target":{"k":2,"kind":"parity","n":10},"training":'
        + made.training.canonical_json()
        + "}"
    )
    assert as_spec({key: value for key, value in spec.items() if key != "seeds"}).seeds == Seeds()


@pytest.mark.parametrize(
    ("document", "seeds"),
    [
        (
            {"mode": "adaptive", "goal": "boundary", "probability": 0.9, "max": 50},
            BoundarySeeds(probability=0.9, max=50),
        ),
        ({"mode": "adaptive", "goal": "boundary"}, BoundarySeeds()),
        (
            {"mode": "adaptive", "goal": "half_width", "half_width": 0.2, "start": 7, "level": 0.99},
            HalfWidthSeeds(half_width=0.2, start=7, level=0.99),
        ),
    ],
)
def test_adaptive_seeds_say_their_goal(spec, document, seeds):
    made = as_spec(spec | {"seeds": document})
    assert made.seeds == seeds
    assert made.run_count == made.cell_count * seeds.max
    assert ExperimentSpec.model_validate_json(made.model_dump_json()) == made
    assert as_spec(made.model_dump(mode="json")) == made


def test_configurations_know_nothing_of_seeds_so_that_runs_are_shared(spec):
    adaptive = as_spec(spec | {"seeds": {"mode": "adaptive", "goal": "boundary"}})
    assert adaptive.configurations() == as_spec(spec).configurations()


def test_progress_tells_the_runs_so_far_and_the_most(answer):
    found = Experiment.model_validate(
        answer(
            progress={"runs_done": 20, "runs_total": 36, "successes": 5},
            adaptive={"cells_open": 3, "cells_above": 5, "runs_spent": 20, "runs_most": 340},
        )
    )
    assert describe(found).startswith("20/36 runs so far (at most 340), 3 of 8 cells open, 5 successes")
