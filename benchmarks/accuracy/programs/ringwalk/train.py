"""WGAN-GP on a ring of Gaussians."""

import argparse
import resource

import torch
from data import sample
from model import Critic, Generator, gradient_penalty

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--steps", type=int, default=300)
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--n-critic", type=int, default=3)
parser.add_argument("--lr-d", type=float, default=4e-3)
parser.add_argument("--lr-g", type=float, default=2e-3)
parser.add_argument("--lambda-gp", type=float, default=1.0)
parser.add_argument("--every", type=int, default=5)
args = parser.parse_args()

torch.set_num_threads(1)
torch.manual_seed(args.seed)
rng = torch.Generator().manual_seed(args.seed + 1000)
Z = 8

generator = Generator(Z)
critic = Critic()
opt_g = torch.optim.Adam(generator.parameters(), lr=args.lr_g, betas=(0.0, 0.9))
opt_d = torch.optim.Adam(critic.parameters(), lr=args.lr_d, betas=(0.0, 0.9))
sched_g = torch.optim.lr_scheduler.LambdaLR(opt_g, lambda s: 1 - 0.9 * s / args.steps)
sched_d = torch.optim.lr_scheduler.LambdaLR(opt_d, lambda s: 1 - 0.9 * s / args.steps)

print(f"[config] lr_d={args.lr_d} lr_g={args.lr_g} lambda_gp={args.lambda_gp} n_critic={args.n_critic} batch_size={args.batch}")


def noise():
    return torch.randn(args.batch, Z)


history = []
for step in range(1, args.steps + 1):
    for _ in range(args.n_critic):
        real = sample(args.batch, rng)
        fake = generator(noise()).detach()
        real_score = critic(real).mean()
        fake_score = critic(fake).mean()
        gp = gradient_penalty(critic, real, fake)
        c_loss = fake_score - real_score + args.lambda_gp * gp
        opt_d.zero_grad()
        c_loss.backward()
        opt_d.step()

    fake = generator(noise())
    g_loss = -critic(fake).mean()
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()
    history.append(g_loss.item())
    sched_g.step()
    sched_d.step()

    if step % args.every == 0:
        gap = (real_score - fake_score).item()
        grads = [p.grad for p in generator.parameters() if p.grad is not None]
        g_grad = torch.stack([g.norm() for g in grads]).norm().item() if grads else 0.0
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"[train] step={step} c_loss={c_loss.item():.4f} g_loss={g_loss.item():.4f} w_gap={gap:.4f} "
            f"gp={gp.item():.4f} g_grad_norm={g_grad:.5f} lr={sched_g.get_last_lr()[0]:.3e} "
            f"fake_std={fake.std().item():.3f} real_std={real.std().item():.3f} rss={rss:.0f}MiB"
        )
