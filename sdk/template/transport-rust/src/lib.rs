//! Answers in place of an HTTP backend: what was asked, after a while. In the configuration of a backend:
//!
//!   "extra_config": {"@VENDOR@/@NAME@": {"greeting": "hello", "delay_ms": 10}}
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
static LOOP: Service<LoopApi> = Service::new();

/// One configuration block, compiled. Immutable: all workers share it.
struct Plugin {
    delay_ms: u32,
    greeting: Vec<u8>,
}

/// One request; in the exchange's own memory, which goes with it and drops nothing.
struct Call {
    plugin: *const Plugin,
    token: Token,
}

/// The block has passed its schema: kinds and ranges are right.
unsafe extern "C" fn create(_host: *const Host, block: Node, _report: *mut Report, object: *mut *mut c_void) -> Status {
    guarded(EINVAL, || {
        let found = (DOCUMENT.find)(block, Str::of(b"greeting"));
        let greeting = if found.p.is_null() { b"hello".to_vec() } else { (DOCUMENT.text)(found).bytes().to_vec() };
        let mut delay = 10;
        (DOCUMENT.as_int)((DOCUMENT.find)(block, Str::of(b"delay_ms")), &mut delay); // stays as it is when the member is absent
        *object = Box::into_raw(Box::new(Plugin { delay_ms: delay as u32, greeting })) as *mut c_void;
        OK
    })
}

unsafe extern "C" fn destroy(object: *mut c_void) {
    guarded((), || drop(Box::from_raw(object as *mut Plugin)));
}

/// Adds a JSON string.
fn push_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

fn body_of(greeting: &[u8], method: &[u8], path: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (before, text) in [("{\"greeting\":", greeting), (",\"method\":", method), (",\"path\":", path)] {
        body.extend_from_slice(before.as_bytes());
        push_string(&mut body, text);
    }
    body.push(b'}');
    body
}

/// The time has come: writes the answer, which is decoded as any backend's. Never called when the exchange is over.
unsafe extern "C" fn answer(user: *mut c_void, x: *mut Exchange) {
    guarded((), || {
        let call = &*(user as *const Call);
        let action = guarded(FAIL, || {
            let body = body_of(&(*call.plugin).greeting, (EXCHANGE.field)(x, METHOD).bytes(), (EXCHANGE.field)(x, PATH).bytes());
            let written = (EXCHANGE.set_status)(x, 200) == OK && (EXCHANGE.append_body)(x, Str::of(&body), 0) == OK;
            if written { REPLY } else { FAIL }
        });
        (LOOP.resume)(call.token, action); // also after a panic: the request is not left waiting
    });
}

/// Reads the request side, fills the response side. On an event loop: must not block. This one waits with a timer; one that speaks
/// to something else gives the token to whoever has the answer, on any thread. Bodies that are long pass in pieces: on_room and
/// on_request_chunk of slc_transport.
unsafe extern "C" fn send(state: *mut c_void, x: *mut Exchange, _slot: *mut *mut c_void) -> Action {
    guarded(FAIL, || {
        let plugin = state as *const Plugin;
        let call = (EXCHANGE.alloc)(x, std::mem::size_of::<Call>(), std::mem::align_of::<Call>()) as *mut Call;
        if call.is_null() {
            return FAIL;
        }
        let token = (LOOP.suspend)(x);
        call.write(Call { plugin, token });
        if token == 0 || (LOOP.timer)((EXCHANGE.worker)(x), x, (*plugin).delay_ms, answer, call as *mut c_void) == 0 {
            return FAIL;
        }
        PENDING
    })
}

/// The client left, or the time is over. The timer has the exchange as its owner and ends with it; what the gateway does not know
/// of, such as a connection of one's own, ends here.
unsafe extern "C" fn cancel(_state: *mut c_void, _x: *mut Exchange, _slot: *mut *mut c_void) {}

unsafe extern "C" fn load(host: *const Host, _report: *mut Report) -> Status {
    guarded(EINVAL, || {
        EXCHANGE.find(host, c!("sluice.exchange/1"));
        DOCUMENT.find(host, c!("sluice.document/1"));
        LOOP.find(host, c!("sluice.loop/1"));
        OK // the gateway has checked that it has the required services
    })
}

unsafe extern "C" fn get_interface(id: *const c_char, _name: *const c_char) -> *const c_void {
    guarded(null(), || match CStr::from_ptr(id).to_bytes() {
        b"sluice.transport/1" => &TRANSPORT as *const Transport as *const c_void,
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

static TRANSPORT: Transport = Transport {
    size: std::mem::size_of::<Transport>() as u32,
    life: &LIFE,
    send: Some(send),
    cancel: Some(cancel),
};

static SERVICES: Constant<[*const c_char; 4]> =
    Constant([c!("sluice.exchange/1"), c!("sluice.document/1"), c!("sluice.loop/1"), null()]);

static BINDINGS: Constant<[Binding; 1]> = Constant([Binding {
    name: c!("@VENDOR@/@NAME@"),
    interface_id: c!("sluice.transport/1"),
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
    "bind\tsluice.transport/1\tSLC_AT_BACKEND\t@VENDOR@/@NAME@\n"
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
        assert_eq!(unsafe { get_interface(BINDINGS.0[0].interface_id, BINDINGS.0[0].name) }, &TRANSPORT as *const Transport as *const c_void);
        assert!(unsafe { get_interface(c!("sluice.log-sink/1"), c!("@VENDOR@/@NAME@")) }.is_null());
    }

    #[test]
    fn what_the_client_sends_is_escaped() {
        assert_eq!(body_of(b"a\"b\\", b"GET", b"/\x01\n"), br#"{"greeting":"a\"b\\","method":"GET","path":"/\u0001\u000a"}"#);
    }

    #[test]
    fn a_panic_fails_the_request_and_no_more() {
        let mut plugin = Plugin { delay_ms: 0, greeting: Vec::new() };
        let state = &mut plugin as *mut Plugin as *mut c_void;
        // Nobody has called load(), so the first use of a service panics.
        assert_eq!(unsafe { send(state, std::ptr::null_mut(), std::ptr::null_mut()) }, FAIL);
    }
}
