"""A whole service for a benchmark: the embedded stack on a free port, with a client."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.settings import Settings
from tombola import Client, Experiment
from tombola.results import ExperimentStatus
from tombola.spec import AnySpec
from worker.embedded import Stack, interrupt_on_sigterm

_LOG_LINES = 20


@contextmanager
def running(data_dir: Path, engine: str, device: str = "cpu") -> Iterator[Client]:
    """Run broker, API, workers and sweeper on this data folder; their log is `stack.log` in it.

    A termination signal or Ctrl-C stops them in order: finished runs are kept, shards given back.
    """
    interrupt_on_sigterm()
    log = data_dir / "stack.log"
    settings = Settings(
        host="127.0.0.1",
        port=0,
        data_dir=data_dir,
        database_url="",
        admin_key=None,
        engine=engine,
        device=device,
    )
    try:
        with Stack(settings, log_file=log) as stack, Client(stack.url, api_key="") as client:
            yield client
    except Exception:
        if log.exists():  # the folder may be gone before anybody could look
            sys.stderr.write("\n".join(log.read_text().splitlines()[-_LOG_LINES:]) + "\n")
        raise


def completed(client: Client, spec: AnySpec, key: str) -> tuple[Experiment, float]:
    """Submit, or find what an earlier start submitted under the same key; wait until it has succeeded.

    Returns:
        The experiment, and the seconds from its first shard to its end; a pause between two starts is in it.
    """
    experiment = client.experiments.create(spec, idempotency_key=key)
    if experiment.data.status in (ExperimentStatus.FAILED, ExperimentStatus.CANCELLED):
        experiment.retry()
    data = experiment.wait(progress=True).refresh().data
    assert data.started_at is not None  # noqa: S101  # it succeeded
    assert data.finished_at is not None  # noqa: S101  # as above
    return experiment, (data.finished_at - data.started_at).total_seconds()
