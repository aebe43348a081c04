"""What was seen becomes what is written: sides are told here, once it is known which network is which."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

from .gradients import above
from .marks import JOINED, MIXED, OUTS, into, out_of
from .networks import Root, class_line
from .pulls import Pull
from .tally import Key, Share, Spread, number

if TYPE_CHECKING:
    from .watch import Watch

ORDER = ("real", "fake", "mixed", "")
MOST = 400  # entries of one kind that are written


class Account:
    """Turns what the instruments hold into plain data."""

    def __init__(self, watch: Watch, told: dict[str, str]) -> None:
        self.watch = watch
        self.networks = watch.networks.roles(told)
        self.names: dict[int, str] = {}
        for root, *_ in self.networks:
            name = root.name or type(root.module).__name__
            while name in self.names.values():
                name += "'"
            self.names[root.number] = name
        self.critics = {root.number for root, role, *_ in self.networks if role == "critic"}
        self.generators = {root.number for root, role, *_ in self.networks if role == "generator"}
        self.entered = sum(into(one) for one in self.critics)
        self.scored = sum(out_of(one) for one in self.critics)
        made = sum(out_of(one) for one in self.generators)
        self.made = made or (OUTS & ~self.scored)

    def side(self, key: Key) -> str:
        """Return the side of a call."""
        where, marks = key
        if (where != -1 and where not in self.critics) or marks & JOINED:
            return ""
        if marks & MIXED or (marks & self.made and marks & self.entered):
            return "mixed"
        if marks & self.made:
            return "fake"
        return "real" if where != -1 or marks & (self.entered | self.scored) else ""

    def shares(self, found: dict[Key, Share]) -> list[dict[str, Any]]:
        """Return counts by side."""
        sides: dict[str, Share] = {}
        for key, share in found.items():
            sides.setdefault(self.side(key), Share()).join(share)
        return [sides[side].told(side) for side in ORDER if side in sides]

    def spreads(self, found: dict[Key, Spread]) -> list[dict[str, Any]]:
        """Return ranges by side."""
        sides: dict[str, Spread] = {}
        for key, spread in found.items():
            sides.setdefault(self.side(key), Spread()).join(spread)
        return [sides[side].told(side) for side in ORDER if side in sides]

    def line(self, place: Any) -> dict[str, Any] | None:
        """Return a line of the user."""
        return self.watch.where.told(place)

    def of(self, where: int) -> str:
        """Return the name of a network, "" outside of all."""
        return self.names.get(where, "")

    # -- the parts

    def told(self) -> dict[str, Any]:
        """Return all that was measured."""
        watch = self.watch
        return {
            "python": sys.version.split()[0], "torch": str(torch.__version__), "device": self.device(),
            "steps": watch.step, "rounds": min((one.steps for one in watch.optimizers.values()), default=0),
            "networks": self.of_networks(), "bounds": self.bounds(), "guards": self.guards(),
            "origins": self.origins(), "ranges": self.ranges(), "jumps": self.jumps(), "sentinels": self.sentinels(),
            "empties": self.empties(), "gradients": self.gradients(), "penalties": self.penalties(),
            "scores": self.scores(), "pulls": self.pulls(),
            "optimizers": self.optimizers(), "strays": self.strays(),
            "scalers": self.scalers(), "syncs": self.syncs(),
            "slopes": [], "crosstalk": [], "trials": [],
            "gaps": [{"what": what, "why": why} for what, why in watch.gaps.items()], "sampled": self.sampled(),
        }  # fmt: skip

    def sampled(self) -> list[dict[str, Any]]:
        """Return what the light mode looked at now and then, and how often."""
        if self.watch.mode != "light":
            return []
        roots, steppers = [root for root, *_ in self.networks], self.watch.optimizers.values()
        calls, steps = sum(sum(one.calls.values()) for one in roots), sum(one.steps for one in steppers)
        return [
            {"what": "layers", "looked": sum(one.looked for one in roots), "all": calls, "unit": "calls"},
            {"what": "mean scores", "looked": sum(one.averaged for one in roots), "all": calls, "unit": "calls"},
            {
                "what": "gradients and update sizes", "looked": sum(one.looked for one in steppers), "all": steps,
                "unit": "optimizer steps",
            },
        ]  # fmt: skip

    def device(self) -> str:
        """Return the device of the networks' parameters."""
        for root, *_ in self.networks:
            for one in root.module.parameters():
                return str(one.device)
        return "cpu"

    def of_networks(self) -> list[dict[str, Any]]:
        """Return the networks."""
        found = []
        for root, role, why, sure in self.networks:
            calls: dict[str, int] = {}
            for key, count in root.calls.items():
                side = self.side(key)
                calls[side] = calls.get(side, 0) + count
            found.append({
                "name": self.of(root.number), "role": role, "class_name": type(root.module).__name__, "why": why,
                "sure": sure, "parameters": sum(one.numel() for one in root.module.parameters()),
                "line": self.line(class_line(root.module)), "calls": calls, "training": root.training,
                "batch_norm": any("BatchNorm" in type(one).__name__ for one in root.module.modules()),
            })  # fmt: skip
        return found

    def _sites(self, kind: str) -> Iterable[tuple[int, Any]]:
        found = [(key[3], site) for key, site in self.watch.sites.items() if key[0] == kind and site.place is not None]
        return found[:MOST]

    def bounds(self) -> list[dict[str, Any]]:
        """Return the places that hold values within bounds."""
        return [
            {
                "line": self.line(site.place), "op": site.op, "low": number(site.low), "high": number(site.high),
                "sides": self.shares(site.shares), "entered": self.spreads(site.entered), "network": self.of(where),
                "weights": site.weights, "score": bool(site.score_of & self.critics),
            }
            for where, site in self._sites("bound")
        ]  # fmt: skip

    def guards(self) -> list[dict[str, Any]]:
        """Return the places that replace what is not finite."""
        return [
            {
                "line": self.line(site.place), "op": site.op, "sides": self.shares(site.shares),
                "network": self.of(where), "backward": site.back.told("") if site.back.calls else None,
            }
            for where, site in self._sites("guard")
        ]  # fmt: skip

    def origins(self) -> list[dict[str, Any]]:
        """Return where something that is not finite was made."""
        found = sorted(self.watch.origins.values(), key=lambda one: one.order)
        return [
            {
                "line": self.line(one.place), "op": one.op, "direction": one.direction, "step": one.step,
                "elements": one.elements, "total": one.total,
                "values": " and ".join(word for word, there in (("nan", one.nan), ("inf", one.inf)) if there),
                "side": self.side(one.key), "network": self.of(one.key[0]), "first": one.order == 0,
            }
            for one in found[:MOST]
        ]  # fmt: skip

    def ranges(self) -> list[dict[str, Any]]:
        """Return what enters and leaves each layer."""
        return [
            {
                "network": self.of(where), "module": path, "class_name": kind, "entered": self.spreads(entered),
                "left": self.spreads(left),
            }
            for (where, path), (kind, entered, left) in list(self.watch.layers.ranges.items())[:MOST]
        ]  # fmt: skip

    def jumps(self) -> list[dict[str, Any]]:
        """Return the first layer that was given large values, by network and side."""
        found: dict[tuple[int, str], dict[str, Any]] = {}
        for jump in self.watch.layers.jumps.values():
            made, side = jump.made, self.side(jump.key)
            told = {
                "network": self.of(jump.root.number), "module": jump.path, "class_name": jump.class_name, "side": side,
                "step": jump.step, "value": number(jump.value), "layer_median": number(jump.median),
                "elements": jump.elements, "total": jump.total, "op": made.op.strip("_") if made else "input",
                "line": self.line(made.line) if made else None, "below": number(made.below) if made else None,
                "kind": made.kind if made else "data",
            }  # fmt: skip
            found.setdefault((jump.root.number, side), told)
        return list(found.values())

    def sentinels(self) -> list[dict[str, Any]]:
        """Return constants of large size, and the layer that they reach."""
        found = []
        for where, site in self._sites("fill"):
            reached = [
                (network, module, shares)
                for (network, module, (line, op), value), shares in self.watch.layers.reaching.items()
                if line == site.place and op.strip("_") == site.op and value == site.value
            ]
            network, module, shares = reached[0] if reached else (where, "", {})
            found.append({
                "line": self.line(site.place), "op": site.op, "value": number(site.value),
                "calls": sum(one.calls for one in site.shares.values()),
                "elements": sum(one.hit for one in site.shares.values()),
                "network": self.of(network), "module": module, "reaching": self.shares(shares),
            })  # fmt: skip
        return found

    def empties(self) -> list[dict[str, Any]]:
        """Return groups without a member, and samples that a generator gave nothing for."""
        found = [
            {
                "line": self.line(site.place), "op": site.op, "what": "groups", "sides": self.shares(site.shares),
                "keeps": number(site.value), "network": self.of(where),
            }
            for where, site in self._sites("group")
        ]  # fmt: skip
        for (where, kind), shares in self.watch.layers.samples.items():
            if where not in self.generators or (kind == "batch" and not any(one.hit for one in shares.values())):
                continue
            joined = Share()
            for share in shares.values():
                joined.join(share)
            root = next(one for one, *_ in self.networks if one.number == where)
            found.append({
                "line": self.line(class_line(root.module)), "op": "counts" if kind == "counts" else "batches",
                "what": "samples", "sides": [joined.told("fake")], "keeps": None, "network": self.of(where),
            })  # fmt: skip
        return found

    def gradients(self) -> list[dict[str, Any]]:
        """Return the gradients of each network and module behind each loss."""
        found = []
        for (where, module, place), part in self.watch.gradients.parts.items():
            if where not in self.names:
                continue
            known = self.watch.gradients.seen.get((where, place), {})
            seen = [known.get(key, 0) for key in part.held]
            some = math.isfinite(part.lowest)
            found.append({
                "network": self.of(where), "module": module, "loss": self.line(place), "calls": part.calls,
                "parameters": len(seen), "none": seen.count(0), "zero": seen.count(1), "first": part.first,
                "last": part.last, "lowest": part.lowest if some else None, "highest": part.highest if some else None,
                "stepped": part.stepped, "nonfinite": part.nonfinite, "first_step": part.steps[0],
                "last_step": part.steps[1],
            })  # fmt: skip
        return found[: 5 * MOST]

    def penalties(self) -> list[dict[str, Any]]:
        """Return the functions that take the gradient of scores to inputs."""
        return [
            {
                "line": self.line(one.line), "function": one.code.co_name, "calls": one.calls, "ran": one.ran,
                "constant": one.constant, "graph": one.graph, "first": number(one.first), "last": number(one.last),
                "slope": one.slope.told("mixed") if one.slope.calls else None,
            }
            for one in self.watch.penalties.found.values()
            if one.calls
        ]  # fmt: skip

    def pulls(self) -> list[dict[str, Any]]:
        """Return which way each loss pulls the scores of a critic, by the network that is stepped on it."""
        found: dict[tuple[int, Any, str], Pull] = {}
        for (where, place, key), pull in self.watch.pulls.found.items():
            side = self.side(key) if key[0] in self.critics else ""
            if side and where in self.names:
                found.setdefault((where, place, side), Pull()).join(pull)
        return [
            {
                "network": self.of(where), "loss": self.line(place), "side": side, "calls": one.calls,
                "elements": one.elements, "up": one.up, "down": one.down, "lowest": number(one.low),
                "highest": number(one.high),
            }
            for (where, place, side), one in list(found.items())[:MOST]
        ]  # fmt: skip

    def scores(self) -> list[dict[str, Any]]:
        """Return mean scores by step: of the last call on each side."""
        found: dict[tuple[str, int], dict[str, Any]] = {}
        for root, role, *_ in self.networks:
            for step, marks, mean in root.steps if role == "critic" else ():
                side = self.side((root.number, marks))
                name = self.of(root.number)
                entry = found.setdefault((name, step), {"critic": name, "step": step, "real": None, "fake": None})
                if side in ("real", "fake"):
                    entry[side] = number(mean)
        return [one for one in found.values() if one["real"] is not None or one["fake"] is not None][:2000]

    def optimizers(self) -> list[dict[str, Any]]:
        """Return the optimizers that stepped."""
        of = self.watch.gradients.parameters
        found = []
        for one in self.watch.optimizers.values():
            networks: dict[str, int] = {}
            for key in one.held:
                if key in of:
                    name = self.of(of[key][0].number)
                    networks[name] = networks.get(name, 0) + 1
            found.append({
                "name": one.name or f"{one.class_name} {one.number + 1}", "class_name": one.class_name,
                "line": self.line(one.place), "rates": one.rates, "steps": one.steps, "parameters": len(one.held),
                "networks": networks, "ratios": one.ratios, "betas": one.betas, "momentum": one.momentum,
                "stepped_on_nothing": one.on_nothing, "first_rates": one.first_rates, "bases": one.bases,
                "constant": one.constant,
            })  # fmt: skip
        return found

    def scalers(self) -> list[dict[str, Any]]:
        """Return what the scalers of AMP left out."""
        names = {key: one.name for key, one in self.watch.optimizers.items()}
        return [
            {
                "optimizer": names.get(key) or one.name, "line": self.line(one.place), "asked": one.asked,
                "skipped": one.skipped, "row": one.row, "first": number(one.first), "last": number(one.last),
            }
            for key, one in self.watch.scalers.found.items()
        ]  # fmt: skip

    def strays(self) -> list[dict[str, Any]]:
        """Return parameters that no optimizer holds, or several; of the players, and of what else is trained."""
        if self.watch.idle is None:
            return []
        held: dict[int, set[str]] = {}
        for one in self.watch.optimizers.values():
            for key in one.held:
                held.setdefault(key, set()).add(one.name or f"{one.class_name} {one.number + 1}")
        for name, keys in self.watch.idle:
            for key in keys:
                held.setdefault(key, set()).add(name)
        found = []
        for root, role, *_ in self.networks:
            if role != "other" or any(id(one) in held for one in root.module.parameters()):
                found += self._strays_of(root, held)
        return found[:MOST]

    def _strays_of(self, root: Root, held: dict[int, set[str]]) -> list[dict[str, Any]]:
        params = list(root.module.named_parameters())
        groups: dict[str, list[tuple[tuple[str, ...], bool]]] = {}
        for path, one in params:
            state = (tuple(sorted(held.get(id(one), set()))), not one.requires_grad)
            for module in above(path):
                groups.setdefault(module, []).append(state)
        found: list[dict[str, Any]] = []
        done: list[str] = []
        for module in sorted(groups, key=lambda name: (name.count(".") + bool(name), name)):
            states = groups[module]
            inside = any(not up or module.startswith(up + ".") for up in done)
            if inside or len(set(states)) > 1:
                continue
            done.append(module)
            optimizers, frozen = states[0]
            if len(optimizers) != 1 and not (frozen and not optimizers):
                found.append({
                    "network": self.of(root.number), "module": module, "parameters": len(states),
                    "optimizers": optimizers, "frozen": frozen,
                })  # fmt: skip
        return found

    def syncs(self) -> list[dict[str, Any]]:
        """Return lines that wait for the device, most calls first."""
        steps = max(1, self.watch.step)
        ordered = sorted(self.watch.syncs.items(), key=lambda item: -item[1])
        return [
            {"line": self.line(place), "op": op, "calls": calls, "per_step": calls / steps}
            for (place, op), calls in ordered[:50]
            if place is not None
        ]


def environment() -> dict[str, Any]:
    """Return what runs."""
    return {"pid": os.getpid(), "python": sys.version.split()[0], "torch": str(torch.__version__)}
