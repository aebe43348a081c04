"""files -> read -> Run: the user's classes as data, and small questions about calls and scopes."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from msgspec import Struct, field

from wganlint.read.source.flow import Binding, dotted
from wganlint.read.source.parse import Code

Function = ast.FunctionDef | ast.AsyncFunctionDef

NETWORK_BASES = frozenset({"Module", "Model", "LightningModule", "Layer", "Sequential", "ModuleList", "Chain"})
FORWARD = ("forward", "call", "__call__")
WRAPPERS = frozenset({"DataParallel", "DistributedDataParallel", "DDP", "compile", "prepare", "script", "Variable",
                      "to", "cuda", "cpu", "train", "eval", "float", "double", "half", "apply", "requires_grad_",
                      "deepcopy", "unwrap_model", "bfloat16"})  # fmt: skip


class Class(Struct, eq=False):
    """A class of the user: its bases as written, its methods and what is assigned to `self.x` anywhere in it."""

    node: ast.ClassDef
    code: Code
    bases: tuple[str, ...]
    methods: dict[str, Function] = field(default_factory=dict)
    attributes: dict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))
    parents: list[Class] = field(default_factory=list)
    is_network: bool = False

    @property
    def name(self) -> str:
        """The name of the class."""
        return self.node.name

    def lineage(self) -> Iterator[Class]:
        """Yield the class and those it derives from within the files."""
        seen: list[Class] = [self]
        for known in seen:
            yield known
            seen.extend(parent for parent in known.parents if parent not in seen)

    def method(self, name: str) -> Function | None:
        """Return a method of the class or of a base."""
        return next((known.methods[name] for known in self.lineage() if name in known.methods), None)

    def attribute(self, name: str) -> list[Binding]:
        """Return every value that `self.name` can hold."""
        return [binding for known in self.lineage() for binding in known.attributes.get(name, ())]

    def forward(self) -> Function | None:
        """Return the method that a call of an instance runs."""
        return next((method for name in FORWARD if (method := self.method(name))), None)


def callee(call: ast.AST) -> str:
    """Return the last name of what a call calls: clamp for torch.clamp(x) and for x.clamp()."""
    func = call.func if isinstance(call, ast.Call) else call
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def args_hold(func: ast.Attribute) -> bool:
    """Return whether a dotted callee is a library function, whose operand is its first argument, not its receiver."""
    return dotted(func.value).split(".")[0] in LIBRARIES


LIBRARIES = frozenset({"torch", "nn", "F", "np", "numpy", "tf", "K", "jnp", "jax", "math", "keras", "autograd",
                       "optim", "functional", "backend", "ops", "copy", "accelerator", "init", "layers",
                       "spectral"})  # fmt: skip


def walk_own(function: ast.AST) -> Iterator[ast.AST]:
    """Walk a scope without the functions and classes defined inside it."""
    stack: list[ast.AST] = list(ast.iter_child_nodes(function))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            stack.extend(ast.iter_child_nodes(node))


def parameter_defaults(function: Function) -> list[tuple[ast.arg, ast.expr]]:
    """Return the parameters of a function that have a default."""
    positional = [*function.args.posonlyargs, *function.args.args]
    pairs = list(zip(positional[len(positional) - len(function.args.defaults) :], function.args.defaults, strict=True))
    pairs += [
        (parameter, value)
        for parameter, value in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
        if value is not None
    ]
    return pairs
