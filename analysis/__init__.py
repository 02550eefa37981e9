"""Records to numbers to ink: what a sweep showed, how sure that is, and what it rests on.

The only input is what the runs left behind (`largebatch.records`) and `experiment.json`
beside them. Nothing here imports jax or ray. In a notebook:

    import analysis
    results = analysis.load("results/quickstart")
    results.runs                  # one row a run
    results.histories()           # one row an evaluation point
    analysis.columns(results)     # what each column is, and its unit
    analysis.judge(results, results.experiment["claims"])

Names are imported when first used, so that `import analysis` takes no time.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.columns import columns
    from analysis.compare import compare
    from analysis.figures import FIGURES
    from analysis.load import Results, load
    from analysis.verdicts import judge

__all__ = ["FIGURES", "Results", "columns", "compare", "judge", "load"]

_HOMES = {
    "FIGURES": "analysis.figures",
    "Results": "analysis.load",
    "columns": "analysis.columns",
    "compare": "analysis.compare",
    "judge": "analysis.verdicts",
    "load": "analysis.load",
}


class _Package(ModuleType):
    # Importing the module analysis.load binds it to the name `load` here, which is the function's.
    def __setattr__(self, name: str, value: Any) -> None:
        taken = name in _HOMES and isinstance(value, ModuleType)
        super().__setattr__(name, getattr(value, name) if taken else value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    """Import a public name from its module at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'analysis' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)
