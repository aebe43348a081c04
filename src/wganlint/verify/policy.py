"""rules/edits.toml -> Policy: which fix is which edit, what else is tried, and when a vital sign is sick."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from wganlint.errors import ConfigError
from wganlint.shipped import rules_folder


class Rulings(Struct, frozen=True):
    """Limits of the vital signs; what they mean stands beside them in the file."""

    empty: float
    better: float
    fewer: float
    gap: float
    gap_told: float
    ratio_low: float
    ratio_high: float
    size: float
    mixes: float


class Budget(Struct, frozen=True):
    """How much is tried."""

    longer: tuple[float, ...]
    awake: float
    sets: int
    places: int
    runs: int
    minutes: float
    seed_options: tuple[str, ...]


class Policy(Struct, frozen=True):
    """All of the file. `edits` and `tried` are entries whose further keys are parameters of the edit."""

    edits: tuple[dict[str, Any], ...]
    tried: tuple[dict[str, Any], ...]
    vital: Rulings
    budget: Budget


def policy(file: Path | None = None) -> Policy:
    """Return what rules/edits.toml says.

    Raises:
        ConfigError: it is not there or not as it should be.
    """
    file = file or rules_folder() / "edits.toml"
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        parts = {"edits": data["edit"], "tried": data["tried"], "vital": data["vital"], "budget": data["budget"]}
        return msgspec.convert(parts, Policy)
    except (OSError, ValueError, KeyError, msgspec.ValidationError) as error:
        raise ConfigError(f"{file.name} cannot be used: {error}", hint="reinstall wganlint") from None
