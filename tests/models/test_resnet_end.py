"""Blocks that their attention module ends."""

import copy

import pytest
import torch
from timm.models.resnet import BasicBlock, Bottleneck
from torch import nn

import attnbench
from attnbench.attention import register_attention
from attnbench.models.backbones import family_of
from attnbench.models.families.resnet_end import EndedBasicBlock, let_end

BACKBONES = ["resnet10t", "resnet50", "cifar-resnet:depth=8", "cifar-resnet:bottleneck=true,depth=11"]


class Ending(nn.Module):
    """Halves the map, and says how often it ended a block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.takes = True
        self.ended = 0

    def takes_end(self, x: torch.Tensor) -> bool:
        return self.takes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / 2

    def forward_end(self, x: torch.Tensor, shortcut: torch.Tensor) -> torch.Tensor:
        self.ended += 1
        return torch.relu(self(x) + shortcut)


class Halving(nn.Module):
    """The same without an end."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / 2


@pytest.fixture(autouse=True)
def _registered() -> None:
    register_attention("ending", placement="block")(Ending)
    register_attention("halving", placement="block")(Halving)


def make(backbone: str, attention: str) -> nn.Module:
    # With the last norms' scales at 1, or a branch would add nothing.
    name, _, settings = backbone.partition(":")
    settings = ",".join(filter(None, (settings, "zero_init_last=false")))
    return attnbench.create_model(f"{name}:{settings}", attention, num_classes=5, image_size=(32, 32))


def ends(model: nn.Module) -> list[Ending]:
    return [module for module in model.modules() if isinstance(module, Ending)]


def images() -> torch.Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("training", [True, False])
def test_gives_what_the_block_gives(backbone: str, training: bool) -> None:
    ended, plain = (make(backbone, attention).train(training) for attention in ("ending", "halving"))
    results = []
    for model in (ended, plain):
        logits = model(images())
        logits.square().sum().backward()
        results.append((logits, [parameter.grad for parameter in model.parameters()]))
    assert len(ends(ended)) >= 3
    assert {module.ended for module in ends(ended)} == {1}  # not in the probe, which hooks the modules
    torch.testing.assert_close(*results, rtol=0, atol=0)
    assert list(ended.state_dict()) == list(plain.state_dict())


def test_a_block_is_still_one_of_timms() -> None:
    for backbone, kind in (("resnet10t", BasicBlock), ("resnet50", Bottleneck)):
        model = make(backbone, "ending")
        blocks = [block for stage in family_of(backbone).stages(model) for block in stage.blocks]
        assert all(isinstance(block.module, kind) for block in blocks)
        assert "EndedB" in type(blocks[0].module).__name__
        copied = copy.deepcopy(model).eval()
        torch.testing.assert_close(copied(images()), model.eval()(images()))


@pytest.mark.parametrize("attention", ["ending:at=pre-add", "ending:at=post-add", "ending:at=stage", "halving"])
def test_nothing_changes_where_the_module_does_not_end_a_block(attention: str) -> None:
    model = make("resnet10t", attention)
    model(images())
    assert not any(isinstance(module, EndedBasicBlock) for module in model.modules())
    assert not any(module.ended for module in ends(model))


def test_a_module_that_does_not_take_the_end_is_called_as_ever() -> None:
    model, plain = (make("resnet10t", attention).eval() for attention in ("ending", "halving"))
    for module in ends(model):
        module.takes, module.ended = False, 0
    torch.testing.assert_close(model(images()), plain(images()), rtol=0, atol=0)
    assert not any(module.ended for module in ends(model))


@pytest.mark.parametrize("layer", ["se", "act2"])
def test_who_hooks_a_layer_sees_it_run(layer: str) -> None:
    model = make("resnet10t", "ending").eval()
    ended = [module.ended for module in ends(model)]
    seen: list[torch.Tensor] = []
    model.get_submodule(f"layer1.0.{layer}").register_forward_hook(lambda _, inputs, output: seen.append(output))
    model(images())
    assert len(seen) == 1
    assert [module.ended for module in ends(model)] == [ended[0], *(number + 1 for number in ended[1:])]


def test_stochastic_depth_is_not_passed_over_in_training() -> None:
    model = make("resnet10t:drop_path_rate=0.5", "ending")
    for module in ends(model):
        module.ended = 0
    model.train()(images())
    # The rate grows from 0 with the depth, and at 0 timm leaves the layer out.
    assert [module.ended for module in ends(model)] == [1, 0, 0, 0]
    model.eval()(images())
    assert [module.ended for module in ends(model)] == [2, 1, 1, 1]


def test_another_activation_than_relu_is_left_to_the_block() -> None:
    for activation, kind in ((nn.ReLU, EndedBasicBlock), (nn.SiLU, BasicBlock)):
        block = BasicBlock(8, 8, act_layer=activation)
        let_end(block)
        assert type(block) is kind


@pytest.mark.parametrize("replacement", [None, nn.Identity()])
def test_the_module_may_be_taken_out(replacement: nn.Module | None) -> None:
    model = make("resnet10t", "ending").eval()
    for block in (module for module in model.modules() if isinstance(module, EndedBasicBlock)):
        block.se = replacement
    assert torch.isfinite(model(images())).all()


def test_a_compiled_module_is_called_as_it_was_compiled() -> None:
    model = make("resnet10t", "ending").eval()
    graphs = []

    def count(graph: torch.fx.GraphModule, inputs: object) -> object:
        graphs.append(graph)
        return graph.forward

    for module in ends(model):
        module.ended = 0
        module.compile(backend=count, dynamic=False)
    with torch.inference_mode():
        model(images())
    assert len(graphs) == 4
    assert not any(module.ended for module in ends(model))
