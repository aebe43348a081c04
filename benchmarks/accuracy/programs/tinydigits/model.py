import torch.nn as nn

nz = 16


# custom weights initialization called on netG and netD
def weights_init(m):
    classname = m.__class__.__name__
    if classname.find('Linear') != -1:
        nn.init.normal_(m.weight.data, 0.0, 0.08)
        nn.init.constant_(m.bias.data, 0)
    elif classname.find('BatchNorm') != -1:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.constant_(m.bias.data, 0)


class NetG(nn.Module):
    def __init__(self, ngf=96):
        super(NetG, self).__init__()
        self.main = nn.Sequential(
            nn.Linear(nz, ngf),
            nn.BatchNorm1d(ngf),
            nn.ReLU(True),
            nn.Linear(ngf, ngf),
            nn.BatchNorm1d(ngf),
            nn.ReLU(True),
            nn.Linear(ngf, 64),
            nn.Tanh()
        )

    def forward(self, input):
        return self.main(input).view(-1, 1, 8, 8)


class NetD(nn.Module):
    def __init__(self, ndf=96):
        super(NetD, self).__init__()
        self.main = nn.Sequential(
            nn.Flatten(),
            nn.Linear(64, ndf),
            nn.LeakyReLU(0.2),
            nn.Dropout(0.3),
            nn.Linear(ndf, ndf),
            nn.LeakyReLU(0.2),
            nn.Dropout(0.3),
            nn.Linear(ndf, 1),
            nn.Sigmoid()
        )

    def forward(self, input):
        return self.main(input).view(-1)
