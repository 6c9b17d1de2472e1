"""Ends well as soon as HOST PORT takes a connection. PORT may be the name of a variable."""

import os
import socket
import sys
import time

host, port = sys.argv[1:]
port = int(os.environ.get(port, port))
while True:
    try:
        socket.create_connection((host, port), timeout=1).close()
        break
    except OSError:
        time.sleep(0.1)
print(f"{host}:{port} answers")
