#!/usr/bin/env python3
"""What ten empty middleware add to a request that is passed through (the scenario noop-small of compare.py).

One gateway has the same endpoint twice, without and with a chain of ten middleware that do nothing in two hooks each; rounds
alternate between the two. The figure is CPU time of the gateway per request; the ratio of medians must stay below --max-ratio.

    cmake --build --preset release --target sluice sluice_plugins bench_plugin_empty
    tests/bench/ten_middleware.py --rounds 5 --seconds 2
"""
import argparse, json, os, pathlib, shutil, statistics, sys, tempfile

import compare

BUILD = pathlib.Path(__file__).resolve().parents[2] / "build/release"


def cpu_ns(pid):
    return sum(int(open(f"/proc/{pid}/task/{t}/schedstat").read().split()[0]) for t in os.listdir(f"/proc/{pid}/task"))


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--build", type=pathlib.Path, default=BUILD, help="the build folder (release)")
    a.add_argument("--rounds", type=int, default=5)
    a.add_argument("--seconds", type=int, default=2)
    a.add_argument("--connections", type=int, default=64)
    a.add_argument("--max-ratio", type=float, default=1.05)
    args = a.parse_args()
    folder = tempfile.mkdtemp(prefix="sluice-ten-")
    os.chmod(folder, 0o755)
    plugins = f"{folder}/plugins"
    os.mkdir(plugins)
    for so in [*(args.build / "plugins").glob("*.so"), args.build / "bench-plugins/empty.so"]:
        os.symlink(so.resolve(), f"{plugins}/{so.name}")
    log, running = open(f"{folder}/log", "w"), []
    try:
        port, backend_port = compare.free_port(), compare.free_port()
        backend = compare.start(compare.write_backend_conf(folder, backend_port), 1, log)
        running.append(backend)
        compare.wait_port(backend_port, backend)
        chain = {f"test/empty-{i}": {} for i in range(10)}
        endpoint = lambda path, extra: {"endpoint": path, "output_encoding": "no-op", "extra_config": extra, "backend": [
            {"host": [f"http://127.0.0.1:{backend_port}"], "url_pattern": "/small", "encoding": "no-op"}]}
        config = {"version": 3, "port": port, "listen_ip": "127.0.0.1", "timeout": "10s", "max_idle_connections": 1024,
                  "max_idle_connections_per_host": 1024, "idle_connection_timeout": "600s",
                  "endpoints": [endpoint("/none", {}), endpoint("/ten", chain)],
                  "extra_config": {"telemetry/logging": {"level": "CRITICAL", "stdout": True}, "router": {"disable_access_log": True}}}
        with open(f"{folder}/gateway.json", "w") as f:
            json.dump(config, f)
        gateway = compare.start([str(args.build / "bin/sluice"), "run", "-c", f"{folder}/gateway.json", "--workers", "1", "--strict",
                                 "--plugins", plugins], 0, log)
        running.append(gateway)
        compare.wait_port(port, gateway)
        used = {"none": [], "ten": []}
        for n in range(args.rounds + 1):  # round 0 warms up
            for name in ("none", "ten") if n % 2 else ("ten", "none"):
                before = cpu_ns(gateway.pid)
                result = compare.load(f"http://127.0.0.1:{port}/{name}", 1 if n == 0 else args.seconds, args.connections)
                spent = cpu_ns(gateway.pid) - before
                if result["bad"] or result["socket_errors"]:
                    sys.exit(f"/{name}: {result}")
                if n:
                    used[name].append(spent / result["requests"] / 1000)
        none, ten = statistics.median(used["none"]), statistics.median(used["ten"])
        print(f"none {none:.2f} µs a request, ten middleware {ten:.2f} µs: ratio {ten / none:.3f}, {(ten - none) * 50:.1f} ns a hook")
        print("rounds: " + ", ".join(f"{t / n:.3f}" for n, t in zip(used["none"], used["ten"])))
        return 0 if ten / none <= args.max_ratio else 1
    finally:
        for p in running[::-1]:
            compare.stop(p)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
