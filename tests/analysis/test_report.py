import re
from html.parser import HTMLParser

import pytest

from analysis.load import ResultsError
from analysis.report import write_report
from tests.analysis.records_on_disk import OnDisk, sweep

VOID = {"meta", "link", "br", "line", "circle", "path", "use", "rect"}
CLAIM = {
    "says": "larger batches end with a <larger> error", "measure": "test_error", "direction": "greater",
    "compare": {"batch_size": ["full", 16]}, "where": {"scaling_rule": "constant"}, "margin": 0.005,
}  # fmt: skip
SAID = {
    "figures": ["gap_vs_batch", "curves"], "question": "Do <larger> batches & so on?", "claims": [CLAIM],
    "published": [
        {"figure": "Table 2", "quantity": "loss of <accuracy>", "value": "0.5 to 5", "plus_minus": None,
         "source": "Keskar & al.", "claim": CLAIM["says"]},
        {"figure": "Table 1", "quantity": "top-1 error", "value": -23.74, "plus_minus": 0.09, "source": "Goyal et al.",
         "claim": None},
    ],
    "deviations": ["Digits & no <images>."],
    "history": [{"date": "2026-02-28", "change": "3 seeds", "reason": "2 are too <few>"}],
}  # fmt: skip


class Page(HTMLParser):
    """Collects ids, links, headings, and the text of every row of every table; refuses tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.loads, self.headings, self.rows, self.open, self.images = [], [], [], [], [], []
        self.feed(text)
        assert self.open == [], f"never closed: {self.open}"

    def handle_startendtag(self, tag, attributes):
        self.look(tag, dict(attributes))

    def handle_starttag(self, tag, attributes):
        self.look(tag, dict(attributes))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def look(self, tag, attributes):
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.loads += [(tag, attributes[k]) for k in ("src", "href", "xlink:href") if k in attributes]
        if attributes.get("role") == "img":
            self.images.append(attributes.get("aria-label"))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append((self.open[-1], data))
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    def outcome(point):
        lost = point["batch_size"] == "full" and point["scaling_rule"] == "linear" and point["seed"] == 1
        rise = 0.05 if point["batch_size"] == "full" else 0.0
        return {"status": "diverged"} if lost else {"test_error": 0.1 + rise + 0.001 * point["seed"] ** 2}

    axes = {"batch_size": [16, "full"], "scaling_rule": ["constant", "linear"]}
    source = {"exp.yaml": "question: a < b?\n"}
    return sweep(
        tmp_path_factory.mktemp("report") / "exp", outcome, axes, seeds=3, source=source,
        command="largebatch run exp --set 'seeds=3' & more", paper="Keskar & al. 2017",
    )  # fmt: skip


@pytest.fixture(scope="module")
def text(folder):
    path = write_report(folder, **SAID)
    assert path == folder / "report" / "report.html"
    return path.read_text()


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_the_question_comes_first_and_sections_follow(page):
    assert page.headings[0] == ("h1", "Do <larger> batches & so on?")
    sections = [words for level, words in page.headings if level == "h2"]
    assert sections == [
        "Answer", "Figures", "Divergences and failures", "Runs", "Configuration", "Protocol", "Cost", "Provenance",
        "How to reproduce",
    ]  # fmt: skip


def test_it_needs_no_network(text, page):
    outside = [(tag, where) for tag, where in page.loads if not where.startswith(("#", "data:"))]
    assert {tag for tag, _ in outside} == {"a"}
    assert sorted(where for _, where in outside) == sorted(
        f"{name}.{kind}" for name in ("gap_vs_batch", "curves") for kind in ("svg", "png", "json")
    )
    assert not re.search(r"@import|url\((?!#)|\bfetch\(|XMLHttpRequest", text)


def test_two_figures_share_no_id_and_every_reference_is_met(text, page):
    assert len(page.ids) == len(set(page.ids))
    wanted = {where[1:] for _, where in page.loads if where.startswith("#")} | set(re.findall(r"url\(#([^)]+)\)", text))
    assert wanted <= set(page.ids)


def test_figures_have_words_for_those_who_cannot_see_them(page):
    assert len(page.images) == 2
    assert all("batch size" in label for label in page.images)


def test_the_verdict_stands_with_effect_interval_and_seeds(page):
    (row,) = [row for row in page.rows if row[0].startswith("larger batches end with a <larger> error")]
    assert "test error, batch size full − 16 at scaling rule constant: above 0.50 pp" in row[0]
    assert row[1].endswith("supported")
    assert row[2].startswith("+5.00 pp[+5.00 pp, +5.00 pp] at 95 %")
    assert row[3] == "3"


def test_published_numbers_stand_beside_the_effect_of_the_claim_they_name(page):
    (named,) = [row for row in page.rows if row[0] == "loss of <accuracy>Table 2"]
    (verdict,) = [row for row in page.rows if row[0].startswith(CLAIM["says"])]
    assert named[1] == "0.5 to 5" and named[3] == "Keskar & al."
    assert named[2].startswith(verdict[2]) and named[2].endswith(f"{verdict[1]}{CLAIM['says']}")
    (alone,) = [row for row in page.rows if row[0] == "top-1 errorTable 1"]
    assert alone[1:] == ["−23.74 ± 0.09", "no claim asks for it; see the figures", "Goyal et al."]


def test_departures_and_later_changes_are_listed(text, page):
    assert "<li>Digits &amp; no &lt;images&gt;.</li>" in text
    assert ["2026-02-28", "3 seeds", "2 are too <few>"] in page.rows


def test_the_verdicts_are_counted_at_the_top(text):
    assert "<p class=\"chips\"><span class='badge supported'>1 supported</span> </p>" in text


def test_divergences_are_listed_with_counts_and_time(page):
    assert ["1,024", "linear", "reshuffle", "diverged", "1 of 3", "update 3"] in page.rows


def test_every_run_has_a_row(page):
    head = next(row for row in page.rows if row[0] == "run")
    runs = [dict(zip(head, row, strict=True)) for row in page.rows if re.fullmatch(r"[0-9a-f]{16}", row[0])]
    assert len(runs) == 12
    assert {run["outcome"] for run in runs} == {"done", "diverged"}
    small = [run for run in runs if run["batch size"] == "16" and run["scaling rule"] == "constant"]
    assert sorted(run["test error"] for run in small) == ["0.1", "0.101", "0.104"]
    assert all(run["test error"] == "–" for run in runs if run["outcome"] == "diverged")


def test_what_varies_and_what_is_shared_are_told_apart(text, page):
    varies, shared = (
        Page(re.search(rf'aria-label="{label}">(<table>.*?</table>)', text, re.DOTALL)[1]).rows
        for label in ("what varies", "what every run shares")
    )
    assert varies[1:] == [
        ["batch_size", "16, 1024"], ["scaling_rule", "constant, linear"], ["seed", "0, 1, 2"],
    ]  # fmt: skip
    assert ["dataset.name", "digits"] in shared
    assert ["data checksum", "ab" * 32] in page.rows


def test_the_command_and_the_source_are_quoted(text):
    assert "<code>largebatch run exp --set &#x27;seeds=3&#x27; &amp; more</code>" in text
    assert "question: a &lt; b?" in text
    assert "Keskar &amp; al. 2017" in text


def test_the_same_records_give_the_same_page(folder, text):
    assert write_report(folder, **SAID).read_text() == text


def test_an_unfinished_sweep_with_failures_and_without_claims(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.add()
    failed, _ = disk.missing(2)
    disk.fail(failed, "ValueError: <b>no</b>")
    disk.add(config={"seed": 7}, expected=False)
    text = write_report(disk.close(), figures=["gap_vs_batch"], question="?", claims=[]).read_text()
    Page(text)
    assert "unfinished: 1 of 3 runs, 1 failed. 2 still missing" in text
    assert "1 records of other experiments" in text
    assert f"{failed}: ValueError: &lt;b&gt;no&lt;/b&gt; (3 attempts)" in text
    assert "No claim was stated" in text


def test_a_field_no_figure_shows_gets_a_figure_a_value(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    for momentum in (None, 0.5):
        disk.add(config={"optimizer": {"name": "sgd", "momentum": momentum}})
    path = write_report(disk.close(), figures=["gap_vs_batch"], question="?", claims=[])
    assert sorted(file.name for file in path.parent.glob("*.svg")) == [
        "gap_vs_batch--optimizer.momentum-0.5.svg", "gap_vs_batch--optimizer.momentum-none.svg",
    ]  # fmt: skip


def test_arms_are_told_field_by_field_against_the_first(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    for rate, momentum in ((0.1, None), (0.1, 0.5), (0.2, 0.5)):
        for seed in range(2):
            lost = rate == 0.2 and seed == 1
            config = {"learning_rate": rate, "optimizer": {"name": "sgd", "momentum": momentum}, "seed": seed}
            disk.add(config=config, status="diverged" if lost else "done")
    text = write_report(disk.close(), figures=[], question="?", claims=[]).read_text()
    arms = re.search(r'aria-label="the arms, each against the first">(<table.*?</table>)', text, re.DOTALL)[1]
    rows = Page(arms).rows
    assert rows[0] == ["optimizer.momentum", "learning rate", "runs", "ended"]
    assert rows[1:] == [
        ["none", "0.1", "2", "2 done"], ["0.5", "0.1", "2", "2 done"], ["0.5", "0.2", "2", "1 done, 1 diverged"],
    ]  # fmt: skip
    assert re.findall(r"<strong>(.*?)</strong>", arms) == ["0.5", "0.5", "0.2"]


def test_failed_runs_stand_in_the_table_of_runs(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.add()
    (failed,) = disk.missing(1)
    disk.fail(failed, "ValueError: no")
    rows = Page(write_report(disk.close(), figures=[], question="?", claims=[]).read_text()).rows
    head = next(row for row in rows if row[0] == "run")
    (row,) = [dict(zip(head, row, strict=True)) for row in rows if row[0] == failed]
    assert row.pop("run") == failed and row.pop("outcome") == "failed" and set(row.values()) == {"–"}


def test_runs_beyond_the_weight_of_the_page_are_counted_and_lost_ones_stay(folder, monkeypatch):
    from analysis.report import runs_table

    monkeypatch.setattr(runs_table, "MOST", 2)
    text = write_report(folder, **SAID).read_text()
    rows = [row for row in Page(text).rows if re.fullmatch(r"[0-9a-f]{16}", row[0])]
    assert len(rows) == 2 and rows[0].count("diverged") == 1 and rows[1].count("done") == 1
    assert "10 runs are not on it; <code>largebatch export exp --to DIR --format csv</code>" in text


def test_runs_that_failed_alike_are_told_once(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.add()
    names = disk.missing(5)
    for name in names:
        disk.fail(name, "ValueError: no" if name != names[1] else "KeyError: x")
    text = write_report(disk.close(), figures=[], question="?", claims=[]).read_text()
    told = sorted(set(names) - {names[1]})
    assert re.findall(r"<summary>(.*?Error.*?)</summary>", text) == sorted(
        [f"{', '.join(told[:3])} and 1 more: ValueError: no (3 attempts)", f"{names[1]}: KeyError: x (3 attempts)"],
        key=lambda words: words[:16],
    )


def test_figures_beyond_the_weight_of_the_page_are_named_with_their_files(folder, monkeypatch):
    from analysis.report import page as module

    whole = write_report(folder, **SAID).read_text()
    parts = whole[: whole.index('<figure class="figure1"')].rindex("<section>")
    monkeypatch.setattr(module, "MOST_BYTES", len(whole[:parts].encode()) + 60_000)
    text = write_report(folder, **SAID).read_text()
    assert len(text.encode()) < len(whole.encode())
    assert '<figure class="figure0"' in text and '<figure class="figure1"' not in text
    assert '<li>curves: <a href="curves.svg">SVG</a>, <a href="curves.png">PNG</a>' in text


def test_nothing_to_report_is_refused(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.missing(1)
    with pytest.raises(ResultsError, match="run it first"):
        write_report(disk.close(), figures=[], question="?", claims=[])
