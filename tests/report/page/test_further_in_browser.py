"""The tables and plots of localisation and robustness in a browser."""

from collections.abc import Iterator

import pytest

from attnbench.report.page import render_page
from tests.report.leaderboard.further import further_board

webdriver = pytest.importorskip("selenium.webdriver", reason="the page is tested in a browser by selenium")
from selenium.webdriver.common.by import By  # noqa: E402


@pytest.fixture(scope="module")
def further(browser: "webdriver.Chrome", tmp_path_factory: pytest.TempPathFactory) -> Iterator["webdriver.Chrome"]:
    file = tmp_path_factory.mktemp("further") / "page.html"
    file.write_text(render_page([further_board()], store="records"), "utf-8")
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get(file.as_uri())
    yield browser
    assert browser.get_log("browser") == []


def names(page: "webdriver.Chrome", table: int) -> list[str]:
    found = page.find_elements(By.CSS_SELECTOR, ".part")[table]
    return [cell.text for cell in found.find_elements(By.CSS_SELECTOR, ".name")]


def test_a_table_sorts_and_its_controls_stay_below(further: "webdriver.Chrome") -> None:
    header = further.find_elements(By.CSS_SELECTOR, ".part")[0].find_elements(By.CSS_SELECTOR, "thead button")[1]
    further.execute_script("arguments[0].scrollIntoView({block: 'center'})", header)
    header.click()
    assert names(further, 0) == ["none", "se", "sge", "control: random", "control: centre", "control: image"]
    header.click()
    assert names(further, 0)[:4] == ["sge", "se", "none", "control: random"]


def test_controls_are_named_beside_their_lines(further: "webdriver.Chrome") -> None:
    plot = further.find_element(By.CSS_SELECTOR, ".plot-figures svg")
    assert len(plot.find_elements(By.CSS_SELECTOR, ".control-line")) == 3
    assert all(f"control: {name}" in plot.text for name in ("random", "centre", "image"))
    assert len(plot.find_elements(By.CSS_SELECTOR, ".mark")) == 3 + 2


def test_the_chooser_changes_the_corruption(further: "webdriver.Chrome") -> None:
    further.find_element(By.CSS_SELECTOR, ".plot-robustness input[value='blur']").click()
    plot = further.find_element(By.CSS_SELECTOR, ".plot-robustness svg")
    assert "σ (pixels)" in plot.text
    mark = plot.find_elements(By.CSS_SELECTOR, ".mark")[1]
    assert "blur 0.5, top-1 (%): " in mark.get_attribute("aria-label")


def test_nothing_is_wider_than_a_phone(further: "webdriver.Chrome") -> None:
    further.set_window_size(500, 900)
    try:
        assert further.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    finally:
        further.set_window_size(1280, 900)
