import argparse
import json
import time
from pathlib import Path

import torch
from data import batches
from losses import get_gan_loss
from model import Discriminator, Generator


def load_config():
    parser = argparse.ArgumentParser()
    parser.add_argument('--config', type=Path, default=Path(__file__).parent / 'config.json')
    parser.add_argument('--seed', type=int, default=42)
    parser.add_argument('--set', nargs='*', action='extend', default=[], metavar='KEY=VALUE')
    args = parser.parse_args()
    cfg = json.loads(args.config.read_text())
    for pair in args.set:
        key, value = pair.split('=', 1)
        assert key in cfg, f'unknown option {key}'
        cfg[key] = type(cfg[key])(json.loads(value)) if not isinstance(cfg[key], str) else value
    cfg['seed'] = args.seed
    return cfg


def rate_at(step, cfg):
    """Factor of both learning rates."""
    if step < cfg['warmup_steps']:
        return (step + 1) / cfg['warmup_steps']
    if cfg['lr_scheduler_type'] == 'linear':
        return max(0.0, (cfg['max_steps'] - step) / max(1, cfg['max_steps'] - cfg['warmup_steps']))
    return 1.0


def make_optimizers(nets, cfg):
    betas = (cfg['adam_beta1'], cfg['adam_beta2'])
    return {
        'g': torch.optim.AdamW(nets['g'].parameters(), lr=cfg['learning_rate_g'], betas=betas, weight_decay=0.0),
        'd': torch.optim.AdamW(nets['d'].parameters(), lr=cfg['learning_rate_d'], betas=betas, weight_decay=0.0),
    }


def sample_noise(cfg):
    return torch.randn(cfg['batch_size'], cfg['z_dim'])


def main():
    cfg = load_config()
    torch.set_num_threads(1)
    torch.manual_seed(cfg['seed'])
    nets = {
        'g': Generator(cfg['z_dim'], cfg['width_g'], cfg['norm_g']),
        'd': Discriminator(cfg['width_d']),
    }
    optims = make_optimizers(nets, cfg)
    scheds = {k: torch.optim.lr_scheduler.LambdaLR(o, lambda s: rate_at(s, cfg)) for k, o in optims.items()}
    d_loss_fn, g_loss_fn = get_gan_loss(cfg['loss'], cfg['label_smoothing'])
    loader = batches(cfg['batch_size'], cfg['seed'])
    steps_per_epoch = 8192 // cfg['batch_size']
    start = time.time()

    for step in range(1, cfg['max_steps'] + 1):
        blur = cfg['instance_noise'] * (1 - step / cfg['max_steps'])
        real = next(loader)
        fake = nets['g'](sample_noise(cfg))

        # discriminator
        real_logits = nets['d'](real + blur * torch.randn_like(real))
        fake_logits = nets['d'](fake.detach() + blur * torch.randn_like(fake))
        loss_real, loss_fake = d_loss_fn(real_logits, fake_logits)
        loss_d = loss_real + loss_fake
        optims['d'].zero_grad()
        loss_d.backward()
        optims['d'].step()

        # generator
        logits = nets['d'](fake + blur * torch.randn_like(fake))
        loss_g = g_loss_fn(logits)
        optims['g'].zero_grad()
        loss_g.backward()
        grad_norm = torch.nn.utils.clip_grad_norm_(nets['g'].parameters(), cfg['max_grad_norm'])
        optims['g'].step()

        if step % cfg['logging_steps'] == 0:
            print({
                'loss_d': round(loss_d.item(), 4),
                'loss_g': round(loss_g.item(), 4),
                'p_real': round(real_logits.sigmoid().mean().item(), 4),
                'p_fake': round(fake_logits.sigmoid().mean().item(), 4),
                'grad_norm_g': round(float(grad_norm), 6),
                'sample_std': round(fake.std(dim=0).mean().item(), 4),
                'learning_rate': optims['g'].param_groups[0]['lr'],
                'learning_rate_d': optims['d'].param_groups[0]['lr'],
                'epoch': round(step / steps_per_epoch, 2),
            }, flush=True)
        for sched in scheds.values():
            sched.step()

    spent = time.time() - start
    print({
        'train_runtime': round(spent, 4),
        'train_samples_per_second': round(cfg['max_steps'] * cfg['batch_size'] / spent, 3),
        'train_steps_per_second': round(cfg['max_steps'] / spent, 3),
        'epoch': round(cfg['max_steps'] / steps_per_epoch, 2),
    })


if __name__ == '__main__':
    main()
