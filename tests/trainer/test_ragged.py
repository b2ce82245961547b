"""A batch laid out without padding says what each row says alone; a shared prompt is laid out once."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from trainer.nets import PolicyNet, logprobs, trained
from trainer.ragged import Batch, chunks, pack
from trainer.scalar import RewardNet, ValueNet

PROMPTS = ([2, 40, 41, 42, 3], [2, 60, 3])
# Two prompts, their completions mixed; one completion is empty, one prompt has one completion only.
ROWS = [
    (PROMPTS[0], [50, 51, 4]),
    (PROMPTS[1], [70, 71, 72, 73, 4]),
    (PROMPTS[0], [52]),
    (PROMPTS[0], []),
    ([2, 80, 3], [90, 4]),
    (PROMPTS[1], [74]),
]
rows_of_ids = some.lists(
    some.tuples(some.integers(0, 3), some.lists(some.integers(5, 200), max_size=6)), min_size=1, max_size=8
)


def ungrouped(batch: Batch) -> Batch:
    return Batch(batch.ids, batch.is_token, batch.is_completion)


def gradients(net: torch.nn.Module) -> list[torch.Tensor]:
    found = [parameter.grad.clone() for parameter in trained(net) if parameter.grad is not None]
    net.zero_grad()
    return found


def test_a_prompt_of_many_completions_is_laid_out_once() -> None:
    packing = pack(Batch.of(ROWS))
    assert sum(packing.lengths) == len(packing.source) == (5 + 3 + 1) + (3 + 5 + 1) + 5
    assert packing.prefixes.count(None) == 3
    assert len(pack(ungrouped(Batch.of(ROWS))).source) == sum(len(p) + len(c) for p, c in ROWS)


@given(rows_of_ids)
@settings(max_examples=60, deadline=None)
def test_every_token_has_one_place_and_keeps_its_position(rows: list[tuple[int, list[int]]]) -> None:
    batch = Batch.of([([2, *range(10, 10 + prompt), 3], answer) for prompt, answer in rows])
    packing = pack(batch)
    there = packing.places[batch.is_token]
    assert torch.equal(batch.ids.flatten()[packing.source][there], batch.ids[batch.is_token])
    columns = torch.arange(batch.ids.shape[1]).expand_as(batch.ids)
    assert torch.equal(packing.positions[there], columns[batch.is_token])
    assert set(there.tolist()) == set(range(len(packing.source)))


def test_packed_log_probabilities_are_those_of_the_model_alone(net: PolicyNet) -> None:
    found = logprobs(net, Batch.of(ROWS))
    for row, (prompt, answer) in enumerate(ROWS):
        ids = torch.tensor([[*prompt, *answer]])
        table = net.causal(input_ids=ids).logits.log_softmax(-1)
        expected = table[0, len(prompt) - 1 : -1].gather(-1, ids[0, len(prompt) :, None]).squeeze(-1)
        width = len(prompt) + len(answer)
        torch.testing.assert_close(found[row, len(prompt) : width], expected, atol=1e-5, rtol=0)


def test_sharing_a_prompt_changes_neither_what_is_said_nor_its_gradient(net: PolicyNet, reward_net: RewardNet) -> None:
    value = ValueNet(reward_net)
    answers = []
    for batch in (Batch.of(ROWS), ungrouped(Batch.of(ROWS))):
        said = logprobs(net, batch), reward_net(batch), value(batch).where(batch.is_token, 0.0)
        torch.stack([each.square().sum() for each in said]).sum().backward()  # type: ignore[no-untyped-call]
        answers.append((said, [*gradients(net), *gradients(reward_net), *gradients(value)]))
    for shared, alone in zip(answers[0][0], answers[1][0], strict=True):
        torch.testing.assert_close(shared, alone, atol=1e-5, rtol=0)
    for shared, alone in zip(answers[0][1], answers[1][1], strict=True):
        torch.testing.assert_close(shared, alone, atol=2e-4, rtol=1e-4)


def test_selected_rows_say_what_they_said_among_others(net: PolicyNet) -> None:
    batch, rows = Batch.of(ROWS), torch.tensor([5, 0, 3])
    whole, part = logprobs(net, batch), logprobs(net, batch.select(rows))
    torch.testing.assert_close(part, whole[rows, : part.shape[1]], atol=1e-5, rtol=0)


def test_chunks_hold_every_row_once_keep_to_their_budget_and_keep_groups_together() -> None:
    batch = Batch.of([*ROWS, ([2, 9, 3], list(range(10, 60)))])
    parts = list(chunks(batch, 20))
    assert sorted(torch.cat(parts).tolist()) == list(range(len(batch)))
    assert all(len(rows) == 1 or len(pack(batch.select(rows)).source) <= 20 for rows in parts)
    assert any({0, 2, 3} <= set(rows.tolist()) for rows in parts)
