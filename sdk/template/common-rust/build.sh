#!/bin/sh
# build/@NAME@.so. SLUICE_PREFIX: where sluice is installed, if not in /usr. OUT: another folder for it, CARGO: another cargo.
set -eu
cd "$(dirname "$0")"
out=${OUT:-build}
"${CARGO:-cargo}" build --release --offline --target-dir target
mkdir -p "$out"
made=target/release/lib@IDENTIFIER@_plugin.so
cmp -s "$made" "$out/@NAME@.so" && exit
# A gateway may have the old file mapped: it is replaced, never written to.
cp "$made" "$out/@NAME@.new"
chmod go-w "$out/@NAME@.new"
mv "$out/@NAME@.new" "$out/@NAME@.so"
