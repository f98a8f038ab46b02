#!/usr/bin/env python3
"""Reloads while many connections ask for a merged answer without a pause. No request may fail, no connection may break, no
answer may take longer than the limit, and in the end one generation lives."""
import json, pathlib, sys, time

from reload_load import Backend, Gateway, Load, arguments, judge, quiet, reload, settle


def main():
    p = arguments(__doc__)
    p.add_argument("--reloads", type=int, default=200)
    p.add_argument("--clients", type=int, default=64)
    p.add_argument("--worst-ms", type=float, default=100)
    p.add_argument("--pause-ms", type=float, default=20, help="between two reloads")
    args = p.parse_args()
    a, b = Backend(), Backend()

    def config(n):
        merged = {"endpoint": "/x", "backend": [{"host": [a.url()], "url_pattern": "/d", "group": "a"},
                                               {"host": [b.url()], "url_pattern": "/d", "group": "b"}]}
        more = [{"endpoint": f"/more/{i}/{n}", "backend": [{"host": [a.url()], "url_pattern": f"/{i}"}]} for i in range(20)]
        return quiet(endpoints=[merged, *more])

    one = b'{"id":1,"name":"a product","price":12.5}'
    body = b'{"a":%s,"b":%s}' % (one, one)
    with Gateway(args, config(0)) as gateway:
        rss = gateway.resident()
        load = Load(gateway.port, args.clients, "/x", [body])
        time.sleep(2)
        load.phase("reloading")
        took = []
        for n in range(1, args.reloads + 1):
            pathlib.Path(gateway.config_file).write_text(json.dumps({"version": 3, "port": gateway.port, "listen_ip": "127.0.0.1", **config(n)}))
            took.append(reload(gateway)["took_ms"])
            time.sleep(args.pause_ms / 1000)
        result = load.stop()
        live = settle(gateway)
        growth = (gateway.resident() - rss) / 1e6
    a.end(), b.end()
    worst = result["worst"]
    print(f"{args.reloads} reloads, {args.clients} connections, {result['requests']} requests: {result['failed']} failed, "
          f"{result['reset']} connections broken")
    print(f"worst latency {worst.get('before', 0) * 1000:.1f} ms before, {worst.get('reloading', 0) * 1000:.1f} ms while reloading; "
          f"a reload took {sum(took) / len(took):.1f} ms, {max(took)} at most; {live} generation(s) live in the end; memory {growth:+.1f} MB")
    for text in result["examples"]:
        print(text)
    return judge([("failed requests", result["failed"], 0), ("broken connections", result["reset"], 0),
                  ("worst latency in ms", worst.get("reloading", 0) * 1000, args.worst_ms), ("live generations", live, 1)]) or gateway.code


if __name__ == "__main__":
    sys.exit(main())
