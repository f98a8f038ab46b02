#!/usr/bin/env python3
"""Time from the start to the first answer, and resident memory, with very many endpoints (half literal, half with a parameter)."""
import sys, time

from harness import Backend, Client, Gateway, arguments, judge, quiet


def main():
    p = arguments(__doc__)
    p.add_argument("--endpoints", type=int, default=10_000)
    p.add_argument("--max-seconds", type=float)
    p.add_argument("--max-megabytes", type=float)
    args = p.parse_args()
    backend = Backend()
    endpoints = []
    for i in range(args.endpoints):
        path = f"/service{i % 100}/resource{i}" + ("/{id}" if i % 2 else "")
        endpoints.append({"endpoint": path, "backend": [{"url_pattern": f"/r{i}" + ("/{id}" if i % 2 else "")}]})
    try:
        with Gateway(args, quiet(host=[backend.url()], endpoints=endpoints)) as gateway:
            client = Client(gateway.port)
            assert client.get("/service0/resource0") == 200
            first = time.monotonic() - gateway.started
            resident = gateway.resident()
            for i in range(0, args.endpoints, max(1, args.endpoints // 200)):
                assert client.get(f"/service{i % 100}/resource{i}" + ("/7" if i % 2 else "")) == 200, i
            assert client.get("/service0/none") == 404
            client.close()
    finally:
        backend.end()
    print(f"{args.endpoints} endpoints: ready after {gateway.ready - gateway.started:.3f} s, first answer after {first:.3f} s, "
          f"resident {resident / 1e6:.1f} MB")
    return judge([("seconds to the first answer", first, args.max_seconds), ("resident MB", resident / 1e6, args.max_megabytes)]) or gateway.code


if __name__ == "__main__":
    sys.exit(main())
