from collections.abc import Callable

import pytest
import torch

from attnbench.data import DATA, ImageData, build_data, register_data
from attnbench.errors import DuplicateNameError, SpecError, UnknownNameError
from attnbench.spec import Recipe
from attnbench.variant import settings_of


@pytest.mark.parametrize("name", DATA.names())
def test_every_set_describes_itself_and_takes_what_attnbench_passes(name: str) -> None:
    data_class = DATA.get(name)
    assert 20 < len(data_class.description) <= 110
    settings = settings_of(data_class)
    assert {"root", "recipe", "seed", "device"} <= settings.keys()
    own = settings_of(data_class, reserved=("root", "recipe", "seed", "device"))
    assert all(parameter.default is not parameter.empty for parameter in own.values())


def test_the_sets_there_are() -> None:
    assert DATA.names() == ["cifar10", "cifar100", "cluttered-digits", "fashion-mnist", "folder", "imagenet"]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("cifar11", UnknownNameError, "unknown data set 'cifar11'; did you mean 'cifar10'"),
        ("cluttered-digits:cluter=3", SpecError, "no setting 'cluter'; did you mean 'clutter'?"),
        ("cluttered-digits:clutter=many", SpecError, "clutter must be an integer; got clutter=many"),
        ("cluttered-digits:seed=3", SpecError, "no setting 'seed'"),
    ],
)
def test_mistakes(text: str, error: type[Exception], message: str, build: Callable[..., ImageData]) -> None:
    with pytest.raises(error, match=message.replace("?", r"\?")):
        build(text)


def test_a_users_own_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DATA, "_objects", dict(DATA._objects))

    @register_data("mine")
    class Mine(ImageData):
        def __init__(self, *, level: float = 0.5, **common: object) -> None:
            super().__init__(**common)  # type: ignore[arg-type]
            self.level = level

    data = build_data("mine:level=2", root="~", recipe=Recipe(), seed=3, device=torch.device("cpu"))
    assert isinstance(data, Mine)
    assert data.level == 2.0
    assert data.seed == 3
    assert "~" not in str(data.root)
    with pytest.raises(DuplicateNameError):
        register_data("mine")(Mine)
    with pytest.raises(NotImplementedError, match="Mine must implement load"):
        data.setup()
