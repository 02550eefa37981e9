"""`largebatch doctor`."""

from typing import Annotated

import typer

from experiments.commands.options import DEFAULT_RESULTS, Json, Results, console, emit

Quick = Annotated[bool, typer.Option("--quick", help="Do not start Ray.")]
SIGNS = {"well": "[green]ok[/]", "missing": "[yellow]--[/]", "broken": "[red]no[/]"}


def doctor(results: Results = DEFAULT_RESULTS, quick: Quick = False, as_json: Json = False) -> None:
    """Look at what a sweep needs: versions, room, caches, W&B, data sets, devices, Ray. Code 1 if one is broken."""
    from rich.markup import escape
    from rich.padding import Padding

    from experiments.doctor import examine
    from experiments.place import say
    from largebatch.storage import place_of

    found, screen = [], console()
    for each in examine(place_of(results), ray=not quick):
        found.append(each)
        if not as_json:
            screen.print(f"{SIGNS[each.state]} [bold]{each.name}[/]", highlight=False)
            remedy = f"\n[bold]{escape(each.remedy)}[/]" if each.state != "well" and each.remedy else ""
            screen.print(Padding(f"{escape(each.text)}{remedy}", (0, 0, 0, 3)), highlight=False)
    broken = [each.name for each in found if each.state == "broken"]
    if as_json:
        emit({"well": not broken, "findings": [vars(each) for each in found]})
    elif broken:
        say(screen, f"broken: {', '.join(broken)}; the rest works without")
    else:
        say(screen, "nothing is broken; to begin: largebatch run smoke")
    if broken:
        raise typer.Exit(1)
