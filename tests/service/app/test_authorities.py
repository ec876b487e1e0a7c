"""authorities.toml: read whole, or refused with the place that is wrong."""

from pathlib import Path

import pytest

from index.errors import WorkspaceError
from service.app.authorities import FILE, PLACEHOLDERS, Authorities, Authority

GOOD = """
["Police of Nowhere"]
mail = "tips@police.example"
page = "https://police.example/tips"
subject = "Tip {reference}"
template = "Ref {reference}: {what}"
"""


def test_without_the_file_no_authority_is_known(tmp_path: Path) -> None:
    assert Authorities.read(tmp_path).named("anyone") == Authority()


def test_a_name_is_found_regardless_of_case(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(GOOD)
    found = Authorities.read(tmp_path).named("police of nowhere")
    assert (found.mail, found.page) == ("tips@police.example", "https://police.example/tips")
    assert Authorities.read(tmp_path).named("another") == Authority()


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_a_template_may_name_every_placeholder(tmp_path: Path, name: str) -> None:
    (tmp_path / FILE).write_text(f'[A]\ntemplate = "{{{name}}}"')
    assert Authorities.read(tmp_path).named("a").template == f"{{{name}}}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[A]\nmail = "tips@police.example?bcc=x@evil.example"', "A.mail"),
        ('[A]\nmail = "a@x.example,b@y.example"', "A.mail"),
        ('[A]\npage = "javascript:alert(1)"', "A.page"),
        ('[A]\ntemplate = "{whta}"', "{whta}"),
        ('[A]\nphone = "17"', "A.phone"),
        ("A = 3", "A"),
        ("[A", "cannot be read"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(WorkspaceError) as error:
        Authorities.read(tmp_path)
    assert told in str(error.value)
    assert FILE in str(error.value)
