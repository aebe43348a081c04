"""`--profile`: torch.profiler over some steps of a run without instruments; trace and table as PyTorch writes them."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch.autograd import profiler as autograd_profiler
from torch.profiler import ProfilerActivity, profile

from .device import in_use

LENGTH = 10  # steps of optimizers, at most
WIDE = 120  # characters of a name in the table


class Window:
    """Starts in the middle of the steps and ends before the last one; gives way where the program profiles itself."""

    def __init__(self, steps: int, trace: str, table: str) -> None:
        self.trace, self.table = trace, table
        self.first = max(1, steps // 2)
        self.last = min(self.first + LENGTH, steps - 1)
        self.told: dict[str, Any] = {"why": f"--steps {steps} leaves no room for it"} if self.last <= self.first else {}
        self._profiler: Any = None
        self._began = 0

    def tick(self, step: int) -> None:
        """A step is done."""
        if self._profiler is not None:
            if step >= self.last:
                self.close(step)
        elif not self.told and self.first <= step < self.last:
            if torch.autograd._profiler_enabled():  # type: ignore[attr-defined]
                if step + 1 >= self.last:
                    self.told = {"why": "the program profiles itself at these steps; more --steps reach beyond"}
                return
            self._open(step)

    def _open(self, step: int) -> None:
        activities = [ProfilerActivity.CPU]
        if in_use():
            activities.append(ProfilerActivity.CUDA)
            torch.cuda.synchronize()
        try:
            self._profiler = profile(activities=activities)
            self._give_way()
            self._profiler.start()
        except Exception as error:  # another profiler, or one that this machine does not allow
            self._profiler, self.told = None, {"why": f"{type(error).__name__}: {error}"[:300]}
            return
        self._began = step

    def _give_way(self) -> None:
        """End the window before a profiler of the program starts: there can be one only."""
        ours = self._profiler
        for kind, name in ((profile, "start"), (autograd_profiler.profile, "__enter__")):
            original = getattr(kind, name)

            @functools.wraps(original)
            def first_we_end(self_: Any, *args: Any, _original: Any = original, **kwargs: Any) -> Any:
                if self_ is not ours and self._profiler is ours:
                    self.close(None)
                return _original(self_, *args, **kwargs)

            setattr(kind, name, first_we_end)

    def close(self, step: int | None) -> None:
        """End the window and write it; `step` is the last one in it, None where it was cut short."""
        profiler, self._profiler = self._profiler, None
        if profiler is None:
            return
        if in_use():
            torch.cuda.synchronize()
        profiler.stop()
        if step is None:
            self.told = {"why": "the program started a profiler of its own meanwhile"}
            return
        try:
            profiler.export_chrome_trace(self.trace)
            averages = profiler.key_averages()
            text = averages.table(sort_by="self_cpu_time_total", row_limit=-1, max_name_column_width=WIDE)
            with open(self.table, "w", encoding="utf-8") as stream:
                stream.write(text)
        except Exception as error:
            self.told = {"why": f"it could not be written: {type(error).__name__}: {error}"[:300]}
            return
        self.told = {"first": self._began + 1, "last": step}
