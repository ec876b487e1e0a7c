"""Feeds and site map: sound by feedparser and the formats' rules, filtered, in both languages, safe with any text."""

from datetime import datetime
from xml.etree import ElementTree as ET

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pages.feeds import _add, _xml
from tests.service.conftest import HERE
from tests.service.pages.public_site import ASKING, HOSTILE, public_site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with public_site(tmp_path_factory.mktemp("site")) as client:
        yield client


def atom(client, query=""):
    """The feed, after checking that it is a sound one."""
    answer = client.get(f"/feed.atom{query}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = feedparser.parse(answer.content, response_headers=dict(answer.headers))
    assert not feed.bozo, feed.get("bozo_exception")
    assert feed.version == "atom10"
    assert feed.feed.id
    assert feed.feed.title
    assert feed.feed.updated_parsed
    ids = [entry.id for entry in feed.entries]
    assert len(set(ids)) == len(ids)
    for entry in feed.entries:
        assert entry.title
        assert entry.updated_parsed
        assert entry.author
        assert entry.link.startswith(HERE)
    assert [entry.updated for entry in feed.entries] == sorted((e.updated for e in feed.entries), reverse=True)
    return feed


def json_feed(client, query=""):
    """The feed, after checking it by the rules of its format (jsonfeed.org/version/1.1)."""
    answer = client.get(f"/feed.json{query}")
    assert answer.headers["content-type"].startswith("application/feed+json")
    feed = answer.json()
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert set(feed) <= {"version", "title", "description", "home_page_url", "feed_url", "language", "items"}
    for item in feed["items"]:
        assert isinstance(item["id"], str)
        assert item["content_text"]
        assert item["url"].startswith(HERE)
        for name in ("date_published", "date_modified"):
            assert datetime.fromisoformat(item[name]).tzinfo
        assert all(author["name"] for author in item["authors"])
        assert all(isinstance(tag, str) for tag in item["tags"])
    return feed


def test_both_have_the_open_objects(client):
    found = {entry.link.rpartition("/")[2] for entry in atom(client).entries}
    assert found == {"2024-0", "2024-1", "2024-2"}
    assert {item["url"].rpartition("/")[2] for item in json_feed(client)["items"]} == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?kind=bag", {"2024-2"}),
        ("?kind=toy", {"2024-0"}),
        ("?authority=POLICE", {"2024-0", "2024-1", "2024-2"}),
        ("?authority=nobody", set()),
        ("?authority=police&kind=toys", {"2024-1"}),
    ],
)
def test_filters(client, query, found):
    assert {entry.link.rpartition("/")[2] for entry in atom(client, query).entries} == found
    assert {item["url"].rpartition("/")[2] for item in json_feed(client, query)["items"]} == found


@pytest.mark.parametrize(("language", "title"), [("en", "Do you recognise"), ("fr", "Reconnaissez-vous")])
def test_languages(client, language, title):
    feed, other = atom(client, f"?lang={language}"), json_feed(client, f"?lang={language}")
    assert feed.feed.title.startswith(title)
    assert feed.entries[0].title.startswith(title)
    assert other["language"] == language
    assert other["items"][0]["title"] == feed.entries[0].title
    answer = client.get("/feed.atom", headers={"Accept-Language": language})
    assert title in answer.text
    assert "set-cookie" not in client.get(f"/feed.atom?lang={language}").headers


def test_pictures_are_public_and_absolute(site):
    entry = next(entry for entry in atom(site).entries if entry.link.endswith("2024-77"))
    (picture,) = [link.href for link in entry.links if link.rel == "enclosure"]
    assert site.get(picture.removeprefix(HERE)).headers["content-type"] == "image/jpeg"
    (item,) = [item for item in json_feed(site)["items"] if item["url"].endswith("2024-77")]
    assert item["image"] == picture
    assert item["authors"] == [{"name": ASKING["authority"]}]


def test_hostile_texts_are_only_text(site):
    entry = next(entry for entry in atom(site).entries if "script" in entry.link)
    assert site.get(entry.link.removeprefix(HERE)).status_code == 200
    text = site.get("/feed.atom").text
    assert HOSTILE["title"] not in text
    assert "<script" not in text


def test_ids_stay_when_the_address_of_the_site_changes(site):
    elsewhere = feedparser.parse(site.get("/feed.atom", headers={"Host": "localhost"}).content)
    assert [entry.id for entry in elsewhere.entries] == [entry.id for entry in atom(site).entries]


@given(st.text())
def test_any_text_is_sound_xml(text):
    root = ET.Element("feed")
    _add(root, "title", text)
    assert ET.fromstring(_xml(root)) is not None


def test_the_site_map_has_the_public_pages_and_the_open_objects(client):
    answer = client.get("/sitemap.xml")
    assert answer.headers["content-type"].startswith("application/xml")
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    root = ET.fromstring(answer.content)
    assert root.tag == f"{space}urlset"
    listed = {url.findtext(f"{space}loc"): url.findtext(f"{space}lastmod") for url in root}
    objects = {f"{HERE}/objects/2024-{n}" for n in range(3)}
    assert set(listed) == {f"{HERE}{path}" for path in ("/", "/recognise", "/about", "/privacy")} | objects
    assert listed[f"{HERE}/objects/2024-1"] == "2024-03-01"
    for address in listed:
        assert client.get(address.removeprefix(HERE)).status_code == 200
    assert f"Sitemap: {HERE}/sitemap.xml" in client.get("/robots.txt").text


def test_the_front_page_names_its_feeds_with_its_filters(client):
    text = client.get("/?authority=police&kind=bag", headers={"Accept-Language": "fr"}).text
    assert 'href="/feed.atom?lang=fr&amp;authority=police&amp;kind=bag"' in text
    assert 'type="application/feed+json"' in text
