"""The Celery application of the workers.

One process per device, pool `solo`: CUDA does not survive a fork. `solo` answers no remote control while it
trains, so leases, cancelling and pausing go through the database, from a thread (`worker.heartbeat`).
"""

from __future__ import annotations

import os
import sys
import warnings

from celery import Celery
from celery.platforms import SecurityWarning

from service.settings import Settings
from worker import tasks
from worker.member import Member

#: A message whose worker never acknowledged it is delivered again after this long. A second delivery is
#: harmless (the claim), and the sweeper rings long before.
_VISIBILITY_TIMEOUT_SECONDS = 3600


def create_celery(settings: Settings) -> Celery:
    """Return the application whose worker consumes the queues of the settings."""
    celery = Celery("tombola-worker", broker=settings.broker_url, include=["worker.tasks"])
    celery.conf.update(
        task_default_queue=settings.queue_name("main"),
        # A message is acknowledged after its shard: a worker killed in the middle leaves it with the broker.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        worker_pool="solo",
        worker_concurrency=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={"visibility_timeout": _VISIBILITY_TIMEOUT_SECONDS},
    )
    return celery


def run_worker(settings: Settings) -> None:
    """Consume the queues of the settings in this process until a stop signal.

    Raises:
        EngineError: The settings name an engine or a device that is not here.
    """
    # Chosen before Celery starts, so that a wrong setting is one line and not a traceback of its boot.
    member = Member(settings)
    celery = create_celery(settings)
    tasks.attach(member)
    # Who runs a container or a laptop as root has chosen to; messages are JSON, so nothing is unpickled.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    try:
        celery.worker_main(
            [
                "--quiet",
                "worker",
                "--loglevel",
                settings.log_level,
                "--queues",
                ",".join(settings.queue_name(queue) for queue in settings.consumed),
                "--without-gossip",
                "--without-mingle",
                "--without-heartbeat",
            ]
        )
    finally:
        member.close()
        if member.heartbeat.deaf.is_set():
            os.execv(sys.executable, [sys.executable, "-m", "tombola", *sys.argv[1:]])  # noqa: S606  # no shell
