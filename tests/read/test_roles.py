"""Names of logged numbers and what they are taken for; the sign convention and the loss family, with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from wganlint.analysis import load_runs
from wganlint.errors import UsageError
from wganlint.evidence import Standing
from wganlint.read.roles import role_book, words_of
from wganlint.run import Run

COUNTS = {"fake_count", "real_count"}


def run_of(folder: Path, columns: dict[str, Sequence[float | str]], header: str = "", **roles: str) -> Run:
    """Return the run of a log that prints these columns on each line."""
    log = folder / "train.log"
    rows = zip(*columns.values(), strict=True)
    lines = [
        f"step={at}0 " + " ".join(f"{name}={value}" for name, value in zip(columns, row, strict=True)) + "\n"
        for at, row in enumerate(rows, 1)
    ]
    log.write_text(header + "".join(lines), encoding="utf-8")
    (run,) = load_runs(log, roles=roles or None)
    return run


def moving(n: int = 30, offset: float = 1.0, decimals: int = 4) -> list[str]:
    return [f"{offset + (at * 7919 % 1000) / 1000:.{decimals}f}" for at in range(n)]


def whole(n: int = 30) -> list[str]:
    return [str(at * 7919 % 500) for at in range(n)]


NAMES = {
    "critic_loss": "c_loss d_loss D_loss loss_D errD lossD Loss/D critic/loss Discriminator_loss disc_loss dis_loss "
    "critic_loss Loss_D lossd dloss Dloss netD_loss d_cost D_loss_total train/d_loss discriminator/loss_total "
    "loss_critic DLoss critic D d",
    "generator_loss": "Gen_loss g_loss errG G_adv_loss gen_loss Loss_G lossG gloss generator/loss adv_loss_g g_cost "
    "train/g_loss G_lossTotal generator G",
    "gap": "w_gap w_dist wasserstein_distance W-distance Wasserstein_D wasserstein W_distance wd gap wass_dist W",
    "gap_average": "w_ma gap_avg w_gap_ema",
    "penalty": "gp GP grad_pen gradient_penalty grad_penalty gp_loss loss_gp d_loss_gp gradpen penalty r1_penalty d_r1",
    "penalty_weight": "lambda_gp gp_weight gp_lambda penalty_weight",
    "real_score": "D(x) D_real d_real real_score score_real critic_real D_x logits_real",
    "fake_score": "D(G(z)) D_fake d_fake fake_score critic_fake D_G_z d_out_fake D(G(z2))",
    "critic_gradient_norm": "grad_norm_d critic_grad_norm grad_critic grad_D",
    "generator_gradient_norm": "grad_norm_g gen_grad_norm grad_gen",
    "gradient_norm": "grad_norm",
    "weight_norm": "weight_norm param_norm",
    "learning_rate": "lr lr_g lr_d d_lr learning_rate",
    "fake_count": "total_fake_muons n_fake fake_tracks n_fake_points",
    "real_count": "total_real_muons n_real real_tracks num_real",
    "memory": "alloc gpu_mem",
}


@pytest.mark.parametrize(("name", "role"), [(name, role) for role, names in NAMES.items() for name in names.split()])
def test_a_name_plays_its_role(tmp_path: Path, name: str, role: str) -> None:
    run = run_of(tmp_path, {name: whole() if role in COUNTS else moving()})
    assert {found: guess.series for found, guess in run.roles.items()} == {role: name}
    assert name in run.roles[role].why


NEVER = (
    "time data acc fid epoch batch events loss real_acc g_acc d_time loss_time gen_time IS "
    "g_iters D_alpha gen_x critic_score s x d_mean"
)


@pytest.mark.parametrize("name", NEVER.split())
def test_a_name_that_says_something_else_plays_no_role(tmp_path: Path, name: str) -> None:
    run = run_of(tmp_path, {name: moving()})
    assert run.roles == {}
    assert run.auxiliary == ()


SIDE = "m_loss mel_loss l1_loss rec_loss cycle_loss kl_loss mult_loss l2 mse"


@pytest.mark.parametrize("name", SIDE.split())
def test_a_side_loss_is_one_beside_the_adversarial_losses(tmp_path: Path, name: str) -> None:
    run = run_of(tmp_path, {"c_loss": moving(), name: moving(), "g_loss": moving(), "time": moving()})
    assert set(run.roles) == {"critic_loss", "generator_loss"}
    assert run.auxiliary == (name,)


def test_a_side_term_of_the_generator_is_not_its_loss(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"g_l1_loss": moving(), "G_cycle_loss": moving(), "g_loss": moving()})
    assert {role: guess.series for role, guess in run.roles.items()} == {"generator_loss": "g_loss"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("G_lossTotal", "g loss total"),
        ("dloss", "d loss"),
        ("errD", "err d"),
        ("D(G(z))", "d g z"),
        ("D(G(z2))", "d g z 2"),
        ("GPULoad", "gpu load"),
        ("l1_loss", "l1 loss"),
        ("loss_1", "loss 1"),
        ("λ_gp", "λ gp"),
        ("", ""),
        ("___", ""),
        ("12", "12"),
    ],
)
def test_names_are_split_into_words(name: str, words: str) -> None:
    assert words_of(name, role_book()) == words.split()


def test_the_best_of_several_names_plays_the_role(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"d_loss_extra": moving(), "d_loss": moving(), "D_fake": moving(), "d_loss_fake": moving()})
    assert run.roles["critic_loss"].series == "d_loss"
    assert run.roles["fake_score"].series == "D_fake"


def test_a_number_with_a_fraction_is_no_count(tmp_path: Path) -> None:
    assert run_of(tmp_path, {"n_fake": moving()}).roles == {}
    assert run_of(tmp_path, {"n_fake": [f"-{n}" for n in whole()]}).roles == {}


# -- the numbers correct the names -------------------------------------------------------------------------------------


def test_a_penalty_that_never_changes_is_the_weight(tmp_path: Path) -> None:
    header = "Gradient penalty: lambda=10.0\n"
    run = run_of(tmp_path, {"c_loss": moving(), "gp": ["10.0000"] * 30}, header)
    assert run.role("penalty") is None
    guess = run.roles["penalty_weight"]
    assert guess.series == "gp"
    assert "gp=10.0000 on all 30 records" in guess.why
    assert "it equals lambda=10.0 in the header" in guess.why


@pytest.mark.parametrize("values", [["0.0000"] * 30, moving(), ["10.0000"] * 29 + ["10.0001"], ["10.0000"] * 2])
def test_a_penalty_that_is_zero_moves_or_is_short_stays_one(tmp_path: Path, values: list[str]) -> None:
    run = run_of(tmp_path, {"c_loss": moving(len(values)), "gp": values})
    assert run.roles["penalty"].series == "gp"


# -- the user decides --------------------------------------------------------------------------------------------------


def test_a_role_that_is_given_wins(tmp_path: Path) -> None:
    columns = {"c_loss": moving(), "strange": moving(), "g_loss": moving()}
    run = run_of(tmp_path, columns, critic_loss="strange")
    assert run.role("critic_loss") is not None
    assert run.roles["critic_loss"].series == "strange"
    assert run.roles["critic_loss"].standing is Standing.OBSERVED
    assert run.roles["critic_loss"].why == "given by --role"
    assert run.roles["generator_loss"].series == "g_loss"


def test_a_series_that_is_given_one_role_loses_its_other_one(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"d_loss": moving(), "g_loss": moving()}, gap="d_loss")
    assert {role: guess.series for role, guess in run.roles.items()} == {"gap": "d_loss", "generator_loss": "g_loss"}


def test_a_penalty_that_is_given_is_not_taken_for_the_weight(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"c_loss": moving(), "gp": ["10.0000"] * 30}, penalty="gp")
    assert {role: guess.series for role, guess in run.roles.items()} == {"critic_loss": "c_loss", "penalty": "gp"}


def test_an_unknown_role_or_series_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown role 'critic'") as wrong_role:
        run_of(tmp_path, {"c_loss": moving()}, critic="c_loss")
    assert "critic_loss, generator_loss, gap" in wrong_role.value.hint
    with pytest.raises(UsageError, match="no series 'd_loss' for --role critic_loss") as wrong_series:
        run_of(tmp_path, {"c_loss": moving()}, critic_loss="d_loss")
    assert "c_loss" in wrong_series.value.hint


# -- sign convention ---------------------------------------------------------------------------------------------------

SCORES = [float(text) for text in moving(offset=-3.0)]


def printed(values: list[float]) -> list[str]:
    return [f"{value:.4f}" for value in values]


@pytest.mark.parametrize(("sign", "words"), [(1, "g_loss is -D_fake"), (-1, "g_loss is +D_fake")])
def test_logged_scores_tell_the_sign(tmp_path: Path, sign: int, words: str) -> None:
    generator = [-sign * score + 0.001 for score in SCORES]
    run = run_of(tmp_path, {"d_loss": moving(), "g_loss": printed(generator), "D_fake": printed(SCORES)})
    assert run.convention.sign == sign
    assert run.convention.standing is Standing.DERIVED
    assert words in run.convention.evidence[0].quote
    assert "30 records" in run.convention.evidence[0].quote


def test_scores_that_fit_neither_way_leave_the_usual_form(tmp_path: Path) -> None:
    for name, generator in (("apart", [s * s for s in SCORES]), ("flat", [0.5] * 30)):
        (tmp_path / name).mkdir()
        columns = {"d_loss": moving(), "g_loss": printed(generator), "D_fake": printed(SCORES)}
        run = run_of(tmp_path / name, columns)
        assert (run.convention.sign, run.convention.standing) == (1, Standing.ASSUMED)
    columns = {"d_loss": moving(), "g_loss": ["-0.5"] * 30, "D_fake": ["0.5"] * 30}
    assert run_of(tmp_path, columns).convention.standing is Standing.ASSUMED


def test_a_critic_loss_of_the_other_sign_than_the_gap_is_the_usual_form(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"c_loss": printed([-abs(s) for s in SCORES]), "w_gap": printed([abs(s) for s in SCORES])})
    assert run.convention.sign == 1
    assert run.convention.why == "c_loss has the sign of -w_gap, as in the usual form"


# -- loss family -------------------------------------------------------------------------------------------------------

NEGATIVE = [f"-{text}" for text in moving()]
LAMBDA = "Gradient penalty: lambda=10.0\n"
SHARES = [f"0.{n:03d}" for n in range(100, 130)]


@pytest.mark.parametrize(
    ("columns", "header", "family", "why"),
    [
        ({"c_loss": NEGATIVE, "w_gap": moving(), "gp": moving()}, "", "wgan-gp", "a Wasserstein gap is logged (w_gap)"),
        ({"c_loss": NEGATIVE, "g_loss": moving(), "gp": moving()}, "", "wgan-gp", "c_loss is negative"),
        ({"c_loss": NEGATIVE, "g_loss": moving()}, LAMBDA, "wgan-gp", "a gradient penalty is named"),
        ({"c_loss": moving(), "w_gap": moving()}, LAMBDA, "wgan-gp", "a gradient penalty is named"),
        ({"c_loss": NEGATIVE, "g_loss": moving()}, "Config: clip_value=0.01\n", "wgan-clip", "weight clipping is named"),
        ({"c_loss": NEGATIVE, "g_loss": moving()}, "", "wgan", "c_loss is negative, which BCE, hinge"),
        ({"d_loss": moving(offset=50), "g_loss": NEGATIVE}, "", "unknown", "d_loss is never negative"),
        ({"d_loss": moving(), "g_loss": NEGATIVE}, "", "wgan", "less than a hinge loss allows"),
        ({"d_loss": moving(), "g_loss": moving(), "D(x)": SHARES, "D(G(z))": SHARES}, "", "bce",
         "D(x) and D(G(z)) are probabilities"),
        ({"d_loss": moving(), "g_loss": moving(), "D(x)": moving(), "D(G(z))": SHARES}, "", "not-wasserstein",
         "is ever negative in 30 records"),
        ({"d_loss": moving()[:10], "g_loss": moving()[:10]}, "", "unknown", "never negative"),
        ({"d_loss": moving(), "g_loss": moving()}, LAMBDA, "unknown", "never negative"),
        ({"critic_loss": moving(), "g_loss": moving()}, "", "unknown", "never negative"),
        ({"g_loss": moving()}, "", "unknown", "no critic loss is logged"),
        ({"loss": moving(), "acc": SHARES}, "", "unknown", "no critic loss is logged"),
    ],
)  # fmt: skip
def test_the_loss_family_and_its_reason(
    tmp_path: Path, columns: dict[str, Sequence[str]], header: str, family: str, why: str
) -> None:
    run = run_of(tmp_path, columns, header)
    assert run.family.name == family
    assert why in run.family.why
    assert bool(run.family.evidence) == (family != "unknown")


def test_scores_that_are_no_numbers_tell_no_family(tmp_path: Path) -> None:
    gone = ["nan"] * 30
    run = run_of(tmp_path, {"d_loss": moving(), "D_real": gone, "D_fake": gone})
    assert run.family.name == "unknown"


def test_a_critic_loss_that_becomes_nan_still_tells_its_family(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"c_loss": [*NEGATIVE[:10], *["nan"] * 20], "g_loss": moving()})
    assert run.family.name == "wgan"
    all_gone = run_of(tmp_path, {"c_loss": ["nan"] * 30, "g_loss": NEGATIVE})
    assert all_gone.family.name == "unknown"


@pytest.mark.parametrize(
    ("name", "context", "meaning"),
    [
        ("lr", "", "learning_rate"),
        ("--lr-g", "", "learning_rate"),
        ("optim.lr", "", "learning_rate"),
        ("lambda_gp", "", "penalty_weight"),
        ("λ", "", "penalty_weight"),
        ("lam", "the gradient penalty: lam=10", "penalty_weight"),
        ("lam", "elastic net: lam=10", ""),
        ("every", "GP every=2", "penalty_every"),
        ("every", "log every=2", ""),
        ("n_critic", "", "critic_steps"),
        ("clip", "weight clip=0.01", "weight_clip"),
        ("clip", "gradient clip=1", ""),
        ("batch_size", "", ""),
    ],
)
def test_what_a_setting_means(name: str, context: str, meaning: str) -> None:
    assert role_book().meaning(name, context) == meaning


def test_two_losses_under_one_name_are_nobodys(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text("".join(f"Epoch {n} [2/20] D/G loss: 0.{n}5/1.{n}7\n" for n in range(1, 9)))
    (run,) = load_runs([log])
    assert [series.name for series in run.series] == ["D/G loss", "D/G loss#2"]
    assert not run.roles
