"""The command line: a table of commands, each in a module of its own."""

import typer

from experiments.commands.cancel import cancel
from experiments.commands.compare import compare
from experiments.commands.doctor import doctor
from experiments.commands.exporting import export
from experiments.commands.importing import import_
from experiments.commands.init import init
from experiments.commands.landscape import landscape
from experiments.commands.listing import list_
from experiments.commands.logs import logs
from experiments.commands.options import told
from experiments.commands.plan import plan
from experiments.commands.probe import probe
from experiments.commands.prune import prune
from experiments.commands.report import report
from experiments.commands.reproduce import reproduce
from experiments.commands.retry import retry
from experiments.commands.run import run
from experiments.commands.show import show
from experiments.commands.status import status
from experiments.commands.sync import sync
from experiments.commands.validate import validate

COMMANDS = (
    init, validate, plan, run, reproduce, status, show, report, compare, probe, landscape, logs, retry, cancel, sync,
    prune, export, import_, list_, doctor,
)  # fmt: skip
"""In the order in which `--help` shows them; a function's name, less a last underscore, is its command's."""

app = typer.Typer(
    name="largebatch",
    help="Does large-batch training generalize worse? Ask it as one YAML file, get an answer with intervals.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in COMMANDS:
    app.command(name=command.__name__.rstrip("_"))(told(command))
