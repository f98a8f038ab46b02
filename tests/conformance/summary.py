#!/usr/bin/env python3
"""How many of the recorded cases are played, and what the others wait for: features.json against cases/. Printed by ./test."""
import fnmatch, json, os

here = os.path.dirname(os.path.abspath(__file__))
names = sorted({n.removesuffix(".json") for n in os.listdir(os.path.join(here, "cases")) if n.endswith(".json")}) or sorted(os.listdir(os.path.join(here, "cases")))
with open(os.path.join(here, "features.json")) as f:
    skip = json.load(f)["skip"]
left, counts = set(names), []
for entry in skip:
    hit = {n for n in left if any(fnmatch.fnmatchcase(n, p) for p in entry["cases"])}
    left -= hit
    counts.append((len(hit), entry["feature"]))
counts.sort(key=lambda c: (-c[0], c[1]))
print(f"recorded cases: {len(names)}, played {len(left)}, skipped {len(names) - len(left)}: " + ", ".join(f"{f} {n}" for n, f in counts))
