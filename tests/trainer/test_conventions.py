"""Our arithmetic can count as N+ and as TRL 1.12 do; the numbers were worked out by hand."""

import pytest
import torch

from tests.trainer.conventions import N_PLUS, TRL, Convention, score_places, with_score
from trainer import rl

# A text of two tokens in a row of four; γ = 1, λ = ½.
MASK = torch.tensor([[True, True, False, False]])
KL = torch.tensor([[0.5, -0.25, 7.0, 7.0]])
VALUES = torch.tensor([[0.2, 0.4, 0.6, 9.0]])
SCORE = torch.tensor([1.0])


def test_theirs_put_the_score_on_the_first_padding_and_ours_on_the_last_token() -> None:
    theirs = rl.shaped_rewards(KL, SCORE, MASK, beta=0.1, place=score_places(MASK))
    torch.testing.assert_close(theirs, torch.tensor([[-0.05, 0.025, 1.0, 0.0]]))
    ours = rl.shaped_rewards(KL, SCORE, MASK, beta=0.1)
    torch.testing.assert_close(ours, torch.tensor([[-0.05, 1.025, 0.0, 0.0]]))


def test_in_a_full_row_both_put_it_on_the_last_token() -> None:
    full = torch.ones(1, 4).bool()
    assert score_places(full).tolist() == rl.last_places(full).tolist() == [3]
    assert with_score(full).tolist() == full.tolist()
    assert with_score(MASK).tolist() == [[True, True, True, False]]


@pytest.mark.parametrize(("convention", "white"), [(N_PLUS, 1.0), (TRL, 0.5**0.5)])
def test_their_advantages(convention: Convention, white: float) -> None:
    advantages, returns = convention.advantages(KL, SCORE, VALUES, MASK, beta=0.1, gamma=1.0, lam=0.5)
    # From the end: 1 - .6 = .4; .025 + .6 - .4 + ½·.4 = .425; -.05 + .4 - .2 + ½·.425 = .3625.
    torch.testing.assert_close(returns, torch.tensor([[0.5625, 0.825, 1.0, 0.0]]))
    # Their mean .39375 is .03125 from each: the biased variance is .03125², Bessel's twice that.
    torch.testing.assert_close(advantages, torch.tensor([[-white, white, 0.0, 0.0]]), atol=1e-4, rtol=0)


def test_our_advantages() -> None:
    advantages, returns = rl.gae(VALUES, rl.shaped_rewards(KL, SCORE, MASK, beta=0.1), MASK, gamma=1.0, lam=0.5)
    # From the end: 1.025 - .4 = .625; -.05 + .4 - .2 + ½·.625 = .4625.
    torch.testing.assert_close(advantages, torch.tensor([[0.4625, 0.625, 0.0, 0.0]]))
    torch.testing.assert_close(returns, torch.tensor([[0.6625, 1.025, 0.0, 0.0]]))


@pytest.mark.parametrize("convention", [N_PLUS, TRL])
def test_their_joint_loss(convention: Convention) -> None:
    advantages, returns = convention.advantages(KL, SCORE, VALUES, MASK, beta=0.1, gamma=1.0, lam=0.5)
    same = torch.zeros(1, 4)
    # The white advantages cancel; a tenth of half the mean of .3625², .425² and .4² is left.
    loss = convention.loss(same, same, advantages, VALUES, returns, MASK)
    assert float(loss) == pytest.approx(0.0078671875, abs=1e-6)


def test_n_plus_replaces_the_score_of_an_unfinished_text_and_trl_lowers_it() -> None:
    scores, finished = torch.tensor([3.0, 3.0]), torch.tensor([True, False])
    assert N_PLUS.scores(scores, finished, 1.0).tolist() == [3.0, -1.0]
    assert TRL.scores(scores, finished, 1.0).tolist() == [3.0, 2.0]
    ours = rl.final_scores(scores, finished, clip=10.0, unfinished=-1.0)
    assert ours.tolist() == [3.0, -1.0]
