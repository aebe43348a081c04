"""`wganlint.toml` and `[tool.wganlint]` in pyproject.toml: read from the working folder or the nearest one above."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, get_args

from msgspec import Struct, field

from wganlint.errors import ConfigError
from wganlint.rules.locate import Path as At
from wganlint.rules.locate import place, spots

Level = Literal["info", "low", "medium", "high", "critical"]
Belief = Literal["low", "medium", "high"]
MOST_BYTES = 1_048_576
_KEYS = {"rules", "ignore", "roles", "source", "columns", "fail-on", "min-confidence", "log-line", "expect"}


class Settings(Struct, frozen=True):
    """What the configuration says; `origin` is the file it came from, empty if there is none."""

    rules: tuple[Path, ...] = ()
    ignore: tuple[str, ...] = ()
    roles: dict[str, str] = field(default_factory=dict)
    source: tuple[Path, ...] = ()
    fail_on: str | None = None
    min_confidence: str | None = None
    origin: str = ""
    columns: tuple[str, ...] = ()  # names for the columns of tables without a header
    log_lines: tuple[str, ...] = ()  # patterns of lines
    expect: tuple[str, ...] = ()  # what must hold on each record


def load_settings(folder: Path) -> Settings:
    """Return the settings that hold in a folder; paths in them are relative to their file.

    Raises:
        ConfigError: the file is not TOML, or a key or value is not known.
    """
    for above in (folder, *folder.parents):
        own, project = above / "wganlint.toml", above / "pyproject.toml"
        if own.is_file():
            return _settings(*_read(own), (), own)
        if project.is_file():
            data, text = _read(project)
            tool = data.get("tool")
            table = tool.get("wganlint") if isinstance(tool, dict) else None
            if table is not None:
                return _settings(table, text, ("tool", "wganlint"), project)
    return Settings()


def _read(file: Path) -> tuple[dict[str, Any], str]:
    """Return the table and its text: places in it are looked up only for an error, because each start reads it."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ConfigError("a configuration file of this size", file=file.name, hint="the most is 1 MiB")
        text = file.read_text(encoding="utf-8")
        if file.name == "pyproject.toml" and "wganlint" not in text and "\\" not in text:
            return {}, text  # it does not speak to us
        import tomllib

        return tomllib.loads(text), text
    except UnicodeDecodeError as error:
        raise ConfigError(f"not TOML: {type(error).__name__}", file=file.name, line=1) from None
    except (RecursionError, ValueError) as error:
        at = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        if type(error).__name__ != "TOMLDecodeError":
            raise ConfigError(f"not TOML: {type(error).__name__}", file=file.name, line=1) from None
        what = re.sub(r" \(at .*\)$", "", str(error))
        line, column = (int(at[1]), int(at[2])) if at else (None, None)
        raise ConfigError(f"not TOML: {what}", file=file.name, line=line, column=column) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=file.name) from None


def _settings(table: object, text: str, path: At, file: Path) -> Settings:
    def fail(key: At, what: str, hint: str) -> ConfigError:
        try:
            spot = place(spots(text), (*path, *key))
        except RecursionError:  # nested as deep as tomllib just bears
            spot = None
        line, column = (spot.key_line, spot.key_column) if spot else (None, None)
        return ConfigError(what, file=file.name, line=line, column=column, hint=hint)

    def wrong(key: str, need: str) -> ConfigError:
        return fail((key,), f"{key} must be {need}", "see README, section Configuration")

    if not isinstance(table, dict):
        raise fail((), "wganlint must be a table", "write [tool.wganlint]")
    for key in table:
        if key not in _KEYS:
            raise fail((key,), f"unknown key {key!r}", f"known: {', '.join(sorted(_KEYS))}")

    def texts(key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise wrong(key, "a list of texts")
        return tuple(value)

    def level(key: str, choices: tuple[str, ...]) -> str | None:
        value = table.get(key)
        if value is not None and value not in choices:
            raise wrong(key, f"one of {', '.join(choices)}")
        return value

    roles = table.get("roles", {})
    if not isinstance(roles, dict) or not all(isinstance(value, str) for value in roles.values()):
        raise wrong("roles", 'a table of texts: critic_loss = "my_name"')
    return Settings(
        log_lines=_log_lines(table.get("log-line", []), text, path, file),
        rules=tuple(file.parent / name for name in texts("rules")),
        ignore=texts("ignore"),
        roles=dict(roles),
        source=tuple(file.parent / name for name in texts("source")),
        fail_on=level("fail-on", get_args(Level)),
        min_confidence=level("min-confidence", get_args(Belief)),
        origin=file.name,
        columns=texts("columns"),
        expect=_expect(texts("expect"), text, path, file),
    )


def _expect(texts: tuple[str, ...], text: str, path: At, file: Path) -> tuple[str, ...]:
    """Return the expectations, each tried here so that a mistake is told with its place."""
    if not texts:
        return ()
    from wganlint.expect import ExpectError, expectation

    for number, one in enumerate(texts):
        try:
            expectation(one)
        except ExpectError as error:
            spot = place(spots(text), (*path, "expect", number))
            line, column = spot.inside(1, error.at + 1) if spot else (None, None)
            hint = 'write expect = ["muons >= events", "0 <= d_real <= 1"]'
            raise ConfigError(f"expect: {error.what}", file=file.name, line=line, column=column, hint=hint) from None
    return texts


def _log_lines(tables: object, text: str, path: At, file: Path) -> tuple[str, ...]:
    """Return the patterns of `[[log-line]]`, each tried here so that a mistake is told with its place."""
    if tables == []:
        return ()
    from wganlint.read.logline import MOST, PatternError, log_line

    hint = 'write [[log-line]] and pattern = "epoch {epoch:step} D {critic_loss:num}"'

    def fail(key: At, what: str, at: int = -1) -> ConfigError:
        spot = place(spots(text), (*path, "log-line", *key))
        line, column = (spot.key_line, spot.key_column) if spot else (None, None)
        if spot is not None and at >= 0:
            line, column = spot.inside(1, at + 1)
        return ConfigError(what, file=file.name, line=line, column=column, hint=hint)

    if not isinstance(tables, list) or len(tables) > MOST:
        raise fail((), f"log-line must be a list of at most {MOST} tables")
    patterns = []
    for number, table in enumerate(tables):
        pattern = table.get("pattern") if isinstance(table, dict) else None
        if not isinstance(pattern, str):
            raise fail((number,), "a log-line needs a pattern, which is a text")
        for key in table:
            if key != "pattern":
                raise fail((number, key), f"unknown key {key!r} in a log-line")
        try:
            log_line(pattern)
        except PatternError as error:
            raise fail((number, "pattern"), f"pattern: {error.what}", error.at) from None
        patterns.append(pattern)
    return tuple(patterns)
