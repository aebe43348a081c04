"""files -> read -> Run: which code can never run, because a test around it never holds: `i < 0`, `n % k == k`."""

from __future__ import annotations

import ast
import math
from collections import defaultdict

from wganlint.read.source.classes import callee
from wganlint.read.source.paths import Paths

Span = tuple[float, float]  # the least and the greatest value
ANY: Span = (-math.inf, math.inf)
_INDEX = frozenset({"range", "trange", "xrange", "arange"})
_WRAPS = frozenset({"tqdm", "list", "iter", "track"})  # what gives the items of its argument, in order
DEPTH = 8


class Reach:
    """Tests that are decided by counters and constants of the files alone; options of the command line are open."""

    def __init__(self, paths: Paths) -> None:
        self.project = paths.project
        shared = (*self.project.by_class["Global"], *self.project.by_class["Nonlocal"])
        self.shared = {name for node in shared if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
        self.stored: dict[str, int] = defaultdict(int)  # how often an attribute of a name is set, anywhere
        for node in self.project.by_class["Attribute"]:
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                self.stored[node.attr] += 1

    def barred(self, node: ast.AST) -> ast.expr | None:
        """Return the test (or the loop's range) that keeps code from ever running; None where nothing surely does."""
        for parent, child in self.project.around(node):
            match parent:
                case ast.If(test=test) | ast.IfExp(test=test) if child is not test:
                    inside = child in parent.body if isinstance(parent, ast.If) else child is parent.body
                    if self.truth(test) is (not inside):
                        return test
                case ast.While(test=head) | ast.For(iter=head) if child in parent.body and self.idle(parent):
                    return head
        return None

    def idle(self, loop: ast.For | ast.AsyncFor | ast.While) -> bool:
        """Return whether a loop surely has no round."""
        return self.truth(loop.test) is False if isinstance(loop, ast.While) else self._empty(loop.iter)

    def _empty(self, walked: ast.expr) -> bool:
        """Whether a loop has no rounds: range(0)."""
        ends = _range(walked)
        return ends is not None and self.span(ends[1])[1] <= self.span(ends[0])[0]

    def truth(self, test: ast.expr, depth: int = DEPTH) -> bool | None:
        """Return whether a test always or never holds; None where it may."""
        if depth <= 0:
            return None
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                known = self.truth(inner, depth - 1)
                return None if known is None else not known
            case ast.BoolOp(op=op, values=values):
                told = {self.truth(value, depth - 1) for value in values}
                ends = not isinstance(op, ast.And)
                return ends if ends in told else None if None in told else not ends
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._compared(left, op, right)
            case ast.Constant(value=value):
                return bool(value)
            case ast.Name():
                return self._flag(test)
        return None

    def _flag(self, node: ast.Name) -> bool | None:
        """The value of a flag that the code itself sets once; names in capitals are settings to be edited."""
        held = self.project.ever(node)
        if len(held) != 1 or held[0].how != "is" or held[0].item is not None or self._setting(node):
            return None
        value = held[0].value
        return value.value if isinstance(value, ast.Constant) and isinstance(value.value, bool) else None

    def _setting(self, node: ast.Name) -> bool:
        """Whether a name is there to be edited (in capitals), or other functions may set it."""
        return node.id.isupper() or node.id in self.shared

    def _compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> bool | None:
        if isinstance(op, ast.Eq | ast.GtE | ast.Gt) and self._below(left, right):
            return False
        if isinstance(op, ast.Lt) and self._below(left, right):
            return True
        (low, high), (least, most) = self.span(left), self.span(right)
        match op:
            case ast.Lt():
                return True if high < least else False if low >= most else None
            case ast.LtE():
                return True if high <= least else False if low > most else None
            case ast.Gt():
                return True if low > most else False if high <= least else None
            case ast.GtE():
                return True if low >= most else False if high < least else None
            case ast.Eq():
                return False if low > most or high < least else None
            case ast.NotEq():
                return True if low > most or high < least else None
        return None

    def _below(self, left: ast.expr, right: ast.expr) -> bool:
        """Whether one is surely below the other as written: n % k and k, the index of range(n) and n."""
        limit = ast.dump(right)
        if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mod):
            return ast.dump(left.right) == limit
        for binding in self.project.ever(left) if isinstance(left, ast.Name) else ():
            ends = _range(binding.value) if binding.how == "each" else None
            if ends is not None and ast.dump(ends[1]) == limit:
                continue
            counted = _counted(binding.value) if binding.how == "each" and binding.item == 0 else None
            if counted is not None and limit == ast.dump(_length(counted)):
                continue
            return False
        return isinstance(left, ast.Name) and bool(self.project.holds(left))

    def span(self, node: ast.expr, depth: int = DEPTH) -> Span:
        """Return the least and the greatest value that a number of the code can have."""
        if depth <= 0:
            return ANY
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return (float(value), float(value)) if abs(value) < 1e300 else ANY
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                low, high = self.span(inner, depth - 1)
                return -high, -low
            case ast.BinOp(left=left, op=op, right=right):
                return self._combined(self.span(left, depth - 1), op, self.span(right, depth - 1))
            case ast.Call() if callee(node) == "len":
                return 0.0, math.inf
            case ast.Name() | ast.Attribute():
                return self._named(node, depth)
        return ANY

    def _combined(self, first: Span, op: ast.operator, second: Span) -> Span:
        match op:
            case ast.Add():
                return first[0] + second[0], first[1] + second[1]
            case ast.Sub():
                return first[0] - second[1], first[1] - second[0]
            case ast.Mod() if second[0] > 0 and second[1] < math.inf:
                return 0.0, second[1] - 1 if second[1] == int(second[1]) else second[1]
            case ast.Mod() if second[0] > 0:
                return 0.0, math.inf
        return ANY

    def _named(self, node: ast.Name | ast.Attribute, depth: int) -> Span:
        """A loop's index, a constant, or a counter that only grows from its first value."""
        low, high = math.inf, -math.inf
        held = self.project.ever(node)
        if isinstance(node, ast.Name) and self._setting(node):
            return ANY
        if isinstance(node, ast.Attribute) and self.stored[node.attr] > len(held):
            return ANY  # set from elsewhere
        for binding in held:
            span = ANY
            if binding.how == "each":
                span = self._index(binding.value, binding.item, depth)
            elif binding.how == "is" and binding.item is None and isinstance(binding.value, ast.expr):
                span = self.span(binding.value, depth - 1) if not _grows(binding.value, node) else (math.inf, math.inf)
            low, high = min(low, span[0]), max(high, span[1])
        return (low, high) if low <= high and low < math.inf else ANY

    def _index(self, walked: ast.AST, item: int | None, depth: int) -> Span:
        ends = _range(walked)
        if ends is not None and item is None:
            return self.span(ends[0], depth - 1)[0], self.span(ends[1], depth - 1)[1] - 1
        counted = _counted(walked)
        if counted is not None and item == 0:
            return 0.0, math.inf
        return ANY


def _bare(node: ast.AST) -> ast.AST:
    """Return what a loop really goes over: range(9) for tqdm(range(9))."""
    for _ in range(3):
        if isinstance(node, ast.Call) and callee(node) in _WRAPS and node.args:
            node = node.args[0]
    return node


def _range(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    """Return (start, stop) of a range that counts upwards by one or more, also inside tqdm(...)."""
    node = _bare(node)
    if not (isinstance(node, ast.Call) and callee(node) in _INDEX and 1 <= len(node.args) <= 2):
        return None
    return (ast.Constant(0), node.args[0]) if len(node.args) == 1 else (node.args[0], node.args[1])


def _counted(node: ast.AST) -> ast.expr | None:
    """Return what enumerate(...) counts from 0, also inside tqdm(...)."""
    node = _bare(node)
    if isinstance(node, ast.Call) and callee(node) == "enumerate" and len(node.args) == 1 and not node.keywords:
        return node.args[0]
    return None


def _length(node: ast.expr) -> ast.expr:
    return ast.Call(ast.Name("len", ast.Load()), [node], [])


def _grows(value: ast.expr, name: ast.Name | ast.Attribute) -> bool:
    """Whether a value is the name itself plus a positive constant."""
    match value:
        case ast.BinOp(left=left, op=ast.Add(), right=ast.Constant(value=int() | float() as more)):
            return ast.dump(left) == ast.dump(name) and more > 0
    return False
