"""The report as a reader meets it: in Chromium, by pointer and by keyboard, light and dark, on a phone, on paper."""

import re

import pytest

from analysis.report import write_report
from tests.analysis.records_on_disk import OnDisk

PHONE = {"width": 390, "height": 844}


def column(page, label, name):
    """Return the texts of a column of a table as they are shown."""
    return page.evaluate(
        """([label, name]) => {
          const table = document.querySelector(`[aria-label="${label}"] table`);
          const at = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent === name);
          return [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.cells[at].textContent);
        }""",
        [label, name],
    )


def choose(page, name, value):
    """Set the filter of a column."""
    label = page.locator(".filters label").filter(has_text=re.compile(rf"^{name} "))
    label.locator("select").select_option(value)


def test_it_opens_without_a_complaint_and_shows_the_answer_first(open_page, report):
    page = open_page(report)
    assert page.locator("h1").inner_text() == "Do larger batches end with a larger error?"
    badges = page.locator("#answer [aria-label='verdicts on the claims'] .badge").all_inner_texts()
    assert [badge.split()[-1] for badge in badges] == ["supported", "contradicted", "undecided"]
    top = page.locator("#answer table").first.bounding_box()
    assert top["y"] + 150 < 900, "the verdicts begin on the first screen"
    assert page.locator("figure svg[role=img]").count() == 2
    assert report.stat().st_size < 5e6


def test_a_column_sorts_by_its_numbers_up_and_down_and_what_is_missing_stays_last(open_page, report):
    page = open_page(report)
    before = [float(v) for v in column(page, "all runs", "test error") if v != "–"]
    button = page.locator("[aria-label='all runs'] th button", has_text="test error")
    for ends, state in ((sorted(before), "ascending"), (sorted(before, reverse=True), "descending")):
        button.click()
        values = column(page, "all runs", "test error")
        assert values[-3:] == ["–"] * 3 and "–" not in values[:-3]
        assert [float(v) for v in values[:-3]] == ends
        assert page.locator("[aria-label='all runs'] th[aria-sort]").get_attribute("aria-sort") == state


def test_rows_are_filtered_by_words_and_by_values_and_counted(open_page, report):
    page = open_page(report)
    count = page.locator(".filters output")
    assert count.inner_text() == "37 of 37 rows"
    choose(page, "scaling rule", "linear")
    choose(page, "outcome", "diverged")
    assert count.inner_text() == "2 of 37 rows"
    assert set(column(page, "all runs", "batch size")) == {"1,024"}
    page.locator(".filters input").fill("REPLACEMENT")
    assert column(page, "all runs", "order") == ["with_replacement"]
    page.get_by_role("button", name="show all").click()
    assert count.inner_text() == "37 of 37 rows" and page.locator(".filters input").input_value() == ""
    choose(page, "outcome", "failed")
    assert count.inner_text() == "1 of 37 rows"


def test_sorting_keeps_the_filter(open_page, report):
    page = open_page(report)
    choose(page, "scaling rule", "constant")
    page.locator("[aria-label='all runs'] th button", has_text="seed").click()
    assert column(page, "all runs", "scaling rule") == ["constant"] * 18
    assert column(page, "all runs", "seed") == sorted(column(page, "all runs", "seed"))


def test_an_arm_is_hidden_and_shown_again_but_for_its_key(open_page, report):
    page = open_page(report)
    figure = page.locator("figure").first
    button = figure.get_by_role("button", name="linear")
    color = figure.locator("script.marks").evaluate("node => JSON.parse(node.textContent).arms[1][1].slice(1)")
    drawn = figure.locator(f"svg [style*='--c{color}']:not(defs *)")  # shapes that others refer to are never seen
    seen = "nodes => nodes.filter((node) => node.checkVisibility()).length"
    whole = drawn.evaluate_all(seen)
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    key = figure.locator(f"svg [id*='-legend_'] [style*='--c{color}']").evaluate_all(seen)
    assert 0 < drawn.evaluate_all(seen) == key < whole
    button.press("Enter")
    assert button.get_attribute("aria-pressed") == "true" and drawn.evaluate_all(seen) == whole


def marks(figure):
    """Return [[x, y, arm, panel, x in words, y in words], ...] of a figure."""
    return figure.locator("script.marks").evaluate("node => JSON.parse(node.textContent).marks")


def test_the_pointer_finds_the_values_of_a_mark(open_page, report):
    page = open_page(report)
    figure = page.locator("figure").first
    figure.scroll_into_view_if_needed()
    mark = next(m for m in marks(figure) if m[4] == "64" and m[5].startswith("test 13.33 %"))
    box = figure.locator("svg").first.bounding_box()
    scale = box["width"] / figure.locator("svg").first.evaluate("svg => svg.viewBox.baseVal.width")
    page.mouse.move(box["x"] + mark[0] * scale + 2, box["y"] + mark[1] * scale + 1)
    tip = figure.locator(".tip")
    assert tip.inner_text().splitlines()[1:] == [f"error: {mark[5]}", "batch size B: 64"]
    assert re.fullmatch(r"(constant|linear) · (reshuffle|with replacement)", tip.inner_text().splitlines()[0])
    assert tip.is_visible()
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    assert not tip.is_visible()


def test_a_hidden_arm_is_not_found(open_page, report):
    page = open_page(report)
    figure = page.locator("figure").first
    figure.get_by_role("button", name="linear").click()
    figure.locator(".plot").focus()
    told = set()
    for _ in range(len([m for m in marks(figure) if m[2] == 0])):
        page.keyboard.press("ArrowRight")
        told.add(figure.locator(".tip strong").inner_text().split(" · ")[0])
    assert told == {"constant"}


def test_everything_is_reached_by_the_keyboard(open_page, report):
    page = open_page(report)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the answer"
    figure = page.locator("figure").first
    figure.locator(".plot").focus()
    page.keyboard.press("ArrowRight")
    first = figure.locator(".tip").inner_text()
    page.keyboard.press("ArrowRight")
    assert first and figure.locator(".tip").inner_text() not in ("", first)
    page.keyboard.press("ArrowLeft")
    assert figure.locator(".tip").inner_text() == first
    page.keyboard.press("Escape")
    assert figure.locator(".tip").inner_text() == ""
    button = page.locator("[aria-label='all runs'] th button", has_text="test error")
    button.focus()
    page.keyboard.press("Enter")
    assert page.locator("[aria-label='all runs'] th[aria-sort=ascending]").inner_text().startswith("test error")


def violations(page):
    """Return what axe finds against WCAG 2.1 A and AA and its own best practices, a line each."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {node['html'][:150]} {node['failureSummary']}" for v in found for node in v["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
def test_names_and_contrast_are_accessible(open_page, report, scheme, size):
    page = open_page(report, color_scheme=scheme, bypass_csp=True, **size)
    page.locator("details").evaluate_all("all => all.forEach((part) => { part.open = true; })")
    page.locator("figure").first.get_by_role("button", name="linear").click()
    page.locator(".plot").first.focus()
    page.keyboard.press("ArrowRight")
    assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_follow_the_theme(open_page, report, scheme):
    page = open_page(report, color_scheme=scheme)
    body = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert body == {"light": "rgb(255, 255, 255)", "dark": "rgb(23, 24, 28)"}[scheme]
    sheet = page.locator("figure svg [id$='patch_1'] path").first.evaluate("node => getComputedStyle(node).fill")
    assert sheet == body


def test_on_a_phone_nothing_but_tables_and_figures_scrolls_sideways(open_page, report):
    page = open_page(report, **PHONE)
    page.locator("details").evaluate_all("all => all.forEach((part) => { part.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = page.evaluate(
        """() => [...document.querySelectorAll("main *")].filter((node) => !node.closest(".scroll, pre")
          && node.getBoundingClientRect().right > 391).map((node) => node.outerHTML.slice(0, 80))"""
    )
    assert wide == []
    small = page.locator(".arms button, nav a").evaluate_all("all => all.filter((n) => n.offsetHeight < 24).length")
    assert small == 0, "what is tapped is at least 24 pixels high (WCAG 2.2, 2.5.8)"


def test_print_is_light_unfolded_and_without_controls(open_page, report):
    page = open_page(report, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for name in (".arms", ".filters", "nav", ".files"):
        assert not page.locator(name).first.is_visible(), name
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
    box, table = (page.locator(f"#runs {name}").bounding_box() for name in (".scroll", "table"))
    assert box["height"] >= table["height"], "no row is cut off on paper"


def test_without_javascript_everything_is_there(open_page, report):
    page = open_page(report, java_script_enabled=False)
    assert page.locator("[aria-label='all runs'] tbody tr").count() == 37
    assert page.locator("figure svg[role=img]").first.is_visible()
    assert page.locator(".arms, .filters, .tip").count() == 0, "no control that does nothing"
    page.locator("summary", has_text="The numbers drawn").first.click()
    assert page.locator("[aria-label='numbers of gap_vs_batch']").is_visible()


def test_two_thousand_runs_stay_small_open_and_filter(open_page, tmp_path):
    disk = OnDisk(tmp_path / "exp")
    for place, batch in enumerate((4, 16, 64, 256, "full")):
        for rule in ("constant", "sqrt", "linear"):
            for order in ("with_replacement", "reshuffle", "shuffle_once"):
                config = {"batch_size": batch, "scaling_rule": rule, "order": order}
                first = disk.add(config=config, points=4, test_error=0.1 + 0.01 * place + 0.003 * len(rule))
                for seed in range(1, 45):
                    disk.again(first, seed)
    path = write_report(disk.close(), figures=["gap_vs_batch", "curves"], question="?", claims=[])
    assert path.stat().st_size < 5e6
    page = open_page(path)
    count = page.locator(".filters output")
    assert count.inner_text() == "2,025 of 2,025 rows"
    choose(page, "batch size", "256")
    assert count.inner_text() == "405 of 2,025 rows"
    page.locator("[aria-label='all runs'] th button", has_text="test error").click()
    errors = column(page, "all runs", "test error")
    assert len(errors) == 405 and errors == sorted(errors, key=float) and len(set(errors)) == 3
