"""Rounded quantities and count heads, each with healthy look-alikes."""

from __future__ import annotations

import math
from functools import partial
from textwrap import dedent

import pytest
from source_text import inside, read_texts

from wganlint.source import SourceModel

HEAD = """
import math
import torch
import torch.nn as nn
import torch.nn.functional as F
"""


read = partial(read_texts, HEAD)


def generator(body: str, init: str = "", after: str = "") -> SourceModel:
    """Read a generator whose forward turns `self.size_net(c)` into counts by this body."""
    lines = inside(body)
    setup = inside(init)
    return read(
        f"""
class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.size_net = nn.Sequential(nn.Linear(4, 8), nn.ELU(), nn.Linear(8, 1))
        self.point_net = nn.Linear(4, 3)
{setup}

    def forward(self, c):
{lines}

{dedent(after)}
"""
    )


ALIVE = math.log10(1.5)


@pytest.mark.parametrize(
    ("body", "alive"),
    [
        ("counts = torch.round(10 ** self.size_net(c) - 1).long()\nreturn counts", ALIVE),
        ("h = self.size_net(c).squeeze(1)\ncounts = (torch.pow(10.0, h) - 1).clamp_min(0).round().long()\nreturn counts",
         ALIVE),
        ("counts = torch.round(torch.exp(self.size_net(c)))\nreturn counts", math.log(0.5)),
        ("counts = torch.round(self.size_net(c)).int()\nreturn counts", 0.5),
        ("counts = torch.expm1(self.size_net(c)).round()\nreturn counts", math.log(1.5)),
        ("counts = torch.floor(self.size_net(c))\nreturn counts", 1.0),
        ("counts = torch.ceil(2 * self.size_net(c))\nreturn counts", 0.0),
        ("n = (self.size_net(c) * 20).long()\nreturn self.point_net(c.repeat_interleave(n, 0))", 0.05),
        ("counts = F.softplus(self.size_net(c)).round()\nreturn counts", math.log(math.expm1(0.5))),
        ("h = torch.nan_to_num(self.size_net(c))\ncounts = h.sub(2.0).round().long()\nreturn counts", 2.5),
        ("counts = torch.round(self.size_net(c) ** 2)\nreturn counts", None),
        ("counts = torch.round(self.size_net(c) / scale)\nreturn counts", None),
    ],
)  # fmt: skip
def test_when_a_count_comes_alive(body: str, alive: float | None) -> None:
    (head,) = generator(body).count_heads
    assert head.head == "self.size_net"
    assert head.alive_above == (None if alive is None else pytest.approx(alive))
    assert head.bias is None and head.minimum == 0


def test_bias_and_minimum() -> None:
    body = "counts = torch.round(10 ** self.size_net(c) - 1).clamp(min={low}).long()\nreturn counts"
    (head,) = generator(body.format(low=1), "nn.init.constant_(self.size_net[-1].bias, 0.7)").count_heads
    assert (head.bias, head.minimum) == (0.7, 1)
    assert head.bias_site is not None and head.bias_site.quote.strip().startswith("nn.init.constant_")
    (head,) = generator(body.format(low=0), "self.size_net[2].bias.data.fill_(math.log10(11))").count_heads
    assert head.bias == pytest.approx(math.log10(11)) and head.minimum == 0
    (head,) = generator(body.format(low=0), "nn.init.constant_(self.size_net[0].bias, 0.7)").count_heads
    assert head.bias is None and head.bias_site is None  # not the last layer
    (head,) = generator(body.format(low=0), "nn.init.constant_(self.point_net.bias, 0.7)").count_heads
    assert head.bias is None
    after = "gen = Generator()\nwith torch.no_grad():\n    gen.size_net[-1].bias.fill_(0.5)"
    (head,) = generator(body.format(low=0), after=after).count_heads
    assert head.bias == 0.5


def test_head_in_a_class_of_its_own() -> None:
    model = read(
        """
class SizeHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 8)
        self.last = nn.Linear(8, 1)
        nn.init.constant_(self.last.bias, 1.25)

    def forward(self, c):
        return self.last(torch.relu(self.body(c))).squeeze(-1)


class SetGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        self.size = SizeHead()

    def forward(self, c):
        n = torch.round(self.size(c)).long()
        return torch.repeat_interleave(c, n, dim=0)
"""
    )
    (head,) = model.count_heads
    assert (head.head, head.bias, head.alive_above) == ("self.size", 1.25, 0.5)


@pytest.mark.parametrize(
    ("body", "call", "straight"),
    [
        ("return torch.round(self.size_net(c))", "round()", False),
        ("return self.size_net(c).round().long()", "round().long()", False),
        ("h = self.size_net(c)\nq = torch.round(h)\nreturn h + (q - h).detach()", "round()", True),
        ("h = self.size_net(c)\nreturn h + (h.round() - h).detach()", "round()", True),
        ("return F.gumbel_softmax(self.size_net(c), tau=1.0, hard=True)", "gumbel_softmax(hard=True)", True),
        ("return self.size_net(c).argmax(dim=1)", "argmax()", False),
        ("return torch.multinomial(torch.softmax(self.size_net(c), 1), 1)", "multinomial()", False),
        ("keep = torch.sigmoid(self.size_net(c)) > 0.5\nreturn self.point_net(c) * keep", "> 0.5", False),
    ],
)
def test_rounded_quantity(body: str, call: str, straight: bool) -> None:
    (rounding,) = generator(body).roundings
    assert (rounding.call, rounding.straight_through) == (call, straight)
    assert rounding.quantity == "self.size_net(c)" and rounding.supervised is None


@pytest.mark.parametrize(
    "body",
    [
        "return self.point_net(c[c[:, 0].long()])",  # an index into data
        "n = int(self.size_net(c).mean().item())\nprint(n)\nreturn self.point_net(c)",  # a log line
        "if self.size_net(c).mean() > 0.5:\n    print('large')\nreturn self.point_net(c)",
        "k = round(3.7)\nreturn self.point_net(c) * k",
        "return F.gumbel_softmax(self.size_net(c), tau=1.0)",
        "with torch.no_grad():\n    shown = self.size_net(c).round()\nreturn self.point_net(c)",
    ],
)
def test_roundings_of_other_things(body: str) -> None:
    model = generator(body)
    assert not model.roundings and not model.count_heads


def test_rounding_outside_of_a_generator_is_not_meant() -> None:
    model = read(
        """
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(3, 4)

    def forward(self, x):
        return self.net(x).argmax(1)


def show(generator, z):
    picture = (generator(z) * 255).round()
    save(picture)
"""
    )
    assert not model.roundings


@pytest.mark.parametrize(
    "after",
    [
        "def train(gen, c, y):\n    loss = F.mse_loss(gen.size_net(c), y)\n    loss.backward()",
        "def train(gen: Generator, c, y):\n    p = gen.size_net(c)\n    return nn.functional.smooth_l1_loss(p.squeeze(1), y)",
        "criterion = nn.MSELoss()\ngen = Generator()\nloss = criterion(gen.size_net(c), y)",
        "gen = Generator()\npoints, h = gen(c)\nloss = F.mse_loss(h, y)",
    ],
)
def test_supervised_elsewhere(after: str) -> None:
    body = "h = self.size_net(c)\nn = h.round().long()\nreturn self.point_net(c.repeat_interleave(n, 0)), h"
    (rounding,) = generator(body, after=after).roundings
    assert rounding.supervised is not None and "oss" in rounding.supervised.quote


def test_a_loss_on_something_else_is_no_supervision() -> None:
    body = "h = self.size_net(c)\nn = h.round().long()\nreturn self.point_net(c.repeat_interleave(n, 0)), h"
    after = (
        "gen = Generator()\npoints, h = gen(c)\nloss = F.mse_loss(points, y)\nother = F.mse_loss(net.size_net(c), y)"
    )
    (rounding,) = generator(body, after=after).roundings
    assert rounding.supervised is None


def test_supervised_through_a_field_of_a_record() -> None:
    model = read(
        """
from typing import NamedTuple

class Events(NamedTuple):
    points: torch.Tensor
    size: torch.Tensor

class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.size_net = nn.Linear(4, 1)
        self.point_net = nn.Linear(4, 3)

    def forward(self, c):
        h = self.size_net(c)
        counts = torch.round(h).long()
        return Events(self.point_net(c.repeat_interleave(counts, 0)), h)

def train(generator: Generator, c, y):
    fake = generator(c)
    return F.mse_loss(fake.size, y)
"""
    )
    (rounding,) = model.roundings
    assert rounding.supervised is not None
