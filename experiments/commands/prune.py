"""`largebatch prune`."""

from typing import Annotated

import typer

from experiments.commands.options import DEFAULT_RESULTS, Json, Name, Results, Scale, Set, console, emit, place

Yes = Annotated[bool, typer.Option("--yes", help="Delete it; without this it is only listed.")]


def prune(
    experiment: Name,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """List what serves no run any more (foreign records, old checkpoints and failures), and with --yes delete it."""
    at = place(experiment, settings, scale, results)
    from experiments.place import say
    from experiments.pruning import delete, waste
    from sweeps.board import size
    from sweeps.claim import claimed

    if yes and at.folder.is_dir():  # one that is absent is not made
        with claimed(at.folder):  # nothing is taken from under a sweep
            found = waste(at)
            delete(found)
    else:
        found = waste(at)
    if as_json:
        emit({"deleted": yes, "found": [vars(each) for each in found]})
        return
    for each in found:
        say(console(), f"{size(each.size):>8}  {str(each.path).removeprefix(str(at.folder)).strip('/')}: {each.why}")
    total = f"{len(found)} things, {size(sum(each.size for each in found))}"
    if not found:
        say(console(), f"nothing to prune in {at.folder}; how it stands: {at.command('status')}")
    elif yes:
        say(console(), f"{total}, deleted from {at.folder}; how it stands: {at.command('status')}")
    else:
        say(console(), f"{total} in {at.folder}, left alone; to delete them: {at.command('prune', '--yes')}")
