"""Orders the named articles, or a tyre. For `pitcrew run order -- jack radio`."""

import sys
import urllib.error
import urllib.request

for article in sys.argv[1:] or ["tyre"]:
    url = f"http://127.0.0.1:8765/order/{article}"
    try:
        reply = urllib.request.urlopen(urllib.request.Request(url, method="POST"))
    except urllib.error.HTTPError as error:
        sys.exit(f"{article}: {error.code} {error.read().decode().strip()}")
    print(f"{article}: {reply.status} {reply.read().decode().strip()}")
