"""Large fill values: what a network sees, what only a softmax sees, what is replaced first; and NaN guards."""

from __future__ import annotations

from functools import partial

import pytest
from source_text import inside, read_texts

from wganlint.source import Fill, NanGuard

HEAD = """
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

EMPTY = -1e9
"""


read = partial(read_texts, HEAD)


def pooled(body: str, norm: str = "") -> list[Fill]:
    """Return the fills of a critic that pools points and decides; the body sets `p` from points `f` and `index`."""
    lines = inside(body)
    start = "    def start(self, n):\n        return torch.full((n, 8), EMPTY)\n" if "start" in body else ""
    model = read(
        f"""
class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.point = nn.Sequential(nn.Linear(3, 8), nn.ReLU())
        self.decide = nn.Sequential(nn.Linear(8, 8), {norm}nn.ReLU(), nn.Linear(8, 1))
        self.attention = nn.Linear(8, 1)

{start}
    def forward(self, x, index, mask, n):
        f = self.point(x)
{lines}
        return self.decide(p)
"""
    )
    return list(model.fills)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("p = torch.full((n, 8), -1e9).scatter_reduce(0, index, f, reduce='amax')", -1e9),
        ("p = torch.full((n, 8), -1e9)\np.scatter_reduce_(0, index, f, reduce='amax', include_self=False)", -1e9),
        ("p = self.start(n).scatter_reduce(0, index, f, 'amax')", -1e9),
        ("p = f.new_full((n, 8), float('-inf'))\np = p.scatter_reduce(0, index, f, 'amax')", float("-inf")),
        ("p = torch.empty(n, 8)\np.fill_(-65504.0)\np = p.scatter_reduce(0, index, f, 'amax')", -65504.0),
        ("p = f.masked_fill(~mask, -1e9).max(dim=1)[0]", -1e9),
        ("p = f.clone()\np[~mask] = -1e9\np = p.amax(dim=1)", -1e9),
        ("p = torch.where(mask, f, torch.full_like(f, 1e6))", 1e6),
        ("p = torch.nan_to_num(f, nan=0.0, posinf=1e9, neginf=-1e9)", 1e9),
        ("p = F.pad(f, (0, 0, 0, 4), value=-99999.0)", -99999.0),
        ("b = torch.full((n, 8), torch.finfo(torch.float32).min)\np = torch.maximum(b, f)", -3.4028234663852886e38),
        ("p = torch.full((n, 8), -1e9)\np = torch.cat([p, f]).mean(0)", -1e9),
    ],
)
def test_fill_that_a_network_sees(body: str, value: float) -> None:
    found = [fill for fill in pooled(body) if fill.reaches == "network"]
    assert [fill.value for fill in found] == [value]
    assert found[0].norm_after is None


@pytest.mark.parametrize(
    ("body", "reaches"),
    [
        ("a = self.attention(f).masked_fill(~mask, -1e9)\np = torch.softmax(a, 1) * f", "masking"),
        ("a = self.attention(f)\na = a + torch.full_like(a, -1e9)\np = F.softmax(a, dim=1) * f", "masking"),
        ("a = self.attention(f).masked_fill(~mask, float('-inf'))\np = torch.logsumexp(a, 1)", "masking"),
        ("a = f.masked_fill(~mask, -1e9)\np = f[a.argmax(dim=1)]", "masking"),
        ("p = torch.full((n, 8), -1e9).scatter_reduce(0, index, f, 'amax')\np = torch.where(mask, p, 0.0)", "guarded"),
        ("p = torch.full((n, 8), -1e9).scatter_reduce(0, index, f, 'amax')\np = p.masked_fill(~mask, 0.0)", "guarded"),
        ("p = f.masked_fill(~mask, float('-inf')).amax(1)\np = torch.nan_to_num(p, neginf=0.0)", "guarded"),
        ("p = torch.full((n, 8), -1e9).scatter_reduce(0, index, f, 'amax')\np = p.clamp(min=-10)", "guarded"),
        ("p = torch.full((n, 8), -1e9).scatter_reduce(0, index, f, 'amax')\np = p[mask]", "guarded"),
    ],
)
def test_fill_that_no_weight_sees(body: str, reaches: str) -> None:
    assert [fill.reaches for fill in pooled(body)] == [reaches]


@pytest.mark.parametrize(
    "body",
    [
        "p = torch.zeros(n, 8).scatter_reduce(0, index, f, reduce='amax', include_self=False)",
        "p = torch.full((n, 8), -1.0).scatter_reduce(0, index, f, reduce='amax')",
        "p = f.masked_fill(~mask, 0.0)",
        "p = torch.nan_to_num(f)",
        "table = {'big': 100000}\np = f",
    ],
)
def test_small_fills_are_none(body: str) -> None:
    assert not pooled(body)


def test_the_way_and_the_normalizing_layer_are_given() -> None:
    (fill,) = pooled(
        "p = torch.full((n, 8), -1e9)\np = p.scatter_reduce(0, index, f, 'amax')\np = torch.cat([p, f], 1)",
        "nn.LayerNorm(8), ",
    )
    assert [site.quote.strip() for site in fill.path] == [
        "p = p.scatter_reduce(0, index, f, 'amax')",
        "p = torch.cat([p, f], 1)",
        "return self.decide(p)",
    ]
    assert fill.norm_after is not None
    assert (fill.norm_after.attribute, fill.norm_after.type) == ("decide.1", "LayerNorm")


def test_fill_from_a_module_constant_in_a_function() -> None:
    model = read(
        """
        MISSING = -99999.0

        def start(n):
            return torch.full((n, 4), MISSING)

        class Critic(nn.Module):
            def __init__(self):
                super().__init__()
                self.out = nn.Linear(4, 1)

            def forward(self, x, n):
                return self.out(start(n) + x)
        """
    )
    (fill,) = model.fills
    assert (fill.value, fill.reaches, fill.owner) == (-99999.0, "network", "start")


def test_fill_in_data_code_is_unknown() -> None:
    model = read("def pad(rows):\n    table = np.full((8, 3), -9999999.0)\n    return table\n")
    assert [fill.reaches for fill in model.fills] == ["unknown"]


# -- guards


def guards(text: str) -> list[NanGuard]:
    return list(read(text).guards)


CRITIC = """
class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.point = nn.Linear(3, 8)
        self.out = nn.Linear(8, 1)

    def forward(self, x, counts):
        {body}
"""


@pytest.mark.parametrize(
    ("body", "on"),
    [
        ("return torch.nan_to_num(self.out(self.point(x)))", "score"),
        ("return self.out(self.point(x)).nan_to_num(0.0).squeeze(-1)", "score"),
        ("return self.out(torch.nan_to_num(self.point(x)))", "features"),
        ("h = self.point(x); h = torch.where(torch.isnan(h), torch.zeros_like(h), h); return self.out(h)", "features"),
        ("h = self.point(x); h[torch.isnan(h)] = 0; return self.out(h)", "features"),
    ],
)
def test_what_a_guard_in_a_critic_guards(body: str, on: str) -> None:
    (guard,) = guards(CRITIC.format(body=body))
    assert guard.on == on and guard.producer == ""


@pytest.mark.parametrize(
    ("body", "producer"),
    [
        ("h = self.point(x) / counts.sum(0); return self.out(h.nan_to_num())", "self.point(x) / counts.sum(0)"),
        ("h = self.point(x).sum(0) / counts; return self.out(torch.nan_to_num(h))", "self.point(x).sum(0) / counts"),
        ("return self.out(torch.nan_to_num(torch.log(x)))", "torch.log(x)"),
        ("h = torch.sqrt(x.square().sum(1)); return self.out(h.nan_to_num())", "torch.sqrt(x.square().sum(1))"),
        ("h = x / (counts.sum(0) + 1e-8); return self.out(h.nan_to_num())", ""),
        ("h = x / counts.clamp(min=1); return self.out(h.nan_to_num())", ""),
        ("return self.out(torch.nan_to_num(torch.log(x + 1e-6)))", ""),
        ("return self.out(torch.nan_to_num((x.square().sum(1) + 1e-12).sqrt()))", ""),
        ("return self.out(torch.nan_to_num(x / 3.0))", ""),
    ],
)
def test_what_could_make_the_nan(body: str, producer: str) -> None:
    (guard,) = guards(CRITIC.format(body=body))
    assert guard.producer == producer


@pytest.mark.parametrize(
    ("text", "on", "call"),
    [
        ("for p in net.parameters():\n    torch.nan_to_num(p.grad, nan=0.0, out=p.grad)", "gradient", "nan_to_num"),
        ("for x in data:\n    loss = f(x)\n    if not torch.isfinite(loss):\n        continue\n    loss.backward()",
         "loss", "skip step"),
        ("def step(loss):\n    if torch.isnan(loss).any():\n        return\n    loss.backward()", "loss", "skip step"),
        ("with torch.no_grad():\n    shown = torch.nan_to_num(critic(x).abs().mean())", "metric", "nan_to_num"),
        ("def gp(D, x):\n    g = torch.autograd.grad(D(x).sum(), x, create_graph=True)[0]\n"
         "    n = torch.nan_to_num(g.norm(2, dim=1))\n    return ((n - 1) ** 2).mean()", "norm", "nan_to_num"),
    ],
)  # fmt: skip
def test_guards_in_training_code(text: str, on: str, call: str) -> None:
    (guard,) = guards(text)
    assert (guard.on, guard.call) == (on, call)


def test_checks_that_stop_are_no_guards() -> None:
    assert not guards("if torch.isnan(loss):\n    raise RuntimeError('nan')\nassert torch.isfinite(loss)\n")
    assert not guards("if not torch.isfinite(loss):\n    print('bad', loss)\n")
