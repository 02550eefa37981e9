"""One run, or one pack of runs, correctly and fast; and the record each leaves behind.

Names are imported when first used, so that `import largebatch` needs neither jax nor a moment.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from largebatch.config import RunConfig
    from largebatch.records import Record
    from largebatch.train import train, train_pack

__version__ = "0.1.0"
__all__ = ["Record", "RunConfig", "__version__", "train", "train_pack"]

_HOMES = {
    "Record": "largebatch.records",
    "RunConfig": "largebatch.config",
    "train": "largebatch.train",
    "train_pack": "largebatch.train",
}


class _Package(ModuleType):
    # Importing the module largebatch.train binds it to the name `train` here, which is the function's.
    def __setattr__(self, name: str, value: Any) -> None:
        taken = name in _HOMES and isinstance(value, ModuleType)
        super().__setattr__(name, getattr(value, name) if taken else value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    """Import a public name from its module at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'largebatch' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)
