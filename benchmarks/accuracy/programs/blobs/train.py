"""SN-GAN with the hinge loss on five blobs; one JSON object a line on stdout."""
import argparse
import json
import time

import torch
from data import draw
from model import Disc, Gen, loss_hinge_dis, loss_hinge_gen


def parse():
    p = argparse.ArgumentParser()
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--num_iters', type=int, default=400)
    p.add_argument('--batch_size', type=int, default=128)
    p.add_argument('--dim_z', type=int, default=6)
    p.add_argument('--G_lr', type=float, default=2e-3)
    p.add_argument('--D_lr', type=float, default=2e-3)
    p.add_argument('--num_D_steps', type=int, default=2)
    p.add_argument('--log_every', type=int, default=10)
    return vars(p.parse_args())


def run(config):
    torch.manual_seed(config['seed'])
    rng = torch.Generator().manual_seed(config['seed'])
    G, D = Gen(config['dim_z']), Disc()
    G_optim = torch.optim.Adam(G.parameters(), lr=config['G_lr'], betas=(0.0, 0.999))
    D_optim = torch.optim.Adam(D.parameters(), lr=config['D_lr'], betas=(0.0, 0.999))
    print(json.dumps({'config': config}))
    t0 = time.time()
    for itr in range(1, config['num_iters'] + 1):
        for _ in range(config['num_D_steps']):
            D_optim.zero_grad()
            x = draw(config['batch_size'], rng)
            z = torch.randn(config['batch_size'], config['dim_z'])
            with torch.no_grad():
                G_z = G(z)
            D_fake = D(G_z)
            D_real = D(x)
            D_loss_real, D_loss_fake = loss_hinge_dis(D_fake, D_real)
            D_loss = D_loss_real + D_loss_fake
            D_loss.backward()
            D_optim.step()
        G_optim.zero_grad()
        z = torch.randn(config['batch_size'], config['dim_z'])
        G_z = G(z)
        G_loss = loss_hinge_gen(D(G_z))
        G_loss.backward()
        G_optim.step()
        if itr % config['log_every'] == 0:
            grads = [p.grad.norm() for p in G.parameters() if p.grad is not None]
            print(json.dumps({
                'itr': itr,
                'G_loss': round(G_loss.item(), 5),
                'D_loss_real': round(D_loss_real.item(), 5),
                'D_loss_fake': round(D_loss_fake.item(), 5),
                'D_real': round(D_real.mean().item(), 5),
                'D_fake': round(D_fake.mean().item(), 5),
                'G_grad_norm': round(torch.stack(grads).norm().item(), 6) if grads else 0.0,
                'G_std': round(G_z.std().item(), 5),
                'elapsed': round(time.time() - t0, 1),
            }), flush=True)


if __name__ == '__main__':
    torch.set_num_threads(1)
    run(parse())
