#!/usr/bin/env python3
"""Start and reload with a folder of very many plugins and very many endpoints that use some of them: seconds and memory.

The files are copies of one plugin (many.cc) with a number of their own in id, binding and note: for the gateway they are 200
different plugins. Each endpoint has --each of the --used ones, in rotation, with a block that its schema checks. Every reload
reads everything again and changes one endpoint.

    cmake --build --preset release --target sluice sluice_plugins bench_plugin_many
    tests/bench/many_plugins.py
"""
import json, os, pathlib, shutil, statistics, sys, tempfile, time

from harness import ROOT, Backend, Client, Gateway, arguments, ask, judge, quiet


def copies(template, folder, count):
    image = template.read_bytes()
    if image.count(b"many-000") < 3:
        sys.exit(f"{template}: not the plugin of many.cc")
    for i in range(count):
        file = folder / f"many-{i:03}.so"
        file.write_bytes(image.replace(b"many-000", b"many-%03d" % i))
        file.chmod(0o755)


def configuration(backend, endpoints, used, each, turn):
    all_of_them = []
    for i in range(endpoints):
        parameter = "/{id}" if i % 2 else ""
        extra = {f"test/many-{(i * each + k) % used:03}": {"header": "X-Many", "value": f"of endpoint {i}"} for k in range(each)}
        all_of_them.append({"endpoint": f"/service{i % 100}/resource{i}{parameter}", "extra_config": extra,
                            "backend": [{"url_pattern": f"/r{i}{parameter}"}]})
    all_of_them[-1]["timeout"] = f"{10 + turn}s"
    return quiet(host=[backend.url()], endpoints=all_of_them)


def reload(gateway):
    begin = time.monotonic()
    status, outcome = ask(gateway.admin, "POST", "/reload")
    if status != 200 or not outcome.get("ok"):
        sys.exit(f"the reload was refused: {outcome}")
    return time.monotonic() - begin


def main():
    p = arguments(__doc__.split("\n")[0])
    p.add_argument("--template", type=pathlib.Path, default=ROOT / "build/release/bench-plugins/many.so")
    p.add_argument("--files", type=int, default=200, help="plugins in the folder, besides the gateway's own; at most 1000")
    p.add_argument("--used", type=int, default=20, help="of them, by endpoints")
    p.add_argument("--each", type=int, default=2, help="plugins that one endpoint has")
    p.add_argument("--endpoints", type=int, default=10_000)
    p.add_argument("--reloads", type=int, default=5)
    p.add_argument("--max-seconds", type=float, help="from the start to the first answer")
    p.add_argument("--max-reload-seconds", type=float, help="median of the reloads")
    p.add_argument("--max-megabytes", type=float, help="resident after the start")
    p.add_argument("--max-growth-megabytes", type=float, help="resident from the first reload to the last")
    args = p.parse_args()
    if not args.used <= args.files <= 1000:
        p.error("--used must not be more than --files, and --files not more than 1000")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-many-"))
    folder.chmod(0o755)
    backend = Backend()
    try:
        for so in pathlib.Path(args.plugins).glob("*.so"):
            os.symlink(so.resolve(), folder / so.name)
        own = len(list(folder.iterdir()))
        copies(args.template, folder, args.files)
        args.plugins = str(folder)
        config = lambda turn: configuration(backend, args.endpoints, args.used, args.each, turn)
        with Gateway(args, config(0)) as gateway:
            client = Client(gateway.port)
            assert client.get("/service0/resource0") == 200
            first = time.monotonic() - gateway.started
            resident = [gateway.resident()]
            times = []
            for turn in range(1, args.reloads + 1):
                file = pathlib.Path(gateway.config_file)
                known = json.loads(file.read_text())
                file.write_text(json.dumps({**known, **config(turn)}))
                times.append(reload(gateway))
                assert client.get("/service0/resource0") == 200
                resident.append(gateway.resident())
            for i in range(0, args.endpoints, max(1, args.endpoints // 200)):
                assert client.get(f"/service{i % 100}/resource{i}" + ("/7" if i % 2 else "")) == 200, i
            client.close()
    finally:
        backend.end()
        shutil.rmtree(folder, ignore_errors=True)
    middle = statistics.median(times) if times else 0
    megabytes = [r / 1e6 for r in resident]
    print(f"{args.files} plugins and {own} of the gateway's own, {args.endpoints} endpoints with {args.each} of {args.used} each: ready after "
          f"{gateway.ready - gateway.started:.3f} s, first answer after {first:.3f} s, resident {megabytes[0]:.1f} MB")
    print("reloads: " + ", ".join(f"{t:.3f}" for t in times) + " s; resident afterwards " + ", ".join(f"{m:.1f}" for m in megabytes[1:]) + " MB")
    growth = megabytes[-1] - megabytes[1] if len(megabytes) > 1 else 0
    return judge([("seconds to the first answer", first, args.max_seconds), ("seconds of a reload", middle, args.max_reload_seconds),
                  ("resident MB", megabytes[0], args.max_megabytes), ("MB more after the last reload", growth, args.max_growth_megabytes)]) or gateway.code


if __name__ == "__main__":
    sys.exit(main())
