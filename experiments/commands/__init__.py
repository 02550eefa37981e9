"""One module a command, each with one plain function; `experiments/cli.py` is the table of them.

Everything heavy is imported inside the functions, so that `--help` answers at once.
"""
