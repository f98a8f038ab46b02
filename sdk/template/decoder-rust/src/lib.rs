//! The encoding "@NAME@" of a backend: lines of key=value become an object of texts. In the configuration of a backend:
//!
//!   "encoding": "@NAME@"
//!
//! The functions below are called by the gateway; what they may do, and how long what they get lives, is said in
//! sluice/plugin.h.
mod sluice;

use crate::sluice::*;
use std::ffi::{c_void, CStr};
use std::os::raw::c_char;
use std::ptr::null;

// Services: asked for once, in load().
static DOCUMENT: Service<DocumentApi> = Service::new();

/// The lines of a text, without their ends; empty ones are left out.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).filter(|line| !line.is_empty())
}

/// Key and value, or nothing when there is no = in the line.
fn pair(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = line.iter().position(|&byte| byte == b'=')?;
    Some((&line[..equals], &line[equals + 1..]))
}

/// The pieces as one text, in memory of the document: what points there need not be copied.
unsafe fn joined<'a>(chunks: &[Str], out: *mut Builder) -> Option<&'a [u8]> {
    let size: usize = chunks.iter().map(|chunk| chunk.len).sum();
    let text = (DOCUMENT.alloc)(out, size + 1) as *mut u8;
    if text.is_null() {
        return None;
    }
    let mut at = 0;
    for chunk in chunks.iter().filter(|chunk| chunk.len != 0) {
        std::ptr::copy_nonoverlapping(chunk.ptr, text.add(at), chunk.len);
        at += chunk.len;
    }
    Some(std::slice::from_raw_parts(text, size))
}

/// Bytes in, tokens out; no state. The body comes in pieces that end anywhere.
unsafe extern "C" fn decode(_state: *mut c_void, chunks: *const Str, n: u32, flags: u32, out: *mut Builder, why: *mut Str) -> Status {
    guarded(EDECODE, || {
        let chunks = if n == 0 { &[][..] } else { std::slice::from_raw_parts(chunks, n as usize) };
        let text = match joined(chunks, out) {
            Some(text) => text,
            None => return ENOMEM,
        };
        let collection = flags & DECODE_COLLECTION != 0; // the backend has "is_collection": a list is wanted
        if collection {
            (DOCUMENT.begin)(out, OBJECT);
            (DOCUMENT.key)(out, Str::of(b"collection"));
            (DOCUMENT.begin)(out, ARRAY);
        }
        (DOCUMENT.begin)(out, OBJECT);
        for line in lines(text) {
            let (key, value) = match pair(line) {
                Some(pair) => pair,
                None => {
                    *why = Str::of(b"a line without ="); // static text, or text that lives as long as the exchange
                    return EDECODE;
                }
            };
            (DOCUMENT.key)(out, Str::of(key));
            (DOCUMENT.string_stable)(out, Str::of(value));
        }
        let mut status = (DOCUMENT.end)(out); // a call that did not fit has spoiled the document, and this says so
        if collection {
            (DOCUMENT.end)(out);
            status = (DOCUMENT.end)(out);
        }
        status
    })
}

unsafe extern "C" fn load(host: *const Host, _report: *mut Report) -> Status {
    guarded(EINVAL, || {
        DOCUMENT.find(host, c!("sluice.document/1"));
        OK // the gateway has checked that it has the required services
    })
}

unsafe extern "C" fn get_interface(id: *const c_char, _name: *const c_char) -> *const c_void {
    guarded(null(), || match CStr::from_ptr(id).to_bytes() {
        b"sluice.decoder/1" => &DECODER as *const Decoder as *const c_void,
        _ => null(),
    })
}

static DECODER: Decoder = Decoder {
    size: std::mem::size_of::<Decoder>() as u32,
    life: null(),
    format: Str::ABSENT,
    decode: Some(decode),
    expand: None,
};

static SERVICES: Constant<[*const c_char; 2]> = Constant([c!("sluice.document/1"), null()]);

static BINDINGS: Constant<[Binding; 1]> = Constant([Binding {
    name: c!("@NAME@"),
    interface_id: c!("sluice.decoder/1"),
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
    "bind\tsluice.decoder/1\t0\t@NAME@\n"
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
        assert_eq!(unsafe { get_interface(BINDINGS.0[0].interface_id, BINDINGS.0[0].name) }, &DECODER as *const Decoder as *const c_void);
        assert!(unsafe { get_interface(c!("sluice.log-sink/1"), c!("@NAME@")) }.is_null());
    }

    #[test]
    fn lines_end_as_people_end_them() {
        assert_eq!(lines(b"a\r\n\nb\n\r\nc").collect::<Vec<_>>(), [b"a", b"b", b"c"]);
        assert_eq!(lines(b"").count(), 0);
    }

    #[test]
    fn the_first_sign_ends_the_key() {
        assert_eq!(pair(b"a=b=c"), Some((&b"a"[..], &b"b=c"[..])));
        assert_eq!(pair(b"="), Some((&b""[..], &b""[..])));
        assert_eq!(pair(b"a"), None);
    }

    #[test]
    fn a_panic_fails_the_answer_and_no_more() {
        let mut why = Str::ABSENT;
        // Nobody has called load(), so the first use of a service panics.
        assert_eq!(unsafe { decode(std::ptr::null_mut(), null(), 0, 0, std::ptr::null_mut(), &mut why) }, EDECODE);
    }
}
