"""A gateway with one worker on a core and its backend on the other one, for scripts that compare endpoints of one gateway."""
import contextlib, json, os, pathlib, shutil, tempfile

import compare


class Bench:
    """`folder` is temporary; `running` are processes of compare.start() that end with the bench; `gateway` and `port` after serve()."""

    def __init__(self, folder, log):
        self.folder, self.log, self.running = folder, log, []

    def start(self, command, cpu, port):
        process = compare.start(command, cpu, self.log)
        self.running.append(process)
        compare.wait_port(port, process)
        return process

    def serve(self, build, plugins, endpoints, *flags):
        """endpoints: of the host of the backend, which serves what compare.py's does."""
        self.port, backend_port = compare.free_port(), compare.free_port()
        self.start(compare.write_backend_conf(self.folder, backend_port), 1, backend_port)
        config = {"version": 3, "port": self.port, "listen_ip": "127.0.0.1", "timeout": "10s", "max_idle_connections": 1024,
                  "max_idle_connections_per_host": 1024, "idle_connection_timeout": "600s", "endpoints": endpoints(f"http://127.0.0.1:{backend_port}"),
                  "extra_config": {"telemetry/logging": {"level": "CRITICAL", "stdout": True}, "router": {"disable_access_log": True}}}
        pathlib.Path(f"{self.folder}/gateway.json").write_text(json.dumps(config))
        self.gateway = self.start([str(build / "bin/sluice"), "run", "-c", f"{self.folder}/gateway.json", "--workers", "1", *flags,
                                   "--plugins", str(plugins)], 0, self.port)


@contextlib.contextmanager
def bench(name):
    folder = tempfile.mkdtemp(prefix=f"sluice-{name}-")
    os.chmod(folder, 0o755)
    with open(f"{folder}/log", "w") as log:
        b = Bench(folder, log)
        try:
            yield b
        finally:
            for p in b.running[::-1]:
                compare.stop(p)
            shutil.rmtree(folder, ignore_errors=True)
