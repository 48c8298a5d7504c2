//! The device that the library runs on, as far as the library knows it without the host.

use std::path::Path;

use once_cell::race::OnceBox;

/// Details of the device. An unknown detail is empty.
pub(crate) struct Device {
    /// The operating system.
    pub(crate) os: String,
    /// Its version.
    pub(crate) os_version: String,
    /// The model.
    pub(crate) model: String,
    /// The maker.
    pub(crate) brand: String,
}

/// Returns the device. It is examined once, or twice if two threads call this first at the same
/// time. There is no lock, because a forked child could inherit a lock that is held for ever.
pub(crate) fn device() -> &'static Device {
    static DEVICE: OnceBox<Device> = OnceBox::new();
    DEVICE.get_or_init(|| {
        Box::new(Device {
            os: os().to_owned(),
            os_version: os_version(),
            // A board names itself in its device tree, a computer in its firmware's tables.
            model: first_line(&["/sys/firmware/devicetree/base/model", "/sys/class/dmi/id/product_name"]),
            brand: first_line(&["/sys/class/dmi/id/sys_vendor"]),
        })
    })
}

fn os() -> &'static str {
    match std::env::consts::OS {
        "linux" => "Linux",
        "android" => "Android",
        "macos" => "macOS",
        "ios" => "iOS",
        "windows" => "Windows",
        other => other,
    }
}

/// Returns the distribution's version on Linux, else the version of the kernel if the system tells
/// it.
fn os_version() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    match value(&release, "VERSION_ID") {
        Some(version) if cfg!(target_os = "linux") => match value(&release, "NAME") {
            Some(name) => format!("{name} {version}"),
            None => version.to_owned(),
        },
        _ => first_line(&["/proc/sys/kernel/osrelease"]),
    }
}

/// Returns a value of os-release, which has the form `KEY=value` or `KEY="value"`.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    Some(line.trim_matches(['"', '\'']))
}

/// Returns the first line of the first of these files whose first line is not empty.
fn first_line(paths: &[&str]) -> String {
    let line = |path: &&str| {
        let text = std::fs::read_to_string(Path::new(path)).ok()?;
        let line = text.lines().next()?.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        (!line.is_empty()).then(|| line.to_owned())
    };
    paths.iter().find_map(line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_is_read_quoted_or_not() {
        let text = "NAME=\"Debian GNU/Linux\"\nVERSION_ID=12\nID_LIKE='x'\n";
        assert_eq!(value(text, "NAME"), Some("Debian GNU/Linux"));
        assert_eq!(value(text, "VERSION_ID"), Some("12"));
        assert_eq!(value(text, "VERSION"), None);
    }
}
