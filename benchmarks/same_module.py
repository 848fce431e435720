"""Squeeze-and-excitation under seven names, for a leaderboard on which nothing should win.

    attnbench leaderboard results/aa-leaderboard/suite.yaml --store results/aa-leaderboard/records

The modules are alike but for their initial weights: each name draws other ones, as another module
would. So what differs between them is noise, and a star on this leaderboard is a false discovery.
"""

import torch

import attnbench
from attnbench.attention.se import SqueezeExcitation


def _register(number: int) -> None:
    @attnbench.register_attention(f"se-{number}", placement="block")
    class SameModule(SqueezeExcitation):
        """SE, whose weights are the draws that follow the first few thousand."""

        def __init__(self, channels: int) -> None:
            # The generator starts at the run's seed for every module; another place in its stream is another draw.
            torch.rand(1000 * number)
            super().__init__(channels)


for _number in range(1, 8):
    _register(_number)
