"""Small modules that each break one demand of the contract."""

import random

import torch
from torch import nn


class Gate(nn.Module):
    """Holds the whole contract; the others differ from it in one thing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, channels, 1)

    def gate(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.proj(x.mean((2, 3), keepdim=True))).to(x.dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x)


class TakesNoChannels(nn.Module):
    pass


class RefusesEveryMap(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("not\ntoday")


class HalvesTheChannels(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x * self.gate(x))[:, ::2]


class LosesOddRows(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height = max(x.shape[2] // 2 * 2, 1)
        return (x * self.gate(x))[:, :, :height]


class GivesATuple(Gate):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        return x * self.gate(x), self.gate(x)


class NormsASingleValue(Gate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.proj = nn.Sequential(self.proj, nn.BatchNorm2d(channels))  # type: ignore[assignment]


class DividesBySpread(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        squares = (x - x.mean((2, 3), keepdim=True)).square().sum((2, 3), keepdim=True)
        return x * torch.sigmoid(squares / (x.shape[2] * x.shape[3] - 1)).to(x.dtype)


class RootsTheSpread(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(x.var((2, 3), keepdim=True, unbiased=False).sqrt()).to(x.dtype)


class HasWideConstants(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x) * torch.ones(1, x.shape[1], 1, 1, dtype=torch.float64)


class HasSingleConstants(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x) * torch.ones(1, x.shape[1], 1, 1)


class GivesAnotherTypeForHalf(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(x.float().mean((2, 3), keepdim=True)) if x.dtype == torch.float16 else x * self.gate(x)


class OverflowsInHalf(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        similarity = (x * x * 1000).sum((1, 2, 3), keepdim=True)
        return x * torch.sigmoid(similarity / similarity.square().sqrt() - 1)


class RoundsInHalf(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x) if x.dtype == torch.float32 else (x * self.gate(x)).round()


class RoundsSmallValuesInHalf(Gate):
    """By 1/512 at most, which is much of an output of this size."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = 0.01 * x * self.gate(x)
        return y if x.dtype == torch.float32 else (256 * y).round() / 256


class ShiftsInHalf(Gate):
    """By little against the largest value, by much against all."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * self.gate(x)
        return y if x.dtype == torch.float32 else y + 0.06


class LosesOneValueInHalf(Gate):
    """By little against all values, by much against the largest."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * self.gate(x)
        return y if x.dtype == torch.float32 else torch.where(y == y.amax(), 0, y)


class ScalesInFloat16(Gate):
    """By what bfloat16 might lose, and float16 may not."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * self.gate(x)
        return 1.02 * y if x.dtype == torch.float16 else y


class ForgetsAutocast(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.proj(x * self.gate(x))
        return y


class ChangesItsInput(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mul_(self.gate(x))


class ViewsNCHWOnly(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(x.view(x.shape[0], -1).mean(1))[:, None, None, None].to(x.dtype)


class ReadsTheMemoryOrder(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        storage = x.as_strided((x.shape[0], x.shape[1], x.shape[2] * x.shape[3]), (x[0].numel(), x[0, 0].numel(), 1))
        return x * torch.sigmoid(storage.mean(2)[:, :, None, None]).to(x.dtype)


class HidesTheMemoryOrder(ReadsTheMemoryOrder):
    """Breaks the contract as soon as its scale leaves the 0 at which it starts."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.scale = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.scale * super().forward(x)


class GivesNCHW(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x * self.gate(x)).contiguous()


class GivesChannelsLast(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x * self.gate(x)).contiguous(memory_format=torch.channels_last)


class DetachesItsGate(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x).detach()


class DetachesEverything(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x * self.gate(x)).detach()


class HasAWrongGradient(Gate):
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
            return 2 * x

        @staticmethod
        def backward(ctx: object, gradient: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
            return gradient

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.Double.apply(x) * self.gate(x)  # type: ignore[no-any-return]


class DrawsInEvaluation(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(x * self.gate(x))


class DrawsFromPython(Gate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        nn.init.constant_(self.proj.weight, random.random())


class KeepsAPlainTensor(Gate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.offset = torch.ones(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x) * self.offset.to(x.dtype)


class DrawsWhatIsNotSaved(Gate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.factor = float(torch.rand(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x) * self.factor


class CountsOutsideOfItsState(Gate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.passes = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.passes += self.training
        return x * self.gate(x) / (1 + self.passes)


class BranchesOnValues(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x) if x.mean() < 1e6 else x


class RemembersTheFirstBatch(Gate):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x) if x.shape[0] < 4 else x + x


class SizesItsWeightsForGood(Gate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.position = nn.UninitializedParameter()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if isinstance(self.position, nn.UninitializedParameter):
            with torch.no_grad():
                self.position.materialize((1, 1, *x.shape[2:]))  # type: ignore[arg-type]
                self.position.zero_()
        return x * self.gate(x) * torch.sigmoid(self.position)


class Convolution(nn.Module):
    """Holds the contract of `conv` modules."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int, groups: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, groups=groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.conv(x)
        return y


class IgnoresItsStride(Convolution):
    def __init__(self, in_channels: int, out_channels: int, *, stride: int, groups: int) -> None:
        super().__init__(in_channels, out_channels, stride=1, groups=groups)


class RoundsDown(Convolution):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = super().forward(x)
        return y[:, :, : max(x.shape[2] // self.conv.stride[0], 1)]


class IgnoresItsWidth(Convolution):
    def __init__(self, in_channels: int, out_channels: int, *, stride: int, groups: int) -> None:
        super().__init__(in_channels, in_channels, stride=stride, groups=groups)
