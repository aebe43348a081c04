"""The user's source as a tree that keeps all formatting: how a place is found and replaced; under the edits.

LibCST is imported here alone. Each place is found by a line (and column) that was told, never by a name of the user's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from wganlint.errors import UsageError

cst: Any = None
try:
    import libcst
    from libcst.metadata import MetadataWrapper, PositionProvider

    cst = libcst
except ImportError:  # told by `needed`
    pass

Node = Any  # a node of LibCST


class NotApplied(Exception):
    """An edit that does not fit. The message says why, in words for the user."""


class Spot(Struct, frozen=True):
    """Where an edit goes, and with what.

    `line` and `column` (1-based) are where the expression starts; `owner` and `attribute` name a class and what it
    assigns to `self`; `values` are the edit's parameters.
    """

    file: str
    line: int = 0
    column: int = 0
    owner: str = ""
    attribute: str = ""
    values: dict[str, Any] = field(default_factory=dict)


def needed() -> None:
    """Raise if LibCST is not installed.

    Raises:
        UsageError: with how to get it.
    """
    if cst is None:
        raise UsageError("wganlint verify needs LibCST to edit source", hint="pip install 'wganlint[probe]'")


def parsed(text: str) -> Any:
    """Return a file as a tree with places.

    Raises:
        NotApplied: LibCST does not read it.
    """
    try:
        return MetadataWrapper(cst.parse_module(text))
    except (cst.ParserSyntaxError, RecursionError, ValueError) as error:
        raise NotApplied(f"LibCST does not read the file: {str(error).splitlines()[0][:80]}") from None


def nodes_of(wrapper: Any) -> Any:
    """Return the place of each node of a file."""
    return wrapper.resolve(PositionProvider)


def rewritten(text: str, spot: Spot, kind: Any, fits: Callable[[Node], bool], made: Callable[[Node], Node]) -> str:
    """Replace the one node of a kind that lies at the spot's line, the nearest to its column, and fits."""
    wrapper = parsed(text)
    places = nodes_of(wrapper)
    found = [
        node
        for node in places
        if isinstance(node, kind) and places[node].start.line <= spot.line <= places[node].end.line and fits(node)
    ]
    at = [node for node in found if start(places[node]) == (spot.line, spot.column - 1)]
    found = at or [node for node in found if places[node].start.line == spot.line] or found
    if len(found) != 1:
        raise NotApplied(f"{len(found)} places for it at {spot.file}:{spot.line}, not one")
    return str(wrapper.module.deep_replace(found[0], made(found[0])).code)


def start(place: Any) -> tuple[int, int]:
    """Return line and column (from 0) of where something starts."""
    return place.start.line, place.start.column


def called(call: Node) -> str:
    """Return the last name of what is called: `torch.clamp` and `x.clamp` are clamp."""
    func = call.func
    return str(func.attr.value) if isinstance(func, cst.Attribute) else str(getattr(func, "value", ""))


def is_module(node: Node) -> bool:
    """Whether a name is that of a library whose functions take what they work on as an argument."""
    return isinstance(node, cst.Name) and node.value in ("torch", "F", "functional", "nn", "np")


def subject(call: Node) -> Node:
    """Return what a function or method is called on."""
    if isinstance(call.func, cst.Attribute) and not is_module(call.func.value):
        return call.func.value
    if not call.args:
        raise NotApplied("the call has no argument")
    return call.args[0].value


def expression(text: str) -> Node:
    """Return an expression as a node."""
    return cst.parse_expression(text)


def text_of(node: Node) -> str:
    """Return a node as it is written."""
    return str(cst.Module([]).code_for_node(node))


def closed(node: Node) -> Node:
    """Return an expression that an operator may stand beside."""
    simple = isinstance(node, (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.Integer, cst.Float)) or node.lpar
    return node if simple else node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def calls(*names: str) -> Callable[[Node], bool]:
    """Return a test: is it a call of one of these names?"""
    return lambda node: called(node) in names


def with_keyword(call: Node, name: str, value: str) -> Node:
    """Return a call with a keyword set, where it stood or at its end."""
    args = list(call.args)
    for at, arg in enumerate(args):
        if arg.keyword is not None and arg.keyword.value == name:
            args[at] = arg.with_changes(value=expression(value))
            return call.with_changes(args=args)
    if args:
        comma = args[-1].comma
        plain = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        before = args[0].comma if len(args) > 1 else plain
        args[-1] = args[-1].with_changes(comma=before)
    else:
        comma = cst.MaybeSentinel.DEFAULT
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    args.append(cst.Arg(expression(value), cst.Name(name), equal=equal, comma=comma))
    return call.with_changes(args=args)


def method(call: Node) -> str:
    """Return the name of the method that is called, "" for a function."""
    return str(call.func.attr.value) if isinstance(call.func, cst.Attribute) else ""


def line_of(places: Any, node: Node) -> int:
    """Return the line where a node starts."""
    return int(places[node].start.line)
