import argparse
import os
import time

import torch
from data import patches
from model import GANLoss, PatchDiscriminator, PatchGenerator


class Visualizer:
    """Writes loss_log.txt."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.log_name = os.path.join(folder, 'loss_log.txt')
        with open(self.log_name, 'a') as log_file:
            now = time.strftime('%c')
            log_file.write('================ Training Loss (%s) ================\n' % now)

    def print_current_losses(self, epoch, iters, losses, t_comp, t_data):
        message = '(epoch: %d, iters: %d, time: %.3f, data: %.3f) ' % (epoch, iters, t_comp, t_data)
        for k, v in losses.items():
            message += '%s: %.3f ' % (k, v)
        print(message)
        with open(self.log_name, 'a') as log_file:
            log_file.write('%s\n' % message)


class StripeModel:
    def __init__(self, opt):
        self.opt = opt
        self.netG = PatchGenerator()
        self.netD = PatchDiscriminator()
        self.criterionGAN = GANLoss()
        self.optimizer_G = torch.optim.Adam(self.netG.parameters(), lr=opt.lr, betas=(opt.beta1, 0.999))
        self.optimizer_D = torch.optim.Adam(self.netD.parameters(), lr=opt.lr, betas=(opt.beta1, 0.999))
        self.optimizers = [self.optimizer_G, self.optimizer_D]
        self.schedulers = [torch.optim.lr_scheduler.LambdaLR(o, self.lambda_rule) for o in self.optimizers]

    def lambda_rule(self, epoch):
        return 1.0 - max(0, epoch + 1 - self.opt.n_epochs) / float(self.opt.n_epochs_decay + 1)

    def set_input(self, real):
        self.real = real

    def forward(self):
        z = torch.randn(self.opt.batch_size, 16)
        self.fake = self.netG(z)

    def backward_D(self):
        pred_fake = self.netD(self.fake.detach())
        self.loss_D_fake = self.criterionGAN(pred_fake, False)
        pred_real = self.netD(self.real)
        self.loss_D_real = self.criterionGAN(pred_real, True)
        self.loss_D = (self.loss_D_fake + self.loss_D_real) * 0.5
        self.loss_D.backward()

    def backward_G(self):
        pred_fake = self.netD(self.fake)
        self.loss_G_GAN = self.criterionGAN(pred_fake, True)
        self.loss_G_GAN.backward()

    def set_requires_grad(self, net, requires_grad):
        for p in net.parameters():
            p.requires_grad = requires_grad

    def optimize_parameters(self):
        self.forward()
        # update D
        self.set_requires_grad(self.netD, True)
        self.optimizer_D.zero_grad()
        self.backward_D()
        self.optimizer_D.step()
        # update G
        self.set_requires_grad(self.netD, False)
        self.optimizer_G.zero_grad()
        self.backward_G()
        self.optimizer_G.step()

    def get_current_losses(self):
        return {'G_GAN': self.loss_G_GAN.item(), 'D_real': self.loss_D_real.item(), 'D_fake': self.loss_D_fake.item()}

    def update_learning_rate(self):
        old_lr = self.optimizers[0].param_groups[0]['lr']
        for scheduler in self.schedulers:
            scheduler.step()
        lr = self.optimizers[0].param_groups[0]['lr']
        print('learning rate %.7f -> %.7f' % (old_lr, lr))


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--batch_size', type=int, default=64)
    parser.add_argument('--n_epochs', type=int, default=9)
    parser.add_argument('--n_epochs_decay', type=int, default=4)
    parser.add_argument('--dataset_size', type=int, default=3200)
    parser.add_argument('--lr', type=float, default=0.002)
    parser.add_argument('--beta1', type=float, default=0.5)
    parser.add_argument('--print_freq', type=int, default=512)
    opt = parser.parse_args()
    print('----------------- Options ---------------')
    for k, v in sorted(vars(opt).items()):
        print('{:>25}: {:<30}'.format(str(k), str(v)))
    print('----------------- End -------------------')
    torch.set_num_threads(1)
    torch.manual_seed(opt.seed)
    rng = torch.Generator().manual_seed(opt.seed + 3)
    dataset = patches(opt.dataset_size, rng)
    model = StripeModel(opt)
    visualizer = Visualizer('checkpoints/stripes')
    total_iters = 0
    for epoch in range(1, opt.n_epochs + opt.n_epochs_decay + 1):
        epoch_start_time = time.time()
        iter_data_time = time.time()
        epoch_iter = 0
        order = torch.randperm(len(dataset), generator=rng)
        for real in dataset[order].split(opt.batch_size):
            iter_start_time = time.time()
            t_data = iter_start_time - iter_data_time
            total_iters += opt.batch_size
            epoch_iter += opt.batch_size
            model.set_input(real)
            model.optimize_parameters()
            if total_iters % opt.print_freq == 0:
                t_comp = (time.time() - iter_start_time) / opt.batch_size
                visualizer.print_current_losses(epoch, epoch_iter, model.get_current_losses(), t_comp, t_data)
            iter_data_time = time.time()
        model.update_learning_rate()
        print('End of epoch %d / %d \t Time Taken: %d sec' % (
            epoch, opt.n_epochs + opt.n_epochs_decay, time.time() - epoch_start_time))
