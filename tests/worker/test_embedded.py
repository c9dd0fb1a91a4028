"""Which workers the embedded stack starts."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from service.settings import Settings
from worker import embedded


@pytest.mark.parametrize(
    ("fields", "workers"),
    [
        ({"device": "cpu"}, {"worker": "main,cpu"}),
        ({"engine": "native"}, {"worker": "main,cpu"}),
        ({"device": "cuda"}, {"worker": "main", "worker-cpu": "cpu"}),
        ({"device": "cuda:1", "engine": "triton"}, {"worker": "main", "worker-cpu": "cpu"}),
        ({"device": "cuda", "queues": "main"}, {"worker": "main"}),
    ],
)
def test_a_gpu_has_a_worker_of_its_own_beside_one_for_the_cpu_queue(fields, workers):
    assert embedded._workers(Settings(**fields)) == workers


def test_without_a_device_in_the_settings_a_gpu_is_looked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded, "_DEVICES", tmp_path)
    assert embedded._workers(Settings(device="auto")) == {"worker": "main,cpu"}
    (tmp_path / "nvidia0").touch()
    assert embedded._workers(Settings(device="auto")) == {"worker": "main", "worker-cpu": "cpu"}


def test_queues_are_named_in_any_order_and_others_refused():
    settings = Settings(queues=" cpu, main", queue="lab")
    assert settings.consumed == ("main", "cpu")
    assert [settings.queue_name(queue) for queue in settings.consumed] == ["lab", "lab-cpu"]
    for wrong in ("", "gpu", "main,main"):
        with pytest.raises(ValidationError, match="some of main, cpu"):
            Settings(queues=wrong)
