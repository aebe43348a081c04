"""As much of a trainer as this needs."""
import csv
import logging

log = logging.getLogger('loop')


def setup_logging():
    handler = logging.StreamHandler()
    form = '%(asctime)s.%(msecs)03d | %(levelname)-8s | %(module)s:%(funcName)s:%(lineno)d - %(message)s'
    handler.setFormatter(logging.Formatter(form, datefmt='%Y-%m-%d %H:%M:%S'))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class CSVLogger:
    """metrics.csv with a column for each name that was ever logged; what a row lacks stays blank."""

    def __init__(self, path='metrics.csv'):
        self.path = path
        self.rows = []

    def log_metrics(self, metrics, step):
        self.rows.append({**metrics, 'step': step})

    def save(self):
        names = sorted({name for row in self.rows for name in row})
        with open(self.path, 'w', newline='') as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self.rows)


class Trainer:
    def __init__(self, max_epochs, log_every_n_steps, logger):
        self.max_epochs = max_epochs
        self.log_every_n_steps = log_every_n_steps
        self.logger = logger
        self.global_step = 0

    def log_metrics(self, metrics, epoch):
        values = ' | '.join(f'{name}: {value:.5g}' for name, value in metrics.items())
        log.info(f'epoch: {epoch} | step: {self.global_step} | {values}')
        self.logger.log_metrics({'epoch': epoch, **metrics}, self.global_step)

    def fit(self, module, data):
        self.optimizers, self.schedulers = module.configure_optimizers()
        for epoch in range(self.max_epochs):
            for batch_idx, batch in enumerate(data.train_dataloader()):
                for optimizer_idx, optimizer in enumerate(self.optimizers):
                    self.run_optimizer(module, batch, batch_idx, optimizer_idx, optimizer)
                self.global_step += 1
                if self.global_step % self.log_every_n_steps == 0:
                    self.log_metrics(module.logged, epoch)
            module.logged = {}
            self.on_epoch_end(module, data, epoch)
        self.logger.save()

    def run_optimizer(self, module, batch, batch_idx, optimizer_idx, optimizer):
        for idx, network in enumerate(module.networks()):
            network.requires_grad_(idx == optimizer_idx)
        loss = module.training_step(batch, batch_idx, optimizer_idx)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def on_epoch_end(self, module, data, epoch):
        module.validation_step(data.val_batch())
        for name, optimizer in zip(('lr-disc', 'lr-gen'), self.optimizers):
            module.log(name, optimizer.param_groups[0]['lr'])
        self.log_metrics(module.logged, epoch)
        module.logged = {}
        for scheduler in self.schedulers:
            scheduler.step()
