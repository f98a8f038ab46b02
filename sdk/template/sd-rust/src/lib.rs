//! The service discovery "@NAME@": a host may name a range of ports. In the configuration of a backend:
//!
//!   "sd": "@NAME@", "host": ["127.0.0.1:9001-9003"]
//!
//! The functions below are called by the gateway; what they may do, and how long what they get lives, is said in
//! sluice/plugin.h.
mod sluice;

use crate::sluice::*;
use std::ffi::{c_void, CStr};
use std::ops::RangeInclusive;
use std::os::raw::c_char;
use std::ptr::null;

const MOST_PORTS: u16 = 1000; // of one range

/// Digits only, from 1 to 65535.
fn port_of(text: &[u8]) -> Option<u16> {
    if text.len() > 5 || !text.iter().all(u8::is_ascii_digit) {
        return None; // parse() would take a sign, too
    }
    std::str::from_utf8(text).ok()?.parse().ok().filter(|&port| port != 0)
}

/// The ports of `name:first-last`, with its name.
fn range_of(host: &[u8]) -> Option<(&[u8], RangeInclusive<u16>)> {
    let colon = host.iter().rposition(|&byte| byte == b':')?;
    let dash = host.iter().rposition(|&byte| byte == b'-').filter(|&dash| dash > colon)?;
    let (first, last) = (port_of(&host[colon + 1..dash])?, port_of(&host[dash + 1..])?);
    (first <= last && last - first < MOST_PORTS).then(|| (&host[..colon], first..=last))
}

/// What one entry of "host" stands for; what is no range is taken as it stands. Hosts need not be UTF-8.
fn push_urls(urls: &mut Vec<Vec<u8>>, scheme: &[u8], host: &[u8]) {
    let bare = host.windows(3).position(|part| part == b"://").map_or(host, |at| &host[at + 3..]);
    match range_of(bare) {
        Some((name, ports)) => urls.extend(ports.map(|port| [scheme, b"://", name, format!(":{port}").as_bytes()].concat())),
        None => urls.push([scheme, b"://", bare].concat()),
    }
}

/// Publishes now, and never again. A discovery that goes on keeps `list` and `publish` in what it hands out by *watch, starts a
/// job of sluice.work/1 or a thread that calls publish, and ends it in unwatch. Requests never wait for a discovery.
unsafe extern "C" fn watch(
    _object: *mut c_void, query: *const ResolverQuery, list: *mut HostList, publish: Publish, watch_state: *mut *mut c_void,
) -> Status {
    guarded(EINVAL, || {
        let query = &*query;
        let hosts = if query.host_count == 0 { &[][..] } else { std::slice::from_raw_parts(query.hosts, query.host_count as usize) };
        let scheme = if query.scheme.len == 0 { &b"http"[..] } else { query.scheme.bytes() };
        let mut urls = Vec::new();
        for host in hosts {
            push_urls(&mut urls, scheme, host.bytes());
        }
        let addresses: Vec<Address> =
            urls.iter().map(|url| Address { url: Str::of(url), weight: 1, reserved_bits: 0, reserved: 0 }).collect();
        *watch_state = std::ptr::null_mut();
        publish(list, addresses.as_ptr(), addresses.len() as u32) // copies
    })
}

unsafe extern "C" fn unwatch(_object: *mut c_void, _watch_state: *mut c_void) {} // nothing goes on that would have to end

unsafe extern "C" fn get_interface(id: *const c_char, _name: *const c_char) -> *const c_void {
    guarded(null(), || match CStr::from_ptr(id).to_bytes() {
        b"sluice.resolver/1" => &RESOLVER as *const Resolver as *const c_void,
        _ => null(),
    })
}

static RESOLVER: Resolver = Resolver {
    size: std::mem::size_of::<Resolver>() as u32,
    life: null(),
    watch: Some(watch),
    unwatch: Some(unwatch),
};

static BINDINGS: Constant<[Binding; 1]> = Constant([Binding {
    name: c!("@NAME@"),
    interface_id: c!("sluice.resolver/1"),
    scopes: 0,
    stage: 0,
    schema: null(),
    aliases: null(),
    flags: 0,
}]);

/// The one symbol that the gateway looks for.
#[no_mangle]
#[allow(non_upper_case_globals)]
pub static slc_plugin_entry: Entry = Entry {
    magic: MAGIC,
    size: std::mem::size_of::<Entry>() as u32,
    abi_major: ABI_MAJOR,
    abi_minor: ABI_MINOR,
    flags: BUILD_FLAGS,
    id: c!("@VENDOR@.@NAME@"),
    version: c!(env!("CARGO_PKG_VERSION")),
    built_with: c!("Rust"),
    required_services: null(),
    bindings: &BINDINGS.0 as *const Binding,
    binding_count: 1,
    binding_size: std::mem::size_of::<Binding>() as u32,
    load: None,
    unload: None,
    get_interface,
};

/// The same, readable without loading the file: for `sluice plugins` and plugins.lock.
const NOTE_TEXT: &str = concat!(
    "id\t@VENDOR@.@NAME@\nversion\t", env!("CARGO_PKG_VERSION"), "\nbuilt\tRust\n",
    "bind\tsluice.resolver/1\t0\t@NAME@\n"
);
#[used]
#[link_section = ".note.sluice"]
static NOTE: Note<{ note_room(NOTE_TEXT) }> = Note::new(BUILD_FLAGS, NOTE_TEXT);

// What needs no gateway. plugin_test.cc calls the plugin as a gateway does.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_says_what_the_loader_wants() {
        assert_eq!(slc_plugin_entry.magic, MAGIC);
        assert_eq!(slc_plugin_entry.binding_count, 1);
        assert_eq!(unsafe { get_interface(BINDINGS.0[0].interface_id, BINDINGS.0[0].name) }, &RESOLVER as *const Resolver as *const c_void);
        assert!(unsafe { get_interface(c!("sluice.log-sink/1"), c!("@NAME@")) }.is_null());
    }

    #[test]
    fn a_port_is_digits() {
        assert_eq!(port_of(b"80"), Some(80));
        assert_eq!(port_of(b"65535"), Some(65535));
        for wrong in ["", "0", "65536", "+1", "000080", "x", "1 "] {
            assert_eq!(port_of(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn hosts_need_not_be_text() {
        let mut urls = Vec::new();
        push_urls(&mut urls, b"http", b"tcp://\xff:1-2");
        push_urls(&mut urls, b"https", b"a:80");
        assert_eq!(urls, [&b"http://\xff:1"[..], b"http://\xff:2", b"https://a:80"]);
    }
}
