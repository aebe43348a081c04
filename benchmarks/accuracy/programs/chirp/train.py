import argparse

import torch
from data import chirps
from model import SignalD, SignalG
from progress import tqdm
from torch import optim
from torch.nn import functional as F


def d_logistic_loss(real_pred, fake_pred):
    real_loss = F.softplus(-real_pred)
    fake_loss = F.softplus(fake_pred)
    return real_loss.mean() + fake_loss.mean()


def d_r1_loss(real_pred, real_sig):
    grad_real, = torch.autograd.grad(outputs=real_pred.sum(), inputs=real_sig, create_graph=True)
    return grad_real.pow(2).reshape(grad_real.shape[0], -1).sum(1).mean()


def g_nonsaturating_loss(fake_pred):
    loss = F.softplus(-fake_pred).mean()
    return loss


def requires_grad(model, flag=True):
    for p in model.parameters():
        p.requires_grad = flag


def make_noise(args):
    return torch.randn(args.batch, args.latent)


def train(args, generator, discriminator, g_optim, d_optim, rng):
    pbar = tqdm(range(args.iter), mininterval=0.02)
    r1_loss = torch.tensor(0.0)
    for i in pbar:
        real_sig = chirps(args.batch, rng)

        requires_grad(generator, False)
        requires_grad(discriminator, True)
        fake_sig = generator(make_noise(args))
        fake_pred = discriminator(fake_sig)
        real_pred = discriminator(real_sig)
        d_loss = d_logistic_loss(real_pred, fake_pred)
        discriminator.zero_grad()
        d_loss.backward()
        d_optim.step()

        if i % args.d_reg_every == 0:
            real_sig.requires_grad = True
            real_pred = discriminator(real_sig)
            r1_loss = d_r1_loss(real_pred, real_sig)
            discriminator.zero_grad()
            (args.r1 / 2 * r1_loss * args.d_reg_every + 0 * real_pred[0].sum()).backward()
            d_optim.step()

        requires_grad(generator, True)
        requires_grad(discriminator, False)
        fake_sig = generator(make_noise(args))
        fake_pred = discriminator(fake_sig)
        g_loss = g_nonsaturating_loss(fake_pred)
        generator.zero_grad()
        g_loss.backward()
        g_optim.step()

        if i % 8 == 0:
            lr = g_optim.param_groups[0]["lr"]
            pbar.set_description(
                f"d: {d_loss.item():.4f}; g: {g_loss.item():.4f}; r1: {r1_loss.item():.4f}; "
                f"real: {torch.sigmoid(real_pred).mean().item():.4f}; fake: {torch.sigmoid(fake_pred).mean().item():.4f}; "
                f"std: {fake_sig.std(0).mean().item():.4f}; lr: {lr:.2e}"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--iter", type=int, default=700)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--latent", type=int, default=8)
    parser.add_argument("--lr", type=float, default=0.002)
    parser.add_argument("--r1", type=float, default=0.3)
    parser.add_argument("--d_reg_every", type=int, default=4)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    generator = SignalG(args.latent)
    discriminator = SignalD()
    g_optim = optim.Adam(generator.parameters(), lr=args.lr, betas=(0.0, 0.99))
    d_optim = optim.Adam(discriminator.parameters(), lr=args.lr, betas=(0.0, 0.99))
    train(args, generator, discriminator, g_optim, d_optim, torch.Generator().manual_seed(args.seed + 1))
