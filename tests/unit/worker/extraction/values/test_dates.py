"""Which day a text means, and when that cannot be known."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from functions.worker.extraction.rows import compile_extraction
from functions.worker.extraction.values.conventions import Conventions
from functions.worker.extraction.values.dates import read_date, read_iso
from functions.worker.extraction.values.locales import day_first
from functions.worker.extraction.values.unread import Unread
from functions.worker.transport.page import FetchedPage
from shared.extract_spec import DECIMAL_COMMA, DECIMAL_POINT
from shared.spec import Spec

NOW = datetime(2026, 3, 31, 12, 30, 15, 500_000, tzinfo=UTC)
UNREADABLE, AMBIGUOUS = Unread.UNREADABLE, Unread.AMBIGUOUS


def read(
    raw: Any, *, order: bool | None = None, language: str | None = None, now: Any = NOW
) -> str | Unread:
    return read_iso(raw) or read_date(raw, Conventions(lambda: order, lambda: language, now))


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2026-11-21", "2026-11-21"),
        ("20261121", "2026-11-21"),
        ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00+00:00"),
        ("2026-11-21T10:00:00+01:00", "2026-11-21T10:00:00+01:00"),
        ("2026-11-21T10:00:00.123456789Z", "2026-11-21T10:00:00.123456+00:00"),
        ("20261121T100000Z", "2026-11-21T10:00:00+00:00"),
        ("2026-W47-6", "2026-11-21"),
        ("2026-11-21 10:00", "2026-11-21T10:00:00"),
        ("2026-11-21 10:00 EST", "2026-11-21T10:00:00-05:00"),
        ("2026-11-21 10:00 XYZ", UNREADABLE),
        ("2026-11-21 10:00 IST", "2026-11-21T10:00:00"),  # India, Israel or Ireland
        ("2026-11-21+02:00", "2026-11-21"),  # of XML Schema: a zone and no time
        ("2026-11-21-10:00", "2026-11-21"),
        ("Sat, 21 Nov 2026 10:00:00 GMT", "2026-11-21T10:00:00+00:00"),
        ("Sat Nov 21 10:00:00 2026", "2026-11-21T10:00:00"),
        ("Sat Nov 21 10:00:00 +0000 2026", "2026-11-21T10:00:00+00:00"),
        ("Sat Nov 21 2026 10:00:00 GMT+0100 (Central European Time)",
         "2026-11-21T10:00:00+01:00"),
        ("21 November 2026", "2026-11-21"),
        ("Nov 21, 2026", "2026-11-21"),
        ("21-NOV-2026", "2026-11-21"),
        ("21 Nov 26", "2026-11-21"),
        ("Nov 21 26", AMBIGUOUS),
        ("November 21st, 2026 at 5pm", "2026-11-21T17:00:00"),
        ("November 21, 2026 12:00 a.m.", "2026-11-21T00:00:00"),
        ("21/11/2026", "2026-11-21"),
        ("11/21/2026", "2026-11-21"),
        ("21.11.2026", "2026-11-21"),
        ("21. 11. 2026, 10.30 Uhr", "2026-11-21T10:30:00"),
        ("21.11.26", AMBIGUOUS),  # or 2021
        ("2026年11月21日 10:30", "2026-11-21T10:30:00"),
        ("2026년 11월 21일", "2026-11-21"),
        ("令和8年11月21日", UNREADABLE),
        ("ngày 21 tháng 11 năm 2026", "2026-11-21"),
        ("November 2026", UNREADABLE),
        ("2026-W47", UNREADABLE),
        ("21 November", UNREADABLE),
        ("20-21 November 2026", UNREADABLE),
        ("Saturday", UNREADABLE),
        ("10:30", UNREADABLE),
        ("2026", UNREADABLE),
        ("2026-02-30", UNREADABLE),
        ("30/02/2026", UNREADABLE),
        ("21 November 1492", UNREADABLE),
        ("1405/01/15", UNREADABLE),  # of the calendar of Iran
        ("99999999999999999999", UNREADABLE),
        ("a" * 10_000, UNREADABLE),
        ("", UNREADABLE),
    ],
)  # fmt: skip
def test_dates(text: str, date: Any) -> None:
    assert read(text) == date


@pytest.mark.parametrize("order", [None, True, False])
@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2026-3-4", "2026-03-04"),
        ("2026/03/04", "2026-03-04"),
        ("2026.03.04", "2026-03-04"),
        ("2026 3 4", "2026-03-04"),
        ("2026. 3. 4.", "2026-03-04"),
        ("2026.03.04 10:00 UTC", "2026-03-04T10:00:00+00:00"),
        ("2026-03-04 10:00:00 UTC", "2026-03-04T10:00:00+00:00"),
        ("2026-03-04 10:00 AM", "2026-03-04T10:00:00"),
        ("2026-03-04 10:00 JST", "2026-03-04T10:00:00+09:00"),
        ("2026-03-04 10:00:00 -0500", "2026-03-04T10:00:00-05:00"),
        ("2026/3/4 10:00 pm", "2026-03-04T22:00:00"),
        ("\uff12\uff10\uff12\uff16\uff0f\uff13\uff0f\uff14", "2026-03-04"),
        ("2026-13-04", UNREADABLE),
    ],
)
def test_the_year_first_is_year_month_day_whatever_the_locale(
    text: str, date: Any, order: bool | None
) -> None:
    assert read(text, order=order) == date


@pytest.mark.parametrize(
    ("text", "unknown", "day_first", "month_first"),
    [
        ("3/4/2026", AMBIGUOUS, "2026-04-03", "2026-03-04"),
        ("03.04.2026", AMBIGUOUS, "2026-04-03", "2026-03-04"),
        ("3-4-2026 10:00", AMBIGUOUS, "2026-04-03T10:00:00", "2026-03-04T10:00:00"),
        ("03/04/26", AMBIGUOUS, "2026-04-03", "2026-03-04"),
        ("4/4/2026", "2026-04-04", "2026-04-04", "2026-04-04"),
        ("13/4/2026", "2026-04-13", "2026-04-13", "2026-04-13"),
    ],
)
def test_a_date_that_can_be_two_needs_somebody_who_knows(
    text: str, unknown: Any, day_first: str, month_first: str
) -> None:
    assert read(text) == unknown
    assert read(text, order=True) == day_first
    assert read(text, order=False) == month_first


@pytest.mark.parametrize(
    ("digits", "date"),
    [
        ("1767225600", "2026-01-01T00:00:00+00:00"),
        ("1767225600000", "2026-01-01T00:00:00+00:00"),
        ("1767225600250", "2026-01-01T00:00:00.250+00:00"),
        ("/Date(1767225600000)/", "2026-01-01T00:00:00+00:00"),
        ("4999999999", UNREADABLE),
        ("176722560", UNREADABLE),
        ("17672256000", UNREADABLE),
        ("20261399", UNREADABLE),
        ("20261121103000", UNREADABLE),
    ],
)
def test_digits_alone_are_a_day_or_the_time_since_1970(digits: str, date: Any) -> None:
    assert read(digits) == date


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2 hours ago", "2026-03-31T10:30:15+00:00"),
        ("an hour ago", "2026-03-31T11:30:15+00:00"),
        ("1 hour, 20 minutes ago", "2026-03-31T11:10:15+00:00"),
        ("12 mins ago", "2026-03-31T12:18:15+00:00"),
        ("vor 2 Stunden", "2026-03-31T10:30:15+00:00"),
        ("il y a 3 jours", "2026-03-28"),
        ("hace 1 mes", "2026-02-28"),  # the last day of a shorter month
        ("2 недели назад", "2026-03-17"),
        ("3 days ago", "2026-03-28"),
        ("1 year ago", "2025-03-31"),
        ("in 3 days", "2026-04-03"),
        ("just now", "2026-03-31T12:30:15+00:00"),
        ("Yesterday", "2026-03-30"),
        ("gestern, 10:30 Uhr", "2026-03-30T10:30:00"),
        ("today at 3pm", "2026-03-31T15:00:00"),
        ("5m ago", AMBIGUOUS),  # minutes, or months
        ("30+ days ago", UNREADABLE),
        ("over 2 years ago", UNREADABLE),
        ("2 hours", UNREADABLE),
        ("9999 years ago", UNREADABLE),
    ],
)
def test_what_is_relative_counts_from_when_the_page_was_fetched(text: str, date: Any) -> None:
    assert read(text) == date
    assert read(text, now=None) == (date if date is AMBIGUOUS else UNREADABLE)


@pytest.mark.parametrize(
    ("text", "language", "date"),
    [
        ("4. März 2026", None, "2026-03-04"),
        ("4 de marzo de 2026", None, "2026-03-04"),
        ("mar. 4 mar. 2026", "es", "2026-03-04"),  # Tuesday, 4 March
        ("1er avril 2026", None, "2026-04-01"),
        ("4 fevrier 2026", None, "2026-02-04"),
        ("4 марта 2026 года", None, "2026-03-04"),
        ("4 มี.ค. 2026", None, "2026-03-04"),
        ("4 มีนาคม 2569", "th", UNREADABLE),
        ("4 listopada 2026", "pl", "2026-11-04"),
        ("4. listopada 2026", "hr", "2026-10-04"),
        ("4 listopada 2026", None, AMBIGUOUS),
        ("1405-01-15", "fa", UNREADABLE),
        ("2026-03-04 10:00 CST", "zh", "2026-03-04T10:00:00+08:00"),
    ],
)
def test_months_have_the_names_of_many_languages(
    text: str, language: str | None, date: Any
) -> None:
    assert read(text, language=language) == date


LANGUAGES = sorted(DECIMAL_COMMA | DECIMAL_POINT)


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name not in {"mn", "ga"}])
def test_the_months_of_each_language_of_a_locale_are_known(language: str) -> None:
    """Those of two words, which Irish and Mongolian have, are not."""
    names = Locale.parse(language).months["stand-alone"]["wide"]

    for month, name in names.items():
        if " " in name or name[0].isdecimal():
            continue  # said by numbers
        found = read(f"7 {name} 2026", language=language)
        assert found in {f"2026-{month:02}-07", UNREADABLE if language in {"th", "fa"} else ""}, (
            name
        )


def test_the_order_of_day_and_month_is_that_of_the_locale() -> None:
    orders = {locale: day_first(locale) for locale in ("de", "en-GB", "en-US", "en-PH", "en", "ja")}

    assert orders == {
        "de": True, "en-GB": True, "en-US": False, "en-PH": False, "en": None, "ja": None
    }  # fmt: skip


@given(st.datetimes(datetime(1900, 1, 1), datetime(2099, 12, 31)))  # noqa: DTZ001 -- without zones
def test_what_programs_write_is_read_as_it_was_meant(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    for form in ("%Y-%m-%d %H:%M:%S", "%a, %d %b %Y %H:%M:%S", "%d %B %Y, %I:%M:%S %p", "%c"):
        assert read(moment.strftime(form)) == moment.isoformat(), form
    assert read(moment.strftime("%B %d, %Y")) == moment.date().isoformat()


@given(st.text(max_size=60), st.sampled_from(["{}", "{} ago", "1{}", "4 {} 2026", "4/{}/2026"]))
def test_no_text_trips_dates(text: str, form: str) -> None:
    found = read(form.format(text))

    assert isinstance(found, Unread) or datetime.fromisoformat(found).year


# ---- what the page says


def extract(body: str, kind: str = "text/html", **field: Any) -> tuple[Any, list[str]]:
    spec = msgspec.convert({"extract": {"fields": {"x": {"type": "date", **field}}}}, Spec)
    page = FetchedPage(
        "http://a.example/", 200, kind, None, body.encode(), fetched_at=NOW.timestamp()
    )
    found = compile_extraction(spec).extract(page, token="bot")
    return found.rows[0]["x"], [problem["problem"] for problem in found.problems]


@pytest.mark.parametrize(
    ("page", "date"),
    [
        ("", None),
        ('<html lang="en">', None),
        ('<html lang="en-US">', "2026-03-04"),
        ('<html lang="en-GB">', "2026-04-03"),
        ('<html lang="fr">', "2026-04-03"),
        ('<meta property="og:locale" content="en_US">', "2026-03-04"),
        ("<p>25/12/2025</p>", "2026-04-03"),
        ("<p>12/25/2025</p>", "2026-03-04"),
        ('<html lang="en-US"><p>25/12/2025</p>', "2026-04-03"),
        ("<p>25/12/2025</p><p>12/25/2025</p>", None),
    ],
)
def test_the_page_says_whether_the_day_stands_first(page: str, date: str | None) -> None:
    html = f"{page}<time>3/4/2026</time>"

    assert extract(html, css="time") == (date, [] if date else ["ambiguous"])
    assert extract(html, css="time", locale="de") == ("2026-04-03", [])


def test_no_locale_applies_to_dates_that_programs_write() -> None:
    script = '<script type="application/ld+json">{"@type": "A", "d": "%s"}</script>'

    assert extract(script % "3/4/2026", jsonld="A.d", locale="de") == (None, ["ambiguous"])
    assert extract(script % "2026-03-04", jsonld="A.d", locale="de") == ("2026-03-04", [])
    html = '<html lang="de"><time datetime="3/4/2026">'
    assert extract(html, css="time", attr="datetime", locale="de") == (None, ["ambiguous"])


def test_time_since_1970_is_read_of_json_too() -> None:
    day = (NOW - timedelta(days=1)).replace(microsecond=0)
    seconds = int(day.timestamp())
    body = f'{{"a": {seconds}, "b": "{seconds}000"}}'

    for name in ("a", "b"):
        assert extract(body, "application/json", jmespath=name) == (day.isoformat(), [])


def test_a_page_says_when_by_when_it_was_fetched() -> None:
    assert extract("<p>2 days ago</p>", css="p") == ("2026-03-29", [])


# ---- years of two digits, and of other calendars


@pytest.mark.parametrize(
    ("text", "language", "date"),
    [
        ("11 พ.ค. 68", "th", AMBIGUOUS),  # of 2025
        ("11 พ.ค. 68", "en", AMBIGUOUS),  # what a template was delivered with
        ("11 พ.ค. 68", None, AMBIGUOUS),
        ("11/5/68", "th", AMBIGUOUS),
        ("11 مايو 47", "ar", AMBIGUOUS),
        ("\u06f0\u06f4/\u06f1\u06f1/\u06f1\u06f2", None, AMBIGUOUS),
        ("11/05/08", "fa", AMBIGUOUS),
        ("11/05/82", "ne", AMBIGUOUS),
        ("98年5月11日", "zh", AMBIGUOUS),
        ("30年5月11日", "ja", AMBIGUOUS),
        ("30年5月11日", None, AMBIGUOUS),
        ("26년 5월 11일", "ko", "2026-05-11"),
        ("11 मई 26", "hi", "2026-05-11"),
        ("11.05.26", "he", "2026-05-11"),  # Hebrew years have letters for digits
        ("11 مايو 2026", "ar", "2026-05-11"),
        ("2081-05-11", "ne", UNREADABLE),
        ("2081-05-11T10:00:00Z", "ne", UNREADABLE),
        ("2081/5/11", "ne", UNREADABLE),
        ("20810511", "ne", UNREADABLE),
        ("2026-05-11", "ne", "2026-05-11"),
        ("2081-05-11", "en", "2081-05-11"),
        ("14040511", "fa", UNREADABLE),
        ("25680511", None, UNREADABLE),
        ("\u06f1\u06f4\u06f0\u06f4-\u06f0\u06f5-\u06f1\u06f1", None, UNREADABLE),
        ("11/5/2018", "am", AMBIGUOUS),
    ],
)
def test_a_year_that_can_be_of_another_calendar_is_none(
    text: str, language: str | None, date: Any
) -> None:
    assert read(text, language=language, order=True) == date


@pytest.mark.parametrize("language", ["sv", "hu", "lt", "mn", "eu"])
@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("25-06-07", AMBIGUOUS),
        ("98-06-07", "1998-06-07"),
        ("07/06/98", "1998-06-07"),
        ("25-13-07", UNREADABLE),
        ("7 May 25", "2025-05-07"),
        ("7 May 98", "1998-05-07"),
        ("7/6/2025", "2025-06-07"),
    ],
)
def test_where_the_year_stands_first_two_digits_may_be_the_year_or_the_day(
    text: str, date: Any, language: str
) -> None:
    assert read(text, language=language, order=True) == date


@pytest.mark.parametrize(
    ("text", "language", "date"),
    [
        *(("17.05.28", "sv", "2028-05-17"), ("17/05/28 10:30", "sv", "2028-05-17T10:30:00")),
        *(("17 maj 28", "sv", "2028-05-17"), ("17-May-28", "sv", "2028-05-17")),
        *(("17/05/28", "hu", "2028-05-17"), ("17.05.28.", "hu", AMBIGUOUS)),
        *(("17.05.28", "lt", AMBIGUOUS), ("17 May 28", "lt", AMBIGUOUS)),
        *(("17/05/28", "eu", AMBIGUOUS), ("17 May 28", "hu", AMBIGUOUS)),
    ],
)
def test_the_year_stands_first_only_with_the_marks_that_people_write_it_so(
    text: str, language: str, date: Any
) -> None:
    assert read(text, language=language, order=True) == date


@pytest.mark.parametrize(
    ("text", "language", "date"),
    [
        *(("7 \u092e\u0908 1887", "en", "1887-05-07"), ("7 \u092e\u0908 1887", None, "1887-05-07")),
        ("7 \u092e\u0908 2083", "ne", UNREADABLE),
    ],
)
def test_a_month_of_our_calendar_has_a_year_of_it(
    text: str, language: str | None, date: Any
) -> None:
    assert read(text, language=language, order=True) == date
