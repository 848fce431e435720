"""The plots of the page in a browser: what a reader points at, walks through, chooses and hides."""

import pytest

from tests.report.page.browsing import records_of

webdriver = pytest.importorskip("selenium.webdriver", reason="the page is tested in a browser by selenium")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

SPEC = "sge in cifar-resnet:depth=20 on fashion-mnist, 6 epochs, batch size 128, learning rate 0.1"


def test_pointing_at_a_mark_shows_its_numbers_and_dims_the_others(page: "webdriver.Chrome") -> None:
    mark = page.find_element(By.CSS_SELECTOR, ".plot-cost .mark[data-variant='0']")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", mark)
    ActionChains(page).move_to_element(mark).perform()
    tip = page.find_element(By.ID, "tip")

    lines = tip.text.splitlines()
    assert lines[:3] == ["sge", "top-1 86.10 % ± 0.25, 3 seeds", "10,000 parameters"]
    assert lines[-1] == SPEC
    dimmed = page.find_elements(By.CSS_SELECTOR, ".plot-seeds .mark.is-dim")
    assert {found.get_attribute("data-variant") for found in dimmed} == {"1", "2", "4"}  # 3 is the baseline


def test_marks_of_curves_and_seeds_show_the_spec(page: "webdriver.Chrome") -> None:
    tip = page.find_element(By.ID, "tip")

    def lines_of(mark: str) -> list[str]:
        page.execute_script("arguments[0].focus()", page.find_elements(By.CSS_SELECTOR, mark)[-1])
        return tip.text.splitlines()

    assert lines_of(".plot-curves .mark[data-variant='0']") == [
        "sge", "epoch 6, validation top-1 (%): 86.10 ± 0.10", "mean ± 1 standard deviation over 3 seeds", SPEC,
    ]  # fmt: skip
    assert lines_of(".plot-seeds .mark[data-variant='0']") == [
        "sge", "seed 2: Δ top-1 +1.00 points", f"{SPEC}, seed 2, digest {records_of('sge')[2].digest}",
    ]  # fmt: skip
    assert lines_of(".plot-seeds .mark[data-variant='0']:has(.hit[r='11'])")[-1] == SPEC  # the mean


def test_arrows_walk_from_mark_to_mark(page: "webdriver.Chrome") -> None:
    first = page.find_element(By.CSS_SELECTOR, ".plot-curves .mark")
    page.execute_script("arguments[0].focus()", first)
    page.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    page.switch_to.active_element.send_keys(Keys.ARROW_DOWN)

    assert page.switch_to.active_element.get_attribute("aria-label").startswith("se, epoch 2, validation top-1 (%): ")
    assert page.find_element(By.ID, "tip").text.startswith("se\nepoch 2")
    assert len(page.find_elements(By.CSS_SELECTOR, ".plot-curves .mark[tabindex='0']")) == 1


def test_the_chooser_changes_the_cost(page: "webdriver.Chrome") -> None:
    assert "parameters (thousands)" in page.find_element(By.CSS_SELECTOR, ".plot-cost svg").text
    page.find_element(By.CSS_SELECTOR, ".chooser input[value='time']").click()

    assert "inference time (× the baseline's), median" in page.find_element(By.CSS_SELECTOR, ".plot-cost svg").text


def test_the_legend_hides_a_variant_in_all_plots_and_brings_it_back(page: "webdriver.Chrome") -> None:
    button = page.find_element(By.CSS_SELECTOR, ".legend button[data-variant='0']")
    marks = ".plots .mark[data-variant='0']:not(.is-hidden)"
    num_marks = len(page.find_elements(By.CSS_SELECTOR, marks))
    button.click()

    assert num_marks == 1 + 6 + 4  # its cost, its epochs, its seeds with their mean
    assert button.get_attribute("aria-pressed") == "false"
    assert page.find_elements(By.CSS_SELECTOR, marks) == []
    button.click()
    assert len(page.find_elements(By.CSS_SELECTOR, marks)) == num_marks
