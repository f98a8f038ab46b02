#!/usr/bin/env python3
"""Two builds of one plugin take turns under load. Nothing may be lost, both builds must have been at work, and neither memory nor
mappings may grow from the first swaps to the last."""
import json, os, pathlib, re, shutil, sys, tempfile, time

from reload_load import Backend, Gateway, Load, arguments, judge, quiet, reload, settle

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main():
    p = arguments(__doc__)
    p.add_argument("--builds", default=str(ROOT / "build/release/test-plugins"), help="folder with build-a and build-b")
    p.add_argument("--swaps", type=int, default=1000)
    p.add_argument("--clients", type=int, default=64)
    p.add_argument("--warm", type=int, default=100, help="swaps before memory is looked at")
    p.add_argument("--max-growth-megabytes", type=float, default=4)
    args = p.parse_args()
    folder = tempfile.mkdtemp(prefix="sluice-swap-")
    for so in pathlib.Path(args.plugins).glob("*.so"):
        os.symlink(so.resolve(), os.path.join(folder, so.name))
    target = os.path.join(folder, "stamp.so")

    def put(build):
        shutil.copyfile(os.path.join(args.builds, f"build-{build}", "stamp.so"), target + ".new")
        os.rename(target + ".new", target)

    put("a")
    args.plugins = folder
    backend = Backend()
    config = quiet(endpoints=[{"endpoint": "/x", "extra_config": {"test/stamp": {}}, "backend": [{"host": [backend.url()], "url_pattern": "/d"}]}])
    body = b'{"id":1,"name":"a product","price":12.5}'
    with Gateway(args, config) as gateway:
        load = Load(gateway.port, args.clients, "/x", [body], [b"X-Build-Out: a", b"X-Build-Out: b"])
        maps = lambda: len(re.findall(r"stamp\.so", pathlib.Path(f"/proc/{gateway.process.pid}/maps").read_text()))
        began = time.monotonic()
        rss = mapped = 0
        for n in range(1, args.swaps + 1):
            put("b" if n % 2 else "a")
            reload(gateway)
            if n == min(args.warm, args.swaps):
                rss, mapped = gateway.resident(), maps()
        seconds = time.monotonic() - began
        growth, more = (gateway.resident() - rss) / 1e6, maps() - mapped
        result = load.stop()
        live = settle(gateway)
    backend.end()
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{args.swaps} swaps in {seconds:.1f} s, {args.clients} connections, {result['requests']} requests: {result['failed']} failed, "
          f"{result['reset']} connections broken; answers of build a and b: {list(result['seen'].values())}")
    print(f"worst latency {max(result['worst'].values()) * 1000:.1f} ms; from swap {args.warm} on memory {growth:+.1f} MB, mappings {more:+d}; "
          f"{live} generation(s) live in the end")
    for text in result["examples"]:
        print(text)
    return judge([("failed requests", result["failed"], 0), ("broken connections", result["reset"], 0),
                  ("builds never seen", list(result["seen"].values()).count(0), 0), ("live generations", live, 1), ("mappings more", more, 0),
                  ("growth in MB", growth, args.max_growth_megabytes)]) or gateway.code


if __name__ == "__main__":
    sys.exit(main())
