// Takes the major version of the plugin interface from the installed sluice/plugin.h when there is one, so that a plugin says what it
// was really built for; and links as sluice_add_plugin does.
use std::{env, fs, path::Path};

fn number(header: &str, name: &str) -> Option<String> {
    let line = header.lines().find(|l| l.starts_with(&format!("#define {name} ")))?;
    Some(line.split_whitespace().nth(2)?.trim_end_matches('u').to_string())
}

fn main() {
    println!("cargo:rerun-if-env-changed=SLUICE_PREFIX");
    println!("cargo:rerun-if-env-changed=SLUICE_SANITIZE");
    let prefix = env::var("SLUICE_PREFIX").unwrap_or_else(|_| "/usr".into());
    let file = Path::new(&prefix).join("include/sluice/plugin.h");
    if let Ok(header) = fs::read_to_string(&file) {
        println!("cargo:rerun-if-changed={}", file.display());
        if let Some(value) = number(&header, "SLC_ABI_MAJOR") {
            println!("cargo:rustc-env=SLC_ABI_MAJOR={value}");
        }
    }
    // A gateway with a sanitizer refuses plugins without: SLUICE_SANITIZE=address says that this one is meant for it.
    let flags = match env::var("SLUICE_SANITIZE").as_deref() {
        Ok(s) if s.contains("address") => "1",
        Ok(s) if s.contains("thread") => "2",
        _ => "0",
    };
    println!("cargo:rustc-env=SLC_BUILD_FLAGS={flags}");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,now");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,defs");
}
