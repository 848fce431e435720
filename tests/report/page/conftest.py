"""The page in a browser; without one, the tests that ask for it are skipped."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from attnbench.report.leaderboard.board import leaderboards
from attnbench.report.page import render_page
from tests.report.page.browsing import TOPS, records_of

if TYPE_CHECKING:
    from selenium import webdriver

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
)


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator["webdriver.Chrome"]:
    """Chromium without a window."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="the page is tested in a browser by selenium")
    from selenium.webdriver.chrome.service import Service

    chromium, driver_file = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver_file is None:
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(driver_file))
    yield driver
    driver.quit()


@pytest.fixture(scope="package")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as a file."""
    records = [record for variant in TOPS for record in records_of(variant)]
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(render_page(leaderboards(records), store="records", problems=("a.json is damaged",)), "utf-8")
    return path


@pytest.fixture
def page(browser: "webdriver.Chrome", file: Path) -> Iterator["webdriver.Chrome"]:
    """The page, freshly loaded; whatever a test does, it may write no error to the console and load nothing."""
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(file.as_uri())
    yield browser
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requested = [
        event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in requested if url not in {file.as_uri(), "data:,", "about:blank"}] == []
