"""Who gets in: the token, the name of the host, and pages of others."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.browser.chrome import Visitor
from tests.browser.serving import Served

REFUSED = "401"

ATTACK = """<p>waiting</p><script>
  const said = [];
  const ask = (name, options) => fetch("URLapi/projects", options)
      .then(answer => answer.text().then(text => said.push(name + ": " + answer.type + " " + text)))
      .catch(() => said.push(name + ": refused"));
  const bearer = { Authorization: "Bearer TOKEN" };
  Promise.all([
    ask("plain"), ask("token", { headers: bearer }), ask("blind", { mode: "no-cors" }),
    ask("cookie", { credentials: "include" }),
  ]).then(() => { document.querySelector("p").textContent = said.sort().join("; ") + "; done"; });
</script>"""


def test_the_address_that_was_printed_lets_in_and_the_token_leaves_it(visitor: Visitor) -> None:
    page = visitor.enter()
    page.get_by_role("link", name="digits").first.wait_for()
    assert page.url == visitor.served.url


def test_a_reload_and_a_second_tab_need_no_token(visitor: Visitor) -> None:
    page = visitor.enter()
    page.get_by_role("link", name="digits").first.wait_for()
    page.reload()
    page.get_by_role("link", name="digits").first.wait_for()
    second = visitor.context.new_page()
    second.goto(visitor.served.url)
    second.get_by_role("link", name="digits").first.wait_for()


def test_without_a_token_nothing_is_shown_but_what_to_do(visitor: Visitor) -> None:
    visitor.tolerate(REFUSED)
    visitor.page.goto(visitor.served.url)
    said = visitor.page.get_by_role("alert").filter(has_text="token").first
    said.wait_for()
    assert "runstore ui" in str(said.text_content())
    assert not visitor.page.get_by_role("link", name="digits").count()


def test_a_wrong_token_is_refused_and_the_right_one_then_accepted(visitor: Visitor) -> None:
    visitor.tolerate(REFUSED)
    visitor.page.goto(f"{visitor.served.url}#token=wrong")
    visitor.page.get_by_role("alert").filter(has_text="token").first.wait_for()
    visitor.page.goto("about:blank")
    visitor.enter().get_by_role("link", name="digits").first.wait_for()


def test_a_name_that_leads_to_loopback_by_rebinding_is_refused(served: Served) -> None:
    where = urlsplit(served.url)
    for host in ("evil.example", f"evil.example:{where.port}", "localhost.evil.example", ""):
        for path in ("/", "/api/projects", "/assets/"):
            line = http.client.HTTPConnection("127.0.0.1", where.port or 80, timeout=30)
            line.putrequest("GET", path, skip_host=True)
            line.putheader("Host", host)
            line.putheader("Authorization", f"Bearer {served.token}")
            line.endheaders()
            answer = line.getresponse()
            body = answer.read()
            line.close()
            assert answer.status in (400, 403, 421), (host, path, answer.status)
            assert b"digits" not in body


def test_a_page_of_another_origin_can_neither_ask_nor_frame(visitor: Visitor, served: Served) -> None:
    visitor.tolerate("")  # whatever the browser says about the attack
    attack = ATTACK.replace("URL", served.url).replace("TOKEN", served.token)
    frame = f'{attack}<iframe src="{served.url}#token={served.token}"></iframe>'
    with other_site(frame) as address:
        page = visitor.page
        page.goto(address)
        page.get_by_text("; done").wait_for()
        said = str(page.locator("p").text_content())
        assert said == "blind: opaque ; cookie: refused; plain: refused; token: refused; done" or (
            said == "blind: refused; cookie: refused; plain: refused; token: refused; done"
        ), said
        framed = [one for one in page.frames if one is not page.main_frame]
        assert all(one.get_by_role("link").count() == 0 for one in framed)


def test_a_server_that_is_gone_is_said_and_what_was_shown_stays(visit: Callable[..., Visitor], served: Served) -> None:
    visitor = visit(served)
    visitor.tolerate("net::ERR")
    page = visitor.enter()
    page.get_by_role("link", name="digits").first.wait_for()
    visitor.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('online'))")  # looks at once, instead of in 15 seconds
    alert = page.get_by_role("alert").filter(has_text="does not answer")
    alert.wait_for()
    assert page.get_by_role("link", name="digits").count()
    assert page.get_by_role("button", name="Try again").is_visible()
    visitor.context.set_offline(False)  # which browsers tell pages
    alert.wait_for(state="detached")


@contextmanager
def other_site(html: str) -> Iterator[str]:
    """The address of a server of somebody else, on this machine, which answers with `html`."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name for it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
