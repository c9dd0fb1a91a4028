"""What an engine raises besides programming errors."""

from __future__ import annotations


class EngineError(Exception):
    """An engine cannot do what it was asked."""


class UnknownEngineError(EngineError, ValueError):
    """No engine has this name."""


class DeviceError(EngineError, ValueError):
    """No such device, or the engine cannot use it here."""


class EngineMemoryError(EngineError, MemoryError):
    """One run alone does not fit into the memory that the engine may use."""


class EngineNotBuiltError(EngineError):
    """The engine needs code that was not compiled at the installation, or cannot be loaded here."""


class CheckpointError(EngineError, ValueError):
    """A checkpoint cannot be one of its run."""
