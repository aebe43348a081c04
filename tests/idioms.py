"""Small GANs in the idioms of the field, as text: the ground on which test_spellings.py writes faults and sound forms."""

NETS = """
import torch
import torch.nn as nn
import torch.nn.functional as F


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, z):
        return self.net(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))

    def forward(self, x):
        return self.net(x)

"""
SPECTRAL = NETS
for layer in ("nn.Linear(2, 64)", "nn.Linear(64, 1)"):
    SPECTRAL = SPECTRAL.replace(layer, f"nn.utils.spectral_norm({layer})")
PROB = NETS.replace("nn.Linear(64, 1))", "nn.Linear(64, 1), nn.Sigmoid())")
GANS: dict[str, str] = {}
GANS["dcgan"] = (
    PROB
    + """
netG, netD = Generator(), Discriminator()
criterion = nn.BCELoss()
real_label = 1.0
fake_label = 0.0
fixed_noise = torch.randn(64, 16)
optimizerD = torch.optim.Adam(netD.parameters(), lr=2e-4, betas=(0.5, 0.999))
optimizerG = torch.optim.Adam(netG.parameters(), lr=2e-4, betas=(0.5, 0.999))
for epoch in range(20):
    for i, (real,) in enumerate(dataloader):
        netD.zero_grad()
        label = torch.full((real.size(0),), real_label)
        output = netD(real).view(-1)
        errD_real = criterion(output, label)
        errD_real.backward()
        noise = torch.randn(real.size(0), 16)
        fake = netG(noise)
        label.fill_(fake_label)
        output = netD(fake.detach()).view(-1)
        errD_fake = criterion(output, label)
        errD_fake.backward()
        errD = errD_real + errD_fake
        optimizerD.step()
        netG.zero_grad()
        label.fill_(real_label)
        output = netD(fake).view(-1)
        errG = criterion(output, label)
        errG.backward()
        optimizerG.step()
        print(f"[{epoch}/20][{i}] Loss_D: {errD.item():.4f} Loss_G: {errG.item():.4f}")
    with torch.no_grad():
        save_image(netG(fixed_noise), f"fake_{epoch}.png")
"""
)
GANS["softplus"] = (
    NETS
    + """

def train(loader, steps=20000):
    gen, disc = Generator(), Discriminator()
    g_opt = torch.optim.Adam(gen.parameters(), lr=1e-4, betas=(0.5, 0.99))
    d_opt = torch.optim.Adam(disc.parameters(), lr=1e-4, betas=(0.5, 0.99))
    for step, real in enumerate(loader):
        z = torch.randn(real.shape[0], 16)
        with torch.no_grad():
            fake = gen(z)
        real_logits = disc(real)
        fake_logits = disc(fake)
        d_loss = F.softplus(fake_logits).mean() + F.softplus(-real_logits).mean()
        d_opt.zero_grad()
        d_loss.backward()
        d_opt.step()

        z = torch.randn(real.shape[0], 16)
        samples = gen(z)
        g_loss = F.softplus(-disc(samples)).mean()
        g_opt.zero_grad()
        g_loss.backward()
        g_opt.step()
        if step % 100 == 0:
            print(f"{step} d_loss {d_loss.item():.4f} g_loss {g_loss.item():.4f}")
"""
)
GANS["lsgan"] = (
    NETS
    + """
adversarial_loss = torch.nn.MSELoss()
generator = Generator()
discriminator = Discriminator()
optimizer_G = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
Tensor = torch.FloatTensor
for epoch in range(opt.n_epochs):
    for i, (imgs, _) in enumerate(dataloader):
        valid = Variable(Tensor(imgs.shape[0], 1).fill_(1.0), requires_grad=False)
        fake = Variable(Tensor(imgs.shape[0], 1).fill_(0.0), requires_grad=False)
        real_imgs = Variable(imgs.type(Tensor))
        optimizer_G.zero_grad()
        z = Variable(Tensor(np.random.normal(0, 1, (imgs.shape[0], 16))))
        gen_imgs = generator(z)
        g_loss = adversarial_loss(discriminator(gen_imgs), valid)
        g_loss.backward()
        optimizer_G.step()
        optimizer_D.zero_grad()
        real_loss = adversarial_loss(discriminator(real_imgs), valid)
        fake_loss = adversarial_loss(discriminator(gen_imgs.detach()), fake)
        d_loss = (real_loss + fake_loss) / 2
        d_loss.backward()
        optimizer_D.step()
"""
)
GANS["trainer"] = (
    NETS
    + """

class Trainer:
    def __init__(self, G, D, lr=1e-4, gp_weight=10, critic_iterations=5):
        self.G, self.D = G, D
        self.G_opt = torch.optim.Adam(G.parameters(), lr=lr, betas=(0, 0.9))
        self.D_opt = torch.optim.Adam(D.parameters(), lr=lr, betas=(0, 0.9))
        self.gp_weight, self.critic_iterations = gp_weight, critic_iterations
        self.num_steps = 0

    def _critic_train_iteration(self, data):
        generated_data = self.sample_generator(data.size(0))
        d_real = self.D(data)
        d_generated = self.D(generated_data.detach())
        gradient_penalty = self._gradient_penalty(data, generated_data.detach())
        self.D_opt.zero_grad()
        d_loss = d_generated.mean() - d_real.mean() + gradient_penalty
        d_loss.backward()
        self.D_opt.step()
        return d_loss.item()

    def _generator_train_iteration(self, data):
        self.G_opt.zero_grad()
        generated_data = self.sample_generator(data.size(0))
        d_generated = self.D(generated_data)
        g_loss = -d_generated.mean()
        g_loss.backward()
        self.G_opt.step()
        return g_loss.item()

    def _gradient_penalty(self, real, fake):
        alpha = torch.rand(real.size(0), 1)
        mixed = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
        scores = self.D(mixed)
        gradients = torch.autograd.grad(scores, mixed, grad_outputs=torch.ones_like(scores), create_graph=True)[0]
        norm = torch.sqrt(torch.sum(gradients.view(real.size(0), -1) ** 2, dim=1) + 1e-12)
        return self.gp_weight * ((norm - 1) ** 2).mean()

    def train(self, loader):
        for i, data in enumerate(loader):
            self.num_steps += 1
            self._critic_train_iteration(data)
            if self.num_steps % self.critic_iterations == 0:
                self._generator_train_iteration(data)

    def sample_generator(self, num_samples):
        latent = torch.randn(num_samples, 16)
        return self.G(latent)
"""
)
GANS["hinge"] = (
    SPECTRAL
    + """

def d_hinge(real_scores, fake_scores):
    return torch.mean(F.relu(1.0 - real_scores)) + torch.mean(F.relu(1.0 + fake_scores))


def g_hinge(fake_scores):
    return -torch.mean(fake_scores)


def main(args):
    generator, discriminator = Generator().to(args.device), Discriminator().to(args.device)
    opt_g = torch.optim.Adam(generator.parameters(), lr=1e-4, betas=(0.0, 0.9))
    opt_d = torch.optim.Adam(discriminator.parameters(), lr=4e-4, betas=(0.0, 0.9))
    data = iter(loader(args))
    for it in range(args.iterations):
        for _ in range(args.d_steps):
            x = next(data)
            z = torch.randn(x.size(0), 16, device=x.device)
            x_fake = generator(z).detach()
            loss_d = d_hinge(discriminator(x), discriminator(x_fake))
            opt_d.zero_grad()
            loss_d.backward()
            opt_d.step()
        z = torch.randn(x.size(0), 16, device=x.device)
        x_fake = generator(z)
        loss_g = g_hinge(discriminator(x_fake))
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
"""
)
GANS["lightning"] = (
    NETS
    + """
import pytorch_lightning as pl


class GAN(pl.LightningModule):
    def __init__(self, lr=2e-4):
        super().__init__()
        self.automatic_optimization = False
        self.lr = lr
        self.generator = Generator()
        self.discriminator = Discriminator()
        self.validation_z = torch.randn(8, 16)

    def forward(self, z):
        return self.generator(z)

    def adversarial_loss(self, y_hat, y):
        return F.binary_cross_entropy_with_logits(y_hat, y)

    def training_step(self, batch):
        imgs, _ = batch
        optimizer_g, optimizer_d = self.optimizers()
        z = torch.randn(imgs.shape[0], 16).type_as(imgs)
        self.toggle_optimizer(optimizer_g)
        generated_imgs = self(z)
        valid = torch.ones(imgs.size(0), 1).type_as(imgs)
        g_loss = self.adversarial_loss(self.discriminator(generated_imgs), valid)
        self.log("g_loss", g_loss, prog_bar=True)
        self.manual_backward(g_loss)
        optimizer_g.step()
        optimizer_g.zero_grad()
        self.untoggle_optimizer(optimizer_g)
        self.toggle_optimizer(optimizer_d)
        valid = torch.ones(imgs.size(0), 1).type_as(imgs)
        real_loss = self.adversarial_loss(self.discriminator(imgs), valid)
        fake = torch.zeros(imgs.size(0), 1).type_as(imgs)
        fake_loss = self.adversarial_loss(self.discriminator(self(z).detach()), fake)
        d_loss = (real_loss + fake_loss) / 2
        self.log("d_loss", d_loss, prog_bar=True)
        self.manual_backward(d_loss)
        optimizer_d.step()
        optimizer_d.zero_grad()
        self.untoggle_optimizer(optimizer_d)

    def configure_optimizers(self):
        opt_g = torch.optim.Adam(self.generator.parameters(), lr=self.lr, betas=(0.5, 0.999))
        opt_d = torch.optim.Adam(self.discriminator.parameters(), lr=self.lr, betas=(0.5, 0.999))
        return [opt_g, opt_d], []
"""
)
GANS["logits"] = (
    NETS
    + """

def d_step(G, D, d_optim, x, scaler):
    d_optim.zero_grad(set_to_none=True)
    with torch.autocast("cuda"):
        z = torch.randn(len(x), 16, device=x.device)
        with torch.no_grad():
            g = G(z)
        real_pred, fake_pred = D(x), D(g)
        loss_real = F.binary_cross_entropy_with_logits(real_pred, torch.ones_like(real_pred))
        loss_fake = F.binary_cross_entropy_with_logits(fake_pred, torch.zeros_like(fake_pred))
        loss = loss_real + loss_fake
    scaler.scale(loss).backward()
    scaler.step(d_optim)
    scaler.update()
    return loss


def g_step(G, D, g_optim, batch_size, scaler, device):
    g_optim.zero_grad(set_to_none=True)
    with torch.autocast("cuda"):
        z = torch.randn(batch_size, 16, device=device)
        fake_pred = D(G(z))
        loss = F.binary_cross_entropy_with_logits(fake_pred, torch.ones_like(fake_pred))
    scaler.scale(loss).backward()
    scaler.step(g_optim)
    scaler.update()
    return loss


if __name__ == "__main__":
    G, D = Generator().cuda(), Discriminator().cuda()
    g_optim = torch.optim.AdamW(G.parameters(), lr=2e-4, betas=(0.5, 0.99))
    d_optim = torch.optim.AdamW(D.parameters(), lr=2e-4, betas=(0.5, 0.99))
    d_scaler, g_scaler = torch.cuda.amp.GradScaler(), torch.cuda.amp.GradScaler()
    for step in range(100000):
        x = next(batches).cuda()
        d_loss = d_step(G, D, d_optim, x, d_scaler)
        g_loss = g_step(G, D, g_optim, len(x), g_scaler, x.device)
"""
)
GANS["losscls"] = (
    NETS
    + """

class GANLoss(nn.Module):
    def __init__(self, mode="lsgan", real=1.0, fake=0.0):
        super().__init__()
        self.register_buffer("real_label", torch.tensor(real))
        self.register_buffer("fake_label", torch.tensor(fake))
        self.loss = {"lsgan": nn.MSELoss(), "vanilla": nn.BCEWithLogitsLoss()}[mode]

    def get_target(self, prediction, target_is_real):
        target = self.real_label if target_is_real else self.fake_label
        return target.expand_as(prediction)

    def __call__(self, prediction, target_is_real):
        return self.loss(prediction, self.get_target(prediction, target_is_real))


class Model:
    def __init__(self, opt):
        self.netG = Generator()
        self.netD = Discriminator()
        self.criterionGAN = GANLoss(opt.gan_mode)
        self.optimizer_G = torch.optim.Adam(self.netG.parameters(), lr=opt.lr, betas=(0.5, 0.999))
        self.optimizer_D = torch.optim.Adam(self.netD.parameters(), lr=opt.lr, betas=(0.5, 0.999))

    def set_input(self, batch):
        self.real = batch["x"]
        self.z = torch.randn(self.real.size(0), 16)

    def forward(self):
        self.fake = self.netG(self.z)

    def backward_D(self):
        pred_fake = self.netD(self.fake.detach())
        self.loss_D_fake = self.criterionGAN(pred_fake, False)
        pred_real = self.netD(self.real)
        self.loss_D_real = self.criterionGAN(pred_real, True)
        self.loss_D = (self.loss_D_fake + self.loss_D_real) * 0.5
        self.loss_D.backward()

    def backward_G(self):
        pred_fake = self.netD(self.fake)
        self.loss_G = self.criterionGAN(pred_fake, True)
        self.loss_G.backward()

    def set_requires_grad(self, nets, requires_grad=False):
        for net in nets if isinstance(nets, list) else [nets]:
            for param in net.parameters():
                param.requires_grad = requires_grad

    def optimize_parameters(self):
        self.forward()
        self.set_requires_grad(self.netD, True)
        self.optimizer_D.zero_grad()
        self.backward_D()
        self.optimizer_D.step()
        self.set_requires_grad(self.netD, False)
        self.optimizer_G.zero_grad()
        self.backward_G()
        self.optimizer_G.step()
"""
)
