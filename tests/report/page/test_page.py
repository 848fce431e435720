"""The page as text: what it holds, what it may load, and that records cannot write markup into it."""

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser

import pytest

from attnbench.record import Record
from attnbench.report.leaderboard.board import leaderboards
from attnbench.report.leaderboard.table import leaderboard_table
from attnbench.report.page import render_page
from attnbench.report.page.tables import page_columns
from attnbench.spec import PluginFile, Recipe
from tests.records import make_record

HOSTILE = ("<script>alert(1)</script>", '"></style><img src=x>', "${x}", "{{7*7}}", "</script><b>", "x\u2028<!--")


class Elements(HTMLParser):
    """Tags with their attributes, in order, and the text of style and script elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.blocks: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}", {}))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in {"style", "script"}:
            self.blocks.append((self.tags[-1][0], data))
        else:
            self.words.append(data)

    def data(self) -> list[dict]:
        """What the scripts draw of each leaderboard and detector."""
        place = [attributes.get("id") for tag, attributes in self.tags if tag == "script"].index("data")
        sections = json.loads([text for tag, text in self.blocks if tag == "script" and text.strip()][place])
        return [board for section in sections for board in section]


def records_of(*seeds: int, **tops: float) -> list[Record]:
    return [make_record(name, seed, top1 + 0.1 * seed) for name, top1 in tops.items() for seed in seeds]


def page_of(records: list[Record], problems: tuple[str, ...] = (), store: str = "some records") -> str:
    return render_page(leaderboards(records), store=store, problems=problems)


def hostile_records(text: str) -> list[Record]:
    plugin = PluginFile(path=text, sha256="ab" * 32)
    return [
        make_record(
            name, seed, top1, backbone=text, data=text, plugin=plugin if name == text else None,
            processor=text, device=text, platform=text, git_revision=text, packages={"torch": text, text: text},
            started_at=text, uncounted_operators={text: 1},
        )
        for name, top1 in (("none", 85.0), (text, 86.0))
        for seed in (0, 1)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def harmless() -> Elements:
    return Elements(page_of(hostile_records("harmless"), problems=("harmless",), store="harmless"))


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_records_and_problems_stays_text(text: str, harmless: Elements) -> None:
    hostile = Elements(page_of(hostile_records(text), problems=(text,), store=text))

    assert [tag for tag, _ in hostile.tags if tag != "wbr"] == [tag for tag, _ in harmless.tags if tag != "wbr"]
    names = [sorted(attributes) for _, attributes in harmless.tags]
    assert [sorted(attributes) for tag, attributes in hostile.tags if tag != "wbr"] == names
    shown = text.replace("\u2028", "\\u2028")
    assert shown in "".join(hostile.words)
    (board,) = hostile.data()
    assert shown in [variant["name"] for variant in board["variants"]]


def test_values_of_records_are_not_templates() -> None:
    page = page_of(hostile_records("{{7*7}}"))

    assert "{{7*7}}" in page
    assert "49" not in re.sub(r"sha256-[\w+/=]+", "", page.partition("<script type")[0].partition("</style>")[2])


def test_data_holds_no_character_that_ends_a_script() -> None:
    page = page_of(hostile_records("</script><b>&\u2028"))
    data = page.partition('id="data">')[2].partition("</script>")[0]

    assert not set("<>&\u2028\u2029") & set(data)
    assert json.loads(data)[0][0]["variants"]


def test_control_characters_and_undecodable_names_are_written_as_codes() -> None:
    page = page_of(records_of(0, none=85.0), problems=("bad\x00\x1b[31m\udc80.json is damaged",))

    assert "bad\\x00\\x1b[31m\\udc80.json is damaged" in page
    page.encode("utf-8")


def test_policy_allows_the_own_blocks_only() -> None:
    found = Elements(page_of(records_of(0, 1, none=85.0, sge=86.0)))
    (policy,) = (attributes["content"] for _, attributes in found.tags if "http-equiv" in attributes)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    def hash_of(block: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()}'"

    style = "".join(text for tag, text in found.blocks if tag == "style")
    script = max((text for tag, text in found.blocks if tag == "script"), key=lambda text: "(() => {" in text)
    assert rules == {
        "default-src": "'none'",
        "style-src": hash_of(style),
        "script-src": hash_of(script),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_nothing_is_loaded_and_no_attribute_is_code() -> None:
    page = page_of(records_of(0, 1, none=85.0, sge=86.0))
    found = Elements(page)

    assert "http://" not in page
    assert "https://" not in page
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name == "style" or name.startswith("on") or name == "src"], tag
        assert all((attributes.get("href") or "#").startswith(("#", "data:,")) for _ in (0,)), tag
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|url\((?!#)|@import", page)


def test_equal_records_give_equal_bytes_in_any_order() -> None:
    records = records_of(0, 1, 2, none=85.0, sge=86.0, se=85.5)

    assert page_of(records) == page_of(records[::-1])


def test_every_variant_seed_and_digest_is_there_without_a_script() -> None:
    records = records_of(0, 3, 7, none=85.0, sge=86.0, **{"ge:extent=8": 85.5})
    page = page_of(records).partition('<script type="application/json"')[0]

    for record in records:
        row = f'<th scope="row">{html.escape(record.spec.attention)}</th><td>{record.spec.seed}</td>'
        assert row in page
        assert record.digest in page


def test_the_table_is_the_one_of_every_format() -> None:
    (board,) = leaderboards(records_of(0, 1, 2, none=85.0, sge=86.0, se=85.5))
    table = leaderboard_table(board)
    words = [" ".join(word.split()) for word in Elements(render_page([board], store="records")).words]

    for text in (*table.conditions, *table.notes):
        assert " ".join(text.split()) in words
    for column in table.columns:
        for cell in column.cells:
            assert {cell.text, cell.beside} - {""} <= set(words), column.header


def test_rows_are_sorted_by_values_as_measured() -> None:
    board = leaderboards(records_of(0, 1, 2, none=85.0, sge=86.0, se=85.5))[0]
    columns = {column.header: column for column in page_columns(leaderboard_table(board).columns, num_rows=3)}

    def sort_values(header: str) -> list[str]:
        return [cell.sort for cell in columns[header].cells]

    differences = [row.top1_difference for row in board.rows]
    assert sort_values("top-1 %") == [str(row.top1_percent.mean) for row in board.rows]
    assert sort_values("images/s") == [str(row.throughput_ratio.median) for row in board.rows]
    assert sort_values("p") == [str(found.p_corrected) if found else "" for found in differences]
    assert sort_values("rank") == ["a", "a", "a"]


def test_published_numbers_stand_apart_with_their_source() -> None:
    recipe = Recipe(epochs=6)
    records = [
        make_record(name, seed, 76.0, backbone="resnet50", data="imagenet", recipe=recipe, parameters=25_557_032)
        for name in ("none", "sge")
        for seed in (0, 1)
    ]
    page = page_of(records)

    assert 'class="published" colspan="3">published: Li, Hu, Yang, arXiv 1905.09646' in page
    assert re.search(r'class="number published">\s*77\.5', page)


def test_one_run_alone_and_no_run_at_all_make_a_page() -> None:
    alone = page_of([make_record("none", 0, 85.0)])
    nothing = render_page([], store="records", problems=("a.json is damaged",))

    assert "Every two variants" not in alone
    assert "no record could be read" in nothing
    assert "a.json is damaged" in nothing
