"""What is said of what computes attention modules."""

import pytest
import torch
from torch import nn

from attnbench.attention import register_attention
from attnbench.errors import SpecError
from attnbench.kernels import backend
from attnbench.measure import count_traffic
from attnbench.measure.published import count_published
from attnbench.models import BuiltModel, build_model
from attnbench.models.backends import attention_backend, check_backend_runs, with_operators_of

CPU = torch.device("cpu")
SIZE = {"num_classes": 3, "in_channels": 1, "image_size": (8, 8), "seed": 0}


def built(attention: str) -> BuiltModel:
    return build_model("cifar-resnet:depth=8,width=4", attention, **SIZE)  # type: ignore[arg-type]


GPU = torch.device("meta")
"""Stands for one: nothing is computed there."""


@pytest.fixture
def _gpu_has_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton")
    monkeypatch.setattr(backend, "KERNEL_DEVICES", (GPU.type,))


WITH_KERNELS = ["sge:groups=2", "se:reduction=2", "eca", "ge", "cbam:reduction=2", "bam:reduction=2"]


@pytest.mark.usefixtures("_gpu_has_kernels")
@pytest.mark.parametrize("attention", WITH_KERNELS)
def test_kernels_run_where_there_are_some_unless_they_are_not_wanted(attention: str) -> None:
    colon = "," if ":" in attention else ":"
    for setting, ran in (("auto", "triton"), ("triton", "triton"), ("eager", "eager")):
        places = built(f"{attention}{colon}backend={setting}").places
        assert attention_backend(places, GPU) == ran
        check_backend_runs(places, GPU, attention=attention)


@pytest.mark.parametrize("attention", WITH_KERNELS)
def test_without_a_gpu_pytorch_computes_and_kernels_are_refused(attention: str) -> None:
    assert attention_backend(built(attention).places, CPU) == "eager"
    colon = "," if ":" in attention else ":"
    places = built(f"{attention}{colon}backend=triton").places
    assert attention_backend(places, CPU) == "eager"
    with pytest.raises(SpecError, match=r"backend=triton needs Triton.*; got device=cpu, allowed: backend=auto"):
        check_backend_runs(places, CPU, attention=attention)


@pytest.mark.usefixtures("_gpu_has_kernels")
@pytest.mark.parametrize("attention", ["ge:extent=2", "ge:parametric=true", "srm", "none"])
def test_forms_without_kernels_are_pytorchs(attention: str) -> None:
    assert attention_backend(built(attention).places, GPU) == (None if attention == "none" else "eager")


@pytest.mark.usefixtures("_gpu_has_kernels")
def test_kernels_are_refused_where_a_form_has_none() -> None:
    places = built("ge:extent=2,backend=triton").places
    with pytest.raises(
        SpecError, match=r"ge:extent=2: there is no kernel for these settings; allowed: backend=auto, eager"
    ):
        check_backend_runs(places, GPU, attention="ge:extent=2")


@pytest.mark.usefixtures("_gpu_has_kernels")
def test_a_users_module_may_have_a_backend_of_another_kind() -> None:
    @register_attention("other", placement="block")
    class Other(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.backend = "auto"

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x / 2

    made = built("other")
    assert attention_backend(made.places, GPU) == "eager"
    count_published(made.model, (1, 8, 8))
    with with_operators_of(made.model, GPU):
        pass
    assert {place.module.backend for place in made.places} == {"auto"}


@pytest.mark.usefixtures("_gpu_has_kernels")
def test_traffic_is_counted_of_the_operators_of_the_device() -> None:
    model = built("sge:groups=2").model
    with with_operators_of(model, GPU):
        fused = count_traffic(model, (1, 8, 8))
    eager = count_traffic(model, (1, 8, 8))
    assert "attnbench::sge" in fused.by_operator
    assert "attnbench::sge" not in eager.by_operator
    maps = [width * 8 * 8 // shrunk for width, shrunk in ((4, 1), (8, 4), (16, 16))]
    assert fused.by_operator["attnbench::sge"].written_bytes == 4 * sum(maps)
    assert fused.total.activation_bytes < eager.total.activation_bytes
