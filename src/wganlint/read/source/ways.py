"""files -> read -> Run: which way a user's function goes for the arguments of one call: `criterion(score, True)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec import Struct

from wganlint.read.source.classes import Function
from wganlint.read.source.paths import Paths
from wganlint.read.source.values import Number


class Scope(Struct, frozen=True):
    """What parameters stand for while a user's function is followed, and names seen on the way."""

    arguments: tuple[tuple[ast.arg, ast.expr], ...] = ()
    hint: str = ""
    outer: Scope | None = None

    def argument(self, node: ast.AST) -> ast.expr | None:
        """Return what the caller passed for a parameter."""
        return next((value for known, value in self.arguments if known is node), None)


class Ways:
    """Evaluates the tests and the plain numbers of a function for what its caller passed."""

    def __init__(self, paths: Paths) -> None:
        self.paths, self.project = paths, paths.project

    def passed(self, node: ast.AST, scope: Scope) -> tuple[ast.expr, Scope] | None:
        """Return what a parameter stands for, with the scope in which that is written; its default if not passed."""
        for binding in self.project.holds(node):
            parameter = binding.value
            known: Scope | None = scope
            while isinstance(parameter, ast.arg) and known is not None:
                value = known.argument(parameter)
                if value is not None:
                    return value, known.outer or Scope()
                known = known.outer
            default = self.project.default(parameter) if isinstance(parameter, ast.arg) and scope.arguments else None
            if default is not None:
                return default, Scope()
        return None

    def number(self, node: ast.expr, scope: Scope, depth: int = 8) -> Number | None:
        """Return the number that an expression is for these arguments, with True as 1; None where that is not told."""
        known = self.paths.values.number(node)
        if known is not None or depth <= 0 or not scope.arguments:
            return known
        match node:
            case ast.Constant(value=bool() as flag):
                return Number(float(flag))
            case ast.Name():
                passed = self.passed(node, scope)
                return self._plain(passed, depth) if passed is not None else None
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                number = self.number(inner, scope, depth - 1)
                return Number(-number.value) if number is not None else None
            case ast.IfExp(test=test, body=body, orelse=orelse):
                flag_now = self.flag(test, scope)
                return self.number(body if flag_now else orelse, scope, depth - 1) if flag_now is not None else None
            case ast.BinOp(left=left, op=op, right=right):
                first, second = self.number(left, scope, depth - 1), self.number(right, scope, depth - 1)
                if first is None or second is None:
                    return None
                match op:
                    case ast.Add():
                        return Number(first.value + second.value)
                    case ast.Sub():
                        return Number(first.value - second.value)
                    case ast.Mult():
                        return Number(first.value * second.value)
        return None

    def _plain(self, passed: tuple[ast.expr, Scope], depth: int) -> Number | None:
        value, scope = passed
        if isinstance(value, ast.Constant) and isinstance(value.value, bool):
            return Number(float(value.value))
        return self.number(value, scope, depth - 1)

    def depends(self, node: ast.expr, scope: Scope) -> bool:
        """Return whether a difference or a sign in a factor hangs on what the caller passed: 2 * target - 1."""
        turns = isinstance(node, ast.UnaryOp | ast.BinOp | ast.IfExp) and not (
            isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Mult | ast.Pow | ast.Add)
        )
        return turns and any(
            isinstance(binding.value, ast.arg)
            for one in ast.walk(node)
            if isinstance(one, ast.Name)
            for binding in self.project.holds(one)
        )

    def flag(self, test: ast.expr, scope: Scope) -> bool | None:
        """Return whether a test holds for these arguments; None where that is not told."""
        match test:
            case ast.Constant(value=bool() as known):
                return known
            case ast.Name():
                passed = self.passed(test, scope)
                if passed is None:
                    return None
                value, outer = passed
                if isinstance(value, ast.Constant):
                    return bool(value.value)
                return self.flag(value, outer) if outer.arguments else self.paths.values.literal(value)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                held = self.flag(inner, scope)
                return None if held is None else not held
            case ast.Compare(
                left=left, ops=[ast.Eq() | ast.Is() | ast.NotEq() | ast.IsNot() as op], comparators=[right]
            ):
                first, second = self._constant(left, scope), self._constant(right, scope)
                if first is None or second is None:
                    return None
                same = first.value == second.value
                return same if isinstance(op, ast.Eq | ast.Is) else not same
        return None

    def _constant(self, node: ast.expr, scope: Scope) -> ast.Constant | None:
        if isinstance(node, ast.Constant):
            return node
        passed = self.passed(node, scope) if isinstance(node, ast.Name) else None
        return passed[0] if passed is not None and isinstance(passed[0], ast.Constant) else None

    def taken(self, node: ast.AST, scope: Scope) -> bool:
        """Return whether code can be reached for these arguments."""
        if not scope.arguments:
            return True
        for parent, child in self.project.around(node):
            if isinstance(parent, ast.If) and child is not parent.test:
                flag = self.flag(parent.test, scope)
                if flag is not None and (child in parent.body) is not flag:
                    return False
            elif isinstance(parent, ast.IfExp) and child is not parent.test:
                flag = self.flag(parent.test, scope)
                if flag is not None and (child is parent.body) is not flag:
                    return False
        return True

    def results(self, function: Function, scope: Scope) -> Iterator[ast.expr]:
        """Yield what a function can give back for these arguments, up to the first return that is surely reached."""
        for result in sorted(self.project.returned(function), key=lambda node: (node.lineno, node.col_offset)):
            if self.taken(result, scope):
                yield result
                if scope.arguments and self._surely(result, scope):
                    return

    def _surely(self, node: ast.AST, scope: Scope) -> bool:
        conditions = [
            p for p, child in self.project.around(node) if isinstance(p, ast.If | ast.For | ast.While | ast.Try)
        ]
        return all(isinstance(one, ast.If) and self.flag(one.test, scope) is not None for one in conditions)
