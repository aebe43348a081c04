"""files -> read -> Run: what the generator is fed in training, where that is no fresh noise."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from wganlint.read.source import words
from wganlint.read.source.classes import Function, callee
from wganlint.read.source.flow import dotted
from wganlint.read.source.losses import Losses
from wganlint.read.source.paths import Paths
from wganlint.read.source.steps import keyword, operand, rest
from wganlint.source import Noise

_FILLS = words.listed("zeros ones full new_zeros new_ones new_full zeros_like ones_like full_like zeros_ fill_ zero_")
_DRAWS = words.listed(
    "randn rand randn_like rand_like normal normal_ uniform uniform_ standard_normal randint random_ truncnorm "
    "trunc_normal_"
)
_KEEPS = words.listed(
    "to cuda cpu float double half view reshape expand repeat detach type contiguous unsqueeze squeeze type_as view_as "
    "clone Variable tensor as_tensor from_numpy constant astype convert_to_tensor stack cat Tensor FloatTensor "
    "expand_as new_tensor pin_memory concat flatten transpose permute"
)
_SEEDS = words.listed("manual_seed seed seed_everything set_seed manual_seed_all set_random_seed fix_seed seed_all")
_FIRST = words.listed("__init__ setup build init prepare configure initialize __post_init__")
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
DEPTH = 12


class _Way(Struct, frozen=True):
    """From the generator's call to a draw: the node that runs each time, and the function calls entered on the way."""

    use: ast.AST
    entered: tuple[tuple[Function, ast.Call], ...] = ()


Found = tuple[tuple[ast.Call, str], ...] | None  # the calls that make a value with their kind; None: it may be fresh


def noises(paths: Paths, losses: Losses) -> tuple[Noise, ...]:
    """Return what the generator is fed for its own loss (of loops that hide it: for every critic call) if never fresh.

    Nothing where one such call has an input that is not surely so: loaded, changed in place, given by who calls, or
    where the generator draws for itself.
    """
    own = [call for call, _ in losses.generator_calls]
    critics = own or [call for call in paths.project.calls if paths.roles.call_part(call) == "critic"]
    feeding: dict[ast.Call, None] = {}
    for call in critics:
        for arg in call.args:
            for node in paths.upstream(arg):
                if isinstance(node, ast.Call) and paths.roles.call_part(node) == "generator":
                    feeding[node] = None
    still = _Still(paths)
    found: dict[tuple[ast.Call, str], None] = {}
    for call in feeding:
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        sources = [still.of(arg, _Way(call)) for arg in given]
        if not given or any(source is None for source in sources) or _draws_itself(call, paths):
            return ()
        found |= dict.fromkeys(one for source in sources for one in source or ())
    made = []
    for call, kind in found:
        site = paths.project.site(call)
        made.append(Noise(site.place, site.quote, site.owner, dotted(call.func) or callee(call), kind))
    return tuple(sorted(made, key=lambda noise: noise.place))


def _draws_itself(call: ast.Call, paths: Paths) -> bool:
    """Whether the generator has chance inside: dropout, or noise that its layers draw."""
    return any(
        isinstance(node, ast.Call) and (callee(node) in _DRAWS - {"normal_", "uniform_"} or "ropout" in callee(node))
        for network in paths.networks_of(call.func)
        for node in ast.walk(network)
    )


class _Still:
    """Tells values that are the same each time."""

    def __init__(self, paths: Paths) -> None:
        self.paths, self.project = paths, paths.project
        self.seeds = [call for call in self.project.calls if callee(call) in _SEEDS and self._fixed(call.args[:1])]

    def _fixed(self, args: Iterable[ast.expr]) -> bool:
        return any(self.paths.values.number(arg) is not None for arg in args)

    def of(self, node: ast.AST, way: _Way, depth: int = DEPTH) -> Found:
        """Return the calls that make a value which is surely the same each time, or None."""
        if depth <= 0:
            return None
        match node:
            case ast.Call():
                return self._called(node, way, depth)
            case ast.Name() | ast.Attribute():
                bindings = self.project.ever(node)
                if not bindings or any(binding.how != "is" for binding in bindings) or _changed(node, self.paths):
                    return None
                return self._all([binding.value for binding in bindings], way, depth)
            case ast.arg():
                return self._argument(node, way, depth)
            case ast.BinOp(left=left, op=op, right=right):
                return self._combined(left, op, right, way, depth)
            case ast.Subscript(value=value, slice=ast.Slice(lower=None, step=None)):
                return self.of(value, way, depth - 1)
        return None

    def _called(self, node: ast.Call, way: _Way, depth: int) -> Found:
        name, inner = callee(node), operand(node)
        if name in _FILLS:
            return ((node, "constant"),)
        if name in ("mul", "mul_", "multiply") and inner is not None and rest(node):
            return self._combined(inner, ast.Mult(), rest(node)[0], way, depth)
        if name in _DRAWS:
            kind = self._kind(node, way)
            return ((node, kind),) if kind else None
        if name in ("expand", "repeat", "expand_as", "tile") and inner is not None and (row := self._row(inner, 6)):
            return ((row, "row"),)
        if name in _KEEPS:
            return self.of(inner, way, depth - 1) if inner is not None else None
        if self.paths.roles.call_part(node):
            return None
        found: list[tuple[ast.Call, str]] = []
        for function in self.project.targets(node):
            entered = replace(way, entered=(*way.entered, (function, node)))
            one = self._all(list(self.project.returned(function)), entered, depth)
            if one is None:
                return None
            found += one
        return tuple(found) or None

    def _argument(self, node: ast.arg, way: _Way, depth: int) -> Found:
        """What callers pass for a parameter: of the call that was entered, else of every call."""
        function = self.project.function_of(node)
        for at, (known, call) in enumerate(way.entered):
            if known is function:
                value = self.project.given(node, call, known)
                back = replace(way, entered=way.entered[:at])
                return self._all([value] if value is not None else [], back, depth)
        found: list[tuple[ast.Call, str]] = []
        if function is None:
            return None
        for caller in self.project.callers.get(function, ())[:12]:
            for parameter, value in self.project.passed(caller, function):
                if parameter is node:
                    one = self.of(value, _Way(caller), depth - 1)
                    if one is None:
                        return None
                    found += one
        return tuple(found) or None

    def _combined(self, left: ast.expr, op: ast.operator, right: ast.expr, way: _Way, depth: int) -> Found:
        for factor, other in ((left, right), (right, left)) if isinstance(op, ast.Mult) else ():
            if self._zero(factor, way):
                made = [one for one in ast.walk(other) if isinstance(one, ast.Call) and callee(one) in _DRAWS]
                if made:
                    return ((made[0], "scaled"),)
                held = self._draw_of(other)
                return ((held, "scaled"),) if held is not None else None
        sides = [side for side in (left, right) if self.paths.values.number(side) is None]
        return self._all(list(sides), way, depth)

    def _zero(self, node: ast.expr, way: _Way) -> bool:
        """Whether a factor is 0 in the code itself, not by an option of the command line."""
        for binding in self.project.holds(node) if isinstance(node, ast.Name) else ():
            for function, call in way.entered:
                if isinstance(binding.value, ast.arg) and self.project.function_of(binding.value) is function:
                    given = self.project.given(binding.value, call, function)
                    return given is not None and self._zero(given, _Way(call))
        number = self.paths.values.number(node)
        return number is not None and number.value == 0 and not any("." in one or "--" in one for one in number.names)

    def _draw_of(self, node: ast.AST) -> ast.Call | None:
        calls = (one for one in self.paths.upstream(node) if isinstance(one, ast.Call))
        return next((one for one in calls if callee(one) in _DRAWS), None)

    def _row(self, node: ast.AST, depth: int) -> ast.Call | None:
        """Return the draw of a single row: torch.randn(1, nz), which is then repeated over the batch."""
        match node:
            case ast.Call() if callee(node) == "randn":
                size = keyword(node, "size") or (node.args[0] if node.args else None)
                sizes = size.elts if isinstance(size, ast.Tuple | ast.List) else node.args
                first = sizes[0] if len(sizes) > 1 else None
                one = isinstance(first, ast.Constant) and first.value == 1
                return node if one else None
            case ast.Call() if callee(node) in ("to", "cuda", "float") and depth:
                inner = operand(node)
                return self._row(inner, depth - 1) if inner is not None else None
            case ast.Name() if depth:
                held = self.project.holds(node)
                return self._row(held[0].value, depth - 1) if len(held) == 1 and held[0].how == "is" else None
        return None

    # -- draws that are not fresh

    def _kind(self, draw: ast.Call, way: _Way) -> str:
        """Return why a draw is the same each time: "scaled" by nothing, "seeded", drawn "once"; empty if it is not."""
        if self._narrow(draw):
            return "scaled"
        source = keyword(draw, "generator")
        if isinstance(source, ast.Call) and callee(source) == "manual_seed" and self._fixed(source.args):
            return "seeded"
        place = next((call for function, call in way.entered if self.project.function(draw) is function), draw)
        if self._once(draw, place, way.use):
            return "once"
        return "seeded" if any(self._sets_back(seed, draw, place, way.use) for seed in self.seeds) else ""

    def _narrow(self, draw: ast.Call) -> bool:
        """Whether a normal draw has no width, or a uniform one equal ends."""
        name = callee(draw)
        if name not in ("normal", "normal_", "uniform", "uniform_"):
            return False
        low = keyword(draw, "mean", "loc", "low", "from") or (draw.args[0] if draw.args else None)
        wide = keyword(draw, "std", "scale", "high", "to") or (draw.args[1] if len(draw.args) > 1 else None)
        width, base = self.paths.values.number(wide), self.paths.values.number(low)
        if width is None:
            return False
        return width.value == 0 if name.startswith("normal") else base is not None and base.value == width.value

    def _once(self, draw: ast.Call, place: ast.AST, use: ast.AST) -> bool:
        """Whether a draw runs once and its value is used again and again."""
        home, there = self.project.function(place), self.project.function(use)
        if keyword(draw, "requires_grad") is not None:
            return False  # latents that are trained
        if home is there:
            around = list(self._around(use))
            return bool(around) and not any(loop in around for loop in self._around(place))
        if home is None:
            return not list(self._around(place))
        return home.name in _FIRST and self.project.owner_class(place) is self.project.owner_class(use)

    def _sets_back(self, seed: ast.Call, draw: ast.Call, place: ast.AST, use: ast.AST) -> bool:
        """Whether a seed is set to one number each time right before a draw."""
        numpy = "random" in dotted(draw.func).split(".")[:-1]
        sets_numpy = callee(seed) == "seed" and "random" in dotted(seed.func).split(".")
        if callee(seed) in ("manual_seed", "manual_seed_all", "seed") and numpy is not sets_numpy:
            return False
        if any(isinstance(parent, ast.If | ast.Try) for parent, _ in self.project.around(seed)):
            return False
        for at in (draw, place):
            if self.project.function(seed) is not self.project.function(at) or seed.lineno > getattr(at, "lineno", 0):
                continue
            ours = next(self._around(seed), None)
            theirs = next(self._around(at), None)
            home = self.project.function(at)
            again = home is not None and self.project.callers.get(home) and home.name not in _FIRST
            alone = place is not draw or (
                self.project.function(use) is home and not any(True for _ in self._around(use))
            )
            if ours is theirs and (ours is not None or (at is draw and again and alone)):
                return True
        return False

    def _around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the loops in whose body a node stands, innermost first."""
        for parent, child in self.project.around(node):
            if isinstance(parent, _LOOPS) and child in parent.body:
                yield parent

    def _all(self, nodes: list[ast.AST] | list[ast.expr], way: _Way, depth: int) -> Found:
        found: list[tuple[ast.Call, str]] = []
        for node in nodes:
            one = self.of(node, way, depth - 1)
            if one is None:
                return None
            found += one
        return tuple(found) or None


def _changed(node: ast.Name | ast.Attribute, paths: Paths) -> bool:
    """Return whether a tensor of this name is filled in place anywhere: z.normal_(), z[...] = x, randn(out=z)."""
    name = dotted(node)
    if not name:
        return True
    for call in paths.project.calls:
        func = call.func
        if isinstance(func, ast.Attribute) and func.attr.endswith("_") and func.attr != "requires_grad_":
            holder: ast.expr = func.value
            while isinstance(holder, ast.Call | ast.Attribute | ast.Subscript) and dotted(holder) != name:
                holder = holder.func if isinstance(holder, ast.Call) else holder.value
            if dotted(holder) == name:
                return True
        if any(keyword.arg == "out" and dotted(keyword.value) == name for keyword in call.keywords):
            return True
    return any(
        isinstance(target, ast.Subscript) and dotted(target.value) == name
        for statement in (*paths.project.by_class["Assign"], *paths.project.by_class["AugAssign"])
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])  # type: ignore[attr-defined]
    )
