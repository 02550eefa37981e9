"""From finished runs to tables, verdicts and a figure: `python docs/examples/read_results.py results/quickstart`.

The same lines work in a notebook. `analysis` reads what runs left behind and needs no JAX.
"""

import sys

import analysis

results = analysis.load(sys.argv[1] if len(sys.argv) > 1 else "results/quickstart")
print(f"{results.name}: {results.counts.sentence()}")

# One row a run, indexed by its digest. Configuration under dotted names, measurements as they were at the end.
runs = results.runs
print(runs.groupby("batch_size")[["test_error", "train_error", "train_loss"]].mean().round(4))

# One row an evaluation point: what happened on the way.
histories = results.histories()
print(f"{len(histories):,} evaluation points, of {histories['digest'].nunique():,} runs")

# What each column is, and its unit.
print(analysis.columns(results).query("table == 'histories'").head(5).to_string(index=False))

# The same runs where their train loss first reaches a level, instead of at their end.
level = 1.1 * float(runs["train_loss"].median())
reached = results.at({"train_loss": level}).runs
print(f"updates to a train loss of {level:.3g}:", reached.groupby("batch_size")["update"].median().round(1).to_dict())

# A claim, judged: paired by seed, with a Student-t interval.
small, large = int(runs["batch_size"].min()), int(runs["batch_size"].max())
claim = {
    "says": "the largest batch ends with a larger test error than the smallest",
    "measure": "test_error",
    "compare": {"batch_size": [large, small]},
    "where": {"scaling_rule": runs["scaling_rule"].iloc[-1], "order": runs["order"].iloc[-1]},
    "direction": "greater",
    "margin": 0.01,
}
(verdict,) = analysis.judge(results, [claim])
print(f"{verdict.verdict}: {verdict.effect:+.4f} [{verdict.low:+.4f}, {verdict.high:+.4f}], {verdict.n} seeds")

# Two experiments, or two versions of one; here the same, so nothing differs.
for row in analysis.compare(results, results, measures=["test_error"]).differences[-1:]:
    print(f"against itself: {row.difference:+.4f}, p = {row.p:.2g}")

# Any figure as plain numbers, and as ink on a matplotlib figure.
figure = analysis.FIGURES["curves"]
numbers = figure.prepare(results)
print(figure.caption(numbers))
