//! example/path-guard: answers 403 to paths that are not for everybody, before anything else looks at them.
//!
//! ```json
//! "extra_config": { "example/path-guard": { "forbid": ["/internal/*", "*.bak"] } }
//! ```
//!
//! What to look at: this file is the border, and the only one with `unsafe`. Each function that the gateway calls goes through
//! `at_the_border`, because a panic must not cross it; each view that comes in is used before the function returns.
mod abi;
pub mod guard;

use abi::*;
use guard::Guard;
use std::os::raw::{c_char, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicPtr, Ordering};

macro_rules! c {
    ($text:expr) => {
        concat!($text, "\0").as_ptr() as *const c_char
    };
}

// ---- services: asked for in load(); the tables live as long as the process ----

static EXCHANGE: AtomicPtr<ExchangeApi> = AtomicPtr::new(std::ptr::null_mut());
static DOCUMENT: AtomicPtr<DocumentApi> = AtomicPtr::new(std::ptr::null_mut());
static CONFIG: AtomicPtr<ConfigApi> = AtomicPtr::new(std::ptr::null_mut());

/// The gateway has checked that it has the services named in the entry, and calls nothing before load().
fn exchange() -> &'static ExchangeApi {
    unsafe { &*EXCHANGE.load(Ordering::Relaxed) }
}
fn document() -> &'static DocumentApi {
    unsafe { &*DOCUMENT.load(Ordering::Relaxed) }
}
fn config() -> &'static ConfigApi {
    unsafe { &*CONFIG.load(Ordering::Relaxed) }
}

extern "C" fn load(host: *const Host, _: *mut Report) -> Status {
    at_the_border(EINVAL, || {
        let service = |id: *const c_char| unsafe { ((*host).service)(host, id) as *mut c_void };
        EXCHANGE.store(service(c!("sluice.exchange/1")) as *mut ExchangeApi, Ordering::Relaxed);
        DOCUMENT.store(service(c!("sluice.document/1")) as *mut DocumentApi, Ordering::Relaxed);
        CONFIG.store(service(c!("sluice.config/1")) as *mut ConfigApi, Ordering::Relaxed);
        OK
    })
}

/// Runs `body`; a panic becomes `refused`. (The message of the panic goes to standard error, by way of Rust's own hook.)
fn at_the_border<R>(refused: R, body: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(refused)
}

// ---- one configuration block ----

/// Shared by all workers, and never changed: hooks get `&Configured`.
struct Configured {
    guard: Guard,
    content_type: u32,
}

extern "C" fn create(host: *const Host, block: Node, report: *mut Report, object: *mut *mut c_void) -> Status {
    at_the_border(EINVAL, || {
        let list = (document().find)(block, Str::of("forbid"));
        let mut patterns = Vec::new();
        for i in 0..(document().count)(list) {
            let text = unsafe { (document().text)((document().at)(list, i, std::ptr::null_mut())).bytes() };
            // The schema has checked that it is a text; what a schema cannot say is checked here, each problem at its place.
            if text.first() != Some(&b'/') && text.first() != Some(&b'*') {
                let pointer = format!("/forbid/{}", i);
                (config().error)(report, Str::lend(&pointer), Str::of("matches no path: begin it with / or *"));
            }
            patterns.push(text.to_vec());
        }
        let content_type = (exchange().intern)(host, Str::of("content-type"));
        // The gateway keeps the box for us, and gives it back to destroy().
        unsafe { *object = Box::into_raw(Box::new(Configured { guard: Guard::new(patterns), content_type })) as *mut c_void };
        OK
    })
}

extern "C" fn destroy(object: *mut c_void) {
    at_the_border((), || drop(unsafe { Box::from_raw(object as *mut Configured) }))
}

// ---- the hook ----

/// On a worker thread; must not block.
extern "C" fn on_request(state: *mut c_void, x: *mut Exchange, _slot: *mut *mut c_void) -> Action {
    at_the_border(FAIL, || {
        let configured = unsafe { &*(state as *const Configured) };
        let path = unsafe { (exchange().field)(x, FIELD_PATH).bytes() };
        if !configured.guard.forbids(path) {
            return NEXT;
        }
        (exchange().set_status)(x, 403);
        (exchange().set_header)(x, RESPONSE, configured.content_type, Str::of("application/json"));
        (exchange().set_body)(x, RESPONSE, Str::of(r#"{"message":"not for everybody"}"#));
        REPLY
    })
}

// ---- tables ----

static LIFE: Constant<Lifecycle> = Constant(Lifecycle {
    size: std::mem::size_of::<Lifecycle>() as u32,
    create: Some(create),
    destroy: Some(destroy),
    worker_start: None,
    worker_stop: None,
    export_state: None,
    import_state: None,
});

static MIDDLEWARE: Constant<Middleware> = Constant(Middleware {
    size: std::mem::size_of::<Middleware>() as u32,
    life: &LIFE.0,
    on_request: Some(on_request),
    on_raw_response: None, // a hook that is not there is not in the chain and costs nothing
    on_response: None,
    on_done: None,
    on_request_chunk: None,
    on_response_chunk: None,
});

/// One table serves the one binding; with several, compare the names.
extern "C" fn get_interface(_id: *const c_char, _binding: *const c_char) -> *const c_void {
    &MIDDLEWARE as *const Constant<Middleware> as *const c_void
}

static SERVICES: Constant<[*const c_char; 4]> =
    Constant([c!("sluice.exchange/1"), c!("sluice.document/1"), c!("sluice.config/1"), std::ptr::null()]);

static BINDINGS: Constant<[Binding; 1]> = Constant([Binding {
    name: c!("example/path-guard"),
    interface_id: c!("sluice.middleware/1"),
    scopes: AT_SERVICE,
    stage: 250, // before the router: paths that nobody serves are guarded as well
    schema: c!(include_str!("../schema.json")),
    aliases: std::ptr::null(),
    flags: 0,
}]);

/// What a sanitized gateway wants to hear (SLC_BUILD_FLAGS in the header). Rust code without instrumentation runs in one as well:
/// its memory is then just not watched. Only for tests: SLUICE_BUILD_FLAGS=1 for ASan, 2 for TSan.
const BUILD_FLAGS: u32 = match option_env!("SLUICE_BUILD_FLAGS") {
    Some(text) if text.len() == 1 => (text.as_bytes()[0] - b'0') as u32,
    _ => 0,
};

/// The one symbol of the file.
#[no_mangle]
#[used]
#[allow(non_upper_case_globals)]
pub static slc_plugin_entry: Constant<Entry> = Constant(Entry {
    magic: MAGIC,
    size: std::mem::size_of::<Entry>() as u32,
    abi_major: ABI_MAJOR,
    abi_minor: ABI_MINOR,
    flags: BUILD_FLAGS,
    id: c!("example.path-guard"),
    version: c!("1.0.0"),
    built_with: c!("Rust"),
    required_services: &SERVICES.0 as *const *const c_char,
    bindings: &BINDINGS.0 as *const Binding,
    binding_count: 1,
    binding_size: std::mem::size_of::<Binding>() as u32,
    load: Some(load),
    unload: None,
    get_interface,
});

/// The same, readable without loading the file: for `sluice plugins` and plugins.lock.
const NOTE_TEXT: &str = concat!(
    "id\texample.path-guard\nversion\t", "1.0.0", "\nbuilt\tRust\n",
    "bind\tsluice.middleware/1\tSLC_AT_SERVICE\texample/path-guard\n"
);
#[used]
#[link_section = ".note.sluice"]
static NOTE: Note<{ note_room(NOTE_TEXT) }> = Note::new(BUILD_FLAGS, NOTE_TEXT);
