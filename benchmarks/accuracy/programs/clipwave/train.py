from __future__ import print_function

import argparse

import torch
import torch.optim as optim
from data import Loader
from model import MLP_D, MLP_G

parser = argparse.ArgumentParser()
parser.add_argument('--seed', type=int, default=0)
parser.add_argument('--batchSize', type=int, default=64)
parser.add_argument('--nz', type=int, default=12)
parser.add_argument('--width', type=int, default=96)
parser.add_argument('--niter', type=int, default=36, help='number of epochs')
parser.add_argument('--lrD', type=float, default=0.002)
parser.add_argument('--lrG', type=float, default=0.001)
parser.add_argument('--clamp_lower', type=float, default=-0.1)
parser.add_argument('--clamp_upper', type=float, default=0.1)
parser.add_argument('--Diters', type=int, default=4)
opt = parser.parse_args()
print(opt)

torch.set_num_threads(1)
torch.manual_seed(opt.seed)
dataloader = Loader(opt.batchSize, opt.seed)

netG = MLP_G(opt.nz, opt.width)
netD = MLP_D(opt.width)

optimizerD = optim.RMSprop(netD.parameters(), lr=opt.lrD)
optimizerG = optim.RMSprop(netG.parameters(), lr=opt.lrG)

one = torch.FloatTensor([1])
mone = one * -1

gen_iterations = 0
for epoch in range(opt.niter):
    data_iter = iter(dataloader)
    i = 0
    while i < len(dataloader):
        # (1) Update D network
        for p in netD.parameters():
            p.requires_grad = True
        j = 0
        while j < opt.Diters and i < len(dataloader):
            j += 1
            # clamp parameters to a cube
            for p in netD.parameters():
                p.data.clamp_(opt.clamp_lower, opt.clamp_upper)
            real = next(data_iter)
            i += 1
            netD.zero_grad()
            errD_real = netD(real)
            errD_real.backward(one)
            noise = torch.randn(opt.batchSize, opt.nz)
            with torch.no_grad():
                fake = netG(noise)
            errD_fake = netD(fake)
            errD_fake.backward(mone)
            errD = errD_real - errD_fake
            optimizerD.step()

        # (2) Update G network
        for p in netD.parameters():
            p.requires_grad = False
        netG.zero_grad()
        noise = torch.randn(opt.batchSize, opt.nz)
        fake = netG(noise)
        errG = netD(fake)
        errG.backward(one)
        optimizerG.step()
        gen_iterations += 1
        if gen_iterations % 4 == 0:
            print('[%d/%d][%d/%d][%d] Loss_D: %f Loss_G: %f Loss_D_real: %f Loss_D_fake %f'
                  % (epoch, opt.niter, i, len(dataloader), gen_iterations,
                     errD.item(), errG.item(), errD_real.item(), errD_fake.item()))
