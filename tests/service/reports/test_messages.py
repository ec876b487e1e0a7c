"""What a re-index sends: the signed webhook and the mail, to receivers that behave and to receivers that do not."""

import json
import ssl
import time
from dataclasses import replace

import pytest
import trustme

from index.records.feed_records import Refusal
from service.reports import mail, webhook
from service.reports.mail import MAX_LISTED, compose, send
from service.reports.run_record import RunRecord
from service.reports.webhook import ATTEMPTS, PAUSES, post, signature
from tests.service.receivers import Says, closed_port, hook, post_office, status
from tests.service.reports.test_run_record import WHEN, alert, record

ENDLESS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def send_to(pauses):
    """Post a record; pauses are noted instead of taken."""

    def call(url, sent=None, secret="s3cret"):
        return post(url, secret, sent or record(alerts=(alert(),)), pauses.append)

    return call


class TestWebhook:
    def test_the_message_is_signed_and_says_what_came_of_it(self, send_to):
        with hook(status(204)) as receiver:
            assert send_to(receiver.url, record(alerts=(alert(title="Café"),), refused=(Refusal("a", "b", "c"),))) == ""
        (posted,) = receiver.posted
        assert posted.path == "/night"
        assert posted.headers["content-type"] == "application/json"
        stamp = posted.headers["x-traceobject-timestamp"]
        assert abs(time.time() - int(stamp)) < 600
        assert posted.headers["x-traceobject-signature"] == f"sha256={signature('s3cret', stamp, posted.body)}"
        payload = json.loads(posted.body)
        assert (payload["outcome"], payload["generation"], payload["refused"]) == ("published", 2, 1)
        assert [one["title"] for one in payload["alerts"]] == ["Café"]

    def test_without_a_secret_it_is_not_signed(self, send_to):
        with hook(status(200)) as receiver:
            assert send_to(receiver.url, secret="") == ""
        assert "x-traceobject-signature" not in receiver.posted[0].headers

    @pytest.mark.parametrize("number", [503, 429, 500, 408])
    def test_an_answer_that_promises_better_is_tried_again(self, send_to, pauses, number):
        with hook(status(number), status(200)) as receiver:
            assert send_to(receiver.url) == ""
        assert len(receiver.posted) == 2
        assert pauses == [PAUSES[0]]

    def test_it_is_tried_so_often_and_no_more(self, send_to, pauses):
        with hook(status(503)) as receiver:
            assert send_to(receiver.url) == "it answered 503"
        assert len(receiver.posted) == ATTEMPTS
        assert pauses == list(PAUSES)

    @pytest.mark.parametrize("number", [400, 401, 404, 410])
    def test_a_final_no_is_taken(self, send_to, number):
        with hook(status(number)) as receiver:
            assert send_to(receiver.url) == f"it answered {number}"
        assert len(receiver.posted) == 1

    def test_redirects_are_not_followed(self, send_to):
        with hook(status(200)) as elsewhere, hook(status(307, f"Location: {elsewhere.url}")) as receiver:
            assert send_to(receiver.url) == "it answered 307"
        assert (len(receiver.posted), elsewhere.posted) == (1, [])

    @pytest.mark.slow
    def test_a_slow_receiver_is_left_after_a_time(self, send_to, monkeypatch):
        """It sends data all the time, so a timeout of single reads would not end it."""
        monkeypatch.setattr(webhook, "TIMEOUT", 4.0)
        monkeypatch.setattr(webhook, "ATTEMPTS", 1)
        with hook(Says(b"HTTP/1.1 200 OK\r\n", b"X-More: y\r\n", 0.2)) as receiver:
            assert send_to(receiver.url) == "it took longer than 4 s"
        assert len(receiver.posted) == 1

    def test_an_endless_answer_is_not_read(self, send_to):
        with hook(Says(ENDLESS, b"5\r\nagain\r\n")) as receiver:
            assert send_to(receiver.url) == ""

    @pytest.mark.parametrize("says", [Says(b""), Says(b"nonsense\r\n\r\n"), Says(b"HTTP/1.1 200")])
    def test_an_answer_that_is_none_is_tried_again(self, send_to, says):
        with hook(says, status(200)) as receiver:
            assert send_to(receiver.url) == ""
        assert len(receiver.posted) == 2

    @pytest.mark.parametrize(
        "url", ["nonsense", "ftp://host/", "http://", "http://a..b/", "https://[::/", "http://h:99999/"]
    )
    def test_an_invalid_url_is_reported(self, send_to, url):
        assert send_to(url) != ""

    def test_a_closed_port_is_reported(self, send_to):
        assert "Connect" in send_to(f"http://127.0.0.1:{closed_port()}/")


def read_mail(sent: RunRecord, **more):
    return compose(sent, "night@example.org", ["desk@example.org", "it@example.org"], "<p>report</p>", **more)


class TestMail:
    def test_it_says_it_in_short_and_carries_the_report(self):
        sent = record(alerts=(alert(title="Cup", brand="Luma"),), failed=("shop: is missing",), warnings=("slow disk",))
        with post_office() as office:
            assert send(f"smtp://127.0.0.1:{office.port}", "", read_mail(sent)) == ""
        ((to, taken),) = office.mails
        assert to == ["desk@example.org", "it@example.org"]
        assert taken["From"] == "night@example.org"
        assert taken["Subject"] == "traceobject: 1 alert, generation 2 published"
        text = taken.get_body().get_content()
        assert "0.90 Europol E-1: p1, Cup, Luma" in text
        assert "failed: shop: is missing" in text
        assert "warning: slow disk" in text
        (report,) = taken.iter_attachments()
        assert (report.get_content_type(), report.get_content().strip()) == ("text/html", "<p>report</p>")

    def test_a_title_becomes_neither_a_header_nor_a_line(self):
        hostile = "Cup\r\nBcc: all@example.org\r\n\r\nPay here\udc80"
        sent = RunRecord(WHEN, WHEN, 1.0, "failed", error=hostile, alerts=(alert(title=hostile),))
        with post_office() as office:
            assert send(f"smtp://127.0.0.1:{office.port}", "", read_mail(sent)) == ""
        ((to, taken),) = office.mails
        assert to == ["desk@example.org", "it@example.org"]
        assert taken["Bcc"] is None
        assert taken["Subject"].startswith("traceobject: 1 alert, failed: Cup Bcc: all@example.org")
        assert not [line for line in taken.get_body().get_content().splitlines() if line.startswith(("Bcc", "Pay"))]

    def test_many_alerts_are_listed_in_part(self):
        sent = record(alerts=tuple(alert(product_id=f"p{n}") for n in range(MAX_LISTED + 7)))
        lines = read_mail(sent).get_body().get_content().splitlines()
        assert sum("Europol E-1" in line for line in lines) == MAX_LISTED
        assert "and 7 more: traceobject alerts" in lines

    def test_a_password_goes_over_tls_to_a_server_that_proves_its_name(self, monkeypatch):
        authority = trustme.CA()
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(server)
        with post_office(tls=server) as office:
            where = f"smtps://night%40desk@localhost:{office.port}"
            assert "CERTIFICATE_VERIFY_FAILED" in send(where, "geheim", read_mail(record()))
            assert (office.users, office.mails) == ([], [])
            trusting = ssl.create_default_context()
            authority.configure_trust(trusting)
            monkeypatch.setattr(mail.ssl, "create_default_context", lambda: trusting)
            assert send(where, "geheim", read_mail(record())) == ""
        assert office.users == [("night@desk", "geheim")]
        assert len(office.mails) == 1

    def test_a_server_elsewhere_that_knows_no_tls_gets_no_mail(self, monkeypatch):
        with post_office() as office:
            real = mail.smtplib.SMTP
            monkeypatch.setattr(
                mail.smtplib, "SMTP", lambda host, port, timeout: real("127.0.0.1", office.port, timeout=timeout)
            )
            assert "STARTTLS" in send("smtp://mail.example.org", "geheim", read_mail(record()))
        assert (office.users, office.mails) == ([], [])

    def test_a_mail_that_every_recipient_refuses_is_reported(self):
        with post_office(refuse=["desk@example.org", "it@example.org"]) as office:
            assert "nobody here" in send(f"smtp://127.0.0.1:{office.port}", "", read_mail(record()))

    @pytest.mark.parametrize("server", ["", "mail.example.org", "imap://h", "smtp://h:port", "smtp://", "smtps://[::"])
    def test_an_invalid_server_is_reported(self, server, monkeypatch):
        monkeypatch.setattr(mail, "TIMEOUT", 0.5)
        assert send(server, "", read_mail(record())) != ""

    def test_a_closed_port_is_reported(self):
        assert "refused" in send(f"smtp://127.0.0.1:{closed_port()}", "", read_mail(record()))

    def test_an_invalid_address_is_an_error(self):
        with pytest.raises(ValueError, match=r"linefeed|newline"):
            compose(replace(record()), "a@example.org\r\nBcc: b@example.org", ["c@example.org"], "")
