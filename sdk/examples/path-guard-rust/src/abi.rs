//! The parts of `sluice/plugin.h` that this plugin uses, in Rust.
//!
//! Tables of services may be declared as far as they are used: they begin with their size and only grow at the end. What the
//! plugin hands over (entry, binding, interface tables) has to be complete, as its size says so.
#![allow(non_camel_case_types)]

use std::os::raw::{c_char, c_void};

/// A view: never NUL-terminated, absent when `ptr` is null.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    pub ptr: *const u8,
    pub len: usize,
}

impl Str {
    pub const ABSENT: Str = Str { ptr: std::ptr::null(), len: 0 };

    pub const fn of(text: &'static str) -> Str {
        Str { ptr: text.as_ptr(), len: text.len() }
    }
    /// A view for the length of a call.
    pub fn lend(text: &str) -> Str {
        Str { ptr: text.as_ptr(), len: text.len() }
    }
    /// The bytes, as long as the header says that the view lives: the caller must not keep them longer.
    ///
    /// # Safety
    /// The view must come from the gateway and must still be valid.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.ptr.is_null() {
            return &[];
        }
        std::slice::from_raw_parts(self.ptr, self.len)
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Node {
    pub p: *mut c_void,
    pub epoch: u64,
}

/// Handles of the gateway: only ever behind a pointer.
pub enum Exchange {}
pub enum Report {}
pub enum Worker {}

pub type Status = i32;
pub const OK: Status = 0;
pub const EINVAL: Status = -1;

pub type Action = i32;
pub const NEXT: Action = 0;
pub const REPLY: Action = 1;
pub const FAIL: Action = -1;

pub const AT_SERVICE: u32 = 1;
pub const FIELD_PATH: i32 = 1;
pub const RESPONSE: i32 = 1;

#[repr(C)]
pub struct Host {
    pub size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub name: Str,
    pub version: Str,
    pub service: extern "C" fn(*const Host, *const c_char) -> *const c_void,
}

/// `sluice.exchange/1`, up to and including `set_body`. Functions that are not used are words of the right size.
#[repr(C)]
pub struct ExchangeApi {
    pub size: u32,
    pub intern: extern "C" fn(*const Host, Str) -> u32,
    _header: usize,
    _header_at: usize,
    pub set_header: extern "C" fn(*mut Exchange, i32, u32, Str) -> Status,
    _add_header: usize,
    _remove_header: usize,
    pub field: extern "C" fn(*mut Exchange, i32) -> Str,
    _set_field: usize,
    _param: usize,
    _set_param: usize,
    _status: usize,
    pub set_status: extern "C" fn(*mut Exchange, i32) -> Status,
    _body: usize,
    pub set_body: extern "C" fn(*mut Exchange, i32, Str) -> Status,
}

/// `sluice.document/1`, up to and including `count`.
#[repr(C)]
pub struct DocumentApi {
    pub size: u32,
    _kind: usize,
    _as_int: usize,
    _as_double: usize,
    _as_bool: usize,
    pub text: extern "C" fn(Node) -> Str,
    pub find: extern "C" fn(Node, Str) -> Node,
    pub at: extern "C" fn(Node, u32, *mut Str) -> Node,
    pub count: extern "C" fn(Node) -> u32,
}

/// `sluice.config/1`, up to and including `error`.
#[repr(C)]
pub struct ConfigApi {
    pub size: u32,
    pub error: extern "C" fn(*mut Report, Str, Str),
}

pub type Write = extern "C" fn(*mut c_void, Str) -> Status;

#[repr(C)]
pub struct Lifecycle {
    pub size: u32,
    pub create: Option<extern "C" fn(*const Host, Node, *mut Report, *mut *mut c_void) -> Status>,
    pub destroy: Option<extern "C" fn(*mut c_void)>,
    pub worker_start: Option<extern "C" fn(*mut c_void, *mut Worker, *mut *mut c_void) -> Status>,
    pub worker_stop: Option<extern "C" fn(*mut c_void)>,
    pub export_state: Option<extern "C" fn(*mut c_void, Write, *mut c_void) -> Status>,
    pub import_state: Option<extern "C" fn(*mut c_void, Str) -> Status>,
}

pub type Hook = extern "C" fn(*mut c_void, *mut Exchange, *mut *mut c_void) -> Action;

#[repr(C)]
pub struct Chunk {
    pub size: u32,
    pub flags: u32,
    pub bytes: Str,
}
pub type ChunkHook = extern "C" fn(*mut c_void, *mut Exchange, *mut *mut c_void, *const Chunk) -> Action;

#[repr(C)]
pub struct Middleware {
    pub size: u32,
    pub life: *const Lifecycle,
    pub on_request: Option<Hook>,
    pub on_raw_response: Option<Hook>,
    pub on_response: Option<Hook>,
    pub on_done: Option<extern "C" fn(*mut c_void, *mut Exchange, *mut *mut c_void)>,
    pub on_request_chunk: Option<ChunkHook>,
    pub on_response_chunk: Option<ChunkHook>,
}

#[repr(C)]
pub struct Binding {
    pub name: *const c_char,
    pub interface_id: *const c_char,
    pub scopes: u32,
    pub stage: i32,
    pub schema: *const c_char,
    pub aliases: *const *const c_char,
    pub flags: u64,
}

pub const MAGIC: u32 = 0x3143_4c53;
pub const ABI_MAJOR: u16 = 1;
pub const ABI_MINOR: u16 = 0;

#[repr(C)]
pub struct Entry {
    pub magic: u32,
    pub size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub flags: u32,
    pub id: *const c_char,
    pub version: *const c_char,
    pub built_with: *const c_char,
    pub required_services: *const *const c_char,
    pub bindings: *const Binding,
    pub binding_count: u32,
    pub binding_size: u32,
    pub load: Option<extern "C" fn(*const Host, *mut Report) -> Status>,
    pub unload: Option<extern "C" fn()>,
    pub get_interface: extern "C" fn(*const c_char, *const c_char) -> *const c_void,
}

/// Constant data with pointers in it. Rust does not let pointers be shared between threads unless somebody vouches for them.
#[repr(transparent)]
pub struct Constant<T>(pub T);
unsafe impl<T> Sync for Constant<T> {}

/// The ELF note of the plugin, which tools read without loading the file (sluice/note.h has the layout).
#[repr(C, align(4))]
pub struct Note<const N: usize> {
    owner_size: u32,
    size: u32,
    kind: u32,
    owner: [u8; 8],
    abi_major: u16,
    abi_minor: u16,
    flags: u32,
    text: [u8; N],
}

impl<const N: usize> Note<N> {
    /// `text` has N bytes at most; what remains stays NUL.
    pub const fn new(flags: u32, text: &str) -> Note<N> {
        let bytes = text.as_bytes();
        let mut padded = [0; N];
        let mut i = 0;
        while i < bytes.len() {
            padded[i] = bytes[i];
            i += 1;
        }
        Note {
            owner_size: 7,
            size: 8 + bytes.len() as u32,
            kind: 1,
            owner: *b"sluice\0\0",
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
            flags,
            text: padded,
        }
    }
}

/// Room for a text in a note, which ends on a multiple of four.
pub const fn note_room(text: &str) -> usize {
    (text.len() + 3) / 4 * 4
}
