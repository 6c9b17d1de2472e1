"""Takes orders from the queue, one at a time."""

import os

from redis import Redis

redis = Redis()
print(f"worker {os.environ['PITCREW_REPLICA']} waits for orders")
while True:
    order = redis("BLPOP", "orders", 0)
    article = order[1]
    left = redis("HINCRBY", "stock", article, -1)
    print(f"sent one {article}, {left} left")
