"""Functions that take the gradient of scores to inputs, and whether they did when they were called."""

from __future__ import annotations

from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .tally import Spread, stats_of

if TYPE_CHECKING:
    from .watch import Watch


class Penalty:
    """One function, and its calls."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.calls = self.ran = self.graph = self.constant = 0
        self.first: float | None = None
        self.last: float | None = None
        self.slope = Spread()
        self.line: tuple[CodeType, int] = (code, code.co_firstlineno)


class Penalties:
    """Follows the functions of the user that call torch.autograd.grad.

    A call begins with the first operation that is seen in such a function, and ends with the first one that is seen
    where it is no longer on the stack. The last number that it computed is taken for its value.
    """

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.found: dict[CodeType, Penalty] = {}
        self._candidates: dict[CodeType, bool] = {}
        self.open: Penalty | None = None
        self._ran = False
        self._value: float | None = None
        self._graph = False
        self._frame = 0

    def seen(self, name: str, out: Any) -> None:
        """An operation ran outside of the networks."""
        frame = self.watch.where.frame()
        if frame is None:
            return
        code = frame.f_code
        if self.open is not None and (code is not self.open.code or id(frame) != self._frame):
            self._maybe_close(frame)
        if self.open is None:
            if not self._is_candidate(frame):
                return
            self._begin(code, frame)
        if self.open is not None and code is self.open.code and isinstance(out, Tensor) and out.numel() == 1:
            self._value = float(out.detach().item()) if out.is_floating_point() else self._value
            self._graph = out.requires_grad

    def _maybe_close(self, frame: FrameType) -> None:
        current: FrameType | None = frame
        while current is not None and self.open is not None:
            if current.f_code is self.open.code and id(current) == self._frame:
                return
            current = current.f_back
        self.close()

    def _begin(self, code: CodeType, frame: FrameType) -> None:
        self.open = self.found.setdefault(code, Penalty(code))
        self._frame, self._ran, self._value, self._graph = id(frame), False, None, False

    def close(self) -> None:
        """The function that was running has returned."""
        one, self.open = self.open, None
        if one is None:
            return
        one.calls += 1
        one.ran += self._ran
        one.constant += not self._ran and not self._graph
        if self._value is not None and self._value == self._value and abs(self._value) != float("inf"):
            one.first = self._value if one.first is None else one.first
            one.last = self._value

    def _is_candidate(self, frame: FrameType) -> bool:
        code = frame.f_code
        known = self._candidates.get(code)
        if known is None:
            names = code.co_names
            direct = "grad" in names and frame.f_globals.get("grad") is torch.autograd.grad
            takes = ("autograd" in names and "grad" in names) or direct
            steps = "backward" in names or "step" in names or code.co_name == "<module>"
            known = self._candidates[code] = takes and not steps
        return known

    def took(self, kwargs: dict[str, Any], result: Any, key: Any) -> None:
        """torch.autograd.grad was called by the program."""
        frame = self.watch.where.frame()
        if frame is None:
            return
        if self.open is not None:
            self._maybe_close(frame)
        inline = self.open is None
        if inline:
            self._begin(frame.f_code, frame)
        one = self.open
        if one is None:
            return
        self._ran = True
        if not one.graph and not one.ran:
            one.line = (frame.f_code, frame.f_lineno)
        one.graph += bool(kwargs.get("create_graph"))
        grads = result if isinstance(result, (tuple, list)) else (result,)
        for grad in grads:
            if isinstance(grad, Tensor) and grad.is_floating_point() and grad.dim():
                flat = grad.detach().reshape(grad.shape[0], -1) if grad.numel() else grad.detach().reshape(0, 1)
                norms = torch.linalg.vector_norm(flat, dim=1)
                stats = stats_of(norms)
                if stats is not None:
                    one.slope.add(norms, stats)
        if inline and not self._is_candidate(frame):
            self._graph = True
            self.close()
