import torch.nn as nn
from data import LENGTH


class MLP_G(nn.Module):
    def __init__(self, nz, ngf):
        super(MLP_G, self).__init__()
        self.main = nn.Sequential(
            nn.Linear(nz, ngf),
            nn.ReLU(True),
            nn.Linear(ngf, ngf),
            nn.ReLU(True),
            nn.Linear(ngf, LENGTH),
        )

    def forward(self, input):
        output = self.main(input)
        return output


class MLP_D(nn.Module):
    def __init__(self, ndf):
        super(MLP_D, self).__init__()
        self.main = nn.Sequential(
            nn.Linear(LENGTH, ndf),
            nn.LeakyReLU(0.2),
            nn.Linear(ndf, ndf),
            nn.LeakyReLU(0.2),
            nn.Linear(ndf, 1),
        )

    def forward(self, input):
        output = self.main(input)
        output = output.mean(0)
        return output.view(1)
