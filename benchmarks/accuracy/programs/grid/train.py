import argparse

import numpy as np
import torch
from data import load_grid
from model import Discriminator, Generator
from torch.nn.functional import binary_cross_entropy


class GAN():
    def __init__(self, seed, lr_d, lr_g, latent_dim=8):
        self.latent_dim = latent_dim
        self.X_train = load_grid(4096, seed)
        self.np_rng = np.random.RandomState(seed)
        self.discriminator = Discriminator()
        self.generator = Generator(latent_dim)
        self.d_optimizer = torch.optim.Adam(self.discriminator.parameters(), lr_d, betas=(0.5, 0.9))
        self.g_optimizer = torch.optim.Adam(self.generator.parameters(), lr_g, betas=(0.5, 0.9))

    def train_discriminator(self, samples, target):
        """One step of the discriminator; loss and accuracy."""
        validity = self.discriminator(samples)
        loss = binary_cross_entropy(validity, target)
        self.d_optimizer.zero_grad()
        loss.backward()
        self.d_optimizer.step()
        accuracy = ((validity > 0.5) == (target > 0.5)).float().mean()
        return loss.item(), accuracy.item()

    def train_generator(self, noise, target):
        gen_samples = self.generator(noise)
        loss = binary_cross_entropy(self.discriminator(gen_samples), target)
        self.g_optimizer.zero_grad()
        loss.backward()
        self.g_optimizer.step()
        return loss.item()

    def train(self, epochs, batch_size=64, sample_interval=5):
        # Adversarial ground truths
        valid = torch.ones((batch_size, 1))
        fake = torch.zeros((batch_size, 1))
        rows = open("losses.csv", "w")
        rows.write("epoch,d_loss_real,d_loss_fake,d_acc,g_loss\n")
        for epoch in range(epochs):
            # Select a random batch
            idx = self.np_rng.randint(0, self.X_train.shape[0], batch_size)
            samples = torch.from_numpy(self.X_train[idx])
            noise = torch.randn(batch_size, self.latent_dim)
            gen_samples = self.generator(noise).detach()

            d_loss_real, acc_real = self.train_discriminator(samples, valid)
            d_loss_fake, acc_fake = self.train_discriminator(gen_samples, fake)
            d_loss = 0.5 * (d_loss_real + d_loss_fake)
            d_acc = 0.5 * (acc_real + acc_fake)

            noise = torch.randn(batch_size, self.latent_dim)
            g_loss = self.train_generator(noise, valid)

            if epoch % sample_interval == 0:
                print("%d [D loss: %f, acc.: %.2f%%] [G loss: %f]" % (epoch, d_loss, 100 * d_acc, g_loss))
                rows.write(f"{epoch},{d_loss_real},{d_loss_fake},{d_acc},{g_loss}\n")
        rows.close()


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--epochs', type=int, default=600)
    parser.add_argument('--batch-size', type=int, default=128)
    parser.add_argument('--lr-d', type=float, default=0.002)
    parser.add_argument('--lr-g', type=float, default=0.002)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    print(f"Adam: lr_d={args.lr_d} lr_g={args.lr_g}")
    gan = GAN(args.seed, args.lr_d, args.lr_g)
    gan.train(epochs=args.epochs, batch_size=args.batch_size)
