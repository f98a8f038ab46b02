# Sourced by ./run and ./test: installs what is missing on Debian 12, and says so. Everything comes from the distribution.

# What building takes; tests add theirs.
build_packages=(g++ cmake ninja-build ccache pkg-config ca-certificates
  libuv1-dev node-llhttp libboost1.81-dev libboost-json1.81-dev libsimdjson-dev libspdlog-dev libssl-dev libc-ares-dev libnghttp2-dev
  zlib1g-dev libcli11-dev libvalijson-dev libre2-dev libexpat1-dev libyaml-dev libtomlplusplus-dev)
run_packages=(curl python3)
# clang and libc++ build the plugins of tests/abi, which must load whatever compiled them.
# make: what cmake builds with where nobody says otherwise, as authors of plugins do.
# rustc and cargo: plugins in Rust; their tests are skipped without.
# dnsmasq-base: a name server for the tests of service discovery, which are skipped without; so are those of time zones without tzdata.
# nghttp2-server: a backend of HTTP/2 that is not ours; its test is skipped without.
test_packages=(make libgtest-dev libbenchmark-dev python3 curl nghttp2-client nghttp2-server binutils openssl strace rustc cargo dnsmasq-base tzdata
  clang-14 libc++-14-dev libc++abi-14-dev)

say() { printf '\033[1m==\033[0m %s\n' "$*"; }
[ -t 1 ] || say() { printf '== %s\n' "$*"; }

# prepare PACKAGE…: installs those that are not there. Root, or sudo, is needed only then.
prepare() {
  if ! command -v dpkg-query >/dev/null; then
    say "this is no Debian; these are needed: $*"
    return 0
  fi
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing: ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "become root, or install sudo, or install these yourself: ${missing[*]}" >&2; return 1; }
    as_root=(sudo)
  fi
  # node-llhttp is wanted for its C sources only; recommended packages would bring much more.
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}")
  # Package lists may be missing or old: only then are they fetched.
  if ! apt-get install -s -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
     ! "${as_root[@]}" "${install[@]}" >/dev/null 2>&1; then
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" "${install[@]}" >/dev/null
  fi
}

# configure PRESET [ARGUMENT…]: quiet unless it fails.
configure() {
  local preset=$1 log
  log=$(mktemp)
  if ! cmake --preset "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}
