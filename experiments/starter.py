"""The experiment that `largebatch init` writes: every section once, and what else it takes."""

STARTER = """\
# An experiment is one question and the runs that answer it. Only what differs from the defaults is said.
# `largebatch validate FILE` checks it, `plan FILE` says what it takes, `run FILE` trains and writes the report.
# `largebatch list` names every data set, model, optimizer, order, scaling rule, probe and figure.
question: Does a larger batch end with a larger test error on handwritten digits?

base:                                   # what all runs share
  dataset: {name: digits, train_size: 512}
  model: {name: mlp, widths: [64, 64]}
  optimizer: {name: sgd, momentum: 0.9} # without momentum no buffer is kept
  learning_rate: 0.05                   # at the reference batch; the scaling rule does the rest
  reference_batch: 32
  budget: {epochs: 10}                  # or {updates: 1000}, {examples: 100000}
  evaluate: {points: 20}                # or {every: {epochs: 1}}

axes:                                   # a grid: every combination is trained
  batch_size: [8, 32, 128, full]        # full is the whole training set
  scaling_rule: [constant, linear]
  # order: [with_replacement, reshuffle, shuffle_once]

seeds: 3                                # each arm with three seeds, the same ones in every arm

figures: [gap_vs_batch, curves]

claims:                                 # stated before the runs are trained; the report says whether they hold
  - says: At a constant rate and equal epochs, the full batch ends with a larger test error than B = 32.
    measure: test_error
    compare: {batch_size: [full, 32]}
    where: {scaling_rule: constant}
    direction: greater                  # or less, equal
    margin: 0.01

# scales:                               # other sizes, as in `largebatch run FILE --scale large`
#   large: {base: {budget: {epochs: 100}}, seeds: 5}
"""
