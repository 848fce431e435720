"""The page of a study in a browser; without one, these tests are skipped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from attnbench.report.study import compare_finals, render_study_page
from tests.report.page.conftest import browser  # noqa: F401  # the fixture
from tests.report.study.studies import contender, final, searched

webdriver = pytest.importorskip("selenium.webdriver", reason="the page is tested in a browser by selenium")
from selenium.webdriver.common.by import By  # noqa: E402


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    summary = searched()
    finals = [final(contender("default"), 90.0), final(contender("winner", "sge:groups=16", number=5), 90.5)]
    path = tmp_path_factory.mktemp("page") / "study.html"
    path.write_text(render_study_page(summary, compare_finals(finals, summary), {}), "utf-8")
    return path


@pytest.fixture
def page(browser: "webdriver.Chrome", file: Path) -> Iterator["webdriver.Chrome"]:  # noqa: F811
    """The page, freshly loaded; whatever a test does, it may write no error to the console."""
    browser.get_log("browser")
    browser.get(file.as_uri())
    yield browser
    assert browser.get_log("browser") == []


def numbers(page: "webdriver.Chrome") -> list[str]:
    return [found.text for found in page.find_elements(By.CSS_SELECTOR, ".trials tbody .name")]


def test_a_press_on_a_header_sorts_the_trials_and_those_without_a_value_stay_last(page: "webdriver.Chrome") -> None:
    ranked = sorted(searched().of_state("complete"), key=lambda trial: trial.values)
    button = page.find_element(By.XPATH, "//table[contains(@class, 'trials')]//button[contains(., 'top-1')]")
    button.click()
    assert numbers(page)[:30] == [str(trial.number) for trial in ranked]

    button.click()
    assert numbers(page)[0] == str(ranked[-1].number)
    assert set(numbers(page)[30:]) == {str(n) for n in (3, 7, 8, 13, 18, 19, 23, 28, 33, 38)}


def test_the_theme_turns_and_other_tables_do_not_sort(page: "webdriver.Chrome") -> None:
    page.find_element(By.ID, "theme").click()
    assert page.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    assert page.find_elements(By.CSS_SELECTOR, ".final thead button") == []


def test_a_phone_scrolls_tables_and_not_the_page(page: "webdriver.Chrome") -> None:
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") == 360
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
