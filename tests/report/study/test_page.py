"""The page of a study as text."""

import base64
import re

import pytest

from attnbench.report.study import compare_finals, render_study_page
from attnbench.report.study.notes import comparison_lines, search_notes, study_lines
from attnbench.report.study.pictures import pictures_of
from attnbench.study import StudySummary
from tests.report.page.test_page import HOSTILE, Elements
from tests.report.study.studies import DEFAULT, contender, final, searched, study, trial

PNG = b"\x89PNG\r\n\x1a\n not a picture"


def page_of(summary: StudySummary, pictures: dict[str, bytes] | None = None, *, number: int = 5) -> str:
    winner = contender("winner", "sge:groups=16", number=number)
    comparison = compare_finals([final(contender("default"), 90.0), final(winner, 90.5)], summary)
    return render_study_page(summary, comparison, pictures or {})


def words(page: str) -> list[str]:
    return [" ".join(word.split()) for word in Elements(page).words]


def test_holds_the_sentences_of_the_terminal() -> None:
    summary = searched()
    comparison = compare_finals([final(contender("default"), 90.0)], summary)
    found = words(render_study_page(summary, comparison, {}))

    for line in (*study_lines(summary), *search_notes(summary), *comparison_lines(comparison, summary)):
        assert " ".join(line.split()) in found


def test_every_trial_is_a_row_that_sorts_by_its_value_as_measured() -> None:
    summary = searched()
    page = page_of(summary)
    table = page.split('<table class="leaderboard trials sortable">')[1].split("</table>")[0]

    assert re.findall(r'<th scope="row" class="variant" data-sort="(\d+)">', table) == [str(n) for n in range(40)]
    assert f'data-sort="{summary.trial(1).values[0]}"' in table
    assert "same settings as trial 5" in table
    assert table.count('class="marked"') == 1
    columns = table.count("data-column=")
    assert table.count("data-sort=") == 40 * columns


def test_the_final_comparison_stands_above_the_trials() -> None:
    page = page_of(searched())

    assert page.index("The final comparison") < page.index("The best trials") < page.index("All trials")
    assert '<span class="tag">winner, trial 5</span>' in page


def test_pictures_are_in_the_page_and_said_in_words() -> None:
    summary = searched()
    found = Elements(page_of(summary, {"history": PNG, "unknown": PNG}))
    images = [attributes for tag, attributes in found.tags if tag == "img"]
    history = next(picture for picture in pictures_of(summary) if picture.name == "history")

    assert [image["src"] for image in images] == [f"data:image/png;base64,{base64.b64encode(PNG).decode()}"]
    assert images[0]["alt"] == f"{history.title}. {history.words}"


def test_says_why_a_picture_is_missing() -> None:
    page = render_study_page(study([trial(0, 90.0)]), None, {})

    assert "Validation accuracy, trial by trial: not drawn. It takes 2 complete trials; there is 1." in page


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_a_study_stays_text(text: str) -> None:
    def tags(of: str) -> list[str]:
        trials = [
            trial(0, 90.0),
            trial(1, 91.0, settings={**DEFAULT, "stages": of}),
            trial(2, state="failed", reason=of),
        ]
        found = Elements(page_of(study(trials, name=of, storage=of, best=(1,)), number=1))
        assert of.replace("\u2028", "\\u2028") in "".join(found.words)
        return [tag for tag, _ in found.tags if tag != "wbr"]

    assert tags(text) == tags("harmless")


def test_nothing_is_loaded_and_no_attribute_is_code() -> None:
    page = page_of(searched(), {"history": PNG})
    found = Elements(page)

    assert "http://" not in page
    assert "https://" not in page
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name == "style" or name.startswith("on")], tag
        assert (attributes.get("src") or "data:").startswith("data:")
    (policy,) = (attributes["content"] for _, attributes in found.tags if "http-equiv" in attributes)
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_a_study_without_trials_or_with_none_complete_has_a_page() -> None:
    nothing = render_study_page(study([]), None, {})
    failed = render_study_page(study([trial(0, state="failed", reason="no memory", settings={})]), None, {})

    assert "There is none yet." in nothing
    assert "1 trial failed: no memory" in failed
    assert "no winner to compare" in failed


def test_two_hundred_trials_and_several_objectives() -> None:
    summary = searched(200, ("accuracy", "latency", "macs"))
    page = render_study_page(summary, None, {})

    assert f"the 12 most accurate of {len(summary.best)} trials" in page
    assert "MMACs" in page
    assert page.count('<th scope="row" class="variant" data-sort=') == 200
    assert "--final-seeds 10" in page


def test_equal_studies_give_equal_bytes() -> None:
    assert page_of(searched()) == page_of(searched())
