"""Just enough of the Redis protocol for this example, so that nothing has to be installed."""

import os
import socket


class Redis:
    def __init__(self, timeout=None):
        address = ("127.0.0.1", int(os.environ["REDIS_PORT"]))
        self.socket = socket.create_connection(address, timeout)
        self.replies = self.socket.makefile("rb")

    def __call__(self, *words):
        parts = [str(word).encode() for word in words]
        text = b"*%d\r\n" % len(parts)
        text += b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self.socket.sendall(text)
        return self._reply()

    def _reply(self):
        line = self.replies.readline()
        if not line:
            raise ConnectionError("redis has closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"$":
            length = int(rest)
            return None if length < 0 else self.replies.read(length + 2)[:-2].decode()
        if kind == b"*":
            count = int(rest)
            return None if count < 0 else [self._reply() for _ in range(count)]
        return int(rest) if kind == b":" else rest.decode()
