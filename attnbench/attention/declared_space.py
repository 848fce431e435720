"""The search space that a module's class declares beside its constructor, and what it must hold.

    class GapGate(nn.Module):
        search_space: ClassVar[SearchSpace] = {"bias": Choices((True, False))}

        def __init__(self, channels: int, *, bias: bool = True) -> None: ...

Each name is one of the constructor's settings, and what it may be is of the setting's type.
"""

import inspect
import types
from collections.abc import Callable, Collection, Mapping

from attnbench.errors import ContractError, SpecError
from attnbench.space import Choices, Divisors, Domain, Floats, Integers, SearchSpace, describe
from attnbench.variant import Setting, Variant, check_settings, format_setting, settings_of

ATTRIBUTE = "search_space"


def declared_space(module_class: Callable[..., object]) -> SearchSpace:
    """What a class says its settings may be; empty where it says nothing.

    A class with a constructor of its own does not inherit a space: its settings are others.
    """
    for owner in module_class.__mro__ if isinstance(module_class, type) else ():
        if ATTRIBUTE in vars(owner):
            space: SearchSpace = vars(owner)[ATTRIBUTE]
            return space
        if "__init__" in vars(owner):
            break
    return types.MappingProxyType({})


def check_declared_space(name: str, module_class: Callable[..., object], reserved: Collection[str]) -> None:
    """Hold the space of a class to its constructor.

    Args:
        name: The module's name, for the message.
        module_class: The class.
        reserved: Parameters that attnbench passes itself and that are no settings.

    Raises:
        ContractError: If the space is no mapping of names to domains, a name is no setting of the constructor, or a
            domain is not of the type of its setting or of the setting's default.
    """
    space = declared_space(module_class)
    if not (isinstance(space, Mapping) and all(isinstance(setting, str) for setting in space)):
        raise ContractError(_said(name, f"must be a mapping of settings to what they may be; got {space!r}"))
    settings = settings_of(module_class, reserved=reserved) if space else {}
    for setting, domain in space.items():
        if not isinstance(domain, Choices | Divisors | Floats | Integers):
            raise ContractError(
                _said(
                    name, f"must give Choices, Divisors, Floats or Integers for each setting; got {setting}: {domain!r}"
                )
            )
        try:
            for value in typical_values(domain):
                check_settings(module_class, Variant(name, ((setting, value),)), reserved=reserved)
        except SpecError as error:
            raise ContractError(_said(name, f"does not fit the constructor: {error}")) from None
        default = settings[setting].default
        if default is not inspect.Parameter.empty and not _is_of(default, domain):
            given = f"{setting}: {describe(domain)}, where the default is {format_setting(default)}"
            raise ContractError(_said(name, f"must be of the types of the defaults; got {given}"))


def typical_values(domain: Domain) -> tuple[Setting, ...]:
    """Values that show a domain's type: of numbers between two bounds a whole one or a fraction."""
    if isinstance(domain, Choices):
        return domain.values
    return (0.5,) if isinstance(domain, Floats) else (domain.low,)


def _is_of(default: Setting, domain: Domain) -> bool:
    if isinstance(domain, Choices):
        return _kind(default) in map(_kind, domain.values)
    return _kind(default) is float and (isinstance(domain, Floats) or isinstance(default, int))


def _kind(value: Setting) -> type:
    """The type of a value, whole numbers being numbers too."""
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _said(name: str, what: str) -> str:
    return f"the {ATTRIBUTE} of {name!r} {what}"
