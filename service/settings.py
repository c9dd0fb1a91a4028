"""Typed settings, read from the environment with the prefix `TOMBOLA_`."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal, Self, get_args

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

#: As `service.lab.work` has it.
Queue = Literal["main", "cpu"]


class Settings(BaseSettings):
    """What can be set. The embedded stack and a deployment differ in these values and nothing else."""

    model_config = SettingsConfigDict(env_prefix="TOMBOLA_", extra="ignore", frozen=True)

    data_dir: Path = Field(default=Path("tombola-data"), description="Folder of the embedded database.")
    database_url: str = Field(
        default="", description="SQLAlchemy URL; empty is an SQLite file `tombola.db` under the data folder."
    )
    broker_url: str = Field(default="redis://127.0.0.1:6379/0", description="URL of Valkey or Redis.")
    queue: str = Field(
        default="tombola",
        description="Name of the main task queue in the broker; the other has `-cpu` after it.",
    )
    queues: str = Field(
        default="main,cpu",
        description="What a worker consumes, with commas between: `main` is runs on parities and networks on "
        "tables, `cpu` the other models on tables and imports of data sets.",
    )
    host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port the API listens on.")
    admin_key: SecretStr | None = Field(
        default=None, description="API key that `tombola migrate --ensure-admin-key` registers."
    )
    max_body_bytes: int = Field(default=1_000_000, ge=1_000, description="Largest request body.")
    max_dataset_bytes: int = Field(
        default=300_000_000, ge=1_000, description="Largest table that is uploaded, packed and unpacked."
    )
    openml_url: str = Field(
        default="https://www.openml.org", description="OpenML, or a mirror with the same paths."
    )
    openml_retries: int = Field(default=6, ge=0, description="Times that a download is tried again.")
    cache_dir: Path | None = Field(
        default=None, description="Folder of downloads; empty is `cache` under the data folder."
    )
    engine: Literal["auto", "native", "torch", "triton"] = Field(
        default="auto", description="Training engine."
    )
    device: str = Field(default="auto", description="`auto`, `cpu`, `cuda` or `cuda:1`.")
    threads: int = Field(default=0, ge=0, description="CPU threads of a worker; 0 is all cores.")
    shard_seconds: float = Field(default=60.0, gt=0, description="Training time a shard is planned for.")
    lease_seconds: float = Field(
        default=30.0, ge=2, description="A shard not renewed for this long is taken back."
    )
    heartbeat_seconds: float = Field(
        default=1.0, gt=0, le=5, description="How often a worker renews its lease."
    )
    sweep_seconds: float = Field(default=2.0, gt=0, description="How often the sweeper looks.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if url and not url.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")
        return url

    @field_validator("queues")
    @classmethod
    def _known_queues(cls, given: str) -> str:
        found = [part.strip() for part in given.split(",")]
        if len(set(found)) < len(found) or not set(found) <= set(get_args(Queue)):
            raise ValueError(f"must be some of {', '.join(get_args(Queue))} with commas between")
        return ",".join(found)

    @field_validator("openml_url")
    @classmethod
    def _http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _lease_outlives_heartbeats(self) -> Self:
        if self.lease_seconds < 3 * self.heartbeat_seconds:
            raise ValueError(
                f"TOMBOLA_LEASE_SECONDS must be at least three TOMBOLA_HEARTBEAT_SECONDS "
                f"({3 * self.heartbeat_seconds:g}), not {self.lease_seconds:g}"
            )
        return self

    @property
    def consumed(self) -> tuple[Queue, ...]:
        """The queues that a worker consumes."""
        return tuple(queue for queue in get_args(Queue) if queue in self.queues.split(","))

    def queue_name(self, queue: Queue) -> str:
        """Return the name of a queue in the broker."""
        return self.queue if queue == "main" else f"{self.queue}-{queue}"

    @property
    def sqlalchemy_url(self) -> str:
        """The database URL with its default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'tombola.db'}"

    @property
    def downloads(self) -> Path:
        """The folder of downloads with its default filled in."""
        return self.cache_dir or self.data_dir / "cache"


def is_loopback(host: str) -> bool:
    """Tell whether an address is this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
