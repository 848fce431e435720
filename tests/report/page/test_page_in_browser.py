"""The page in a browser: what a reader clicks, types and sees of its tables and runs."""

from pathlib import Path

import pytest

from tests.report.page.browsing import HOSTILE, records_of

webdriver = pytest.importorskip("selenium.webdriver", reason="the page is tested in a browser by selenium")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402


def names(page: "webdriver.Chrome") -> list[str]:
    """The variants of the rows that are seen, in their order."""
    found = page.find_elements(By.CSS_SELECTOR, ".leaderboard tbody .name")
    return [name.text for name in found if name.is_displayed()]


def header(page: "webdriver.Chrome", text: str):
    headers = page.find_elements(By.CSS_SELECTOR, ".leaderboard thead th[data-column]")
    return next(found for found in headers if found.text.startswith(text))


def row_button(page: "webdriver.Chrome", variant: str):
    buttons = page.find_elements(By.CSS_SELECTOR, ".leaderboard tbody button")
    return next(button for button in buttons if button.text == variant)


def test_a_click_on_a_header_sorts_by_the_values_and_a_second_one_turns_them_round(page: "webdriver.Chrome") -> None:
    column = header(page, "params")
    column.find_element(By.TAG_NAME, "button").click()

    assert column.get_attribute("aria-sort") == "ascending"
    assert names(page) == ["none", HOSTILE, "ge:extent=8", "sge", "se"]
    column.find_element(By.TAG_NAME, "button").click()
    assert column.get_attribute("aria-sort") == "descending"
    assert names(page) == ["se", "sge", "ge:extent=8", HOSTILE, "none"]


@pytest.mark.parametrize("key", [Keys.ENTER, Keys.SPACE])
def test_a_header_sorts_by_keyboard_and_missing_values_come_last(page: "webdriver.Chrome", key: str) -> None:
    column = header(page, "Δ top-1")
    button = column.find_element(By.TAG_NAME, "button")
    button.send_keys(key)

    assert column.get_attribute("aria-sort") == "ascending"
    assert names(page) == ["ge:extent=8", HOSTILE, "se", "sge", "none"]
    button.send_keys(key)
    assert names(page) == ["sge", "se", HOSTILE, "ge:extent=8", "none"]
    assert header(page, "params").get_attribute("aria-sort") == "none"


def test_typing_a_part_of_a_name_filters_the_rows(page: "webdriver.Chrome") -> None:
    page.find_element(By.CSS_SELECTOR, ".filter").send_keys("GE")

    assert names(page) == ["sge", "ge:extent=8"]
    assert page.find_element(By.CSS_SELECTOR, ".count").text == "2 of 5 variants"


def test_only_shown_differences_leave_the_baseline(page: "webdriver.Chrome") -> None:
    page.find_element(By.CSS_SELECTOR, ".only-shown").click()

    assert names(page) == ["none"]  # three seeds can show nothing


def test_enter_on_a_row_opens_its_runs_and_escape_closes_them(page: "webdriver.Chrome") -> None:
    records = records_of("sge")
    button = row_button(page, "sge")
    button.send_keys(Keys.ENTER)
    dialog = page.find_element(By.ID, "runs")

    assert dialog.is_displayed()
    assert page.switch_to.active_element.get_attribute("id") == "runs-title"
    runs = dialog.find_elements(By.CSS_SELECTOR, "details.run")
    assert [run.find_element(By.CSS_SELECTOR, ".digest").text for run in runs] == [record.digest for record in records]
    runs[2].find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
    WebDriverWait(page, 5).until(lambda _: runs[2].find_elements(By.TAG_NAME, "svg"))
    for text in (
        records[2].digest,
        f"attnbench train --from-record records/{records[2].digest}.json",
        "attention: sge\n",
        "seed: 2\n",
        "Example CPU 3000",
        "86.20 %",
    ):
        assert text in runs[2].text
    assert len(runs[2].find_elements(By.CSS_SELECTOR, "svg .mark")) == 6
    page.execute_script("arguments[0].focus()", runs[2].find_element(By.CSS_SELECTOR, "svg .mark"))
    assert dialog.find_element(By.ID, "tip").text.startswith("sge\nepoch 1\n")  # within, or the dialog would cover it
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not dialog.is_displayed()
    assert page.switch_to.active_element == button


def test_a_click_anywhere_in_a_row_opens_its_runs(page: "webdriver.Chrome") -> None:
    row_button(page, "se").find_element(By.XPATH, "ancestor::tr/td[3]").click()

    assert page.find_element(By.ID, "runs-title").text == "se"


def test_a_name_that_is_markup_stays_text(page: "webdriver.Chrome") -> None:
    assert HOSTILE in names(page)
    row_button(page, HOSTILE).click()

    assert page.find_element(By.ID, "runs-title").text == HOSTILE
    assert len(page.find_elements(By.TAG_NAME, "script")) == 2
    page.find_element(By.CSS_SELECTOR, "#runs .close").click()  # an open alert would not let it through


def test_a_variants_name_shows_its_accuracy_and_spec(page: "webdriver.Chrome") -> None:
    button, tip = row_button(page, "ge:extent=8"), page.find_element(By.ID, "tip")
    ActionChains(page).move_to_element(button).perform()

    assert tip.text.splitlines() == [
        "ge:extent=8",
        "top-1 84.10 % ± 0.25, 3 seeds",
        "ge:extent=8 in cifar-resnet:depth=20 on fashion-mnist, 6 epochs, batch size 128, learning rate 0.1",
        "press to open 3 runs",
    ]
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert not tip.is_displayed()


def test_the_toggle_turns_the_page_dark_and_back_and_names_what_it_leads_to(page: "webdriver.Chrome") -> None:
    def background() -> str:
        return page.execute_script("return getComputedStyle(document.body).backgroundColor")

    light, button = background(), page.find_element(By.ID, "theme")
    assert button.text == "Dark theme"
    button.click()

    assert (light, background()) == ("rgb(255, 255, 255)", "rgb(20, 23, 27)")
    assert button.text == "Light theme"
    button.click()
    assert background() == light
    assert button.text == "Dark theme"


def test_a_phone_scrolls_tables_and_not_the_page(page: "webdriver.Chrome") -> None:
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") == 360
        assert page.execute_script(
            "const it = document.querySelector('.scroll'); return it.scrollWidth > it.clientWidth"
        )
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_print_shows_no_controls_and_opens_what_is_closed(page: "webdriver.Chrome") -> None:
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    page.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    try:
        assert not page.find_element(By.CSS_SELECTOR, ".controls").is_displayed()
        assert not page.find_element(By.ID, "theme").is_displayed()
        assert all(found.is_displayed() for found in page.find_elements(By.CSS_SELECTOR, ".numbers table"))
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_without_a_script_the_tables_are_there(browser: "webdriver.Chrome", file: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(file.as_uri())
        assert names(browser) == ["sge", "se", HOSTILE, "none", "ge:extent=8"]
        assert not browser.find_element(By.CSS_SELECTOR, ".controls").is_displayed()
        assert browser.find_element(By.CSS_SELECTOR, ".problems li").text == "a.json is damaged"
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
