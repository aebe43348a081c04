"""What the source says of penalties, of what bounds a critic and of which path a profiled step took, in many idioms."""

from __future__ import annotations

import textwrap

import pytest

from wganlint.read.source import read_source
from wganlint.source import Loss, Penalty, SourceModel

CRITIC = """
import torch
from torch import autograd, nn

class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential({layers})

    def forward(self, x):
        return self.net(x)
"""
FLAT = CRITIC.format(layers="nn.Linear(8, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1)")
IMAGE = CRITIC.format(layers="nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 16)")


def model(*parts: str) -> SourceModel:
    found, notes = read_source([("train.py", "\n".join(textwrap.dedent(part) for part in parts).encode())])
    assert not notes
    return found


def penalty(body: str) -> Penalty:
    text = f"""
def step(critic, opt, real, fake):
    eps = torch.rand(real.size(0), 1)
    x = (eps * real + (1 - eps) * fake).requires_grad_(True)
    grad = autograd.grad(outputs=critic(x), inputs=x, grad_outputs=torch.ones(len(x), 1), create_graph=True)[0]
{textwrap.indent(body, "    ")}
    loss = critic(fake).mean() - critic(real).mean() + 10.0 * gp
    loss.backward()
    opt.step()
"""
    (found,) = model(FLAT, text).penalties
    return found


@pytest.mark.parametrize(
    ("body", "over", "bare", "centered"),
    [
        ("gp = ((grad.norm(2, dim=1) - 1) ** 2).mean()", "axis", False, 1.0),
        ("gp = ((grad.view(len(grad), -1).norm(2, 1) - 1) ** 2).mean()", "sample", False, 1.0),
        ("gp = ((grad.flatten(start_dim=1).norm(dim=1) - 1.) ** 2).mean()", "sample", False, 1.0),
        ("gp = ((grad.reshape(grad.shape[0], -1).norm(2, dim=0) - 1) ** 2).mean()", "batch", False, 1.0),
        ("gp = (torch.norm(grad) - 1) ** 2", "whole", False, 1.0),
        ("gp = (1 - torch.linalg.vector_norm(grad, dim=(1, 2, 3))).square().mean()", "sample", False, 1.0),
        ("gp = ((torch.sqrt(torch.sum(grad ** 2, dim=1)) - 1) ** 2).mean()", "axis", True, 1.0),
        ("gp = ((torch.sqrt(torch.sum(grad ** 2, dim=1) + 1e-12) - 1) ** 2).mean()", "axis", False, 1.0),
        ("gp = ((grad.square().sum([1, 2, 3]).add(1e-8).sqrt() - 1) ** 2).mean()", "sample", False, 1.0),
        ("gp = (((grad * grad).sum(1) ** 0.5 - 1) ** 2).mean()", "axis", True, 1.0),
        ("gp = grad.pow(2).reshape(len(grad), -1).sum(1).mean()", "sample", False, 0.0),
        ("gp = grad.pow(2).sum() / len(grad)", "whole", False, 0.0),
        ("gp = sum((g.norm() - 1) ** 2 for g in grad) / len(grad)", "unknown", False, 1.0),
    ],
)
def test_the_norm_of_a_slope(body: str, over: str, bare: bool, centered: float) -> None:
    (norm,) = penalty(body).norms
    assert (norm.over, norm.bare, norm.centered) == (over, bare, centered)


@pytest.mark.parametrize(
    ("body", "used"),
    [
        ("gp = ((grad.norm(2, dim=1) - 1) ** 2).mean()", True),
        ("term = ((grad.norm(2, dim=1) - 1) ** 2).mean()\ngp = 0.0\nprint(term.item())", False),
        ("term = ((grad.norm(2, dim=1) - 1) ** 2).mean()\ngp = 0.0\nprint(f'{term:.3f}')", False),
        ("term = ((grad.norm(2, dim=1) - 1) ** 2).mean()\ngp = 0.0\nKEPT['gp'] = term", None),
        ("term = ((grad.norm(2, dim=1) - 1) ** 2).mean()\ngp = 0.0\nparts.append(term)", None),
    ],
)
def test_a_penalty_counts_as_unused_only_where_each_use_is_seen(body: str, used: bool | None) -> None:
    assert penalty(body).used is used


def test_a_penalty_that_enters_as_a_number_is_cut() -> None:
    cut = penalty("gp = ((grad.norm(2, dim=1) - 1) ** 2).mean().item()").cut
    assert cut is not None and cut.place.line == 18
    assert penalty("gp = ((grad.norm(2, dim=1) - 1) ** 2).mean()\nprint(gp.item())").cut is None


@pytest.mark.parametrize(
    ("body", "masked"),
    [
        ("gp = ((grad.norm(2, dim=1).clamp(max=10) - 1) ** 2).mean()", 1),
        ("gp = ((torch.nan_to_num(grad).norm(2, dim=1) - 1) ** 2).mean()", 1),
        ("gp = ((grad.norm(2, dim=1).clamp(min=1e-6) - 1) ** 2).mean()", 0),
        ("gp = (torch.clamp(grad.norm(2, dim=1) - 1, min=0) ** 2).mean()", 0),
        ("gp = ((grad.norm(2, dim=1) - 1) ** 2).mean()\nshown = torch.clamp(x + 0.1 * grad, -1, 1)", 0),
    ],
)
def test_masks_inside_the_penalty(body: str, masked: int) -> None:
    assert len(penalty(body).masked) == masked


@pytest.mark.parametrize(
    ("draw", "kind", "rank"),
    [
        ("torch.rand(real.size(0), 1, 1, 1)", "sample", 4),
        ("torch.rand(real.size(0), 1)", "sample", None),
        ("torch.rand(real.shape[0])", "vector", None),
        ("torch.rand(real.shape[0]).view(-1, 1, 1, 1)", "sample", 4),
        ("torch.rand(real.shape[0])[:, None]", "sample", None),
        ("torch.rand(1)", "batch", None),
        ("torch.rand_like(real)", "element", None),
        ("torch.rand(real.size())", "element", None),
        ("torch.tensor(np.random.random((real.size(0), 1, 1, 1)))", "sample", 4),
        ("Tensor(np.random.random((real.size(0), 1, 1, 1)))", "sample", 4),
        ("torch.FloatTensor(real.size(0), 1, 1, 1).uniform_(0, 1)", "sample", 4),
    ],
)
def test_the_random_weight(draw: str, kind: str, rank: int | None) -> None:
    text = f"""
    import numpy as np

    def gradient_penalty(critic, real, fake):
        alpha = {draw}
        x = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
        grad = autograd.grad(critic(x).sum(), x, create_graph=True)[0]
        return ((grad.norm(2, dim=1) - 1) ** 2).mean()
    """
    (found,) = model(FLAT, text).penalties
    assert (found.mixing, found.rank) == (kind, rank)


def test_an_image_critic_tells_the_axes_of_its_input_and_one_that_reshapes_does_not() -> None:
    body = """
    def gradient_penalty(critic, real, fake):
        x = torch.lerp(real, fake, torch.rand_like(real)).requires_grad_(True)
        grad = autograd.grad(critic(x).sum(), x, create_graph=True)[0]
        return ((grad.norm(2, dim=1) - 1) ** 2).mean()
    """
    assert model(IMAGE, body).penalties[0].rank == 4
    assert model(IMAGE.replace("self.net(x)", "self.net(x.view(-1, 3, 32, 32))"), body).penalties[0].rank is None


def test_a_static_network_tells_the_axes_of_its_input() -> None:
    text = """
    import tensorflow as tf

    def discriminator(x, reuse=False):
        net = lrelu(conv2d(x, 64, 4, 4, 2, 2, name="d_conv1"))
        return tf.layers.dense(tf.reshape(net, [64, -1]), 1)

    grad = tf.gradients(discriminator(inner, reuse=True), [inner])[0]
    slopes = tf.sqrt(tf.reduce_sum(tf.square(grad), reduction_indices=[1]))
    d_loss += 10 * tf.reduce_mean((slopes - 1.0) ** 2)
    tf.train.AdamOptimizer(1e-4).minimize(d_loss)
    """
    (found,) = model(text).penalties
    assert found.rank == 4 and [(norm.over, norm.bare) for norm in found.norms] == [("axis", True)]


@pytest.mark.parametrize(
    ("outer", "graph", "last"),
    [
        ("with tf.GradientTape() as tape:", True, "update(optimizer, tape, loss)"),
        ("if True:", False, "optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))"),
        ("if True:", None, "return loss"),
    ],
)
def test_a_tape_inside_another_one_records_the_penalty(outer: str, graph: bool | None, last: str) -> None:
    text = f"""
    import tensorflow as tf

    def gradient_penalty(critic, x):
        with tf.GradientTape() as inner:
            inner.watch(x)
            score = critic(x)
        grad = inner.gradient(score, x)
        return tf.reduce_mean((tf.norm(tf.reshape(grad, [len(x), -1]), axis=1) - 1.0) ** 2)

    def train_step(critic, optimizer, real, fake):
        {outer}
            gp = gradient_penalty(critic, real)
            loss = tf.reduce_mean(critic(fake)) - tf.reduce_mean(critic(real)) + 10.0 * gp
        {last}
    """
    (found,) = model(text).penalties
    assert found.create_graph is graph


LOSS = """
def train(critic, generator, opt_d, loader):
    for real in loader:
        fake = generator(torch.randn(len(real), 4)).detach()
        d_loss = critic(fake).mean() - critic(real).mean()
        opt_d.zero_grad()
        d_loss.backward()
        opt_d.step()
"""


def critic_loss(*parts: str) -> Loss:
    (found,) = (loss for loss in model(*parts).losses if loss.part == "critic")
    return found


@pytest.mark.parametrize(
    ("extra", "control"),
    [
        ("", "none"),
        ("        for p in critic.parameters():\n            p.data.clamp_(-0.01, 0.01)\n", "clip"),
        ("        weight_clipper(critic)\n", ""),
        ("        clip_weights(critic)\n", ""),
        ("        nn.utils.clip_grad_norm_(critic.parameters(), 1.0)\n", "none"),
    ],
)
def test_what_bounds_the_slope(extra: str, control: str) -> None:
    assert critic_loss(FLAT, LOSS.rstrip() + "\n" + extra).control == control


def test_a_spectral_norm_and_a_weight_in_the_loss_are_no_lack() -> None:
    normed = FLAT.replace("nn.Linear(8, 64)", "nn.utils.spectral_norm(nn.Linear(8, 64))")
    assert critic_loss(normed, LOSS).control == "spectral"
    began = LOSS.replace("critic(fake).mean() - critic(real).mean()", "critic(real).mean() - k * critic(fake).mean()")
    assert critic_loss(FLAT, began).family == ""


def test_a_control_in_a_file_that_is_imported_is_found_and_one_of_another_program_is_not() -> None:
    training = "from critics import Critic\nfrom clipping import hold\nimport torch\n" + LOSS + "        hold(critic)\n"
    clipping = "def hold(net):\n    for p in net.parameters():\n        p.data.clamp_(-0.01, 0.01)\n"
    files = [("a/train.py", training), ("a/critics.py", FLAT), ("a/clipping.py", clipping)]
    found, _ = read_source([(path, text.encode()) for path, text in files])
    assert [loss.control for loss in found.losses if loss.part == "critic"] == ["elsewhere"]
    other = [("b/train.py", "import torch\n" + FLAT + LOSS), ("a/clipping.py", clipping)]
    found, _ = read_source([(path, text.encode()) for path, text in other])
    assert [loss.control for loss in found.losses if loss.part == "critic"] == ["none"]


def test_weights_clipped_the_older_way_are_clipped() -> None:
    tensorflow = """
    import tensorflow as tf

    theta_D = [W1, b1]
    clip_D = [p.assign(tf.clip_by_value(p, -0.01, 0.01)) for p in theta_D]
    """
    keras = """
    import numpy as np

    def clip(critic):
        for layer in critic.layers:
            weights = layer.get_weights()
            weights = [np.clip(w, -0.02, 0.02) for w in weights]
            layer.set_weights(weights)
    """
    assert [clip.bound for clip in model(tensorflow).clips] == [0.01]
    assert [clip.bound for clip in model(keras).clips] == [0.02]


def test_a_layer_behind_a_switch_is_certain_only_where_the_files_tell() -> None:
    text = """
    from torch import nn

    class Discriminator(nn.Module):
        def __init__(self, norm):
            super().__init__()

            def block(n_in, n_out, bn=True):
                layers = [nn.Conv2d(n_in, n_out, 3, 2, 1)]
                if bn:
                    layers.append(nn.BatchNorm2d(n_out))
                if norm == "instance":
                    layers.append(nn.InstanceNorm2d(n_out))
                return layers

            self.net = nn.Sequential(*block(3, 16, bn={first}), *block(16, 32, bn={second}))

        def forward(self, x):
            return self.net(x)

    disc = Discriminator(opt.norm)
    """

    def gates(first: bool, second: bool) -> dict[str, str]:
        (network,) = model(text.replace("{first}", str(first)).replace("{second}", str(second))).networks
        return {layer.type: layer.gate for layer in network.layers}

    assert gates(False, True)["BatchNorm2d"] == ""
    assert gates(False, False)["BatchNorm2d"] == "never"
    assert gates(True, True)["InstanceNorm2d"] == 'norm == "instance"'


def test_python_2_is_read_and_lines_keep_their_numbers() -> None:
    text = b"""import torch
print "starting", torch.cuda.is_available()
try:
    import foo
except ImportError, e:
    print >>sys.stderr, ("no foo: %s"
                         % e)
if True: print 'one line'
CLIP = 0.01
for p in netD.parameters():
    p.data.clamp_(-CLIP, CLIP)
print ("%d of %d" % (1, 2)),
"""
    found, notes = read_source([("old.py", text)])
    assert not notes
    assert [(clip.place.line, clip.bound) for clip in found.clips] == [(11, 0.01)]


STEP = """
class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(4, 8)

    def forward(self, z):
        return torch.nan_to_num(self.net(z))

class Guarded(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 64), nn.Linear(64, 1)

    def forward(self, x):
        h = torch.nan_to_num(self.body(torch.nan_to_num(x)))
        return self.head(h)

class Trainer:
    def __init__(self):
        self.gen, self.critic = Generator(), Guarded()

    def critic_step(self, real):
        fake = self.gen(torch.randn(len(real), 4))
        loss = self.critic(fake.detach()).mean() - self.critic(real).mean()
        loss.backward()

    def generator_step(self, n):
        loss = -self.critic(self.gen(torch.randn(n, 4))).mean()
        loss.backward()

    def step(self, real, n_critic=5):
        for _ in range(n_critic):
            self.critic_step(real)
        self.generator_step(len(real))
"""


def test_cleanings_on_the_graph_of_a_step_are_counted() -> None:
    """Two in each critic step (one for each side; data is cleaned before all weights), three in the generator's."""
    count = model("import torch\nfrom torch import nn", STEP).step_count
    assert count is not None and count.owner == "Trainer.step"
    assert [(part.cleanings, part.times) for part in count.parts] == [(2, 5), (3, 1)]


def test_a_step_is_not_counted_where_a_condition_or_a_network_is_out_of_sight() -> None:
    gated = STEP.replace(
        "        self.generator_step(len(real))", "        if rarely:\n            self.generator_step(1)"
    )
    assert model("import torch\nfrom torch import nn", gated).step_count is None
    foreign = STEP.replace("Generator(), Guarded()", "Generator(), other.Critic()")
    assert model("import torch\nfrom torch import nn\nimport other", foreign).step_count is None


def test_a_number_that_was_taken_out_of_the_graph_is_no_clamped_loss() -> None:
    """BEGAN keeps its balance in a number between 0 and 1."""
    text = """
    def train(critic, real, fake):
        d_real, d_fake = critic(real).mean(), critic(fake).mean()
        k = 0.0 + 0.001 * (0.7 * d_real - d_fake).item()
        k = min(max(k, 0), 1)
        loss = d_real - k * d_fake
        loss.backward()
    """
    assert not [clamp for clamp in model(FLAT, text).clamps if clamp.on in ("score", "loss")]


def test_a_very_long_chain_of_names_costs_nothing_but_the_count() -> None:
    chain = "\n".join(f"    x{n + 1} = x{n} + 1" for n in range(3000))
    text = f"def step(critic, real):\n    x0 = torch.nan_to_num(critic(real))\n{chain}\n    x3000.mean().backward()\n"
    found = model(FLAT, text)
    assert found.step_count is None and found.guards and found.networks
