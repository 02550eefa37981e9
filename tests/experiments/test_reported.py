"""The end of a sweep: the report is written while the engine stops."""

from threading import Barrier

import pytest

from experiments.run import _reported


class Ending:
    """An engine that only ends: together with whoever else comes to the meeting, and perhaps with an error."""

    def __init__(self, meet, error=None):
        self.meet, self.error = meet, error

    def close(self):
        self.meet()
        if self.error:
            raise self.error


def test_ray_ends_while_the_report_is_written(monkeypatch):
    meet = Barrier(2, timeout=20).wait  # one after the other they would never meet

    def report(place):
        meet()
        return place

    monkeypatch.setattr("experiments.run.report", report)
    assert _reported("page", Ending(meet)) == "page"


def test_what_goes_wrong_with_the_report_and_with_the_end_of_ray_is_told_of_both(monkeypatch):
    def torn(place):
        raise ValueError("a torn record")

    def nobody():
        pass

    monkeypatch.setattr("experiments.run.report", torn)
    with pytest.raises(ValueError, match="a torn record"):
        _reported("page", Ending(nobody))
    with pytest.raises(RuntimeError, match="no answer") as both:
        _reported("page", Ending(nobody, RuntimeError("no answer")))
    assert "a torn record" in str(both.value.__context__)
    monkeypatch.setattr("experiments.run.report", lambda place: place)
    with pytest.raises(RuntimeError, match="no answer"):
        _reported("page", Ending(nobody, RuntimeError("no answer")))
