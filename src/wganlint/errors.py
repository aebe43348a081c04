"""Everything that can go wrong on purpose; the bottom of the house, known to every other room.

WganlintError            what happened, where, and what to do next
├── UsageError           the command line or the call is off            (exit code 2)
├── InputError           a file cannot be read or is not what it says   (listed; the run goes on)
├── ConfigError          wganlint.toml or an option holds a bad value   (exit code 2)
└── RuleError            a rule file is wrong: file, line, column       (that rule is `broken`, others run)
    └── ConditionError   a condition in a rule is wrong
"""

from __future__ import annotations


class WganlintError(Exception):
    """Base of all errors that wganlint raises on purpose.

    `what` is one sentence, `file`/`line`/`column` (1-based, in characters) say where, `hint` says what to do next.
    """

    def __init__(
        self,
        what: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(what)
        self.what = what
        self.file = file
        self.line = line
        self.column = column
        self.hint = hint

    @property
    def where(self) -> str:
        """`file:line:column` as far as known, or an empty string."""
        parts = [str(part) for part in (self.file, self.line, self.column) if part is not None]
        return ":".join(parts)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  {self.hint}" if self.hint else text


class UsageError(WganlintError):
    """The command line or the call is off."""


class InputError(WganlintError):
    """A file cannot be read, or is not what its name says."""


class ConfigError(WganlintError):
    """A configuration file or an option holds a bad value."""


class RuleError(WganlintError):
    """A rule file is wrong."""


class ConditionError(RuleError):
    """A condition in a rule file is wrong: syntax, unknown name, unguarded field, or kinds that do not combine."""
