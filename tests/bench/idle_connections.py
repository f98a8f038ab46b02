#!/usr/bin/env python3
"""Resident memory of the gateway per idle keep-alive connection, each of which has served one request."""
import sys

from harness import Backend, Client, Gateway, arguments, judge, quiet, raise_file_limit


def main():
    p = arguments(__doc__)
    p.add_argument("--connections", type=int, default=10_000)
    p.add_argument("--max-bytes", type=float, help="per connection")
    args = p.parse_args()
    limit = raise_file_limit(args.connections + 200)
    n = min(args.connections, limit - 200)
    backend = Backend()
    config = quiet(endpoints=[{"endpoint": "/x", "backend": [{"host": [backend.url()], "url_pattern": "/d"}]}])
    try:
        with Gateway(args, config) as gateway:
            warm = [Client(gateway.port) for _ in range(50)]
            for c in warm:
                assert c.get("/x") == 200
            before = gateway.resident()
            clients = []
            for _ in range(n):
                c = Client(gateway.port)
                assert c.get("/x") == 200
                clients.append(c)
            after = gateway.resident()
            each = (after - before) / n
            print(f"idle connections: {n}, resident {before / 1e6:.1f} MB -> {after / 1e6:.1f} MB, {each:.0f} bytes each")
            assert all(c.get("/x") == 200 for c in clients[::100]), "an idle connection no longer serves"
            for c in warm + clients:
                c.close()
    finally:
        backend.end()
    return judge([("bytes per connection", each, args.max_bytes)]) or gateway.code


if __name__ == "__main__":
    sys.exit(main())
