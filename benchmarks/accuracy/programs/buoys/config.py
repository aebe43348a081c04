import argparse
from dataclasses import asdict, dataclass, fields


@dataclass
class TrainConfig:
    seed: int = 0
    total_kimg: float = 25.6
    kimg_per_tick: float = 1.28
    batch_size: int = 64
    z_dim: int = 8
    glr: float = 8e-4
    dlr: float = 3e-3
    beta1: float = 0.0
    beta2: float = 0.9
    n_critic: int = 3
    gp_weight: float = 1.0
    warmup_kimg: float = 0.0
    ema: float = 0.0

    def as_dict(self):
        return asdict(self)


def from_command_line():
    parser = argparse.ArgumentParser()
    for f in fields(TrainConfig):
        parser.add_argument("--" + f.name.replace("_", "-"), type=type(f.default), default=f.default)
    return TrainConfig(**vars(parser.parse_args()))
