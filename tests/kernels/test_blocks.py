"""Kernels in the blocks of a network, in Triton's interpreter, beside PyTorch."""

import pytest
import torch
from torch import nn

import attnbench
from attnbench.attention import ATTENTION

BACKBONE = "cifar-resnet:depth=8,width=4,zero_init_last=false"
SETTINGS = {"sge": "groups=2,gate_scale_init=0.5,", "se": "reduction=2,", "cbam": "reduction=2,"}
ENDING = ["sge", "se", "eca", "ge", "cbam"]


def make(name: str, backend: str, layout: torch.memory_format) -> nn.Module:
    variant = f"{name}:{SETTINGS.get(name, '')}backend={backend}"
    model = attnbench.create_model(BACKBONE, variant, num_classes=3, in_channels=1, image_size=(8, 8))
    made: nn.Module = model.to(memory_format=layout)  # type: ignore[call-overload]
    return made


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", ENDING)
def test_blocks_end_in_the_kernel_with_the_same_results(
    name: str, layout: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=layout)
    models = [make(name, backend, layout) for backend in ("auto", "eager")]
    module_class, ended = ATTENTION.get(name).module_class, []
    forward_end = module_class.forward_end

    def counting(self: nn.Module, x: torch.Tensor, shortcut: torch.Tensor) -> torch.Tensor:
        ended.append(self)
        return forward_end(self, x, shortcut)

    monkeypatch.setattr(module_class, "forward_end", counting)
    results = []
    for model in models:
        logits = model(images)
        logits.square().sum().backward()
        results.append((logits.detach(), [parameter.grad for parameter in model.parameters()]))
    # All three blocks of the first, none of the second.
    assert ended == [module for module in models[0].modules() if isinstance(module, module_class)]
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-5)
    for model in models:
        model.eval()
    with torch.inference_mode():
        torch.testing.assert_close(models[0](images), models[1](images), rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("interpreted")
def test_under_autocast_the_map_stays_in_half_precision() -> None:
    images = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    results = []
    for backend in ("auto", "eager"):
        model = make("sge", backend, torch.contiguous_format)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(images)
            seen: list[torch.dtype] = []
            last = model.get_submodule("layer3.0")
            handle = last.register_forward_hook(lambda _, inputs, output, seen=seen: seen.append(output.dtype))
            model(images)
            handle.remove()
        assert seen == [torch.bfloat16]
        results.append(logits.float())
    torch.testing.assert_close(*results, rtol=0.05, atol=0.05)
