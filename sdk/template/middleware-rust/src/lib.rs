//! Adds a header to the answers @OF@. In the configuration:
//!
//!   "extra_config": {"@VENDOR@/@NAME@": {"header": "X-Hello", "value": "world"}}
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
    value: Vec<u8>,
}

unsafe fn option(block: Node, key: &str, otherwise: &str) -> Vec<u8> {
    let found = (DOCUMENT.find)(block, Str::of(key.as_bytes()));
    if found.p.is_null() {
        return otherwise.as_bytes().to_vec();
    }
    (DOCUMENT.text)(found).bytes().to_vec()
}

unsafe extern "C" fn create(host: *const Host, block: Node, report: *mut Report, object: *mut *mut c_void) -> Status {
    guarded(EINVAL, || {
        let header = (EXCHANGE.intern)(host, Str::of(&option(block, "header", "X-Hello")));
        if header == 0 {
            // An error refuses the configuration; the pointer says where.
            (CONFIG.error)(report, Str::of(b"/header"), Str::of(b"is no header name"));
            return EINVAL;
        }
        let value = option(block, "value", "world");
        *object = Box::into_raw(Box::new(Plugin { header, value })) as *mut c_void;
        OK
    })
}

unsafe extern "C" fn destroy(object: *mut c_void) {
    guarded((), || drop(Box::from_raw(object as *mut Plugin)));
}

/// On the way out, also after failures. Runs on an event loop: must not block.
unsafe extern "C" fn on_response(state: *mut c_void, x: *mut Exchange, _slot: *mut *mut c_void) -> Action {
    guarded(FAIL, || {
        let plugin = &*(state as *const Plugin);
        (EXCHANGE.set_header)(x, RESPONSE, plugin.header, Str::of(&plugin.value));
        NEXT
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
        b"sluice.middleware/1" => &MIDDLEWARE as *const Middleware as *const c_void,
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

static MIDDLEWARE: Middleware = Middleware {
    size: std::mem::size_of::<Middleware>() as u32,
    life: &LIFE,
    on_request: None,
    on_raw_response: None,
    on_response: Some(on_response),
    on_done: None,
};

static SERVICES: Constant<[*const c_char; 4]> =
    Constant([c!("sluice.exchange/1"), c!("sluice.document/1"), c!("sluice.config/1"), null()]);

static BINDINGS: Constant<[Binding; 1]> = Constant([Binding {
    name: c!("@VENDOR@/@NAME@"),
    interface_id: c!("sluice.middleware/1"),
    scopes: @SCOPES@,
    stage: 500, // place in the chain: docs/life-of-a-request.md
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
    "bind\tsluice.middleware/1\t@SCOPE_BITS@\t@VENDOR@/@NAME@\n"
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
        assert_eq!(unsafe { get_interface(BINDINGS.0[0].interface_id, BINDINGS.0[0].name) }, &MIDDLEWARE as *const Middleware as *const c_void);
        assert!(unsafe { get_interface(c!("sluice.log-sink/1"), c!("@VENDOR@/@NAME@")) }.is_null());
    }

    #[test]
    fn a_panic_in_a_hook_fails_the_request_and_no_more() {
        let mut plugin = Plugin { header: 1, value: Vec::new() };
        let state = &mut plugin as *mut Plugin as *mut c_void;
        // Nobody has called load(), so the first use of a service panics.
        assert_eq!(unsafe { on_response(state, std::ptr::null_mut(), std::ptr::null_mut()) }, FAIL);
    }
}
