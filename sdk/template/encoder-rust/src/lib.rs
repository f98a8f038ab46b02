//! The output encoding "@NAME@" of an endpoint: the answer as lines of key=value. What is inside of objects and lists has the way
//! to it as its key: a.b=1, list.0=first. In the configuration of an endpoint:
//!
//!   "output_encoding": "@NAME@"
//!
//! The functions below are called by the gateway; what they may do, and how long what they get lives, is said in
//! sluice/plugin.h.
mod sluice;

use crate::sluice::*;
use std::ffi::{c_void, CStr};
use std::io::Write;
use std::os::raw::c_char;
use std::ptr::null;

// Services: asked for once, in load().
static EXCHANGE: Service<ExchangeApi> = Service::new();
static DOCUMENT: Service<DocumentApi> = Service::new();

/// The stack is as deep as the document.
const MOST_LEVELS: u32 = 32;

/// A text stays on its line: \n for the end of one, \\ for a backslash.
fn push_text(line: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        match byte {
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\\' => line.extend_from_slice(b"\\\\"),
            _ => line.push(byte),
        }
    }
}

/// Writes the values within `value`, which is `level` deep. `line` holds the way to it, and is left with something behind that.
unsafe fn put_value(x: *mut Exchange, value: Node, line: &mut Vec<u8>, level: u32) -> Status {
    let kind = (DOCUMENT.kind)(value);
    if kind == OBJECT || kind == ARRAY {
        if level == MOST_LEVELS {
            return ELIMIT;
        }
        let way = line.len();
        for i in 0..(DOCUMENT.count)(value) {
            let mut key = Str::ABSENT;
            let member = (DOCUMENT.at)(value, i, &mut key);
            line.truncate(way);
            if level > 0 {
                line.push(b'.');
            }
            if kind == OBJECT {
                line.extend_from_slice(key.bytes());
            } else {
                let _ = write!(line, "{i}"); // into memory: does not fail
            }
            let status = put_value(x, member, line, level + 1);
            if status != OK {
                return status;
            }
        }
        return OK;
    }
    if level > 0 {
        line.push(b'=');
    }
    let mut yes = 0;
    match kind {
        NULL => line.extend_from_slice(b"null"),
        BOOL if (DOCUMENT.as_bool)(value, &mut yes) == OK && yes != 0 => line.extend_from_slice(b"true"),
        BOOL => line.extend_from_slice(b"false"),
        _ => push_text(line, (DOCUMENT.text)(value).bytes()), // of a number: as it was written
    }
    line.push(b'\n');
    (EXCHANGE.append_body)(x, Str::of(line), 0) // copied by the gateway; what it refuses fails the answer
}

/// Writes the body; on an event loop. `data` is absent when there is no answer; it may be of any kind.
unsafe extern "C" fn encode(_state: *mut c_void, x: *mut Exchange, data: Node) -> Status {
    guarded(EINVAL, || if data.p.is_null() { OK } else { put_value(x, data, &mut Vec::new(), 0) })
}

unsafe extern "C" fn load(host: *const Host, _report: *mut Report) -> Status {
    guarded(EINVAL, || {
        EXCHANGE.find(host, c!("sluice.exchange/1"));
        DOCUMENT.find(host, c!("sluice.document/1"));
        OK // the gateway has checked that it has the required services
    })
}

unsafe extern "C" fn get_interface(id: *const c_char, _name: *const c_char) -> *const c_void {
    guarded(null(), || match CStr::from_ptr(id).to_bytes() {
        b"sluice.encoder/1" => &ENCODER as *const Encoder as *const c_void,
        _ => null(),
    })
}

static ENCODER: Encoder = Encoder {
    size: std::mem::size_of::<Encoder>() as u32,
    life: null(),
    content_type: Str::of(b"text/plain; charset=utf-8"),
    encode: Some(encode),
};

static SERVICES: Constant<[*const c_char; 3]> = Constant([c!("sluice.exchange/1"), c!("sluice.document/1"), null()]);

static BINDINGS: Constant<[Binding; 1]> = Constant([Binding {
    name: c!("@NAME@"),
    interface_id: c!("sluice.encoder/1"),
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
    "bind\tsluice.encoder/1\t0\t@NAME@\n"
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
        assert_eq!(unsafe { get_interface(BINDINGS.0[0].interface_id, BINDINGS.0[0].name) }, &ENCODER as *const Encoder as *const c_void);
        assert!(unsafe { get_interface(c!("sluice.log-sink/1"), c!("@NAME@")) }.is_null());
    }

    #[test]
    fn a_text_stays_on_its_line() {
        let mut line = b"a=".to_vec();
        push_text(&mut line, b"one\ntwo\\");
        assert_eq!(line, br"a=one\ntwo\\");
    }

    #[test]
    fn a_panic_fails_the_answer_and_no_more() {
        let mut something = 0u32;
        let data = Node { p: &mut something as *mut u32 as *mut c_void, epoch: 0 };
        // Nobody has called load(), so the first use of a service panics.
        assert_eq!(unsafe { encode(std::ptr::null_mut(), std::ptr::null_mut(), data) }, EINVAL);
    }
}
