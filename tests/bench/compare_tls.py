#!/usr/bin/env python3
"""TLS and HTTP/2 towards clients: a gateway beside nginx and haproxy, with the same certificate,
the same backend and no-op proxying. As compare.py: rounds alternate between contenders, the figure
to quote is CPU time of the gateway per request (or per handshake), as a ratio within one run.

    compare_tls.py --gateway 'NAME=COMMAND with {config}' [--peers nginx,haproxy]
           [--scenario GLOB] [--rounds 3] [--seconds 3] [--json OUT]

Scenarios: HTTP/1.1 over TLS, HTTP/2 over TLS with small and with 1 MB bodies, HTTP/2 without TLS, new TLS
connections with a whole handshake each (TLS 1.3), and resumed ones (TLS 1.2, for which openssl s_time can do it). Needs h2load (nghttp2-client), openssl, nginx, haproxy, taskset.
The gateways are pinned to CPU 0; load generator and backend to CPU 1. All traffic stays on 127.0.0.1.
"""
import argparse, fnmatch, json, os, re, shlex, shutil, statistics, subprocess, tempfile

import compare

# scenario -> (TLS, path, how: h2load's arguments or openssl s_time's)
SCENARIOS = {
    "h1-tls-small": (True, "/noop-small", ["h2load", "--h1", "-c32", "-m1"]),
    "h2-tls-small": (True, "/noop-small", ["h2load", "-c8", "-m16"]),
    "h2-tls-1mb": (True, "/noop-1mb", ["h2load", "-c4", "-m4", "-w20", "-W24"]),
    "h2c-small": (False, "/noop-small", ["h2load", "-c8", "-m16"]),
    "tls-handshake": (True, None, ["-new"]),
    "tls-resumed": (True, None, ["-reuse", "-tls1_2"]),
}


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"], check=True, capture_output=True)
    with open(f"{folder}/both.pem", "w") as both:
        for name in ("cert.pem", "key.pem"):
            with open(f"{folder}/{name}") as f:
                both.write(f.read())


def gateway_conf(folder, certs, port, tls, host):
    path = compare.write_gateway_conf(folder, port, host)
    with open(path) as f:
        conf = json.load(f)
    if tls:
        conf["tls"] = {"keys": [{"public_key": f"{certs}/cert.pem", "private_key": f"{certs}/key.pem"}], "min_version": "TLS12",
                       "curve_preferences": [29, 23]}
    else:
        conf["use_h2c"] = True
    with open(path, "w") as f:
        json.dump(conf, f)
    return path


def nginx_conf(folder, certs, port, tls, backend_port):
    command = compare.nginx_peer(folder, port, backend_port)
    with open(f"{folder}/peer.conf") as f:
        text = f.read()
    how = f"ssl http2 backlog=4096; ssl_certificate {certs}/cert.pem; ssl_certificate_key {certs}/key.pem; ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:P-256;" \
        if tls else "http2 backlog=4096;"
    text = text.replace(f"listen 127.0.0.1:{port} backlog=4096;", f"listen 127.0.0.1:{port} {how} http2_max_concurrent_streams 250;")
    with open(f"{folder}/peer.conf", "w") as f:
        f.write(text)
    return command


def haproxy_conf(folder, certs, port, tls, backend_port):
    command = compare.haproxy_peer(folder, port, backend_port)
    with open(f"{folder}/haproxy.cfg") as f:
        text = f.read()
    how = f"ssl crt {certs}/both.pem alpn h2,http/1.1 curves X25519:P-256" if tls else "proto h2"
    with open(f"{folder}/haproxy.cfg", "w") as f:
        f.write(text.replace(f"bind 127.0.0.1:{port}", f"bind 127.0.0.1:{port} {how}"))
    return command


def load(port, tls, path, how, seconds):
    """Requests or handshakes done, and how many of them failed."""
    if path is None:
        out = subprocess.run(["taskset", "-c", "1", "openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-time", str(seconds), *how],
                             capture_output=True, text=True, timeout=seconds + 30).stdout
        done = [int(n) for n in re.findall(r"(\d+) connections in \d+ real seconds", out)]
        return {"requests": done[-1] if done else 0, "bad": 0 if done else 1, "rps": (done[-1] if done else 0) / seconds}
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}{path}"
    out = subprocess.run(["taskset", "-c", "1", *how, "-D", str(seconds), url], capture_output=True, text=True, timeout=seconds + 30).stdout
    m = re.search(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", out)
    rps = re.search(r"finished in [\d.]+\w+, ([\d.]+) req/s", out)
    if not m or not rps:
        return {"requests": 0, "bad": 1, "rps": 0}
    return {"requests": int(m.group(2)), "bad": int(m.group(3)) + int(m.group(4)) + int(m.group(5)), "rps": float(rps.group(1))}


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--gateway", action="append", default=[], metavar="NAME=COMMAND")
    a.add_argument("--peers", default="nginx,haproxy")
    a.add_argument("--scenario", default="*")
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--seconds", type=int, default=3)
    a.add_argument("--json")
    args = a.parse_args()

    folder = tempfile.mkdtemp(prefix="gwbench-")
    os.chmod(folder, 0o755)
    make_certificate(folder)
    log = open(f"{folder}/log.txt", "w")
    backend_port = compare.free_port()
    host = f"http://127.0.0.1:{backend_port}"
    running, failed = [], False
    try:
        running.append(compare.start(compare.write_backend_conf(folder, backend_port), 1, log))
        compare.wait_port(backend_port, running[0])
        contenders = {}  # name -> {tls: (process, port)}
        for tls in (True, False):
            kinds = []
            for spec in args.gateway:
                name, command = spec.split("=", 1)
                kinds.append((name, lambda d, port, command=command: shlex.split(command.replace("{config}", gateway_conf(d, folder, port, tls, host)))))
            if "nginx" in args.peers and shutil.which("nginx"):
                kinds.append(("nginx", lambda d, port: nginx_conf(d, folder, port, tls, backend_port)))
            if "haproxy" in args.peers and shutil.which("haproxy"):
                kinds.append(("haproxy", lambda d, port: haproxy_conf(d, folder, port, tls, backend_port)))
            for name, command in kinds:
                d, port = f"{folder}/{name}-{tls}", compare.free_port()
                os.makedirs(d, exist_ok=True)
                os.chmod(d, 0o755)
                p = compare.start(command(d, port), 0, log)
                running.append(p)
                compare.wait_port(port, p)
                contenders.setdefault(name, {})[tls] = (p, port)

        rows = []
        for scenario, (tls, path, how) in SCENARIOS.items():
            if not fnmatch.fnmatch(scenario, args.scenario):
                continue
            for round_no in range(args.rounds + 1):  # round 0 warms up
                for name, of in contenders.items():
                    p, port = of[tls]
                    before = compare.cpu_seconds(p.pid)
                    result = load(port, tls, path, how, args.seconds if round_no else 1)
                    cpu = compare.cpu_seconds(p.pid) - before
                    if round_no:
                        result.update(scenario=scenario, gateway=name, cpu_us=1e6 * cpu / max(1, result["requests"]), rss_mb=compare.rss_mb(p.pid))
                        rows.append(result)
        print(f"{'scenario':16}{'gateway':12}{'cpu µs each':>12}{'each/s':>9}{'RSS MB':>8}{'bad':>6}   cpu vs first")
        for scenario in dict.fromkeys(r["scenario"] for r in rows):
            first = None
            for name in contenders:
                mine = [r for r in rows if r["scenario"] == scenario and r["gateway"] == name]
                med = lambda key: statistics.median(r[key] for r in mine)
                bad = sum(r["bad"] for r in mine)
                failed = failed or bad > 0 or not all(r["requests"] for r in mine)
                first = first or med("cpu_us") or 1
                print(f"{scenario:16}{name:12}{med('cpu_us'):12.1f}{med('rps'):9.0f}{med('rss_mb'):8.1f}{bad:6d}   {med('cpu_us') / first:.2f}x")
        if args.json:
            with open(args.json, "w") as f:
                json.dump({"rows": rows}, f, indent=1)
    finally:
        for p in running[::-1]:
            compare.stop(p)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
