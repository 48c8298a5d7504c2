//! The text that `serve --dev` prints: it tells the user how to continue.

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{ACCOUNT, CERTIFICATE, CONFIG, OPERATOR, OUTBOX, TOKEN};
use crate::console::development::Next;

/// The addresses of a service for development, and the next commands.
pub(crate) struct Banner<'a> {
    /// The folder, resolved.
    pub(crate) folder: &'a Path,
    pub(crate) public: SocketAddr,
    /// The public listener uses TLS.
    pub(crate) tls: bool,
    /// Address and certificate of the operators' listener.
    pub(crate) operators: Option<(SocketAddr, Option<PathBuf>)>,
}

impl Banner<'_> {
    /// Prints the text to standard output. The address of the console comes first.
    pub(crate) fn print(&self, console: &str, next: &Next) -> Result<(), String> {
        let text = Zeroizing::new(self.text(console, next).map_err(|error| error.to_string())?);
        let mut out = std::io::stdout().lock();
        out.write_all(&text).and_then(|()| out.flush()).map_err(|error| error.to_string())
    }

    fn text(&self, console: &str, next: &Next) -> std::io::Result<Vec<u8>> {
        let folder = self.folder;
        // With this capacity the key in the address is not moved, so no copy of it stays in memory.
        let mut text = Vec::with_capacity(64 * 1024);
        writeln!(text, "Open in a browser: {console}")?;
        writeln!(text, "pims-authority for development")?;
        writeln!(text, "  service      {}", self.url())?;
        writeln!(text, "  account      {ACCOUNT}, its token is in {}", next.token_file)?;
        writeln!(text, "  certificate  {}", folder.join(CERTIFICATE).display())?;
        writeln!(text, "  SMS          {}", folder.join(OUTBOX).display())?;
        if let Some((address, certificate)) = &self.operators {
            let scheme = if certificate.is_some() { "https" } else { "http" };
            writeln!(text, "  operators    {scheme}://{address} (/metrics, /admin/v1/accounts and more)")?;
        }
        writeln!(text, "Give libpims this configuration, with the token as account.accessToken:")?;
        writeln!(text, "  {}", next.configuration)?;
        writeln!(text, "Or run the demo of libpims, in its folder:")?;
        writeln!(text, "  {}", next.demo)?;
        writeln!(
            text,
            "Next, in another terminal: the accounts, the last SMS with its code, and the audit trail by HTTP."
        )?;
        for command in &next.commands {
            text.extend([b"  ", command.as_slice(), b"\n"].concat());
        }
        writeln!(text, "`account add NAME --token`, with the same -c, makes another account.")?;
        writeln!(text, "It ends with Ctrl-C. What it keeps stays in {}.", folder.display())?;
        Ok(text)
    }

    fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.public.port())
    }

    /// Returns the next steps: the console shows the same.
    pub(crate) fn next(&self) -> Next {
        let (folder, url) = (self.folder, self.url());
        let credential = serde_json::json!({"credential": {
            "inWeboURL": url,
            "macID": "0123456789abcdef0123456789abcdef",
            "clientId": "demo",
            "clientSecret": "demo",
            "caFile": folder.join(CERTIFICATE).display().to_string(),
        }});
        let (program, config) = (program(), folder.join(CONFIG));
        let commands = [
            [quoted(&program), b" -c ".to_vec(), quoted(&config), b" account list".to_vec()].concat(),
            [b"tail -n 1 ".to_vec(), quoted(&folder.join(OUTBOX))].concat(),
        ];
        Next {
            configuration: credential.to_string(),
            token_file: folder.join(TOKEN).display().to_string(),
            demo: format!("make demo URL={url} DEV={}", String::from_utf8_lossy(&quoted(folder))),
            commands: commands.into_iter().chain(self.ask_as_operator()).collect(),
        }
    }

    /// Returns the command that asks the API with the operator's token. The token is no argument,
    /// since other users could see it there.
    fn ask_as_operator(&self) -> Option<Vec<u8>> {
        let token = Some(self.folder.join(OPERATOR)).filter(|token| token.exists())?;
        let (address, certificate) = self.operators.as_ref()?;
        let (scheme, trust) = match certificate {
            Some(certificate) => ("https", [b" --cacert ".to_vec(), quoted(certificate)].concat()),
            None => ("http", Vec::new()),
        };
        let ask = b" | curl --silent --show-error --header @-".to_vec();
        let url = format!(" {scheme}://{address}/admin/v1/audit").into_bytes();
        Some([b"sed 's/^/Authorization: Bearer /' ".to_vec(), quoted(&token), ask, trust, url].concat())
    }
}

/// Returns the path of this program, or its name if the file no longer exists.
fn program() -> PathBuf {
    let found = std::env::current_exe().ok().filter(|path| path.exists());
    found.unwrap_or_else(|| PathBuf::from("pims-authority"))
}

/// Returns a path in the form that a shell reads as one word.
fn quoted(path: &Path) -> Vec<u8> {
    // Quoting fails only for a NUL, and a path has none.
    shlex::bytes::try_quote(path.as_os_str().as_bytes()).map(|path| path.into_owned()).unwrap_or_default()
}
