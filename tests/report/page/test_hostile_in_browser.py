"""Every page in a browser, of records whose names are markup, scripts and marks of direction: all of it stays text."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from attnbench.pictures import Album, Line, Picture
from attnbench.report.detection.board import detection_boards
from attnbench.report.leaderboard.board import leaderboards
from attnbench.report.page import render_page
from attnbench.report.page.pictures import album_view, render_album
from attnbench.report.study import compare_finals, render_study_page
from tests.detection_records import make_detection_record
from tests.records import make_record
from tests.report.study.studies import contender, final, searched

webdriver = pytest.importorskip("selenium.webdriver", reason="the page is tested in a browser by selenium")
from selenium.webdriver.common.by import By  # noqa: E402

HOSTILE = (
    "<script>pwned = 1</script>",
    '"><img src=x onerror="pwned = 1">',
    "javascript:pwned=1",
    "'-pwned-'",
    "\u202egnp.elif\u2066",
    "]]></style><svg onload=pwned=1>",
)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def board_page(text: str) -> str:
    """Leaderboards, detection and pictures, with the text in every place that a record or a folder fills."""
    runs = [
        make_record(
            name, seed, top1, backbone=text, data=text, processor=text, device=text, platform=text, git_revision=text,
            packages={text: text}, started_at=text, uncounted_operators={text: 1},
        )
        for name, top1 in (("none", 85.0), (text, 86.0))
        for seed in (0, 1)
    ]  # fmt: skip
    detected = [
        make_detection_record(name, seed, detector=text, backbone=text, data=text, faults={text: 1}, processor=text)
        for name in ("none", text)
        for seed in (0, 1)
    ]
    view = album_view(album(text), {"a.png": PNG})
    return render_page(leaderboards(runs), detection_boards(detected), store=text, problems=(text,), album=view)


def album(text: str) -> Album:
    lines = (Line(name=text, caption=text),)
    picture = Picture(file="a.png", title=text, caption=text, lines=lines)
    return Album(title=text, conditions=(text,), pictures=(picture,))


def album_page(text: str) -> str:
    return render_album(album(text), {"a.png": PNG}, folder=text)


def study_page(text: str) -> str:
    summary = searched()
    trials = tuple(replace(trial, attention=text, reason=text, settings={text: text}) for trial in summary.trials)
    summary = replace(summary, name=text, storage=text, trials=trials)
    finals = [final(contender("default"), 90.0), final(contender("winner", text, number=5), 90.5)]
    return render_study_page(summary, compare_finals(finals, summary), {"history": PNG})


PAGES: Mapping[str, object] = {"boards": board_page, "album": album_page, "study": study_page}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", PAGES)
def test_names_stay_text_and_the_policy_has_nothing_to_forbid(
    name: str, text: str, browser: "webdriver.Chrome", tmp_path: Path
) -> None:
    messages = opened(browser, tmp_path, PAGES[name](text))  # type: ignore[operator]
    for button in browser.find_elements(By.CSS_SELECTOR, "tbody button, thead button, summary"):
        browser.execute_script("arguments[0].click()", button)
    assert messages == []
    assert browser.get_log("browser") == []
    assert browser.execute_script("return typeof pwned") == "undefined"
    shown = browser.find_element(By.TAG_NAME, "body").get_property("textContent")
    assert text.replace("\u202e", "\\u202e").replace("\u2066", "\\u2066") in shown
    assert "\u202e" not in browser.page_source
    links = browser.execute_script("return [...document.links].map(link => link.getAttribute('href'))")
    assert [link for link in links if not link.startswith("#")] == []


@pytest.mark.parametrize(
    "markup",
    [
        "<script>pwned = 1</script>",
        '<img src="https://192.0.2.1/a.png">',
        '<p style="color: red">',
        '<svg onload="pwned = 1">',
    ],
)
def test_the_policy_forbids_what_would_have_come_in(markup: str, browser: "webdriver.Chrome", tmp_path: Path) -> None:
    page = album_page("harmless").replace("<main", f"{markup}<main")
    messages = opened(browser, tmp_path, page)
    assert any("Content Security Policy" in message for message in messages)
    assert browser.execute_script("return typeof pwned") == "undefined"


def opened(browser: "webdriver.Chrome", folder: Path, page: str) -> list[str]:
    """Open a page, and give back what it wrote to the console; it may load nothing."""
    file = folder / "page.html"
    file.write_text(page, "utf-8")
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(file.as_uri())
    messages = [entry["message"] for entry in browser.get_log("browser")]
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    received = [event["params"]["response"]["url"] for event in events if event["method"] == "Network.responseReceived"]
    assert [url for url in received if url != file.as_uri() and not url.startswith("data:")] == []
    return messages
