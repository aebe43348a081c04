"""Every operation that the program calls, seen through a TorchFunctionMode: what went in, what came out, whose line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from .marks import JOINED, OUTS, Made, tensors_in, version_of
from .sites import HANDLERS
from .tally import Stats

if TYPE_CHECKING:
    from .watch import Watch

unseen = torch._C.DisableTorchFunction  # within it, what the probe itself computes does not come by here
LARGE = 1e4  # a size that no normalized network works at
_SKIP = frozenset({
    "size", "dim", "ndimension", "numel", "nelement", "stride", "storage_offset", "element_size", "is_floating_point",
    "is_complex", "is_contiguous", "is_cuda", "get_device", "data_ptr", "untyped_storage", "storage", "type",
    "requires_grad_", "retain_grad", "register_hook", "register_post_accumulate_grad_hook", "is_inference",
    "__len__", "__str__", "__hash__", "is_same_size", "is_signed", "is_pinned", "is_shared",
    "__deepcopy__", "__reduce_ex__", "__setstate__", "has_names", "is_tensor", "is_storage", "is_nonzero", "is_set_to",
    "empty", "empty_like", "new_empty", "empty_strided", "empty_permuted", "manual_seed", "get_default_dtype",
    "result_type", "can_cast", "promote_types", "zero_", "allclose", "equal", "set_", "resize_",
    "apply_", "map_", "__dir__", "__contains__", "__iter__", "__array__", "share_memory_", "pin_memory", "backward",
    "__reversed__", "grad", "_is_view", "isinstance", "normal_", "uniform_", "kaiming_uniform_", "xavier_uniform_",
})  # fmt: skip
_VIEWS = frozenset({
    "detach", "detach_", "view", "reshape", "squeeze", "unsqueeze", "flatten", "unflatten", "transpose", "permute", "t",
    "contiguous", "expand", "expand_as", "view_as", "movedim", "swapaxes", "clone", "alias", "to", "cpu", "cuda",
    "float", "double", "ravel", "requires_grad_", "data", "T", "mT", "chunk", "split", "unbind", "narrow", "select",
    "squeeze_", "unsqueeze_", "type_as", "unfold", "diagonal", "index_select", "__getitem__",
})  # fmt: skip
_KEEPS_BOUND = frozenset({"mul", "div", "neg", "true_divide", "__mul__", "__truediv__", "__rmul__", "nan_to_num"}) | (
    _VIEWS - {"index_select", "__getitem__"}
)
SYNCS = frozenset({
    "item", "tolist", "__bool__", "__float__", "__int__", "__index__", "__format__", "__repr__", "numpy", "nonzero",
})  # fmt: skip
_READ = frozenset({"data", "T", "mT", "real"})  # attributes that give another view of the same tensor


def name_of(func: Any) -> str:
    """Return the plain name of what was called; that of an attribute for its getter, "" for what is of no interest."""
    name = getattr(func, "__name__", "") or ""
    if name in ("__get__", "__set__", "__delete__"):
        attribute = getattr(getattr(func, "__self__", None), "__name__", "")
        return attribute if name == "__get__" and attribute in _READ else ""
    if name in _SKIP and name != "grad":
        return name if name == "backward" else ""
    if name == "grad":
        return name if getattr(func, "__module__", "") == "torch.autograd" else ""
    return name


class Operations(TorchFunctionMode):
    """Sees each operation on the thread of the program; gives way at once where the probe itself computes."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch
        self.names: dict[Any, str] = {}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the operation as the program called it, and look at it."""
        kwargs = kwargs or {}
        watch = self.watch
        if not watch.active or watch.busy:
            return func(*args, **kwargs)
        try:
            name = self.names[func]
        except KeyError:
            name = self.names[func] = name_of(func)
        except TypeError:  # not hashable
            name = name_of(func)
        if not name:
            return func(*args, **kwargs)
        if name == "backward":
            return watch.backward(func, args, kwargs)
        if name == "grad":
            return watch.slope(func, args, kwargs)
        return self._seen(func, name, args, kwargs)

    def _seen(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        watch = self.watch
        if name in SYNCS:
            watch.sync(name)
            return func(*args, **kwargs)
        handler: Callable[..., Any] | None = HANDLERS.get(name)
        after = None
        if handler is not None:
            watch.busy = True
            try:
                after = handler(watch, name, args, kwargs)
            finally:
                watch.busy = False
        out = func(*args, **kwargs)
        watch.busy = True
        try:
            self._look(name, args, kwargs, out, after)
        finally:
            watch.busy = False
        return out

    def _look(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any, after: Any) -> None:
        watch, marks = self.watch, self.watch.marks
        outs = [out] if isinstance(out, Tensor) else tensors_in(out)
        if not outs:
            return
        given: list[Tensor] = []
        for value in (*args, *kwargs.values()) if kwargs else args:
            if isinstance(value, Tensor):
                given.append(value)
            elif isinstance(value, (list, tuple, dict)):
                given += tensors_in(value)
        if watch.networks.call is None:
            self._sides(name, args, kwargs, given, outs)
            watch.penalties.seen(name, out)
            if name in ("mul", "__mul__", "multiply") and len(given) == 2 and outs[0].dim() == 0:
                self._scaled(given, outs[0])
        if name in _VIEWS:
            self._view(given, outs)
            if name in ("cpu", "to") and outs[0].device.type == "cpu" and given and given[0].device.type != "cpu":
                watch.sync(name)
        elif not (name.endswith("_") and outs[0].is_leaf and outs[0].requires_grad):  # writing into parameters
            for one in outs:
                if one.is_floating_point():
                    self._float(name, args, given, one)
        if after is not None:
            after(outs[0])
        if name in _KEEPS_BOUND and given and (known := marks.get(given[0])) is not None and known.bound is not None:
            marks.of(outs[0]).bound = known.bound

    def _sides(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], given: list[Tensor], outs: list[Tensor]
    ) -> None:
        """Hand on through which networks the tensors came."""
        marks = self.watch.marks
        side, bare = 0, False
        for one in given:
            mark = marks.side(one)
            side |= mark
            bare |= not mark & OUTS and one.is_floating_point() and one.dim() > 1
        if not side:
            return
        if bare and side & OUTS and name in ("cat", "concat", "concatenate", "vstack"):
            dim = kwargs.get("dim", args[1] if len(args) > 1 else 0)
            if dim == 0:
                side |= JOINED
        for one in outs:
            marks.of(one).side |= side

    def _scaled(self, given: list[Tensor], out: Tensor) -> None:
        """Remember by what a GradScaler multiplied a loss."""
        frame = sys._getframe(1)
        for _ in range(9):
            if frame.f_code.co_filename.endswith("grad_scaler.py"):
                self.watch.marks.of(out).scale = float(given[1].item()) or 1.0
                return
            if frame.f_back is None:
                return
            frame = frame.f_back

    def _view(self, given: list[Tensor], outs: list[Tensor]) -> None:
        """Hand on what is known of the values."""
        marks = self.watch.marks
        known = marks.get(given[0]) if given else None
        if known is None or (known.made is None and known.stats is None and not known.mask):
            return
        for one in outs:
            if one is given[0] or not (one.is_floating_point() or known.mask):
                continue
            new = marks.of(one)
            new.made, new.mask = known.made, known.mask
            same = one.numel() == given[0].numel() and one.dtype == given[0].dtype
            if same and known.stats is not None and known.version == version_of(given[0]):
                new.stats, new.version = known.stats, version_of(one)

    def _float(self, name: str, args: tuple[Any, ...], given: list[Tensor], one: Tensor) -> None:
        watch, marks = self.watch, self.watch.marks
        stats = marks.stats(one)
        if stats is None:
            return
        if not (stats.low > -LARGE and stats.high < LARGE):
            self._large(name, args, given, one, stats)
        node = one.grad_fn
        if node is not None:
            watch.gradients.watch_node(node, name)

    def _large(self, name: str, args: tuple[Any, ...], given: list[Tensor], one: Tensor, stats: Stats) -> None:
        """Something large or not finite came out: was it so before, or is it made here?"""
        watch, marks = self.watch, self.watch.marks
        below = 0.0
        inherited: Made | None = None
        nan = inf = False
        for part in given:
            if part is one or not part.is_floating_point():
                continue
            known = marks.stats(part)
            if known is None:
                continue
            if not known.finite:
                nan |= known.largest != known.largest
                inf = True
            elif known.largest > below:
                below = known.largest
            found = marks.get(part)
            if found is not None and found.made is not None and (not known.finite or known.largest >= LARGE):
                inherited = inherited or found.made
        kind = kind_of(name, given)
        if not stats.finite:
            is_nan = stats.largest != stats.largest
            if kind != "fill" and ((is_nan and not nan) or (not is_nan and not inf)):
                watch.origin(name, one, "forward")
            return
        if inherited is None:
            value = stats.low if abs(stats.low) >= abs(stats.high) else stats.high
            inherited = Made(name, watch.where.line(), kind, value, below if given else None)
        marks.of(one).made = inherited


def kind_of(name: str, given: list[Tensor]) -> str:
    """Return what an operation does to the size of values."""
    plain = name.strip("_")
    if plain in ("full", "full_like", "new_full", "fill", "masked_fill", "setitem", "where", "tensor", "as_tensor"):
        return "fill"
    if plain in ("div", "true_divide", "truediv", "rtruediv", "reciprocal", "rsqrt", "rdiv"):
        return "division"
    if plain in ("exp", "expm1", "pow", "rpow", "exp2", "cosh", "sinh"):
        return "exp"
    if plain in ("mul", "rmul", "matmul", "linear", "bmm", "mm", "addmm", "conv2d", "conv1d", "einsum", "baddbmm"):
        return "product"
    if plain in ("from_numpy", "load") or not given:
        return "data"
    return "other"
