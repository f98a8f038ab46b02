//! Chooses a host by a header of the request, so that one client always gets the same host. In the configuration of a backend:
//!
//!   "extra_config": {"@VENDOR@/@NAME@": {"header": "X-User"}}
//!
//! The functions below are called by the gateway; what they may do, and how long what they get lives, is said in
//! sluice/plugin.h.
mod sluice;

use crate::sluice::*;
use std::ffi::{c_void, CStr};
use std::os::raw::c_char;
use std::ptr::null;

// Services: asked for once, in load().
static EXCHANGE: Service<ExchangeApi> = Service::new();
static DOCUMENT: Service<DocumentApi> = Service::new();
static CONFIG: Service<ConfigApi> = Service::new();

/// One configuration block, compiled. Immutable: all workers share it.
struct Plugin {
    header: u32, // a name as a number: looked up once
}

unsafe extern "C" fn create(host: *const Host, block: Node, report: *mut Report, object: *mut *mut c_void) -> Status {
    guarded(EINVAL, || {
        let found = (DOCUMENT.find)(block, Str::of(b"header"));
        let name = if found.p.is_null() { Str::of(b"X-User") } else { (DOCUMENT.text)(found) };
        let header = (EXCHANGE.intern)(host, name);
        if header == 0 {
            // An error refuses the configuration; the pointer says where.
            (CONFIG.error)(report, Str::of(b"/header"), Str::of(b"is no header name"));
            return EINVAL;
        }
        *object = Box::into_raw(Box::new(Plugin { header })) as *mut c_void;
        OK
    })
}

unsafe extern "C" fn destroy(object: *mut c_void) {
    guarded((), || drop(Box::from_raw(object as *mut Plugin)));
}

/// FNV-1a.
fn hash(text: &[u8]) -> u32 {
    text.iter().fold(2166136261, |hash: u32, &byte| (hash ^ u32::from(byte)).wrapping_mul(16777619))
}

/// The index of the chosen host; there are two or more. Called for each call, on an event loop.
unsafe extern "C" fn pick(state: *mut c_void, x: *mut Exchange, _hosts: *const Candidate, n: u32) -> u32 {
    guarded(0, || {
        let plugin = &*(state as *const Plugin);
        hash((EXCHANGE.header)(x, REQUEST, plugin.header, 0).bytes()) % n
    })
}

unsafe extern "C" fn load(host: *const Host, _report: *mut Report) -> Status {
    guarded(EINVAL, || {
        EXCHANGE.find(host, c!("sluice.exchange/1"));
        DOCUMENT.find(host, c!("sluice.document/1"));
        CONFIG.find(host, c!("sluice.config/1"));
        OK // the gateway has checked that it has the required services
    })
}

unsafe extern "C" fn get_interface(id: *const c_char, _name: *const c_char) -> *const c_void {
    guarded(null(), || match CStr::from_ptr(id).to_bytes() {
        b"sluice.balancer/1" => &BALANCER as *const Balancer as *const c_void,
        _ => null(),
    })
}

static LIFE: Lifecycle = Lifecycle {
    size: std::mem::size_of::<Lifecycle>() as u32,
    create: Some(create),
    destroy: Some(destroy),
    worker_start: None,
    worker_stop: None,
};

static BALANCER: Balancer = Balancer {
    size: std::mem::size_of::<Balancer>() as u32,
    life: &LIFE,
    pick: Some(pick),
};

static SERVICES: Constant<[*const c_char; 4]> =
    Constant([c!("sluice.exchange/1"), c!("sluice.document/1"), c!("sluice.config/1"), null()]);

static BINDINGS: Constant<[Binding; 1]> = Constant([Binding {
    name: c!("@VENDOR@/@NAME@"),
    interface_id: c!("sluice.balancer/1"),
    scopes: AT_BACKEND,
    stage: 0,
    schema: c!(include_str!("../schema.json")),
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
    required_services: &SERVICES.0 as *const *const c_char,
    bindings: &BINDINGS.0 as *const Binding,
    binding_count: 1,
    binding_size: std::mem::size_of::<Binding>() as u32,
    load: Some(load),
    unload: None,
    get_interface,
};

/// The same, readable without loading the file: for `sluice plugins` and plugins.lock.
const NOTE_TEXT: &str = concat!(
    "id\t@VENDOR@.@NAME@\nversion\t", env!("CARGO_PKG_VERSION"), "\nbuilt\tRust\n",
    "bind\tsluice.balancer/1\tSLC_AT_BACKEND\t@VENDOR@/@NAME@\n"
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
        assert_eq!(unsafe { get_interface(BINDINGS.0[0].interface_id, BINDINGS.0[0].name) }, &BALANCER as *const Balancer as *const c_void);
        assert!(unsafe { get_interface(c!("sluice.log-sink/1"), c!("@VENDOR@/@NAME@")) }.is_null());
    }

    #[test]
    fn the_hash_is_the_one_that_others_compute() {
        assert_eq!(hash(b""), 0x811c_9dc5);
        assert_eq!(hash(b"foobar"), 0xbf9c_f968);
    }

    #[test]
    fn a_panic_chooses_the_first_host() {
        let mut plugin = Plugin { header: 1 };
        let state = &mut plugin as *mut Plugin as *mut c_void;
        // Nobody has called load(), so the first use of a service panics.
        assert_eq!(unsafe { pick(state, std::ptr::null_mut(), null(), 2) }, 0);
    }
}
