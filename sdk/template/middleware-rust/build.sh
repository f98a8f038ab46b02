#!/bin/sh
# build/@NAME@.so. SLUICE_PREFIX: where sluice is installed, if not in /usr.
set -eu
cd "$(dirname "$0")"
cargo build --release --offline
mkdir -p build
cp target/release/lib@IDENTIFIER@.so build/@NAME@.so
chmod go-w build/@NAME@.so
