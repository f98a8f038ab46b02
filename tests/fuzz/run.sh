#!/usr/bin/env bash
# tests/fuzz/run.sh [SECONDS] [NAME...]: each fuzz target for so many seconds (600), with its seeds. Needs clang 14.
# What is found new grows in build/fuzz/corpus; a crashing input is kept beside it and its path is printed.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-600}
shift || true

cmake --preset fuzz >/dev/null
mapfile -t names < <(if [ $# -gt 0 ]; then printf '%s\n' "$@"; else for f in tests/fuzz/*_fuzz.cc; do basename "$f" _fuzz.cc; done; fi)
cmake --build build/fuzz --target $(printf 'fuzz_%s ' "${names[@]}")

failed=()
for name in "${names[@]}"; do
  grown=build/fuzz/corpus/$name
  mkdir -p "$grown"
  options=()
  [ -f "tests/fuzz/$name.dict" ] && options+=("-dict=tests/fuzz/$name.dict")
  echo "== $name, $seconds s"
  build/fuzz/bin/fuzz_"$name" "${options[@]}" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/corpus/$name-" "$grown" "tests/fuzz/corpus/$name" || failed+=("$name")
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi
