import json

import torch
from config import from_command_line
from trainer import WGANTrainer

if __name__ == "__main__":
    torch.set_num_threads(1)
    cfg = from_command_line()
    torch.manual_seed(cfg.seed)
    print("Training options:")
    print(json.dumps(cfg.as_dict(), indent=2))
    print()
    trainer = WGANTrainer(cfg)
    print(f"Training for {cfg.total_kimg:g} kimg...")
    trainer.fit()
