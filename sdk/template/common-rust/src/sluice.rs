//! What plugins of all kinds need of sluice/plugin.h, written by hand. The header is the contract, with threads, life times and
//! failures: types and tables here must have its layout, field by field. Tables only grow at their end, so those of the gateway
//! may be longer than the ones declared here; the plugin's own say how long they are.
#![allow(dead_code)]

use std::ffi::c_void;
use std::os::raw::c_char;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A view: pointer and length, never NUL-terminated. Absent: the pointer is null.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    pub ptr: *const u8,
    pub len: usize,
}

impl Str {
    pub const ABSENT: Str = Str { ptr: std::ptr::null(), len: 0 };

    pub const fn of(text: &[u8]) -> Str {
        Str { ptr: text.as_ptr(), len: text.len() }
    }
    /// # Safety
    /// As long as the gateway promises for this view; see the comment of the function that gave it.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.ptr.is_null() {
            &[]
        } else {
            std::slice::from_raw_parts(self.ptr, self.len)
        }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Node {
    pub p: *mut c_void,
    pub epoch: u64,
}

/// Opaque to plugins; handled by pointer only.
pub type Report = c_void;
pub type Exchange = c_void;
pub type Worker = c_void;
pub type Builder = c_void;
pub type HostList = c_void;

/// Of a suspension or a timer; 0 is none.
pub type Token = u64;

pub type Status = i32;
pub const OK: Status = 0;
pub const EINVAL: Status = -1;
pub const ENOMEM: Status = -3;
pub const ELIMIT: Status = -6;
pub const EDECODE: Status = -11;

pub type Action = i32;
pub const NEXT: Action = 0;
pub const REPLY: Action = 1;
pub const PENDING: Action = 2;
pub const FAIL: Action = -1;

pub const AT_SERVICE: u32 = 1;
pub const AT_ENDPOINT: u32 = 2;
pub const AT_PROXY: u32 = 4;
pub const AT_BACKEND: u32 = 8;

// Sides of an exchange, its fields, kinds of values.
pub const REQUEST: i32 = 0;
pub const RESPONSE: i32 = 1;
pub const METHOD: i32 = 0;
pub const PATH: i32 = 1;
pub const QUERY: i32 = 2;
pub const NULL: i32 = 0;
pub const BOOL: i32 = 1;
pub const NUMBER: i32 = 2;
pub const STRING: i32 = 3;
pub const ARRAY: i32 = 4;
pub const OBJECT: i32 = 5;

// ---- what the gateway offers ----

#[repr(C)]
pub struct Host {
    pub size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub name: Str,
    pub version: Str,
    pub service: unsafe extern "C" fn(*const Host, *const c_char) -> *const c_void,
}

/// slc_exchange_api.
#[repr(C)]
pub struct ExchangeApi {
    pub size: u32,
    pub intern: unsafe extern "C" fn(*const Host, Str) -> u32,
    pub header: unsafe extern "C" fn(*mut Exchange, i32, u32, u32) -> Str,
    pub header_at: unsafe extern "C" fn(*mut Exchange, i32, u32, *mut Str, *mut Str) -> Status,
    pub set_header: unsafe extern "C" fn(*mut Exchange, i32, u32, Str) -> Status,
    pub add_header: unsafe extern "C" fn(*mut Exchange, i32, u32, Str) -> Status,
    pub remove_header: unsafe extern "C" fn(*mut Exchange, i32, u32) -> Status,
    pub field: unsafe extern "C" fn(*mut Exchange, i32) -> Str,
    pub set_field: unsafe extern "C" fn(*mut Exchange, i32, Str) -> Status,
    pub param: unsafe extern "C" fn(*mut Exchange, Str) -> Str,
    pub set_param: unsafe extern "C" fn(*mut Exchange, Str, Str) -> Status,
    pub status: unsafe extern "C" fn(*mut Exchange) -> i32,
    pub set_status: unsafe extern "C" fn(*mut Exchange, i32) -> Status,
    pub body: unsafe extern "C" fn(*mut Exchange, i32, *mut Str, u32) -> u32,
    pub set_body: unsafe extern "C" fn(*mut Exchange, i32, Str) -> Status,
    pub append_body: unsafe extern "C" fn(*mut Exchange, Str, i32) -> Status,
    pub data: unsafe extern "C" fn(*mut Exchange) -> Node,
    pub replace_data: unsafe extern "C" fn(*mut Exchange) -> *mut Builder,
    pub complete: unsafe extern "C" fn(*mut Exchange) -> i32,
    pub set_complete: unsafe extern "C" fn(*mut Exchange, i32) -> Status,
    pub alloc: unsafe extern "C" fn(*mut Exchange, usize, usize) -> *mut c_void,
    pub fail: unsafe extern "C" fn(*mut Exchange, i32, Str, Str, Str),
    pub outcome: unsafe extern "C" fn(*mut Exchange, *mut Str) -> Status,
    pub scope: unsafe extern "C" fn(*mut Exchange) -> i32,
    pub worker: unsafe extern "C" fn(*mut Exchange) -> *mut Worker,
}

/// The beginning of slc_document_api.
#[repr(C)]
pub struct DocumentApi {
    pub size: u32,
    pub kind: unsafe extern "C" fn(Node) -> i32,
    pub as_int: unsafe extern "C" fn(Node, *mut i64) -> Status,
    pub as_double: unsafe extern "C" fn(Node, *mut f64) -> Status,
    pub as_bool: unsafe extern "C" fn(Node, *mut i32) -> Status,
    pub text: unsafe extern "C" fn(Node) -> Str,
    pub find: unsafe extern "C" fn(Node, Str) -> Node,
    pub at: unsafe extern "C" fn(Node, u32, *mut Str) -> Node,
    pub count: unsafe extern "C" fn(Node) -> u32,
    pub erase: unsafe extern "C" fn(Node, Str) -> Status,
    pub source: unsafe extern "C" fn(Node, Str) -> Str,
    pub source_run: unsafe extern "C" fn(Node, Str, u32, *mut u32) -> Str,
    pub begin: unsafe extern "C" fn(*mut Builder, i32) -> Status,
    pub end: unsafe extern "C" fn(*mut Builder) -> Status,
    pub key: unsafe extern "C" fn(*mut Builder, Str) -> Status,
    pub string: unsafe extern "C" fn(*mut Builder, Str) -> Status,
    pub string_stable: unsafe extern "C" fn(*mut Builder, Str) -> Status,
    pub number_text: unsafe extern "C" fn(*mut Builder, Str) -> Status,
    pub integer: unsafe extern "C" fn(*mut Builder, i64) -> Status,
    pub number: unsafe extern "C" fn(*mut Builder, f64) -> Status,
    pub literal: unsafe extern "C" fn(*mut Builder, i32, i32) -> Status,
    pub copy: unsafe extern "C" fn(*mut Builder, Node) -> Status,
    pub deferred: unsafe extern "C" fn(*mut Builder, i32, Str) -> Status,
    pub deferred_member: unsafe extern "C" fn(*mut Builder, Str, Str, i32, Str) -> Status,
    pub alloc: unsafe extern "C" fn(*mut Builder, usize) -> *mut c_void,
}

/// The beginning of slc_config_api.
#[repr(C)]
pub struct ConfigApi {
    pub size: u32,
    pub error: unsafe extern "C" fn(*mut Report, Str, Str),
    pub warning: unsafe extern "C" fn(*mut Report, Str, Str),
}

pub type TimerFn = unsafe extern "C" fn(*mut c_void, *mut Exchange);

/// The beginning of slc_loop_api.
#[repr(C)]
pub struct LoopApi {
    pub size: u32,
    pub suspend: unsafe extern "C" fn(*mut Exchange) -> Token,
    pub resume: unsafe extern "C" fn(Token, Action) -> Status,
    pub timer: unsafe extern "C" fn(*mut Worker, *mut Exchange, u32, TimerFn, *mut c_void) -> Token,
}

/// A table of the gateway: found in load(), used like a reference to it afterwards. It lives as long as the process.
pub struct Service<T>(AtomicPtr<T>);

impl<T> Service<T> {
    pub const fn new() -> Service<T> {
        Service(AtomicPtr::new(null_mut()))
    }
    /// # Safety
    /// `host` is the gateway's, and T the table of that id.
    pub unsafe fn find(&self, host: *const Host, id: *const c_char) {
        self.0.store(((*host).service)(host, id) as *mut T, Ordering::Release);
    }
}

impl<T> std::ops::Deref for Service<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // The gateway loads no plugin whose required services it has not.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }.expect("a service that load() has not found")
    }
}

// ---- what a plugin offers ----

pub type Hook = unsafe extern "C" fn(*mut c_void, *mut Exchange, *mut *mut c_void) -> Action;

#[repr(C)]
pub struct Lifecycle {
    pub size: u32,
    pub create: Option<unsafe extern "C" fn(*const Host, Node, *mut Report, *mut *mut c_void) -> Status>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub worker_start: Option<unsafe extern "C" fn(*mut c_void, *mut Worker, *mut *mut c_void) -> Status>,
    pub worker_stop: Option<unsafe extern "C" fn(*mut c_void)>,
}

#[repr(C)]
pub struct Middleware {
    pub size: u32,
    pub life: *const Lifecycle,
    pub on_request: Option<Hook>,
    pub on_raw_response: Option<Hook>,
    pub on_response: Option<Hook>,
    pub on_done: Option<unsafe extern "C" fn(*mut c_void, *mut Exchange, *mut *mut c_void)>,
}

/// flags of decode: the backend has "is_collection".
pub const DECODE_COLLECTION: u32 = 1;

#[repr(C)]
pub struct Decoder {
    pub size: u32,
    pub life: *const Lifecycle,
    pub format: Str,
    pub decode: Option<unsafe extern "C" fn(*mut c_void, *const Str, u32, u32, *mut Builder, *mut Str) -> Status>,
    pub expand: Option<unsafe extern "C" fn(Str, *mut Builder) -> Status>,
}

#[repr(C)]
pub struct Encoder {
    pub size: u32,
    pub life: *const Lifecycle,
    pub content_type: Str,
    pub encode: Option<unsafe extern "C" fn(*mut c_void, *mut Exchange, Node) -> Status>,
}

#[repr(C)]
pub struct ResolverQuery {
    pub size: u32,
    pub hosts: *const Str,
    pub host_count: u32,
    pub scheme: Str,
    pub refresh_ms: u64,
}

#[repr(C)]
pub struct Address {
    pub url: Str,
    pub weight: u32,
    pub reserved_bits: u32,
    pub reserved: u64,
}

pub type Publish = unsafe extern "C" fn(*mut HostList, *const Address, u32) -> Status;

#[repr(C)]
pub struct Resolver {
    pub size: u32,
    pub life: *const Lifecycle,
    pub watch: Option<unsafe extern "C" fn(*mut c_void, *const ResolverQuery, *mut HostList, Publish, *mut *mut c_void) -> Status>,
    pub unwatch: Option<unsafe extern "C" fn(*mut c_void, *mut c_void)>,
}

#[repr(C)]
pub struct Candidate {
    pub url: Str,
    pub weight: u32,
    pub pending: u32,
    pub reserved: u64,
}

#[repr(C)]
pub struct Balancer {
    pub size: u32,
    pub life: *const Lifecycle,
    pub pick: Option<unsafe extern "C" fn(*mut c_void, *mut Exchange, *const Candidate, u32) -> u32>,
}

#[repr(C)]
pub struct Transport {
    pub size: u32,
    pub life: *const Lifecycle,
    pub send: Option<Hook>,
    pub cancel: Option<unsafe extern "C" fn(*mut c_void, *mut Exchange, *mut *mut c_void)>,
}

// ---- entry point ----

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
    pub load: Option<unsafe extern "C" fn(*const Host, *mut Report) -> Status>,
    pub unload: Option<unsafe extern "C" fn()>,
    pub get_interface: unsafe extern "C" fn(*const c_char, *const c_char) -> *const c_void,
}

pub const MAGIC: u32 = 0x3143_4c53;
pub const ABI_MAJOR: u16 = number(option_env!("SLC_ABI_MAJOR"), @ABI_MAJOR@);
/// The oldest minor version that serves what stands here: nothing is later than 1.0.
pub const ABI_MINOR: u16 = 0;
pub const BUILD_FLAGS: u32 = number(option_env!("SLC_BUILD_FLAGS"), 0) as u32;

const fn number(text: Option<&str>, otherwise: u16) -> u16 {
    let digits = match text {
        Some(t) => t.as_bytes(),
        None => return otherwise,
    };
    let mut value = 0;
    let mut i = 0;
    while i < digits.len() {
        value = value * 10 + (digits[i] - b'0') as u16;
        i += 1;
    }
    value
}

/// Tables are constant and point to constant data only: any thread may read them.
#[repr(transparent)]
pub struct Constant<T>(pub T);
unsafe impl<T> Sync for Constant<T> {}
unsafe impl Sync for Lifecycle {}
unsafe impl Sync for Middleware {}
unsafe impl Sync for Decoder {}
unsafe impl Sync for Encoder {}
unsafe impl Sync for Resolver {}
unsafe impl Sync for Balancer {}
unsafe impl Sync for Transport {}
unsafe impl Sync for Entry {}

/// The border: a panic does not cross it, but becomes `refused`. (Its message goes to standard error, by Rust's own hook.)
pub fn guarded<R>(refused: R, body: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(refused)
}

/// Text for the gateway: `c!("name")` ends with NUL.
#[macro_export]
macro_rules! c {
    ($text:expr) => {
        concat!($text, "\0").as_ptr() as *const std::os::raw::c_char
    };
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_stays_on_this_side() {
        assert_eq!(guarded(FAIL, || panic!("on purpose")), FAIL);
        assert_eq!(guarded(FAIL, || NEXT), NEXT);
    }

    #[test]
    fn an_absent_text_is_empty() {
        assert_eq!(unsafe { Str::ABSENT.bytes() }, b"");
        assert_eq!(unsafe { Str::of(b"text").bytes() }, b"text");
    }
}
