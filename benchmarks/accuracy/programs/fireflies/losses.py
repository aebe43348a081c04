"""Pairs of functions (d_loss_fn, g_loss_fn) by name; all of them take raw outputs of the discriminator."""
import torch
import torch.nn.functional as F


def get_gan_loss(name, smoothing=0.0):
    if name == "bce":

        def d_loss_fn(r_logit, f_logit):
            r_loss = F.binary_cross_entropy_with_logits(r_logit, torch.full_like(r_logit, 1.0 - smoothing))
            f_loss = F.binary_cross_entropy_with_logits(f_logit, torch.zeros_like(f_logit))
            return r_loss, f_loss

        def g_loss_fn(f_logit):
            return F.binary_cross_entropy_with_logits(f_logit, torch.ones_like(f_logit))

    elif name == "lsgan":

        def d_loss_fn(r_logit, f_logit):
            return F.mse_loss(r_logit, torch.ones_like(r_logit)), F.mse_loss(f_logit, torch.zeros_like(f_logit))

        def g_loss_fn(f_logit):
            return F.mse_loss(f_logit, torch.ones_like(f_logit))

    else:
        raise ValueError(f"no loss {name!r}")
    return d_loss_fn, g_loss_fn
