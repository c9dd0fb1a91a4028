"""The tables. Runs belong to configurations; cells point to configurations; shards are plans, not results."""

from __future__ import annotations

from service.store.models._base import Base, BigInt, Document, UtcDateTime
from service.store.models._datasets import Dataset, DatasetImport, DatasetPart, ImportedDataset
from service.store.models._experiments import Cell, CellSteps, CellTotals, Configuration, Event, Experiment
from service.store.models._fleet import ApiKey, Speed, Worker
from service.store.models._runs import Checkpoint, CheckpointPart, Curve, Environment, Run, Score
from service.store.models._shards import Shard, ShardItem, ShardKind

__all__ = [
    "ApiKey",
    "Base",
    "BigInt",
    "Cell",
    "CellSteps",
    "CellTotals",
    "Checkpoint",
    "CheckpointPart",
    "Configuration",
    "Curve",
    "Dataset",
    "DatasetImport",
    "DatasetPart",
    "Document",
    "Environment",
    "Event",
    "Experiment",
    "ImportedDataset",
    "Run",
    "Score",
    "Shard",
    "ShardItem",
    "ShardKind",
    "Speed",
    "UtcDateTime",
    "Worker",
]
