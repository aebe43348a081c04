"""`wganlint.toml` and `[tool.wganlint]` in pyproject.toml: read from the working folder or the nearest one above."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wganlint.errors import ConfigError

LEVELS = ("info", "low", "medium", "high", "critical")
CONFIDENCES = ("low", "medium", "high")
MOST_BYTES = 1_048_576
_KEYS = {"rules", "ignore", "roles", "source", "fail-on", "min-confidence"}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says; `origin` is the file it came from, empty if there is none."""

    rules: tuple[Path, ...] = ()
    ignore: tuple[str, ...] = ()
    roles: dict[str, str] = field(default_factory=dict)
    source: tuple[Path, ...] = ()
    fail_on: str | None = None
    min_confidence: str | None = None
    origin: str = ""


def load_settings(folder: Path) -> Settings:
    """Return the settings that hold in a folder; paths in them are relative to their file.

    Raises:
        ConfigError: the file is not TOML, or a key or value is not known.
    """
    for place in (folder, *folder.parents):
        own, project = place / "wganlint.toml", place / "pyproject.toml"
        if own.is_file():
            return _settings(_read(own), own)
        if project.is_file():
            table = _read(project).get("tool", {}).get("wganlint")
            if isinstance(table, dict):
                return _settings(table, project)
    return Settings()


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ConfigError("a configuration file of this size", file=file.name, hint="the most is 1 MiB")
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        what = re.sub(r" \(at .*\)$", "", str(error))
        line, column = (int(at[1]), int(at[2])) if at else (None, None)
        raise ConfigError(f"not TOML: {what}", file=file.name, line=line, column=column) from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ConfigError(f"not TOML: {type(error).__name__}", file=file.name, line=1) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=file.name) from None


def _settings(table: dict[str, Any], file: Path) -> Settings:
    def fail(key: str, need: str) -> ConfigError:
        return ConfigError(f"{key} must be {need}", file=file.name, hint="see README, section Configuration")

    for key in table:
        if key not in _KEYS:
            raise ConfigError(
                f"unknown key {key!r}", file=file.name, hint=f"known: {', '.join(sorted(_KEYS))}"
            )

    def texts(key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise fail(key, "a list of texts")
        return tuple(value)

    def level(key: str, choices: tuple[str, ...]) -> str | None:
        value = table.get(key)
        if value is not None and value not in choices:
            raise fail(key, f"one of {', '.join(choices)}")
        return value

    roles = table.get("roles", {})
    if not isinstance(roles, dict) or not all(isinstance(value, str) for value in roles.values()):
        raise fail("roles", 'a table of texts: critic_loss = "my_name"')
    return Settings(
        rules=tuple(file.parent / text for text in texts("rules")),
        ignore=texts("ignore"),
        roles=dict(roles),
        source=tuple(file.parent / text for text in texts("source")),
        fail_on=level("fail-on", LEVELS),
        min_confidence=level("min-confidence", CONFIDENCES),
        origin=file.name,
    )
