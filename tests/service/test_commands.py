"""The server's commands, as a user types them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from service.processes import forget_celery_broker
from tombola.cli import main


@dataclass
class Ended:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def tombola(tmp_path, monkeypatch, capfd):
    """Return a function that runs `tombola` in a folder of its own, without a new interpreter."""

    def run(*arguments, **environment):
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            for name in os.environ:
                if name.startswith("TOMBOLA_"):
                    patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            capfd.readouterr()
            code = main(arguments)
        return Ended(code, *capfd.readouterr())

    return run


@pytest.fixture
def process(tmp_path):
    """Return a function that runs `tombola` in a process of its own.

    For commands that change theirs for good: its signals, its logging, torch's threads.
    """

    def run(*arguments, **environment):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TOMBOLA_")}
        return subprocess.run(
            [sys.executable, "-m", "tombola", *arguments],
            cwd=tmp_path,
            env={**kept, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_a_key_is_printed_once_listed_by_its_first_letters_and_revoked(tombola):
    made = tombola("keys", "create", "ada")
    key = made.stdout.strip()
    assert made.returncode == 0
    assert key.startswith("tmb_")
    assert len(key) > 40
    listed = tombola("keys", "list").stdout
    assert "ada" in listed
    assert "valid" in listed
    assert key not in listed
    assert tombola("keys", "revoke", "ada").returncode == 0
    assert "revoked" in tombola("keys", "list").stdout


def test_a_second_key_of_one_name_is_refused(tombola):
    tombola("keys", "create", "ada")
    again = tombola("keys", "create", "ada")
    assert again.returncode == 2
    assert "choose another name" in again.stderr


def test_looking_at_keys_makes_no_database(tombola, tmp_path):
    result = tombola("keys", "list")
    assert result.returncode == 2
    assert "no Tombola in that database yet" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["api", "serve"])
def test_listening_beyond_loopback_without_keys_is_refused(process, command):
    result = process(command, "--host", "0.0.0.0", "--port", "0")  # noqa: S104  # that it is refused is the test
    assert result.returncode == 2
    assert "refusing to listen on 0.0.0.0 without API keys" in result.stderr
    assert "tombola keys create" in result.stderr


def test_a_revoked_key_is_no_key_to_listen_beyond_loopback(tombola, process):
    tombola("keys", "create", "ada")
    tombola("keys", "revoke", "ada")
    assert process("api", "--host", "0.0.0.0").returncode == 2  # noqa: S104  # as above


def test_migrating_registers_the_admin_key_and_can_be_repeated(tombola):
    secret = "a secret of more than 24 characters"
    for _ in range(2):
        result = tombola("migrate", "--ensure-admin-key", TOMBOLA_ADMIN_KEY=secret)
        assert result.returncode == 0, result.stderr
    assert "admin" in tombola("keys", "list").stdout


@pytest.mark.parametrize("secret", [None, "short"])
def test_migrating_refuses_a_missing_or_short_admin_key(tombola, secret):
    environment = {} if secret is None else {"TOMBOLA_ADMIN_KEY": secret}
    result = tombola("migrate", "--ensure-admin-key", **environment)
    assert result.returncode == 2
    assert "at least 24 characters" in result.stderr


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TOMBOLA_PORT", "many", "TOMBOLA_PORT: "),
        ("TOMBOLA_LEASE_SECONDS", "2", "at least three TOMBOLA_HEARTBEAT_SECONDS"),
        ("TOMBOLA_ENGINE", "steam", "TOMBOLA_ENGINE: "),
        ("TOMBOLA_DATABASE_URL", "mysql://x", "must begin with sqlite:/// or postgresql+psycopg://"),
    ],
)
def test_a_bad_setting_is_named_in_one_line(tombola, name, value, says):
    result = tombola("api", **{name: value})
    assert result.returncode == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_device_that_is_not_there_is_named_in_one_line(tombola, process):
    tombola("migrate")
    result = process("worker", "--device", "cuda:99")
    assert result.returncode == 2
    assert "cuda:99" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("how", "command"),
    [
        ("process", ["serve", "--port", "0"]),
        ("tombola", ["migrate"]),
        ("tombola", ["keys", "list"]),
        ("tombola", ["worker-health"]),
    ],
)
def test_a_database_that_is_away_is_said_in_one_line(request, how, command):
    run = request.getfixturevalue(how)
    result = run(*command, TOMBOLA_DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    assert result.returncode == 1
    assert "the database cannot be used" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_doctor_finds_nothing_amiss_before_the_first_start(tombola):
    result = tombola("doctor")
    assert result.returncode == 0, result.stdout
    assert result.stdout.count("`tombola serve`") == 2


def test_the_doctor_says_what_is_amiss(tombola):
    broken = tombola(
        "doctor",
        TOMBOLA_BROKER_URL="redis://127.0.0.1:1/0",
        TOMBOLA_DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/nothing",
    )
    assert broken.returncode == 1
    assert "FAIL database" in broken.stdout
    assert "FAIL broker" in broken.stdout
    assert "ok   engine: " in broken.stdout


def test_the_doctor_counts_the_threads_that_are_set(process):
    assert (
        "7 threads"
        in process("doctor", TOMBOLA_ENGINE="torch", TOMBOLA_DEVICE="cpu", TOMBOLA_THREADS="7").stdout
    )


def test_the_doctor_finds_a_whole_installation_well(tombola, broker_url):
    tombola("migrate")
    result = tombola("doctor", TOMBOLA_BROKER_URL=broker_url)
    assert result.returncode == 0, result.stdout


def test_a_host_without_a_live_worker_is_unhealthy(tombola):
    tombola("migrate")
    assert tombola("worker-health").returncode == 1


def test_another_projects_celery_broker_is_not_ours(monkeypatch):
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://elsewhere:6379/0")
    forget_celery_broker()
    assert "CELERY_BROKER_URL" not in os.environ
