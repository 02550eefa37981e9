"""What an experiment file says of its paper: published numbers, departures from its protocol, later changes."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from experiments.document import Node
from experiments.problems import Problem, unknown
from largebatch.config import Strict

Text = Annotated[str, Field(min_length=1)]


class Published(Strict):
    """One published number, shown in the report beside what the runs say."""

    figure: Text
    """The table or figure of the paper, as in `Table 3`."""
    quantity: Text
    """What the number is and in which unit, as in `sharpness, large over small batch`."""
    value: int | float | str
    """A number, or text where the paper gives no single one, as in `8.7 to 223`."""
    plus_minus: Annotated[float, Field(ge=0)] | None = None
    """The number's published uncertainty; what it is (deviation, interval) belongs to `quantity`."""
    source: Text
    """The paper and the place in it, as in `Keskar et al. 2017, Table 3`."""
    claim: Text | None = None
    """The `says` of the claim that asks the same question here."""

    @field_validator("value", mode="plain")
    @classmethod
    def _number_or_text(cls, value: Any) -> int | float | str:
        number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
        if number or (isinstance(value, str) and value.strip()):
            return value
        raise ValueError(f"got {value!r}; give a number, or text such as '8.7 to 223'")

    @model_validator(mode="after")
    def _only_numbers_are_uncertain(self) -> "Published":
        if isinstance(self.value, str) and self.plus_minus is not None:
            raise ValueError("plus_minus belongs to a value that is a number; write it into the text of the value")
        return self


class Change(Strict):
    """A change of the protocol after results had been seen."""

    date: str
    """When, as in 2026-02-28."""
    change: Text
    """What was changed."""
    reason: Text
    """Why, and what had been seen by then."""

    @field_validator("date")
    @classmethod
    def _iso(cls, value: str) -> str:
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise ValueError(f"got {value!r}; give a day, as in 2026-02-28") from None


def published_problems(tree: Node) -> Iterator[Problem]:
    """Yield the published numbers that name a claim which the experiment does not make.

    An experiment without any claims (`--set claims=[]`) still shows its published numbers.
    """
    claims = tree.entries["claims"].items if "claims" in tree.entries else []
    says = [str(claim.entries["says"].value) for claim in claims if "says" in claim.entries]
    for number in tree.entries["published"].items if "published" in tree.entries else ():
        node = number.entries.get("claim")
        if says and node is not None and isinstance(node.value, str) and node.value not in says:
            yield Problem(node.mark, node.path, unknown("claim", node.value, says))
