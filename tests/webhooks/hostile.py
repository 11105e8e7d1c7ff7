"""How receivers behave, each with what a try of ours makes of it."""

from __future__ import annotations

from tests.webhooks import receiver as to

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n"
BAD_LONG = b"HTTP/1.1 500 No\r\ncontent-length: 1000000000\r\n\r\n"

HOSTILE: dict[str, tuple[to.Behaviour, str]] = {
    "ok_200": (to.says("200 OK", body=b"thanks"), "delivered"),
    "no_content_204": (to.well, "delivered"),
    "accepted_202_http10": (to.sends(b"HTTP/1.0 202 Accepted\r\n\r\nfine"), "delivered"),
    "early_close_after_head": (to.sends(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nab"), "delivered"),
    "hints_first_103": (to.sends(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * 3 + to.OK), "delivered"),
    "billion_bytes_body": (to.floods(LONG), "delivered"),
    "endless_chunks": (to.drips(CHUNKED, b"1\r\nx\r\n"), "delivered"),
    "bad_chunks": (to.sends(CHUNKED, b"zzz\r\n"), "delivered"),
    "body_of_a_byte_a_moment": (to.drips(LONG, b"x"), "delivered"),
    "redirect_to_metadata": (to.says("302 Found", "location: http://169.254.169.254/"), "http_3xx"),
    "redirect_to_private": (to.says("307 Away", "location: https://10.0.0.1/"), "http_3xx"),
    "redirect_to_itself": (to.says("308 Away", "location: /ok_200"), "http_3xx"),
    "not_modified_304": (to.says("304 Not Modified"), "http_3xx"),
    "bad_request_400": (to.says("400 Bad Request", body=b"no"), "http_4xx"),
    "unauthorized_401": (to.says("401 Who", "www-authenticate: Basic realm=x"), "http_4xx"),
    "not_found_404": (to.says("404 Not Found"), "http_4xx"),
    "gone_410": (to.says("410 Gone"), "http_4xx"),
    "too_many_429": (to.says("429 Slow", "retry-after: 1"), "http_4xx"),
    "error_500": (to.says("500 Oh", body=b"trace \x1b[31m\xff" * 500), "http_5xx"),
    "error_500_and_a_flood": (to.floods(BAD_LONG), "http_5xx"),
    "unavailable_503": (to.says("503 Later", "retry-after: Wed, 21 Oct 2099 07:28:00 GMT"), "http_5xx"),
    "silence": (to.silent, "timeout"),
    "head_of_a_byte_a_moment": (to.drips(b"HTTP/1.1 200", b"x"), "timeout"),
    "header_lines_for_ever": (to.drips(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"), "timeout"),
    "hints_for_ever": (to.drips(b"", b"HTTP/1.1 102 Wait\r\n\r\n"), "timeout"),
    "huge_header": (to.floods(b"HTTP/1.1 200 OK\r\nx: "), "protocol"),
    "many_headers": (to.sends(b"HTTP/1.1 200 OK\r\n" + b"x: yyyyyyyyyyyyyyyyyy\r\n" * 5_000), "protocol"),
    "no_http": (to.sends(b"220 mail.example.com ESMTP\r\n\r\n"), "protocol"),
    "http_09": (to.sends(b"<html>hello</html>\n\n"), "protocol"),
    "binary": (to.sends(bytes(range(256)) * 4), "protocol"),
    "two_lengths": (
        to.sends(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"),
        "protocol",
    ),
    "switching_101": (to.sends(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n"), "protocol"),
    "cut_in_the_head": (to.sends(b"HTTP/1.1 200 OK\r\ncontent-"), "protocol"),
    "hang_up": (to.hangs_up, "connection"),
    "reset": (to.resets, "connection"),
}
