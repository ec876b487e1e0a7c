"""Google Merchant Center feeds: real names, broken items alone, no entity ever expanded."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.errors import FeedError
from index.records.feed_records import ProductRecord, Refusal, RefusedEntry
from index.sources.feeds import detect, read_products, xml_items
from index.sources.feeds.feed_file import FeedFile
from tests.feeds import until_cut

RSS = (
    '<?xml version="1.0"?>\n<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>\n<title>Shop</title>\n'
)
END = "</channel></rss>"


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "feed.xml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def item(number: int, more: str = "") -> str:
    return f"<item><g:id>{number}</g:id><g:image_link>https://h/{number}.jpg</g:image_link>{more}</item>\n"


def ids(path: Path) -> list[str]:
    return [record.product_id if isinstance(record, ProductRecord) else record.reason for record in read_products(path)]


def test_an_item_as_google_documents_it(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        RSS
        + """<item>
        <g:id>TV_123456</g:id>
        <g:title>Google Chromecast</g:title><title>ignored</title>
        <g:description>A <![CDATA[<b>thing</b> </item>]]></g:description>
        <g:link>https://shop.example/tv?a=1&amp;b=2</g:link>
        <g:image_link>https://img.example/1.jpg</g:image_link>
        <g:additional_image_link>https://img.example/2.jpg,https://img.example/w_1,h_1/3.jpg</g:additional_image_link>
        <g:additional_image_link>https://img.example/4.jpg</g:additional_image_link>
        <g:availability>in_stock</g:availability><g:availability_date>2024-11-25T13:00-0800</g:availability_date>
        <g:price>35.00 USD</g:price><g:sale_price>30.00 USD</g:sale_price>
        <g:brand>Google</g:brand><g:gtin>811571013579</g:gtin>
        <g:google_product_category>222</g:google_product_category>
        <g:product_type>Home &gt; TV</g:product_type><g:product_type>Second</g:product_type>
        <g:shipping><g:country>US</g:country><g:price>5 USD</g:price></g:shipping>
        </item>"""
        + END,
    )
    (record,) = read_products(path)
    assert isinstance(record, ProductRecord)
    assert record.product_id == "TV_123456"
    assert record.title == "Google Chromecast"
    assert record.link == "https://shop.example/tv?a=1&b=2"
    assert record.pictures == tuple(f"https://img.example/{name}.jpg" for name in ("1", "2", "w_1,h_1/3", "4"))
    assert (record.price, record.brand, record.category) == ("35.00 USD", "Google", "Home > TV")
    assert str(record.first_seen) == "2024-11-25"
    assert record.country == ""


def test_atom_with_a_link_that_points_and_an_id_of_its_own(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """<?xml version="1.0" encoding="iso-8859-1"?>
        <!-- <entry> is not one here -->
        <atom:feed xmlns:atom="http://www.w3.org/2005/Atom" xmlns:g='http://base.google.com/ns/1.0'>
        <atom:entry><atom:id>tag:x</atom:id><g:id>1</g:id><atom:title>caf\u00e9</atom:title>
        <atom:link rel="self" href="https://h/self"/><atom:link href="https://h/p1"/>
        <g:image_link>https://h/1.jpg</g:image_link></atom:entry></atom:feed>""".encode("latin-1"),
    )
    (record,) = read_products(path)
    assert isinstance(record, ProductRecord)
    assert (record.product_id, record.title, record.link) == ("1", "café", "https://h/p1")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_encodings_as_declared(tmp_path: Path, encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    content = RSS.replace('"1.0"?', f'"1.0" encoding="{declared}"?') + item(1, "<title>Crème</title>") + END
    (record,) = read_products(written(tmp_path, content.encode(encoding)))
    assert isinstance(record, ProductRecord)
    assert record.title == "Crème"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (item(9, "<title>H & M</title>"), "bad-xml"),
        (item(9, "<title>a < b</title>"), "bad-xml"),
        (item(9, "<title>&nbsp;</title>"), "bad-xml"),
        (item(9, "<title>&unknown;</title>"), "bad-xml"),
        (item(9, "<title>open"), "bad-xml"),
        (item(9, "<g:x a=b/>"), "bad-xml"),
        (item(9, "<undeclared:x/>"), "bad-xml"),
        (item(9, "<title>\x08</title>"), "bad-xml"),
        (item(9).replace("</item>", ""), "bad-xml"),
        ("<item/>\n", "bad-xml"),
        ("<item></item>\n", "no-id"),
        ("<item><g:id>1</g:id></item>\n", "no-picture"),
        (item(9, f"<x>{'y' * xml_items.ITEM_LIMIT}</x>"), "item-too-long"),
        (item(9, "<deep>" * 300 + "</deep>" * 299), "bad-xml"),
    ],
)
def test_a_broken_item_is_refused_alone(tmp_path: Path, broken: str, reason: str) -> None:
    path = written(tmp_path, RSS + item(1) + broken + item(2) + item(3) + END)
    read = list(read_products(path))
    refused = [record for record in read if isinstance(record, Refusal)]
    assert [record.product_id for record in read if isinstance(record, ProductRecord)] == ["1", "2", "3"]
    assert [record.reason for record in refused] == [reason]
    assert refused[0].where == f"{path}:5 (item 2)"


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (b"<title>\xff</title>", "bad-encoding"),
        (b"<title>\0</title>", "bad-encoding"),
        (b"<title>" + b"x" * 5000 + b"</title>", "field-too-long"),
        (b"<g:availability_date>soon</g:availability_date>", "bad-date"),
    ],
)
def test_an_odd_field_costs_itself(tmp_path: Path, odd: bytes, reason: str) -> None:
    content = (RSS + item(1) + item(2, "?") + item(3, "<title>é</title>") + END).encode()
    assert ids(written(tmp_path, content.replace(b"?<", odd + b"<"))) == ["1", "2", reason, "3"]


@pytest.mark.parametrize(
    "broken",
    [
        item(9, "<title>H & M</title>"),
        item(9).replace("9</g:id>", "<![CDATA[9]]></g:id>").replace("</item>", ""),
        f"<item><id>\n 9 </id><x>{'y' * xml_items.ITEM_LIMIT}</x></item>",
    ],
)
def test_a_broken_item_names_its_entry(tmp_path: Path, broken: str) -> None:
    refused = [
        one for one in read_products(written(tmp_path, RSS + item(1) + broken + END)) if isinstance(one, Refusal)
    ]
    assert [one.entry_ids for one in refused if isinstance(one, RefusedEntry)] == [("9",)]


@pytest.mark.parametrize("root", ["rss", "rdf:RDF", "atom:feed"])
def test_a_feed_is_whole_once_its_root_is_closed(tmp_path: Path, root: str) -> None:
    start = f'<?xml version="1.0"?><{root} xmlns:g="http://base.google.com/ns/1.0" xmlns:rdf="r" xmlns:atom="a">'
    quoted = item(2, f"<x><![CDATA[</{root}>]]></x>")
    assert f"ends without </{root}>" in until_cut(read_products(written(tmp_path, start + item(1) + quoted)))[1]
    whole = f"{start}{item(1)}<!-- </{root}> -->{item(2, '<x><![CDATA[y]]></x>')}</{root} >\n<!-- end -->"
    assert until_cut(read_products(written(tmp_path, whole)))[1] == ""
    for end in range(whole.index("</item>"), whole.rindex("</") + len(root) + 3):
        assert f"ends without </{root}>" in until_cut(read_products(written(tmp_path, whole[:end])))[1], whole[:end]


@pytest.mark.parametrize("section", ["<!--", "<![CDATA["])
@pytest.mark.parametrize("others", [True, False], ids=["others have such sections", "none has"])
def test_a_section_left_open_costs_its_item_alone(tmp_path: Path, section: str, others: bool) -> None:
    closed = section + " x " + {"<!--": "-->", "<![CDATA[": "]]>"}[section]
    tail = "".join(item(number, f"<x>{closed if others else ''}{'y' * 6000}</x>") for number in range(800))
    path = written(tmp_path, RSS + item(1) + item(2, f"<x>{section} never closed</x>") + tail + END)
    assert len(tail) > xml_items.ITEM_LIMIT
    assert ids(path) == ["1", "bad-xml", *map(str, range(800))]


def test_what_is_commented_out_is_not_read(tmp_path: Path) -> None:
    filler = "<!--" + item(7) * 3000 + "-->"
    assert len(filler) > 2 * xml_items._CHUNK
    assert ids(written(tmp_path, RSS + filler + item(1) + filler + item(2, filler[:900] + "-->") + END)) == ["1", "2"]


BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "ha" * 10}">' for n in range(10))


@pytest.mark.parametrize(
    "declaration",
    [
        f"<!DOCTYPE rss [{BOMB}]>",
        '<!DOCTYPE rss [<!ENTITY a9 SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE rss PUBLIC "-//x//y" "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE rss [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>',
        "<!ENTITY a9 'x'>",
    ],
)
def test_bombs_and_outside_entities_are_refused_as_a_whole(tmp_path: Path, declaration: str) -> None:
    xml, newline, rest = RSS.partition("\n")
    path = written(tmp_path, xml + newline + declaration + rest + item(1, "<title>&a9;</title>") + END)
    tracemalloc.start()
    with pytest.raises(FeedError, match="document type declaration"):
        list(read_products(path, "google"))
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_a_declaration_inside_an_item_declares_nothing(tmp_path: Path) -> None:
    hostile = f"<item><!DOCTYPE x [{BOMB}]><g:id>&a9;</g:id></item>\n"
    assert ids(written(tmp_path, RSS + item(1) + hostile + item(2) + END)) == ["1", "bad-xml", "2"]


def test_feeds_without_items_and_of_odd_encodings_are_errors(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="no <item> or <entry>"):
        list(read_products(written(tmp_path, RSS + END)))
    for name in ("martian", "rot13", "zip"):
        with pytest.raises(FeedError, match="encoding"):
            list(read_products(written(tmp_path, f'<?xml version="1.0" encoding="{name}"?><rss>{item(1)}</rss>')))


def test_other_xml_is_not_taken_for_a_feed(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="is not recognised by content"):
        detect(written(tmp_path, "<?xml version='1.0'?><svg><rss/></svg>"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(
        st.sampled_from(
            [
                "<item>",
                "</item>",
                "<!--",
                "-->",
                "<![CDATA[",
                "]]>",
                "<g:id>",
                "</g:id>",
                "x",
                "&",
                "<",
                ">",
                "<entry ",
                "\n",
            ]
        ),
        max_size=30,
    ),
    chunk=st.sampled_from([3, 16, 65_536]),
)
def test_any_marks_in_any_order_end_and_leave_the_first_item(pieces: list[str], chunk: int, tmp_path: Path) -> None:
    path = written(tmp_path, RSS + item(1) + "".join(pieces) + END)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml_items, "_CHUNK", chunk)
        patch.setattr(xml_items, "_LONGEST_MARK", 8)
        small, small_error = until_cut(xml_items.items(FeedFile(path)))
    whole, error = until_cut(xml_items.items(FeedFile(path)))
    assert small_error == error
    assert [(one.number, one.line, one.broken) for one in small] == [
        (one.number, one.line, one.broken) for one in whole
    ]
    assert (whole[0].number, whole[0].line, whole[0].broken) == (1, 4, ("", ""))


@pytest.mark.parametrize(
    "header", ["id\ttitle\timage link\tavailability", "ID\tTitle\tImage Link\tGTIN", "id\timage_link\tcondition"]
)
def test_tab_separated_feeds(tmp_path: Path, header: str) -> None:
    names = header.split("\t")
    cells = {"id": "1", "title": "x", "image link": "a.jpg", "image_link": "a.jpg", "gtin": "4006381333931"}
    path = written(tmp_path, header + "\n" + "\t".join(cells.get(name.casefold(), "new") for name in names) + "\n")
    assert detect(path) == "google"
    assert ids(path) == ["1"]
    assert list(read_products(path, "csv")) == list(read_products(path))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_feed(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    with path.open("w") as file:
        file.write(RSS)
        for number in range(10_000):
            file.write(item(number, f"<junk>{'x' * 1000}</junk>"))
            file.write(f"<other><g:id>{number}</g:id></other><!-- {'y' * 100} -->")
        file.write(END)
    tracemalloc.start()
    assert sum(1 for _ in read_products(path)) == 10_000
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
