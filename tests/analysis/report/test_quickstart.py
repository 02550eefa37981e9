"""The report of the quickstart as it is shipped, on runs that were really trained, only shorter and fewer."""

from tests.experiments.command_line import called

SHORTER = ("seeds=2", "axes.batch_size=[32, 512, full]", "axes.scaling_rule=[constant, linear]",
           "axes.order=[reshuffle, with_replacement]", "budget.epochs=2", "evaluate.points=3")  # fmt: skip


def test_it_opens_in_a_browser_with_a_verdict_on_each_claim_and_a_row_a_run(open_page, tmp_path):
    settings = [word for setting in SHORTER for word in ("--set", setting)]
    done = called("run", "quickstart", "--in-process", "--wandb", "off", "--results", tmp_path, *settings)
    assert done.exit_code == 0, done.output
    page = open_page(tmp_path / "quickstart/report/report.html")
    assert page.locator("h1").inner_text().startswith("Do larger batches generalize worse on handwritten digits")
    badges = page.locator("#answer [aria-label='verdicts on the claims'] .badge").all_inner_texts()
    assert len(badges) == 4 and {badge.split()[-1] for badge in badges} <= {"supported", "contradicted", "undecided"}
    assert page.locator(".filters output").inner_text() == "24 of 24 rows"
    assert page.locator("figure svg[role=img]").count() == 2
    page.locator("[aria-label='all runs'] th button", has_text="test error").click()
    assert page.locator("[aria-label='all runs'] th[aria-sort]").get_attribute("aria-sort") == "ascending"
