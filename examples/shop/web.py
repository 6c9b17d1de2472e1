"""GET / shows the stock, POST /order/ARTICLE orders one, GET /healthz reports whether Redis answers."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from redis import Redis


class Shop(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/healthz":
            return self.do_health()
        pairs = iter(Redis()("HGETALL", "stock"))
        self.answer(200, dict(zip(pairs, pairs)))

    def do_health(self):
        try:
            self.answer(200, {"redis": Redis(timeout=1)("PING")})
        except OSError as error:
            self.answer(503, {"redis": str(error)})

    def log_request(self, code="-", size="-"):
        if self.path != "/healthz" or code != 200:
            super().log_request(code, size)

    def do_POST(self):
        article = self.path.removeprefix("/order/")
        if Redis()("HEXISTS", "stock", article):
            self.answer(202, {"waiting": Redis()("RPUSH", "orders", article)})
        else:
            self.answer(404, {"error": f"no {article} here"})

    def answer(self, status, body):
        text = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def leave(*_):
    print("closed", flush=True)
    sys.exit(0)


port = int(os.environ["PORT"])
server = ThreadingHTTPServer(("127.0.0.1", port), Shop)
signal.signal(signal.SIGTERM, leave)
print(f"open on http://127.0.0.1:{port}")
server.serve_forever()
