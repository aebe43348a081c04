import torch
import torch.nn as nn


class PatchGenerator(nn.Module):
    def __init__(self, input_nc=16, output_nc=64, ngf=96):
        super().__init__()
        model = [nn.Linear(input_nc, ngf), nn.BatchNorm1d(ngf), nn.ReLU(True)]
        model += [nn.Linear(ngf, ngf), nn.BatchNorm1d(ngf), nn.ReLU(True)]
        model += [nn.Linear(ngf, output_nc)]
        self.model = nn.Sequential(*model)

    def forward(self, input):
        return self.model(input)


class GaussianNoise(nn.Module):
    def __init__(self, std):
        super().__init__()
        self.std = std

    def forward(self, x):
        return x + self.std * torch.randn_like(x)


class PatchDiscriminator(nn.Module):
    def __init__(self, input_nc=64, ndf=96):
        super().__init__()
        self.model = nn.Sequential(
            GaussianNoise(0.5), nn.Linear(input_nc, ndf), nn.LeakyReLU(0.2, True),
            GaussianNoise(0.3), nn.Linear(ndf, ndf), nn.LeakyReLU(0.2, True),
            nn.Linear(ndf, 1))

    def forward(self, input):
        return self.model(input)


class GANLoss(nn.Module):
    """Least squares against a label of 1 or 0."""

    def __init__(self, target_real_label=1.0, target_fake_label=0.0):
        super().__init__()
        self.register_buffer('real_label', torch.tensor(target_real_label))
        self.register_buffer('fake_label', torch.tensor(target_fake_label))
        self.loss = nn.MSELoss()

    def get_target_tensor(self, prediction, target_is_real):
        target = self.real_label if target_is_real else self.fake_label
        return target.expand_as(prediction)

    def __call__(self, prediction, target_is_real):
        return self.loss(prediction, self.get_target_tensor(prediction, target_is_real))
