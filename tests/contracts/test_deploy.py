from __future__ import annotations

import ipaddress
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
import zipfile
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SERVICES = yaml.safe_load(COMPOSE.read_text())["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
SECRETS = {"TOMBOLA_POSTGRES_PASSWORD", "TOMBOLA_VALKEY_PASSWORD", "TOMBOLA_ADMIN_KEY"}
TOMBOLA = Path(sys.executable).with_name("tombola")


def dockerfile():
    """Return stage name -> list of (instruction, arguments), a stage's base stage included, in order."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    stages, current = {}, []
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        instruction, arguments = line.split(maxsplit=1)
        if instruction == "FROM":
            base, _, name = arguments.split()
            current = stages[name] = [*stages.get(base, [("FROM", base)])]
        else:
            current.append((instruction, arguments.strip()))
    return stages


STAGES = dockerfile()


def last(stage, instruction):
    return [arguments for name, arguments in STAGES[stage] if name == instruction][-1]


def health(service):
    return SERVICES[service]["healthcheck"]


def tombola_commands():
    """Every `tombola` command line that the deployment runs or its documentation tells users to run."""
    lines = [SERVICES[name].get("command") for name in OURS]
    lines += [
        health(name)["test"][2:] for name in OURS if health(name).get("test", [None] * 2)[1] == "tombola"
    ]
    lines += [yaml.safe_load(last(stage, "CMD")) for stage in ("api", "worker")]
    lines += [shlex.split(line)[1:] for line in documented_commands()]
    return sorted({tuple(line) for line in lines})


def documented_commands():
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "deploy.md").read_text(), flags=re.DOTALL)
    return re.findall(r"^(?:docker compose exec api )?(tombola .*)", "\n".join(blocks), flags=re.MULTILINE)


def run(*command, **environment):
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1", **environment},
    )


def test_compose_file_follows_the_compose_specification():
    result = run(
        sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_compose_runs_all_parts():
    expected = {"migrate", "api", "worker-gpu", "worker-cpu", "sweeper", "valkey", "postgres"}
    assert set(SERVICES) == expected


def test_compose_refuses_to_start_without_its_secrets():
    variables = re.findall(r"\$\{(\w+)([^}]*)\}", COMPOSE.read_text())
    required = {name for name, rest in variables if rest.startswith(":?")}
    assert required == SECRETS
    assert all(rest.startswith(":?") and len(rest) > len(":?") for name, rest in variables if name in SECRETS)
    assert all(rest.startswith(":-") for name, rest in variables if name not in SECRETS)
    # No password outside of a variable.
    assert set(re.findall(r"://\w*:([^@]{1,13})", COMPOSE.read_text())) == {"${TOMBOLA_POS", "${TOMBOLA_VAL"}


def test_only_the_administrators_key_reaches_only_the_service_that_registers_it():
    holders = [name for name, service in SERVICES.items() if "TOMBOLA_ADMIN_KEY" in str(service)]
    assert holders == ["migrate"]


@pytest.mark.parametrize("command", tombola_commands(), ids=shlex.join)
def test_commands_exist_with_the_options_used(command):
    options = [word for word in command if word.startswith("--")]
    words = []
    for word in command:
        if word.startswith("-"):
            break
        words.append(word)
    if words[0] != "keys":
        words = words[:1]
    result = run(str(TOMBOLA), *words[:2], "--help")
    assert result.returncode == 0, result.stdout + result.stderr
    assert set(options) <= set(re.findall(r"--[a-z-]+", result.stdout))


def test_documentation_shows_commands():
    assert {shlex.split(line)[1] for line in documented_commands()} >= {"keys", "workers", "submit", "doctor"}


def test_settings_of_the_services_are_settings_of_the_program():
    from service.settings import Settings  # noqa: PLC0415  # beside its only use

    known = {f"TOMBOLA_{name}".upper() for name in Settings.model_fields}
    for name in OURS:
        assert set(SERVICES[name]["environment"]) <= known


def test_settings_of_the_services_point_to_the_stores_beside_them():
    for name in OURS:
        environment = SERVICES[name]["environment"]
        assert environment["TOMBOLA_DATABASE_URL"].startswith("postgresql+psycopg://tombola:")
        assert environment["TOMBOLA_DATABASE_URL"].endswith("@postgres:5432/tombola")
        assert environment["TOMBOLA_BROKER_URL"].endswith("@valkey:6379/0")


def test_nothing_is_published_beyond_loopback():
    published = {name: port for name, service in SERVICES.items() for port in service.get("ports", [])}
    assert set(published) == {"api"}
    for port in published.values():
        assert ipaddress.ip_address(port.split(":")[0]).is_loopback
    assert not any("network_mode" in service for service in SERVICES.values())


def test_every_service_comes_back_but_the_one_shot():
    policies = {name: service["restart"] for name, service in SERVICES.items()}
    assert policies.pop("migrate") == "no"
    assert set(policies.values()) == {"unless-stopped"}


def test_every_service_with_something_to_ask_has_a_health_check():
    disabled = {name for name in SERVICES if health(name).get("disable")}
    assert disabled == {"migrate", "sweeper"}
    assert health("postgres")["test"][1] == "pg_isready"
    assert "valkey-cli ping" in health("valkey")["test"][1]


@pytest.mark.parametrize(
    ("service", "stage"), [("api", "api"), ("worker-gpu", "worker"), ("worker-cpu", "worker")]
)
def test_services_and_images_ask_for_health_alike(service, stage):
    _, command = last(stage, "HEALTHCHECK").split("CMD", 1)
    assert yaml.safe_load(command) == health(service)["test"][1:]


@pytest.mark.parametrize(("status", "exit_code"), [(200, 0), (503, 1)])
def test_api_health_check_tells_ready_from_not_ready(status, exit_code):
    asked = []

    class Readiness(BaseHTTPRequestHandler):
        def do_GET(self):  # the name that http.server looks for
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    _, python, *arguments = health("api")["test"]
    assert python == "python"
    with HTTPServer(("127.0.0.1", 0), Readiness) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = [argument.replace(":8000/", f":{server.server_port}/") for argument in arguments]
        result = run(sys.executable, *here)
        server.shutdown()
    assert result.returncode == exit_code, result.stderr
    assert asked == ["/readyz"]


def test_services_wait_for_the_stores_and_the_migration():
    ready = {"postgres": {"condition": "service_healthy"}, "valkey": {"condition": "service_healthy"}}
    assert SERVICES["migrate"]["depends_on"] == ready
    for name in set(OURS) - {"migrate"}:
        migrated = {"migrate": {"condition": "service_completed_successfully"}}
        assert SERVICES[name]["depends_on"] == ready | migrated


def test_workers_have_time_to_give_their_shards_back():
    for name in ("worker-gpu", "worker-cpu"):
        assert SERVICES[name]["stop_grace_period"] == "30s"


def test_gpu_worker_reserves_one_gpu():
    (device,) = SERVICES["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    assert "deploy" not in SERVICES["worker-cpu"]


def test_services_have_no_privileges():
    for service in SERVICES.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
    assert all(SERVICES[name]["read_only"] for name in OURS)
    assert all(SERVICES[name]["user"] not in {"root", "0"} for name in ("postgres", "valkey"))


def test_the_truth_and_the_queue_outlive_their_containers():
    volumes = yaml.safe_load(COMPOSE.read_text())["volumes"]
    for name in ("postgres", "valkey"):
        (mount,) = SERVICES[name]["volumes"]
        assert mount.split(":")[0] in volumes


@pytest.mark.parametrize("service", OURS)
def test_services_are_built_from_a_stage_of_the_dockerfile(service):
    build = SERVICES[service]["build"]
    assert (ROOT / build["context"] / "Dockerfile").is_file()
    assert build["target"] in STAGES
    assert SERVICES[service]["image"] == f"tombola-{build['target']}"


@pytest.mark.parametrize("stage", ["api", "worker"])
def test_images_run_tombola_as_an_unprivileged_user(stage):
    assert last(stage, "ENTRYPOINT") == '["tombola"]'
    user = last(stage, "USER")
    assert user not in {"root", "0"}
    assert f"--uid {user} " in " ".join(arguments for name, arguments in STAGES[stage] if name == "RUN")
    assert STAGES[stage][0] == ("FROM", "python:3.11-slim")


def test_only_the_worker_image_holds_torch():
    installs = {stage: [text for name, text in STAGES[stage] if name == "RUN"] for stage in ("api", "worker")}
    assert "[postgres]" in installs["api"][-1]
    assert "torch" not in " ".join(installs["api"])
    assert "[worker,postgres]" in installs["worker"][-1]
    assert all("--constraint" in text for text in installs["worker"] if "pip --python" in text)
    assert "torch==" in (ROOT / "constraints.txt").read_text()


def copied():
    """Every path of the build context that the Dockerfile reads."""
    paths = set()
    for instructions in STAGES.values():
        for name, arguments in instructions:
            if name == "COPY" and "--from" not in arguments:
                paths.update(arguments.split()[:-1])
            for mount in re.findall(r"--mount=(\S+)", arguments) if name == "RUN" else []:
                options = dict(option.split("=") for option in mount.split(","))
                if "from" not in options:
                    paths.add(options["source"])
    return paths


def test_what_the_dockerfile_copies_exists_and_is_sent_to_the_builder():
    assert {"clients/python", "service", "worker", "migrations", "pyproject.toml"} <= copied()
    assert [path for path in copied() if not (ROOT / path).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied()


def test_the_builder_gets_every_package_of_the_server():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert packages <= copied()


def copy_source(source):
    """Copy what the Dockerfile copies to build the wheels."""
    for name in copied():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            made = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "*.so")
            shutil.copytree(ROOT / name, source / name, ignore=made)
        else:
            shutil.copy(ROOT / name, source / name)


def build_wheels(source, target, **environment):
    """Build wheels as the Dockerfile does; return the names of the files in them."""
    (build,) = (text for name, text in STAGES["wheels"] if name == "RUN" and "pip wheel" in text)
    places = build.split("&&")[0].split("/wheels ")[1].split()
    pip = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet")
    wheels = ("--wheel-dir", str(target), *(str(source / place) for place in places))
    result = run(*pip, *wheels, **environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return {name for wheel in target.iterdir() for name in zipfile.ZipFile(wheel).namelist()}


def extensions(held):
    return [name for name in held if fnmatch(name, "worker/engine/_native*.so")]


def test_the_wheels_hold_every_file_of_their_packages(tmp_path):
    source = tmp_path / "src"
    copy_source(source)
    held = build_wheels(source, tmp_path / "wheels")
    packages = ("clients/python/tombola", "service", "worker", "migrations")
    files = {
        str(file.relative_to((source / package).parent))
        for package in packages
        for file in (source / package).rglob("*")
        if file.is_file() and file.parent != source / "worker/engine/native"  # becomes the extension
    }
    assert sorted(files - held) == []
    assert len(extensions(held)) == (1 if find_spec("worker.engine._native") else 0)


def test_without_a_compiler_the_wheels_are_built_without_the_native_engine(tmp_path):
    source = tmp_path / "src"
    copy_source(source)
    held = build_wheels(source, tmp_path / "wheels", CC="/nonexistent/cc", CXX="/nonexistent/c++")
    assert "worker/engine/native_engine.py" in held
    assert extensions(held) == []


@pytest.mark.parametrize("name", ["Dockerfile", "docker-compose.yml", ".dockerignore"])
def test_no_registry_or_index_is_named(name):
    text = (ROOT / name).read_text().lower()
    images = [service["image"] for service in SERVICES.values()]
    assert not any("." in image.split("/")[0] for image in images if "/" in image)
    for word in ("index-url", "pypi", "docker.io", "ghcr.", "quay.", "nvcr.", "download.pytorch"):
        assert word not in text
