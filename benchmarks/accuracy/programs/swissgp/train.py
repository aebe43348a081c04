import argparse
import csv

import torch
import torch.autograd as autograd
from data import SwissRoll
from model import Discriminator, Generator

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--n_epochs", type=int, default=12, help="number of epochs of training")
parser.add_argument("--n_batches", type=int, default=100, help="batches in an epoch")
parser.add_argument("--batch_size", type=int, default=96, help="size of the batches")
parser.add_argument("--lr", type=float, default=0.003, help="adam: learning rate")
parser.add_argument("--b1", type=float, default=0.0)
parser.add_argument("--b2", type=float, default=0.9)
parser.add_argument("--latent_dim", type=int, default=6, help="dimensionality of the latent space")
parser.add_argument("--n_critic", type=int, default=3, help="number of training steps for discriminator per iter")
opt = parser.parse_args()
print(opt)

torch.set_num_threads(1)
torch.manual_seed(opt.seed)
dataset = SwissRoll(opt.seed + 11)

# Loss weight for gradient penalty
lambda_gp = 1

generator = Generator(opt.latent_dim)
discriminator = Discriminator()

optimizer_G = torch.optim.Adam(generator.parameters(), lr=opt.lr / 2, betas=(opt.b1, opt.b2))
optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=opt.lr, betas=(opt.b1, opt.b2))


def compute_gradient_penalty(D, real_samples, fake_samples):
    """Calculates the gradient penalty loss for WGAN GP"""
    alpha = torch.rand(real_samples.size(0), 1)
    interpolates = (alpha * real_samples + ((1 - alpha) * fake_samples)).requires_grad_(True)
    d_interpolates = D(interpolates)
    fake = torch.ones(real_samples.shape[0], 1)
    gradients = autograd.grad(
        outputs=d_interpolates,
        inputs=interpolates,
        grad_outputs=fake,
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    gradients = gradients.view(gradients.size(0), -1)
    gradient_penalty = ((gradients.norm(2, dim=1) - 1) ** 2).mean()
    return gradient_penalty


history = open("history.csv", "w", newline="")
writer = csv.writer(history)
writer.writerow(["epoch", "batch", "d_loss", "g_loss", "wasserstein", "gradient_penalty", "learning_rate"])

for epoch in range(opt.n_epochs):
    for i in range(opt.n_batches):
        real_points = dataset.next_batch(opt.batch_size)

        # ---------------------
        #  Train Discriminator
        # ---------------------
        optimizer_D.zero_grad()
        z = torch.randn(opt.batch_size, opt.latent_dim)
        fake_points = generator(z)
        real_validity = discriminator(real_points)
        d_fake = discriminator(fake_points.detach())
        gradient_penalty = compute_gradient_penalty(discriminator, real_points.data, fake_points.data)
        d_loss = -torch.mean(real_validity) + torch.mean(d_fake) + lambda_gp * gradient_penalty
        d_loss.backward()
        optimizer_D.step()

        # Train the generator every n_critic steps
        if i % opt.n_critic == 0:
            optimizer_G.zero_grad()
            fake_points = generator(z)
            fake_validity = discriminator(fake_points)
            g_loss = -torch.mean(fake_validity)
            g_loss.backward()
            optimizer_G.step()

        if i % 15 == 0:
            print(
                "[Epoch %d/%d] [Batch %d/%d] [D loss: %f] [G loss: %f]"
                % (epoch, opt.n_epochs, i, opt.n_batches, d_loss.item(), g_loss.item())
            )
            w = (torch.mean(real_validity) - torch.mean(d_fake)).item()
            lr = optimizer_D.param_groups[0]["lr"]
            writer.writerow([epoch, i, d_loss.item(), g_loss.item(), w, gradient_penalty.item(), lr])

history.close()
