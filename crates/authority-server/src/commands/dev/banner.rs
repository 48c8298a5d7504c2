//! The text that `serve --dev` prints: it tells the user how to continue.

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{ACCOUNT, CERTIFICATE, CONFIG, OPERATOR, OUTBOX, TOKEN};

/// The addresses of a service for development, and the next commands.
pub(crate) struct Banner<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) public: SocketAddr,
    /// The public listener uses TLS.
    pub(crate) tls: bool,
    /// Address and certificate of the operators' listener.
    pub(crate) operators: Option<(SocketAddr, Option<PathBuf>)>,
}

impl Banner<'_> {
    /// Prints the text to standard output.
    pub(crate) fn print(&self) -> Result<(), String> {
        let folder = self.folder.canonicalize().map_err(|error| error.to_string())?;
        let text = self.text(&folder).map_err(|error| error.to_string())?;
        let mut out = std::io::stdout().lock();
        out.write_all(&text).and_then(|()| out.flush()).map_err(|error| error.to_string())
    }

    fn text(&self, folder: &Path) -> std::io::Result<Vec<u8>> {
        let scheme = if self.tls { "https" } else { "http" };
        let url = format!("{scheme}://localhost:{}", self.public.port());
        let certificate = folder.join(CERTIFICATE);
        let credential = serde_json::json!({"credential": {
            "inWeboURL": url,
            "macID": "0123456789abcdef0123456789abcdef",
            "clientId": "demo",
            "clientSecret": "demo",
            "caFile": certificate.display().to_string(),
        }});
        let mut text = Vec::new();
        writeln!(text, "pims-authority for development")?;
        writeln!(text, "  service      {url}")?;
        writeln!(text, "  account      {ACCOUNT}, its token is in {}", folder.join(TOKEN).display())?;
        writeln!(text, "  certificate  {}", certificate.display())?;
        writeln!(text, "  SMS          {}", folder.join(OUTBOX).display())?;
        if let Some((address, certificate)) = &self.operators {
            let scheme = if certificate.is_some() { "https" } else { "http" };
            writeln!(text, "  operators    {scheme}://{address} (/metrics, /admin/v1/accounts and more)")?;
        }
        writeln!(text, "Give libpims this configuration, with the token as account.accessToken:")?;
        writeln!(text, "  {credential}")?;
        writeln!(
            text,
            "Next, in another terminal: the accounts, the last SMS with its code, and the audit trail by HTTP."
        )?;
        let (program, config) = (program(), folder.join(CONFIG));
        for command in [
            [quoted(&program), b" -c ".to_vec(), quoted(&config), b" account list".to_vec()].concat(),
            [b"tail -n 1 ".to_vec(), quoted(&folder.join(OUTBOX))].concat(),
        ]
        .into_iter()
        .chain(self.ask_as_operator(folder))
        {
            text.extend([b"  ", &*command, b"\n"].concat());
        }
        writeln!(text, "`account add NAME --token`, with the same -c, makes another account.")?;
        writeln!(text, "It ends with Ctrl-C. What it keeps stays in {}.", folder.display())?;
        Ok(text)
    }

    /// Returns the command that asks the API with the operator's token. The token is no argument,
    /// since other users could see it there.
    fn ask_as_operator(&self, folder: &Path) -> Option<Vec<u8>> {
        let token = Some(folder.join(OPERATOR)).filter(|token| token.exists())?;
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
