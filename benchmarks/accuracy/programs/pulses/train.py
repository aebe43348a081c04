import argparse
import logging
from collections import OrderedDict

import torch
from data import EdgeDataset
from model import EdgeDiscriminator, EdgeNet, LSGANLoss
from torch.utils.data import DataLoader


class EdgeGANModel:
    def __init__(self, opt):
        self.opt = opt
        self.net_g = EdgeNet()
        self.net_d = EdgeDiscriminator()
        self.cri_gan = LSGANLoss()
        self.setup_optimizers()
        self.log_dict = OrderedDict()

    def setup_optimizers(self):
        self.optimizer_g = torch.optim.Adam(self.net_g.parameters(), lr=self.opt["lr_g"], betas=[0.0, 0.99])
        self.optimizer_d = torch.optim.Adam(self.net_d.parameters(), lr=self.opt["lr_d"], betas=[0.0, 0.99])

    def feed_data(self, data):
        self.gt = data["gt"]
        self.lq = torch.randn(len(self.gt), 6)

    def optimize_parameters(self):
        # optimize net_g
        for p in self.net_d.parameters():
            p.requires_grad = False
        self.optimizer_g.zero_grad()
        self.output = self.net_g(self.lq)
        fake_g_pred = self.net_d(self.output)
        l_g_gan = self.cri_gan(fake_g_pred, True, is_disc=False)
        l_g_gan.backward()
        self.optimizer_g.step()

        # optimize net_d
        for p in self.net_d.parameters():
            p.requires_grad = True
        self.optimizer_d.zero_grad()
        # real
        real_d_pred = self.net_d(self.gt)
        l_d_real = self.cri_gan(real_d_pred, True, is_disc=True)
        l_d_real.backward()
        # fake
        fake_d_pred = self.net_d(self.output.detach())
        l_d_fake = self.cri_gan(fake_d_pred, False, is_disc=True)
        l_d_fake.backward()
        self.optimizer_d.step()

        self.log_dict["l_g_gan"] = l_g_gan.item()
        self.log_dict["l_d_real"] = l_d_real.item()
        self.log_dict["l_d_fake"] = l_d_fake.item()
        self.log_dict["out_d_real"] = real_d_pred.detach().mean().item()
        self.log_dict["out_d_fake"] = fake_d_pred.detach().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--total_iter", type=int, default=700)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--lr_g", type=float, default=1e-3)
    parser.add_argument("--lr_d", type=float, default=2e-3)
    parser.add_argument("--print_freq", type=int, default=10)
    args = parser.parse_args()
    opt = {**vars(args), "manual_seed": args.seed, "num_samples": 4096}
    torch.set_num_threads(1)
    torch.manual_seed(opt["manual_seed"])
    logging.basicConfig(
        format="%(asctime)s %(levelname)s: %(message)s", level=logging.INFO,
        handlers=[logging.FileHandler("train_edges.log", mode="w")],
    )
    logger = logging.getLogger("basicsr")
    loader = DataLoader(EdgeDataset(opt), batch_size=opt["batch_size"], shuffle=True, drop_last=True)
    model = EdgeGANModel(opt)
    logger.info(f"Start training, lr_g: {opt['lr_g']}, lr_d: {opt['lr_d']}")
    current_iter, epoch = 0, 0
    while current_iter < opt["total_iter"]:
        for data in loader:
            current_iter += 1
            if current_iter > opt["total_iter"]:
                break
            model.feed_data(data)
            model.optimize_parameters()
            if current_iter % opt["print_freq"] == 0:
                lr = (model.optimizer_g.param_groups[0]["lr"], model.optimizer_d.param_groups[0]["lr"])
                message = f"[edges][epoch:{epoch:3d}, iter:{current_iter:8,d}, lr:({lr[0]:.3e},{lr[1]:.3e},)] "
                message += " ".join(f"{k}: {v:.4e}" for k, v in model.log_dict.items())
                logger.info(message)
        epoch += 1


if __name__ == "__main__":
    main()
