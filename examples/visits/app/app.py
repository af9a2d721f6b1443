"""Counts visits: for ever in PostgreSQL, and since the cache was started in Redis."""

import html
import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import redis

GREETING = os.environ["GREETING"]
DATABASE_URL = os.environ["DATABASE_URL"]
cache = redis.Redis(host="cache", socket_timeout=5)


def run_sql(statement):
    connection = psycopg2.connect(DATABASE_URL, connect_timeout=5)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone() if cursor.description else None
    finally:
        connection.close()


def count_visit():
    (total,) = run_sql("UPDATE visits SET total = total + 1 RETURNING total")
    return {"visits": total, "since_cache_start": cache.incr("visits")}


def page(counts):
    return f"""<!doctype html>
<html lang="en">
<link rel="stylesheet" href="/static/style.css">
<title>visits</title>
<h1>{html.escape(GREETING)}, visitor {counts["visits"]}</h1>
<p>{counts["since_cache_start"]} of them came since the cache was started.</p>
<p><a href="/generated/about.html">about this site</a></p>
</html>
"""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            run_sql("SELECT 1")
            self.reply("text/plain", "ok\n")
        elif self.path == "/api/visits":
            self.reply("application/json", json.dumps(count_visit()) + "\n")
        elif self.path == "/":
            self.reply("text/html; charset=utf-8", page(count_visit()))
        else:
            self.send_error(404)

    def reply(self, content_type, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        if getattr(self, "path", "") != "/health":
            print(format % args)


def main():
    # The first process of a container gets no default handlers: without this, stopping would take the whole grace period.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    run_sql(
        "CREATE TABLE IF NOT EXISTS visits (id int PRIMARY KEY, total bigint NOT NULL);"
        "INSERT INTO visits VALUES (1, 0) ON CONFLICT DO NOTHING"
    )
    print("listening on port 8000")
    ThreadingHTTPServer(("", 8000), Handler).serve_forever()


main()
