"""A small web on loopback: a server with validators and ranges that counts what it is asked for, and its shops."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from PIL import Image

from tests.fakes import render


@dataclass(frozen=True)
class Reply:
    """What lies under a path. `etag`: it is sent with one; `cut`: so many bytes of it are sent, then the end."""

    body: bytes = b""
    type: str = "text/html"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: bool = True
    cut: int | None = None


Route = Reply | Callable[[Mapping[str, str], Mapping[str, str]], Reply]
"""A reply, or what makes one of the query and the request's headers (by lower-case name)."""


@dataclass(frozen=True)
class Asked:
    """One request and what it was answered with."""

    path: str
    status: int
    sent: int
    headers: Mapping[str, str]


class ShopServer:
    """Serves `routes` by path until the context ends; unknown paths are 404."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.asked: list[Asked] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                outer._answer(self)

            def log_message(self, *_: object) -> None:
                """Nothing is printed."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that was killed hangs up: nothing is printed."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.netloc = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.netloc}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def put(self, path: str, body: bytes | str, type: str = "text/html", **more: Any) -> str:
        """Lay something under a path; its URL."""
        self.routes[path] = Reply(body.encode() if isinstance(body, str) else body, type, **more)
        return self.url + path

    def reset(self) -> tuple[int, int]:
        """How many requests were made and bytes of bodies sent since the last reset."""
        with self._lock:
            asked, self.asked = self.asked, []
        return len(asked), sum(one.sent for one in asked)

    def counts(self) -> Counter[str]:
        """How often each path was asked for."""
        with self._lock:
            return Counter(one.path.partition("?")[0] for one in self.asked)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        sent_headers = {name.lower(): value for name, value in handler.headers.items()}
        route = self.routes.get(parts.path, Reply(b"not here", status=404))
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        reply = route if isinstance(route, Reply) else route(query, sent_headers)
        status, body, headers = reply.status, reply.body, {"Content-Type": reply.type, **reply.headers}
        if reply.etag and status == 200:
            etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            headers["ETag"] = etag
            begin = sent_headers.get("range", "").removeprefix("bytes=").removesuffix("-")
            if sent_headers.get("if-none-match") == etag:
                status, body = 304, b""
            elif begin.isdecimal() and sent_headers.get("if-range") == etag and int(begin) < len(body):
                headers["Content-Range"] = f"bytes {begin}-{len(body) - 1}/{len(body)}"
                status, body = 206, body[int(begin) :]
        data = body if reply.cut is None else body[: reply.cut]
        with self._lock:
            self.asked.append(Asked(handler.path, status, len(data), sent_headers))
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if status != 304:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(data)
        if len(data) < len(body):
            handler.close_connection = True


@cache
def picture(seed: int) -> bytes:
    """A JPEG; other seeds look unlike it."""
    file = io.BytesIO()
    Image.fromarray(render(seed, 64)).save(file, "JPEG")
    return file.getvalue()


def put_pictures(server: ShopServer, folder: str, count: int) -> None:
    """Pictures `folder/0.jpg` and so on."""
    for number in range(count):
        server.put(f"{folder}/{number}.jpg", picture(number % 40), "image/jpeg")


def product_page(name: str, image: str, *, sku: str = "", head: str = "", availability: str = "InStock") -> str:
    """A page with one product in JSON-LD."""
    offer = {
        "@type": "Offer",
        "price": "9.50",
        "priceCurrency": "EUR",
        "availability": f"https://schema.org/{availability}",
    }
    product = {"@type": "Product", "name": name, "sku": sku or name, "image": image, "offers": offer}
    script = json.dumps({"@context": "https://schema.org", **product})
    text = f"<p>{name} is a thing for the house.</p>" * 20
    return (
        f'<!doctype html><html><head><title>{name}</title>{head}<script type="application/ld+json">{script}</script>'
        f"</head><body>{text}</body></html>"
    )


def urlset(links: Mapping[str, str]) -> str:
    """A sitemap of pages, with the lastmod of each where it has one."""
    return _sitemap("urlset", "url", links)


def sitemap_index(links: Mapping[str, str]) -> str:
    """A sitemap of sitemaps."""
    return _sitemap("sitemapindex", "sitemap", links)


def _sitemap(root: str, element: str, links: Mapping[str, str]) -> str:
    entries = "".join(
        f"<{element}><loc>{link}</loc>{f'<lastmod>{day}</lastmod>' if day else ''}</{element}>"
        for link, day in links.items()
    )
    return f'<?xml version="1.0"?><{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</{root}>'


def put_sitemap_shop(server: ShopServer, products: int = 500, lastmod: str = "2026-01-01") -> str:
    """A shop with sitemaps of three levels, the last packed, and a page for each product; its address."""
    put_pictures(server, "/images", products)
    groups = [range(start, min(start + 100, products)) for start in range(0, products, 100)]
    for number, group in enumerate(groups):
        for one in group:
            server.put(f"/product/{one}", product_page(f"Thing {one}", f"/images/{one}.jpg", sku=f"T-{one}"))
        pages = urlset({f"{server.url}/product/{one}": lastmod for one in group})
        server.put(f"/sitemaps/{number}.xml.gz", gzip.compress(pages.encode(), mtime=0), "application/gzip")
    leaves = {f"{server.url}/sitemaps/{number}.xml.gz": lastmod for number in range(len(groups))}
    server.put("/sitemaps/products.xml", sitemap_index(leaves), "application/xml")
    server.put("/sitemap.xml", sitemap_index({f"{server.url}/sitemaps/products.xml": lastmod}), "application/xml")
    server.put("/robots.txt", f"User-agent: *\nDisallow: /cart\nSitemap: {server.url}/sitemap.xml\n", "text/plain")
    return server.put("/", "<!doctype html><html><title>A shop</title><body>Welcome</body></html>")


def shopify_product(number: int, images: str) -> dict[str, object]:
    return {
        **{"id": 7000 + number, "title": f"Cup {number}", "handle": f"cup-{number}", "vendor": "Mill"},
        **{"product_type": "Cups", "published_at": "2024-02-03T12:00:00-05:00", "body_html": "<p>A cup.</p>"},
        "variants": [{"id": 90000 + number, "title": "Default", "price": "12.00"}],
        "options": [{"name": "Title", "position": 1}],
        "images": [{"id": number, "src": f"{images}/{number}.jpg", "variant_ids": []}],
    }


def put_shopify(server: ShopServer, products: int = 600, at: str = "/shopify") -> str:
    """A Shopify shop; its address."""
    put_pictures(server, f"{at}/images", products)
    listed = [shopify_product(number, f"{server.url}{at}/images") for number in range(products)]

    def page(query: Mapping[str, str], _: Mapping[str, str]) -> Reply:
        size, number = int(query.get("limit", "30")), int(query.get("page", "1"))
        found = listed[(number - 1) * size : number * size]
        return Reply(json.dumps({"products": found}).encode(), "application/json")

    server.routes[f"{at}/products.json"] = page
    return server.put(at, "<!doctype html><html><title>Cups</title></html>")


def put_woocommerce(server: ShopServer, products: int = 300, at: str = "/woo") -> str:
    """A WooCommerce shop; its address."""
    put_pictures(server, f"{at}/images", products)

    def product(number: int) -> dict[str, object]:
        return {
            **{"id": 100 + number, "name": f"Bowl &amp; lid {number}", "permalink": f"{server.url}{at}/bowl-{number}/"},
            "prices": {"price": "1999", "currency_code": "EUR", "currency_minor_unit": 2},
            "images": [{"id": number, "src": f"{server.url}{at}/images/{number}.jpg"}],
            "categories": [{"id": 1, "name": "Bowls"}],
            "brands": [{"id": 2, "name": "Umbra"}],
        }

    def page(query: Mapping[str, str], _: Mapping[str, str]) -> Reply:
        size, number = int(query.get("per_page", "10")), int(query.get("page", "1"))
        found = [product(one) for one in range(products)][(number - 1) * size : number * size]
        total = {"X-WP-TotalPages": str(-(-products // size))}
        return Reply(json.dumps(found).encode(), "application/json", headers=total)

    server.routes[f"{at}/wp-json/wc/store/v1/products"] = page
    return server.put(at, "<!doctype html><html><title>Bowls</title></html>")


def put_google_feed(server: ShopServer, products: int = 100) -> str:
    """feed.xml.gz in Google's form; its address."""
    put_pictures(server, "/google/images", products)
    items = "".join(
        f"<item><g:id>G-{n}</g:id><g:title>Lamp {n}</g:title><g:link>{server.url}/google/{n}</g:link>"
        f"<g:image_link>{server.url}/google/images/{n}.jpg</g:image_link></item>"
        for n in range(products)
    )
    root = '<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0">'
    feed = f'<?xml version="1.0"?>{root}<channel>{items}</channel></rss>'
    return server.put("/google/feed.xml.gz", gzip.compress(feed.encode(), mtime=0), "application/gzip")


def facts_code(number: int) -> str:
    """An EAN with its check digit."""
    digits = f"87{number:010d}"
    weighed = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-weighed % 10}"


def facts_product(number: int, *, country: str = "en:netherlands", newer: bool = False) -> dict[str, object]:
    """One line of a dump of Open Food Facts or its sisters, in the older or the newer form of `images`."""
    front = {"imgid": "1", "rev": "4", "sizes": {"400": {"w": 300, "h": 400}}}
    images = {"selected": {"front": {"nl": front}}, "uploaded": {}} if newer else {"1": {}, "front_nl": front}
    return {
        **{"code": facts_code(number), "product_name": f"Soap {number}", "brands": "Zeep,Clean", "lang": "nl"},
        **{"countries_tags": [country], "categories": "Soaps,Hygiene", "images": images},
    }


def put_facts(server: ShopServer, products: int = 200, at: str = "/data/openbeautyfacts-products.jsonl.gz") -> str:
    """A dump in which every fourth product is sold in the Netherlands; its address."""
    lines = [
        json.dumps(facts_product(n, country="en:netherlands" if n % 4 == 0 else "en:france", newer=n % 8 == 0))
        for n in range(products)
    ]
    return server.put(at, gzip.compress("\n".join(lines).encode() + b"\n", mtime=0), "application/gzip")
