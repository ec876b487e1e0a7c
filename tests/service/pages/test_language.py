"""Both languages have every message, no message is unused, and each reader gets their language."""

import re
import string

import pytest

from service.rendering.environment import STATIC
from service.rendering.language import CATALOGUES, LANGUAGES, words_in

SERVICE = STATIC.parents[1]
SOURCES = [
    *(path for folder in ("app", "pages", "rendering") for path in (SERVICE / folder).glob("*.py")),
    *(SERVICE / "templates" / "pages").rglob("*.html"),
]


def fields(message: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(message) if name}


def test_every_catalogue_belongs_to_a_language():
    assert {path.stem for path in CATALOGUES.glob("*.json")} == set(LANGUAGES)


def test_both_languages_have_the_same_messages_with_the_same_values():
    english, french = (words_in(language).messages for language in LANGUAGES)
    assert list(english) == list(french)
    for key, message in english.items():
        assert message.strip()
        assert french[key].strip()
        assert fields(message) == fields(french[key]), key


def test_every_message_is_used_and_every_use_has_its_message():
    written = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    quoted = set(re.findall(r"""["']([a-z_]+(?:\.[a-z_]+)*)["']""", written))
    keys = set(words_in("en").messages)
    counted = {key.rpartition(".")[0] for key in keys if key.endswith((".one", ".many"))}
    unused = {key for key in keys if key not in quoted and key.rpartition(".")[0] not in counted & quoted}
    assert not unused
    called = set(re.findall(r"""\bt\(\s*["']([^"']+)["']""", written))
    counted_calls = set(re.findall(r"""\bt\.count\(\s*["']([^"']+)["']""", written))
    assert called <= keys
    assert counted_calls <= counted


@pytest.mark.parametrize(
    ("address", "accept", "cookie", "language"),
    [
        ("/about", "", "", "en"),
        ("/about", "fr", "", "fr"),
        ("/about", "de, fr;q=0.5, en;q=0.4", "", "fr"),
        ("/about", "en;q=0.5, fr-CA;q=0.9", "", "fr"),
        ("/about", "fr;q=0, en", "", "en"),
        ("/about", "fr;q=x", "", "en"),
        ("/about", "fr", "en", "en"),
        ("/about?lang=fr", "en", "en", "fr"),
        ("/about?lang=xx", "fr", "", "fr"),
    ],
)
def test_a_page_is_in_the_readers_language(client, address, accept, cookie, language):
    headers = {"Accept-Language": accept, "Cookie": f"language={cookie}" if cookie else ""}
    page = client.get(address, headers=headers)
    assert f'<html lang="{language}">' in page.text
    assert page.headers["content-language"] == language


def test_the_choice_is_remembered(client):
    page = client.get("/about?lang=fr")
    assert page.cookies["language"] == "fr"
    client.cookies.clear()


def test_counting_follows_the_language():
    english, french = words_in("en"), words_in("fr")
    assert [english.count("front.count", n) for n in (0, 1, 2)] == ["0 objects", "1 object", "2 objects"]
    assert [french.count("front.count", n) for n in (0, 1, 2)] == ["0 objet", "1 objet", "2 objets"]
