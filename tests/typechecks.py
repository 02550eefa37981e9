"""What jaxtyping's import hook puts around every function of `largebatch` under pytest.

Jaxtyping keeps the sizes that one call names, which takes 30 µs a call, and looks at its arguments twice. Most
functions have no array to name a size of: those beartype checks alone.
"""

import dataclasses
import inspect
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True, violation_type=jaxtyping.TypeCheckError))
_with_sizes = jaxtyping.jaxtyped


def install(package: str) -> None:
    """Check every function and data class of a package that is imported from now on."""
    jaxtyping.jaxtyped = lambda typechecker: checked  # by this name the hook decorates
    jaxtyping.install_import_hook([package], f"{__name__}.check")


def checked(found: Any) -> Any:
    """Return a function that checks its arguments and what it returns, or a class whose `__init__` does."""
    if inspect.isclass(found):
        if dataclasses.is_dataclass(found) and "__init__" in vars(found):
            found.__init__ = checked(found.__init__)
        return found
    hints = {name: _resolved(hint, found.__globals__) for name, hint in found.__annotations__.items()}
    if any(map(has_arrays, hints.values())):
        return _with_sizes(found, typechecker=check)
    found.__annotations__ = hints
    return check(found)


def _resolved(hint: Any, names: dict[str, Any]) -> Any:
    """Return what a hint in quotes names; anything, where it is imported for reading alone or is not made yet."""
    try:
        return get_type_hints(SimpleNamespace(__annotations__={"it": hint}), names, include_extras=True)["it"]
    except NameError:
        return Any


def has_arrays(hint: Any) -> bool:
    """Return whether an array's shape is part of a hint, or of a list of them."""
    if inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray):
        return True
    return any(map(has_arrays, hint if isinstance(hint, list) else get_args(hint)))
