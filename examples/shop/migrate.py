"""Puts the articles into the shop, once."""

from redis import Redis

redis = Redis()
for article, stock in {"tyre": 40, "jack": 4, "radio": 10}.items():
    if redis("HSETNX", "stock", article, stock):
        print(f"{stock} x {article} in stock")
print("the shop can open")
