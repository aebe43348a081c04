import torch


class Generator(torch.nn.Module):
    def __init__(self, latent_dim=8):
        super().__init__()
        self.dense1 = torch.nn.Linear(latent_dim, 64)
        self.dense2 = torch.nn.Linear(64, 64)
        self.dense3 = torch.nn.Linear(64, 2)

    def forward(self, noise):
        x = torch.nn.functional.elu(self.dense1(noise))
        x = torch.nn.functional.elu(self.dense2(x))
        return self.dense3(x)


class Discriminator(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.dense1 = torch.nn.Linear(2, 64)
        self.dense2 = torch.nn.Linear(64, 64)
        self.dense3 = torch.nn.Linear(64, 1)

    def forward(self, sample):
        x = sample
        if self.training:
            x = x + 0.1 * torch.randn_like(x)
        x = torch.nn.functional.leaky_relu(self.dense1(3 * x), 0.2)
        x = torch.nn.functional.leaky_relu(self.dense2(x), 0.2)
        validity = torch.sigmoid(self.dense3(x))
        return validity
