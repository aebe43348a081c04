"""What the names in a profile stand for; shared by read/profile_table and read/trace.

The order of the questions matters: `autograd::engine::...` before backward nodes, annotations before kernels.
"""

from __future__ import annotations

import re

from wganlint.late import late

_NODE = late(r"[^\s:]*Backward\d*|torch::autograd::\S+")
_RUNTIME = late(
    r"(?:cuda|cudnn|hip|hipExt|hsa|cu|ze|ur|musa|acl|mtia)_?[A-Z]\w*"
    r"|Lazy Function Loading|Runtime Triggered.*|(?:Command|Activity) Buffer.*"
    r"|Unrecognized|Context Sync|Event Sync"
)
_KERNEL = late(
    r"void |triton_|Memcpy |Memset |ampere_|volta_|turing_|hopper_|sm\d\d|maxwell_|pascal_|Cijk_|cutlass"
    r"|nvjet|nccl(?:Dev)?Kernel|rcclKernel|gemm|gemv|CopyHostToDevice|CopyDeviceTo|FillBuffer|__amd_|\w+<.*>\("
)
_ANNOTATION = late(
    r"ProfilerStep|Optimizer\.|enumerate\(DataLoader\)|\[pl\]|## |DistributedDataParallel|nn\.Module: "
    r"|FullyShardedData|Torch-Compiled Region|CompiledFunction$|TorchDynamo|FSDP::|nccl:|gloo:|mpi:"
)
_BARE = {"detach", "detach_", "to", "lift_fresh", "is_leaf", "requires_grad_", "data", "view", "set_data"}


def kind_of(name: str, modern: bool = True, alone: bool = False) -> str:
    """Return what a row or a call stands for: op, node, wrapper, runtime, kernel, annotation or other.

    `modern`: operations are written `aten::...`; `alone`: this name has time on the device and none on the CPU.
    """
    if name.startswith("aten::"):
        return "op"
    if name.startswith("autograd::engine::evaluate_function"):
        return "wrapper"
    if _NODE.fullmatch(name):
        return "node"
    if _ANNOTATION.match(name):
        return "annotation"
    if _RUNTIME.fullmatch(name):
        return "runtime"
    if _KERNEL.match(name) or alone:
        return "kernel"
    if re.match(r"[a-z_]\w*::\w", name) or name in _BARE or (not modern and re.fullmatch(r"[a-z_]\w*", name)):
        return "op"
    return "other"
