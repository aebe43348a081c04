"""Facts of the source -> where an edit goes: a plan is primitive edits and their spots, found by place alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from wganlint.evidence import Place
from wganlint.probe.fills import ATTRIBUTE, WHOLE
from wganlint.probe.syntax import NotApplied, Spot
from wganlint.source import Clamp, Fill, Layer, Network, Site, SourceModel

Plan = list[tuple[str, Spot]]
S = TypeVar("S", bound=Site)
Parameters = Mapping[str, Any]


def _spot(site: Site, **values: Any) -> Spot:
    return _at(site.place, **values)


def _at(place: Place, **values: Any) -> Spot:
    return Spot(place.file, place.line or 0, place.column or 0, values=values)


def _distinct(sites: Iterable[S]) -> list[S]:
    found: dict[tuple[str, int | None, int | None], S] = {}
    for site in sites:
        found.setdefault((site.place.file, site.place.line, site.place.column), site)
    return list(found.values())


def _clamps(source: SourceModel) -> list[Clamp]:
    return _distinct(one for one in source.clamps if one.on == "score" and not one.soft)


def _remove_clamp(source: SourceModel, given: Parameters) -> Plan:
    return [("remove-clamp", _spot(one)) for one in _clamps(source)]


def _tanh(source: SourceModel, given: Parameters) -> Plan:
    return [("tanh", _spot(one, bound=given["bound"])) for one in _clamps(source)]


def _unsquash(source: SourceModel, given: Parameters) -> Plan:
    soft = _distinct(one for one in source.clamps if one.on == "score" and one.soft)
    return [("unsquash", _spot(one)) for one in soft]


def _drift(source: SourceModel, given: Parameters) -> Plan:
    return _penalized(source, given, {"weight": given["weight"]})


def _beyond(source: SourceModel, given: Parameters) -> Plan:
    """Penalize what scores are beyond the bound that the clamp had."""
    bounds = [abs(one) for clamp in _clamps(source) for one in (clamp.low, clamp.high) if one]
    if not bounds:
        raise NotApplied("the bound of the clamp is not told")
    return _penalized(source, given, {"weight": given["weight"], "beyond": max(bounds)})


def _penalized(source: SourceModel, given: Parameters, values: Parameters) -> Plan:
    losses = [one for one in source.losses if one.part == "critic" and one.family == "wgan" and one.sure]
    plan = [("drift", _spot(one, **values)) for one in _distinct(losses)[:1]]
    return [*plan, *_remove_clamp(source, given)] if plan else []


def _neutral_fill(source: SourceModel, given: Parameters) -> Plan:
    plan: Plan = []
    for fill in source.fills:
        if fill.reaches == "network":
            lines = [
                one.place.line
                for one in fill.path
                if one.place.file == fill.place.file and ("scatter_reduce" in one.quote or "index_reduce" in one.quote)
            ]
            plan.append(("neutral-fill", _spot(fill, value=fill.value, reductions=lines)))
            plan += _told_empty(source, fill) if lines else []
    return plan


def _told_empty(source: SourceModel, fill: Fill) -> Plan:
    """Let the class learn what stands for an empty group, where it is a network and fills all of a tensor at once."""
    owner, _, method = fill.owner.partition(".")
    network = next((one for one in source.networks if one.name == owner and one.layers), None)
    if network is None or not method or fill.call not in WHOLE or "torch." not in fill.quote:  # by that name
        return []
    try:
        nn = _prefix(network.layers[0])
    except NotApplied:
        return []
    code = f"self.{ATTRIBUTE} = {nn}.Parameter(torch.zeros(1))\n"
    return [("learned-fill", _spot(fill)), ("insert", Spot(fill.place.file, owner=owner, values={"code": code}))]


def _count_bias(source: SourceModel, given: Parameters) -> Plan:
    plan: Plan = []
    for head in source.count_heads:
        if head.alive_above is None:
            raise NotApplied("the form of the count is not understood")
        layer = _last_layer(source, head.owner.partition(".")[0], head.head)
        start = _rounded_up(head.alive_above + float(given["margin"]))
        plan.append(("insert", _behind(layer, f"{_prefix(layer)}.init.constant_({_path(layer)}.bias, {start})\n")))
    return plan


def _rounded_up(value: float) -> float:
    return -(-value * 10 // 1) / 10


def _last_layer(source: SourceModel, owner: str, head: str) -> Layer:
    """Return the last learned layer of what a class holds as `self.head`, also inside a class of the user's."""
    names = {one.name: one for one in source.networks}
    attribute = head.removeprefix("self.").partition("(")[0]
    network = names.get(owner)
    for _ in range(4):
        if network is None:
            break
        mine = [
            one for one in network.layers
            if one.learns and (not attribute or one.attribute == attribute or one.attribute.startswith(attribute + "."))
        ]  # fmt: skip
        if not mine:
            break
        last = mine[-1]
        if last.type not in names:
            return last
        network, attribute = names[last.type], ""
    raise NotApplied(f"the last layer of {head} is not found in the source")


def _prefix(layer: Layer) -> str:
    """Return how the file calls torch.nn, by the line of a layer: `nn.Linear(...)` -> nn."""
    before, found, _ = layer.quote.partition(f".{layer.type.rpartition('.')[2]}(")
    name = before.split("=")[-1].split("(")[-1].split(",")[-1].split("[")[-1].strip()
    if not found or not all(part.isidentifier() for part in name.split(".")):
        raise NotApplied(f"how {layer.place.file} names torch.nn is not told")
    return name


def _path(layer: Layer) -> str:
    """Return how a layer is reached: `net.5` -> self.net[5]."""
    first, *rest = layer.attribute.split(".")
    return f"self.{first}" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in rest)


def _behind(layer: Layer, code: str) -> Spot:
    return Spot(
        layer.place.file, 0, 0, layer.owner.partition(".")[0], layer.attribute.partition(".")[0], {"code": code}
    )  # fmt: skip


def _bare(source: SourceModel) -> list[Network]:
    return [one for one in source.part("critic") if one.layers and not any(layer.normalizes for layer in one.layers)]


def _layer_norm(source: SourceModel, given: Parameters) -> Plan:
    plan: Plan = []
    for network in _bare(source):
        for at, layer in enumerate(network.layers[:-1]):
            after = network.layers[at + 1]
            same = layer.attribute.partition(".")[0] == after.attribute.partition(".")[0]
            if (
                layer.type.endswith("Linear")
                and not layer.gate
                and "." in layer.attribute
                and same
                and not after.learns
            ):
                plan.append(("layer-norm", _spot(layer)))
    return plan


def _xavier(source: SourceModel, given: Parameters) -> Plan:
    plan: Plan = []
    for network in source.part("critic"):
        linear = next((one for one in network.layers if one.type.endswith("Linear")), None)
        if network.initialized is None and linear is not None:
            nn = _prefix(linear)
            code = (
                "for module in self.modules():\n"
                f"    if isinstance(module, {nn}.Linear):\n"
                f"        {nn}.init.xavier_uniform_(module.weight)\n"
                "        if module.bias is not None:\n"
                f"            {nn}.init.zeros_(module.bias)\n"
            )
            plan.append(("insert", Spot(network.place.file, owner=network.name, values={"code": code})))
    return plan


def _optimizer(source: SourceModel, given: Parameters) -> Plan:
    values = {key: given[key] for key in ("class", "drop", "set") if key in given}
    fits = [
        one for one in source.optimizers
        if one.name in given["only"] and one.part in (given.get("part", one.part), "other")
    ]  # fmt: skip
    return [("optimizer", _spot(one, **values)) for one in _distinct(fits)]


def _group_norm(source: SourceModel, given: Parameters) -> Plan:
    layers = [one for net in source.part("critic") for one in net.layers if "BatchNorm" in one.type]
    return [("group-norm", _spot(one)) for one in _distinct(layers)]


def _create_graph(source: SourceModel, given: Parameters) -> Plan:
    return [("create-graph", _spot(one)) for one in _distinct(p for p in source.penalties if p.create_graph is False)]


def _remove_guard(source: SourceModel, given: Parameters) -> Plan:
    masked = [site for one in source.penalties for site in one.masked if "nan_to_num" in site.quote]
    return [("remove-guard", _spot(one)) for one in _distinct(masked)]


def _remove_detach(source: SourceModel, given: Parameters) -> Plan:
    return [("remove-detach", _spot(one)) for one in _distinct(d for d in source.detaches if d.how == "detach")]


def _remove_scale(source: SourceModel, given: Parameters) -> Plan:
    return [("remove-scale", _spot(one)) for one in _distinct(s for s in source.scales if s.kind == "batch")]


def _eps_root(source: SourceModel, given: Parameters) -> Plan:
    bare = [norm for one in source.penalties for norm in one.norms if norm.bare]
    return [("eps-root", _spot(one, eps=given["eps"])) for one in _distinct(bare)]


def _negate(source: SourceModel, given: Parameters) -> Plan:
    faults = [one for one in source.sign_faults if one.part == "generator" and one.kind == "along"]
    return [("negate", _spot(one)) for one in _distinct(faults)]


PLANS: dict[str, Callable[[SourceModel, Parameters], Plan]] = {
    "remove-clamp": _remove_clamp, "tanh": _tanh, "unsquash": _unsquash, "drift": _drift,
    "beyond": _beyond, "neutral-fill": _neutral_fill,
    "count-bias": _count_bias, "layer-norm": _layer_norm, "xavier": _xavier, "optimizer": _optimizer,
    "group-norm": _group_norm, "create-graph": _create_graph, "remove-guard": _remove_guard,
    "remove-detach": _remove_detach, "remove-scale": _remove_scale, "eps-root": _eps_root, "negate": _negate,
}  # fmt: skip
