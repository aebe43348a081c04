"""Keeps the script from writing into the user's own folders while it runs on a copy of them."""

from __future__ import annotations

import functools
import os
import sys
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = frozenset({
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink", "os.chmod", "os.utime",
    "shutil.rmtree", "shutil.move",
})  # fmt: skip


class Guard:
    """Refuses, by an audit hook, to open for writing what lies in a guarded folder; `refused` lists what."""

    def __init__(self, guarded: list[str]) -> None:
        self.guarded = tuple(os.path.realpath(folder) + os.sep for folder in guarded)
        self.refused: list[str] = []
        self.on = bool(guarded)
        if self.on:
            sys.addaudithook(self._hook)

    def watch_save(self) -> None:
        """Have torch.save ask, too: it opens files below Python."""
        if not self.on:
            return
        import torch

        save = torch.save

        @functools.wraps(save)
        def asked(obj: Any, f: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(f, (str, os.PathLike)):
                sys.audit("open", os.fspath(f), "wb", 0)
            return save(obj, f, *args, **kwargs)

        torch.save = asked

    def _hook(self, event: str, args: Any) -> None:
        if not self.on or (event != "open" and event not in _CHANGES):
            return
        if event == "open":
            path, mode, flags = args[:3]
            writes = any(one in mode for one in "wax+") if isinstance(mode, str) else bool(int(flags or 0) & _WRITES)
            paths = [path] if writes else []
        elif event in ("os.rename", "os.link", "os.symlink"):
            paths = list(args[:2]) if event == "os.rename" else list(args[1:2])
        else:
            paths = list(args[:1])
        for path in paths:
            self._check(path)

    def _check(self, path: Any) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        name = os.fsdecode(path)
        real = os.path.join(os.path.realpath(os.path.dirname(name) or "."), os.path.basename(name))
        real = os.path.realpath(real) if os.path.exists(real) else real
        if (real + os.sep).startswith(self.guarded):
            self.refused.append(name)
            raise PermissionError(
                13, "wganlint probe: this lies in your project, and the probe changes nothing there", name
            )
