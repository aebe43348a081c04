import torch
from model import DiscriminatorNet, GeneratorNet, hinge_d, hinge_g
from torch.autograd import grad

DISCRIMINATOR, GENERATOR = 0, 1


class FlowerGAN:
    def __init__(self, latent_dim=4, lr_g=1e-3, lr_d=1e-3, b1=0.0, b2=0.99, r1=0.1, r1_every=4, gamma=1.0):
        self.latent_dim = latent_dim
        self.lr_g, self.lr_d = lr_g, lr_d
        self.betas = (b1, b2)
        self.r1, self.r1_every = r1, r1_every
        self.gamma = gamma
        self.generator = GeneratorNet(latent_dim)
        self.discriminator = DiscriminatorNet()
        self.logged = {}

    def log(self, name, value):
        self.logged[name] = value.item() if torch.is_tensor(value) else value

    def networks(self):
        return [self.discriminator, self.generator]

    def configure_optimizers(self):
        opt_d = torch.optim.Adam(self.discriminator.parameters(), lr=self.lr_d, betas=self.betas)
        opt_g = torch.optim.Adam(self.generator.parameters(), lr=self.lr_g, betas=self.betas)
        schedulers = [torch.optim.lr_scheduler.ExponentialLR(opt, gamma=self.gamma) for opt in (opt_d, opt_g)]
        return [opt_d, opt_g], schedulers

    def r1_penalty(self, xy):
        xy = xy.detach().requires_grad_(True)
        (slope,) = grad(self.discriminator(xy).sum(), xy, create_graph=True)
        return slope.pow(2).sum(dim=1).mean()

    def training_step(self, xy, batch_idx, optimizer_idx):
        z = torch.randn(len(xy), self.latent_dim)
        if optimizer_idx == DISCRIMINATOR:
            fake = self.generator(z).detach()
            real_score, fake_score = self.discriminator(xy), self.discriminator(fake)
            loss = hinge_d(real_score, fake_score)
            self.log('train/loss_disc', loss)
            self.log('train/score_real', real_score.mean())
            self.log('train/score_fake', fake_score.mean())
            if self.r1 and batch_idx % self.r1_every == 0:
                penalty = self.r1_penalty(xy)
                self.log('train/r1', penalty)
                loss = loss + 0.5 * self.r1 * self.r1_every * penalty
            return loss
        if optimizer_idx == GENERATOR:
            fake = self.generator(z)
            loss = hinge_g(self.discriminator(fake))
            self.log('train/loss_gen', loss)
            self.log('train/std_fake', fake.std(dim=0).mean())
            return loss

    @torch.no_grad()
    def validation_step(self, xy):
        fake = self.generator(torch.randn(len(xy), self.latent_dim))
        gaps = [(fake @ d).sort().values - (xy @ d).sort().values for d in torch.eye(2)]
        self.log('val/emd', sum(gap.abs().mean() for gap in gaps))
