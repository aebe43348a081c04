"""Where the data that ships with the package lies: beside the code in a wheel, at the top of a checkout else."""

from __future__ import annotations

from pathlib import Path

from wganlint.errors import ConfigError


def rules_folder() -> Path:
    """Return the folder of the shipped rules.

    Raises:
        ConfigError: neither the package nor a checkout around it has one (a broken installation).
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "rulebook", package.parents[1] / "rules"):
        if (folder / "roles.toml").is_file():
            return folder
    raise ConfigError(
        "the rules that ship with wganlint are not there",
        hint="reinstall: pip install --force-reinstall wganlint",
    )
