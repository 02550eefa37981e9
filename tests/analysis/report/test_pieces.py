"""Tables and figures as they stand in the page."""

import re

import numpy as np
import pytest

from analysis.load import load
from analysis.report.configuration import configuration
from analysis.report.markup import Html, table
from analysis.report.runs_table import lost
from analysis.report.svg import inline, lifted, slim
from tests.analysis.records_on_disk import OnDisk


def test_tables_escape_and_shorten():
    text = table(["a<b"], [["<i>"], [Html("<i>x</i>")], [None], [float("nan")], [0.123456], [1234]], label='"quoted"')
    cells = re.findall(r"<td[^>]*>.*?</td>", text)
    assert cells[:4] == ["<td>&lt;i&gt;</td>", "<td><i>x</i></td>", "<td>–</td>", "<td>–</td>"]
    assert ">0.1235</td>" in cells[4] and 'data-value="0.123456"' in cells[4]
    assert ">1,234</td>" in cells[5]
    assert 'aria-label="&quot;quoted&quot;"' in text and "a&lt;b" in text


def test_an_inlined_figure_follows_the_theme():
    svg = (
        '<?xml version="1.0"?><svg width="4pt" height="2pt" viewBox="0 0 4 2"><metadata>x</metadata><style>*{stroke-'
        'linejoin: round}</style><g id="a" style="fill: #1c1d21; stroke: #123456"/>'
        '<use href="#a" clip-path="url(#a)"/></svg>'
    )
    text = inline(svg, prefix="p", label='a "label"')
    assert text.startswith('<svg class="p" role="img" aria-label="a &quot;label&quot;"')
    assert 'id="p-a"' in text and 'href="#p-a"' in text and "url(#p-a)" in text
    assert "fill: var(--ink)" in text and "stroke: var(--c123456)" in text and "--c123456:#123456" in text
    assert "metadata" not in text and 'width="4pt"' not in text


def test_a_slim_figure_keeps_what_is_drawn():
    svg = (
        '<svg><metadata>m</metadata><!-- c -->\n  <g id="empty"/>\n <path d="M 1.234567 -8.999 L 2 3.5" '
        'style="stroke: 0.12345"/>'
        '<g transform="translate(12.345678 0.001) scale(0.015625 -0.015625)"><use x="7.1" y="-0.00001"/></g></svg>'
    )
    assert slim(svg) == (
        '<svg>\n<path d="M 1.23 -9 L 2 3.5" style="stroke: 0.12345"/>'
        '<g transform="translate(12.35 0) scale(0.015625 -0.015625)"><use x="7.1" y="0"/></g></svg>'
    )


@pytest.mark.parametrize("color", ["000000", "481467", "0072b2", "ffffff", "a2da37"])
def test_lines_stand_out_on_dark_paper(color):
    def luminance(code):
        c = np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)]) / 255
        return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    assert (luminance(lifted(color)[1:]) + 0.05) / (luminance("17181c") + 0.05) >= 4.5
    bright = luminance(color) > 0.25
    assert (lifted(color) == f"#{color}") == bright


def test_lost_runs_are_counted_in_arms_that_lack_several_sections(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    sections = ({}, {"sam": {"rho": 0.1}}, {"local": {"workers": 2, "steps": 4}}, {"label_smoothing": 0.1})
    for config in sections:
        for seed in range(3):
            gone = not config and seed < 2
            disk.add(config={"batch_size": 16, "seed": seed, **config}, status="diverged" if gone else "done")
    (row,) = re.findall(r"<tr><td.*?</tr>", lost(load(disk.close())), re.DOTALL)
    assert ">2 of 3</td>" in row and "diverged" in row


def test_arms_of_many_fields_are_told_by_those_in_which_they_differ(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    sam = {"rho": 0.1, "adaptive": True, "m": 8}
    sgd = {"name": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "clip_norm": 1.0}
    many = {"sam": sam, "optimizer": sgd, "label_smoothing": 0.1, "scaling_rule": "linear"}
    for config in ({}, {"label_smoothing": 0.1}, many):
        disk.add(config={"batch_size": 16, **config})
    arms = configuration(load(disk.close())).partition("the arms, each against the first")[2]
    cells = [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", arms)][:9]
    assert cells[0].startswith("the first: ") and cells[3] == "label smoothing 0.1 (none)"
    assert {"rho 0.1 (none)", "momentum 0.9 (none)", "scaling rule linear (constant)"} <= set(cells[6].split(", "))
    assert "batch size" not in cells[6] and cells[1:3] == ["1", "1 done"]
