import argparse

import torch
from data import FlowerDataModule
from loop import CSVLogger, Trainer, log, setup_logging
from module import FlowerGAN


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--seed', '--seed_everything', type=int, default=0)
    parser.add_argument('--trainer.max_epochs', type=int, default=16)
    parser.add_argument('--trainer.log_every_n_steps', type=int, default=10)
    parser.add_argument('--data.batch_size', type=int, default=128)
    parser.add_argument('--data.batches', type=int, default=50)
    parser.add_argument('--model.lr_g', type=float, default=5e-4)
    parser.add_argument('--model.lr_d', type=float, default=2e-3)
    parser.add_argument('--model.b1', type=float, default=0.0)
    parser.add_argument('--model.r1', type=float, default=0.1)
    parser.add_argument('--model.gamma', type=float, default=1.0)
    args = vars(parser.parse_args())

    def group(prefix):
        return {name.split('.')[1]: value for name, value in args.items() if name.startswith(prefix + '.')}

    setup_logging()
    torch.set_num_threads(1)
    torch.manual_seed(args['seed'])
    log.info('hyperparameters: ' + ' | '.join(f'{name}: {value}' for name, value in args.items()))
    module = FlowerGAN(**group('model'))
    data = FlowerDataModule(seed=args['seed'], **group('data'))
    Trainer(logger=CSVLogger(), **group('trainer')).fit(module, data)
    log.info(f"`Trainer.fit` stopped: `max_epochs={args['trainer.max_epochs']}` reached.")


if __name__ == '__main__':
    main()
