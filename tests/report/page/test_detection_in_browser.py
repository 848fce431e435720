"""Detection boards of the page in a browser: what a reader clicks, types and sees of tables, plots and runs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from attnbench.report.detection.board import detection_boards
from attnbench.report.leaderboard.board import leaderboards
from attnbench.report.page import render_page
from tests.report.detection.records import some, trained
from tests.report.page.browsing import records_of

webdriver = pytest.importorskip("selenium.webdriver", reason="the page is tested in a browser by selenium")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of a leaderboard and of two detectors."""
    found = [trained(record) for record in some(2, detectors=("faster-rcnn", "mask-rcnn"), faults={"zero-area box": 2})]
    path = tmp_path_factory.mktemp("mixed") / "page.html"
    path.write_text(render_page(leaderboards(records_of("none")), detection_boards(found), store="records"), "utf-8")
    return path


@pytest.fixture
def section(browser: "webdriver.Chrome", mixed: Path) -> Iterator:
    """The detection board; whatever a test does, it may write no error to the console and load nothing."""
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(mixed.as_uri())
    yield browser.find_element(By.ID, "detection-1")
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requested = [
        event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in requested if url not in {mixed.as_uri(), "data:,", "about:blank"}] == []


def rows(section) -> list[tuple[str, str]]:
    """Detectors and variants of the rows that are seen, in their order."""
    found = section.find_elements(By.CSS_SELECTOR, ".leaderboard tbody tr")
    return [
        (row.find_element(By.CSS_SELECTOR, ".detector").text, row.find_element(By.CSS_SELECTOR, ".name").text)
        for row in found
        if row.is_displayed()
    ]


def sort_by(section, column: int) -> None:
    section.find_element(By.CSS_SELECTOR, f"th[data-column='{column}'] button").click()


def click(browser: "webdriver.Chrome", node) -> None:
    browser.execute_script("arguments[0].click()", node)


def test_headers_sort_by_ap_and_by_its_difference_over_all_detectors(section) -> None:
    sort_by(section, 5)
    sort_by(section, 5)
    by_ap = [name for _, name in rows(section)]
    assert by_ap[:2] == ["sge", "sge"]
    sort_by(section, 6)
    assert {name for _, name in rows(section)[-2:]} == {"none"}  # without a difference, so last
    assert {name for _, name in rows(section)[2:4]} == {"sge"}
    sort_by(section, 0)
    assert [detector for detector, _ in rows(section)] == ["faster-rcnn"] * 3 + ["mask-rcnn"] * 3


def test_a_part_of_a_detectors_or_a_variants_name_filters(section) -> None:
    field = section.find_element(By.CSS_SELECTOR, ".filter")
    field.send_keys("mask")
    assert {detector for detector, _ in rows(section)} == {"mask-rcnn"}
    field.clear()
    field.send_keys("sge")
    assert rows(section) == [("faster-rcnn", "sge"), ("mask-rcnn", "sge")]
    assert section.find_element(By.CSS_SELECTOR, ".count").text == "2 of 6 variants"
    field.send_keys(Keys.BACKSPACE * 3)
    section.find_element(By.CSS_SELECTOR, ".only-shown").click()
    assert {name for _, name in rows(section)} == {"none", "sge"}


def test_a_row_opens_the_runs_of_its_detector(section, browser: "webdriver.Chrome") -> None:
    row = section.find_elements(By.CSS_SELECTOR, ".leaderboard tbody tr")[3]
    click(browser, row.find_element(By.TAG_NAME, "button"))
    dialog = browser.find_element(By.ID, "runs")
    assert dialog.find_element(By.ID, "runs-title").text == "sge"
    assert "mask-rcnn" in dialog.find_element(By.CSS_SELECTOR, "header .quiet").text
    run = dialog.find_element(By.CSS_SELECTOR, "details.run[open]")
    for text in (
        "Boxes of the test split by the objects' area",
        "Masks of the test split",
        "zero-area box 2",
        "detector: mask-rcnn",
        "Example CPU 3000",
        "loss_box_reg",
    ):
        assert text in run.text
    assert "Run it again" not in run.text
    losses, validation = run.find_elements(By.CSS_SELECTOR, ".canvas > svg")
    assert len(losses.find_elements(By.CSS_SELECTOR, ".mark")) == 2 * 6
    assert len(validation.find_elements(By.CSS_SELECTOR, ".mark")) == 3


def test_a_detector_is_chosen_for_all_plots(section, browser: "webdriver.Chrome") -> None:
    def marks(plot: str) -> set[str]:
        found = section.find_elements(By.CSS_SELECTOR, f".plot-{plot} .mark")
        return {mark.get_attribute("data-variant") for mark in found}

    assert all(marks(plot) == {"0", "1", "2"} for plot in ("cost", "curves", "precision", "figures"))
    assert len(section.find_elements(By.CSS_SELECTOR, ".plot-figures svg .label")) == 6
    click(browser, section.find_elements(By.CSS_SELECTOR, ".detectors input")[1])
    assert all(marks(plot) == {"3", "4", "5"} for plot in ("cost", "curves", "precision", "figures"))
    assert section.find_elements(By.CSS_SELECTOR, ".plot-figures svg .label")[-1].text == "mask AP"
    assert len(section.find_elements(By.CSS_SELECTOR, ".legend button")) == 3


def test_a_curve_is_chosen_and_marks_say_their_numbers(section, browser: "webdriver.Chrome") -> None:
    tip = browser.find_element(By.ID, "tip")

    def lines_of(plot: str) -> list[str]:
        browser.execute_script("arguments[0].focus()", section.find_elements(By.CSS_SELECTOR, f".plot-{plot} .mark")[0])
        return tip.text.splitlines()

    spec = "sge in resnet18 of faster-rcnn on cluttered-scenes, 6 epochs, batch size 4, learning rate 0.02"
    name, first, note, last = lines_of("curves")
    assert (name, note, last) == ("sge", "mean ± 1 standard deviation over 2 seeds", spec)
    assert first.startswith("epoch 2, validation AP (%): ")
    click(browser, section.find_elements(By.CSS_SELECTOR, ".plot-curves .chooser input")[2])
    assert lines_of("curves")[1].startswith("epoch 1, loss_box_reg: ")
    click(browser, section.find_elements(By.CSS_SELECTOR, ".plot-precision .chooser input")[1])
    assert lines_of("precision")[1].startswith("recall (%) 0, precision (%) at IoU 0.75: ")
    assert lines_of("precision")[2] == "mean over classes and 2 seeds"
    assert lines_of("figures")[1].startswith("AP ")
    assert lines_of("seeds")[1].startswith("Δ AP +")


def test_hiding_a_variant_outlasts_another_detector(section, browser: "webdriver.Chrome") -> None:
    click(browser, section.find_element(By.CSS_SELECTOR, ".legend button[data-variant='0']"))
    assert section.find_elements(By.CSS_SELECTOR, ".plots .mark[data-variant='0']:not(.is-hidden)") == []
    inputs = section.find_elements(By.CSS_SELECTOR, ".detectors input")
    click(browser, inputs[1])
    assert section.find_elements(By.CSS_SELECTOR, ".plots .mark.is-hidden") == []
    click(browser, inputs[0])
    button = section.find_element(By.CSS_SELECTOR, ".legend button[data-variant='0']")
    assert button.get_attribute("aria-pressed") == "false"
    assert section.find_elements(By.CSS_SELECTOR, ".plots .mark[data-variant='0']:not(.is-hidden)") == []


def test_a_phone_scrolls_tables_and_not_the_page(section, browser: "webdriver.Chrome") -> None:
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert browser.execute_script("return document.documentElement.scrollWidth") == 360
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
