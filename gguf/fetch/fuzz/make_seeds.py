#!/usr/bin/env python3
"""make_seeds.py FAULT_CASES_JSON OUT: one script for fuzz_range (see check_range.h) for each row of
the fault cases, with what the fault server would answer to the first requests."""
import json
import os
import sys
from urllib.parse import parse_qs, urlsplit

PARTIAL = "SHTTP/1.1 206 Partial Content"
RANGE = "HContent-Range: bytes {first}-{last}/{total}"
LENGTH = "HContent-Length: {length}"
ETAG = "HETag: {etag}"
ASKED = 64  # bytes of the reader's first request
TOTAL = 200
ENDS = {"truncated": "E3", "timeout": "E4", "protocol": "E5"}


def partial(pieces=("B%d" % ASKED,), range_=RANGE, length=LENGTH, etag=ETAG, extra=(), end=None):
    head = [PARTIAL] + [line for line in (range_, length, etag) if line] + list(extra)
    return head + list(pieces) + ([ENDS[end]] if end else [])


def whole(total=TOTAL, etag=ETAG, extra=()):
    return ["SHTTP/1.1 200 OK", "HContent-Length: %d" % total, etag, *extra, "B%d" % total]


def status(line, *fields):
    return ["SHTTP/1.1 " + line] + ["H" + field for field in fields]


def go(to, *fields):
    return status("302 Found", "Location: " + to, *fields)


def wrongrange(q):
    text = {"shift": "bytes 1-64/200", "star": "bytes 0-63/*", "unit": "items 0-63/200",
            "whole": "bytes 0-199/200", "short": "bytes 0-31/200", "total": "bytes 64-199/201",
            "garbage": "bytes banana-18446744073709551616/-1"}
    mode = q.get("mode", "shift")
    range_ = None if mode == "missing" else RANGE if mode == "body" else "HContent-Range: " + text[mode]
    n = {"whole": TOTAL, "short": 32}.get(mode, ASKED)
    return partial(["B%d" % n], range_, "HContent-Length: %d" % n)


def badheader(q):
    length = "HContent-Length: "
    return {"huge": ["SHTTP/1.1 200 OK", "HX-Big: " + "h" * 4000],
            "many": ["SHTTP/1.1 200 OK"] + ["HX: v"] * 300 + [length + "100"],
            "status": ["SHTTP/1.1 9999999 WAT", length + "100"],
            "negcl": ["SHTTP/1.1 200 OK", length + "-5"],
            "bigcl": ["SHTTP/1.1 200 OK", length + "99999999999999999999"],
            "dupcl": ["SHTTP/1.1 200 OK", length + "100", length + "7"],
            }[q["kind"]] + ["B100"]


def redirect(q):
    other = {"other": "http://host:8080/x", "localhost": "http://other/x"}.get(q.get("to"), "/x")
    return ["\n".join(go("/hop%d" % i)) for i in range(int(q.get("n", 1)) - 1)] + go(other)


ANSWERS = {
    "ok": lambda q: ["?"],
    "nope": lambda q: status("404 X"),
    "norange": lambda q: whole(),
    "drop": lambda q: partial(["B10"], end="truncated"),
    "reset": lambda q: ["S", ENDS["truncated"]],
    "stall": lambda q: ["S", ENDS["timeout"]] if q.get("headers") == "0" else partial(["B30"], end="timeout"),
    "slow": lambda q: partial(["B1"] * ASKED),
    "500": lambda q: status("%s X" % q.get("status", "500")),
    "429": lambda q: status("429 X", "Retry-After: " + q.get("retry", "1")),
    "redirect": redirect,
    "redirectloop": lambda q: go("/redirectloop"),
    "redirectscheme": lambda q: go(q["to"]),
    "wrongrange": wrongrange,
    "shortbody": lambda q: partial(["B54"], end="truncated"),
    "overlong": lambda q: partial(["B%d" % ASKED, "B64"], length=LENGTH if q.get("mode") == "cl" else None),
    "corrupt": lambda q: partial(),
    "etagchange": lambda q: partial(etag='HETag: "v2"'),
    "sizechange": lambda q: whole(TOTAL + (5 if "-" not in q["by"] else -5), 'HETag: "v2"'),
    "gzip": lambda q: partial(extra=["HContent-Encoding: gzip"]) if q.get("mode") else whole(extra=["HContent-Encoding: gzip"]),
    "nolength": lambda q: partial(length=None, end={"badchunk": "truncated", "lie": "truncated"}.get(q.get("mode"))),
    "auth": lambda q: redirect(q) if "to" in q else status("401 X"),
    "hf": lambda q: go("http://cdn/x?sig=1", 'X-Linked-Etag: "%s"' % ("a" * 64), "X-Repo-Commit: c0ffee"),
    "head405": lambda q: ["?"],
    "headnolen": lambda q: ["?"],
    "416": lambda q: status("416 X", "Content-Range: bytes */200"),
    "badheader": badheader,
}
ONCE = {"drop", "reset", "stall", "500", "429"}


def script(row):
    url = urlsplit(row["url"])
    fault = url.path.split("/")[1]
    q = {key: values[-1] for key, values in parse_qs(url.query).items()}
    before = int(q.get("from", int(q.get("after", 0)) + 1 if fault in ("etagchange", "sizechange") else 1)) - 1
    times = int(q.get("times", 1 if fault in ONCE else 0)) or 6
    lines = ["=t" if row["token"] else "="] + ["?"] * before
    for i in range(times):
        lines += ANSWERS[fault](q)
        if fault == "hf" and q.get("uses") and i + 1 < times:
            lines += ["?"] + status("403 expired")
        elif fault in ("hf", "redirect", "auth"):
            lines += ["?"]
    return "\n".join(lines) + "\n"


def main():
    cases, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    with open(cases, encoding="utf-8") as file:
        for row in json.load(file)["cases"]:
            with open(os.path.join(out, row["name"]), "w", encoding="utf-8") as seed:
                seed.write(script(row))


if __name__ == "__main__":
    main()
