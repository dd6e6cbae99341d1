"""linked_server.py FILE --at N [--times K]: serves FILE on a free port of 127.0.0.1 and prints the port. The byte at N
comes flipped the first K times that it is sent (default: always). /m.gguf tells the SHA-256 of the right bytes, as the
hub does, and leads to /bytes.gguf, which tells none; both are what is asked for, if that is asked for alone."""
import argparse
import hashlib
import http.server
import re
import threading

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--at", type=int, required=True)
parser.add_argument("--times", type=int, default=1 << 30)
args = parser.parse_args()
with open(args.file, "rb") as f:
    content = f.read()
digest = hashlib.sha256(content).hexdigest()
lock = threading.Lock()
flips_left = args.times


def cut(first, end):
    global flips_left
    piece = bytearray(content[first:end])
    with lock:
        if first <= args.at < end and flips_left > 0:
            flips_left -= 1
            piece[args.at - first] ^= 0x55
    return piece


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, fields, body=b""):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/m.gguf":
            return self.answer(302, {"Location": "/bytes.gguf", "X-Linked-Etag": f'"{digest}"'})
        if self.path != "/bytes.gguf":
            return self.answer(404, {})
        fields = {"ETag": '"v1"', "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not asked:
            return self.answer(200, fields, cut(0, len(content)))
        first, end = int(asked[1]), min(int(asked[2]) + 1, len(content))
        fields["Content-Range"] = f"bytes {first}-{end - 1}/{len(content)}"
        return self.answer(206, fields, cut(first, end))


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print('{"port": %d}' % server.server_address[1], flush=True)
server.serve_forever()
