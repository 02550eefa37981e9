"""The benchmarks by name, in the order in which they run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Benchmark:
    """A module of this folder with `measure(quick, scratch) -> Result`."""

    title: str
    one_core: bool = False
    """Whether it is kept to one core and one thread, set before anything heavy is imported."""


BENCHMARKS = {
    "startup": Benchmark("How long the command line takes to answer"),
    "updates": Benchmark("One run: updates a second", one_core=True),
    "reads": Benchmark("What any order costs: updates that gather their examples over such that read neighbours", True),
    "limit": Benchmark("Distance from the limit: examples a second over the matrix products alone", one_core=True),
    "convolution": Benchmark("Convolutions on a CPU: examples a second over PyTorch", one_core=True),
    "networks": Benchmark("What each network costs to compile, to train and to evaluate, on one core and on two"),
    "probes": Benchmark("What one measurement of each probe costs", one_core=True),
    "memory": Benchmark("Peak memory of a full batch in micro-batches over B = 256"),
    "compilations": Benchmark("Compilations of a sweep, and of the same sweep again"),
    "workers": Benchmark("The same sweep on one and on two workers"),
    "live": Benchmark("A sweep mirrored to W&B while it trains, over the same sweep without"),
    "growth": Benchmark("Overhead of 100, 1,000 and 10,000 trivial runs"),
    "sweep": Benchmark("A whole sweep against the usual way"),
}
"""Name, which is also the module's, to benchmark."""
