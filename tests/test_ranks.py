import pytest
import torch

from attnbench.ranks import (
    Share,
    from_leader,
    gathered,
    interleaved,
    is_rank,
    leads,
    num_ranks,
    seed_of_rank,
    this_share,
)


def test_a_process_alone_is_the_only_rank() -> None:
    assert not is_rank()
    assert (num_ranks(), leads(), this_share()) == (1, True, Share(index=0, number=1))
    assert gathered("what it has") == ["what it has"]
    assert from_leader(lambda: "what it makes") == "what it makes"
    assert seed_of_rank(5) == 5


@pytest.mark.parametrize(("num_images", "number"), [(7, 1), (7, 2), (6, 3), (2, 4)])
def test_shares_put_together_are_the_whole_in_its_order(num_images: int, number: int) -> None:
    images = torch.arange(3 * num_images).view(num_images, 3)
    parts = [images[Share(index=index, number=number).part] for index in range(number)]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert torch.equal(interleaved(parts), images)
