//! The tokens of the section `[tokens.static]`. A service for development reads them from the file
//! again, and `account add --token` adds one.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use private_files::Folder;
use toml_edit::{DocumentMut, Item, Table, value};
use zeroize::Zeroizing;

use super::reader::Reader;
use super::{Secret, read_file, source, tokens};
use authority::{AccountName, Sharing};

const KEY: &str = "tokens.static";

/// The file with the static tokens of a service for development.
#[derive(Clone)]
pub(crate) struct StaticTokens {
    file: PathBuf,
    sharing: Sharing,
}

impl StaticTokens {
    /// Returns the tokens of a file. Returns `None` if an environment variable replaces them.
    pub(super) fn of(file: &Path, reader: &Reader) -> Option<Self> {
        let sharing = Sharing::allowed(reader.flag("files.allow_shared_folders"));
        let file = file.canonicalize().ok().filter(|_| !reader.is_variable(KEY))?;
        Some(Self { file, sharing })
    }

    /// Returns the path of the file, without links.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Reads the tokens. Refuses a file that other users can read, as at the start.
    pub(crate) fn read(&self) -> Result<Vec<(AccountName, Secret)>, String> {
        let with_path = |message: &dyn std::fmt::Display| format!("{}: {message}", self.file.display());
        let (text, unprotected) = read_file(&self.file).map_err(|error| with_path(&error))?;
        let source = source::Source::read(&text, std::iter::empty());
        let mut reader = Reader::new(source, Path::new(""), unprotected);
        let static_tokens = tokens::static_tokens(&mut reader);
        let problems = reader.into_problems();
        match problems.iter().find(|problem| problem.key.is_empty() || problem.key == KEY) {
            Some(problem) => Err(with_path(problem)),
            None => Ok(static_tokens),
        }
    }

    /// Adds the token of an account. Keeps the rest of the file's text, and its owner, group and
    /// mode.
    pub(crate) fn add(&self, account: &AccountName, token: &str) -> Result<(), String> {
        let with_path = |message: &dyn std::fmt::Display| format!("{}: {message}", self.file.display());
        let (folder, name) = Folder::of_file(&self.file, self.sharing).map_err(|error| with_path(&error))?;
        // Without a lock, two commands at once would lose one token. An error is ignored: some file
        // systems have no locks.
        let lock = fs::File::open(folder.real_path()).map_err(|error| with_path(&error))?;
        let _ = lock.lock();
        let before = fs::metadata(&self.file).map_err(|error| with_path(&error))?;
        let text = Zeroizing::new(fs::read_to_string(&self.file).map_err(|error| with_path(&error))?);
        let text = with_token(&text, account, token).map_err(|message| with_path(&message))?;
        let temporary = folder.write_temporary(&name, text.as_bytes()).map_err(|error| with_path(&error))?;
        temporary.replace().map_err(|error| with_path(&error))?;
        let same = fs::metadata(&self.file).and_then(|after| {
            if (after.uid(), after.gid()) != (before.uid(), before.gid()) {
                chown(&self.file, Some(before.uid()), Some(before.gid()))?;
            }
            fs::set_permissions(&self.file, before.permissions())
        });
        same.map_err(|error| with_path(&format!("the token is in it, but its owner or mode changed: {error}")))
    }
}

/// Returns the text of a configuration with one more token.
fn with_token(text: &str, account: &AccountName, token: &str) -> Result<Zeroizing<String>, String> {
    const FORM: &str = "`tokens.static` is no table";
    // Only the message is shown: the line may hold a secret.
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let section = document.entry("tokens").or_insert_with(|| {
        let mut section = Table::new();
        section.set_implicit(true);
        Item::Table(section)
    });
    let section = section.as_table_like_mut().ok_or(FORM)?;
    let static_tokens = section.entry("static").or_insert_with(toml_edit::table).as_table_like_mut().ok_or(FORM)?;
    if static_tokens.contains_key(account.as_str()) {
        return Err(format!("{account} has a token in it already"));
    }
    static_tokens.insert(account.as_str(), value(token));
    Ok(Zeroizing::new(document.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn with(text: &str, name: &str) -> Result<String, String> {
        with_token(text, &AccountName::new(name).unwrap(), "token").map(|text| text.as_str().to_owned())
    }

    #[test]
    fn a_token_is_a_line_more_and_the_rest_of_the_text_stays() {
        let text = "# A comment.\ndevelopment = true # and why\n\n[tokens.static]\n# Of the app.\ndemo = \"d\"   # kept\n\n\
                    # SMS.\n[sms]\ngateway   = 'outbox'\n";
        let expected = text.replace("# kept\n", "# kept\nalice = \"token\"\n");
        assert_eq!(with(text, "alice").unwrap(), expected);
        // This name is no bare key.
        assert!(with(text, "zoë@example.org").unwrap().contains("# kept\n\"zoë@example.org\" = \"token\"\n"));
        assert!(with(text, "demo").unwrap_err().contains("demo has a token"));
    }

    #[test]
    fn the_section_may_be_missing_or_have_another_form() {
        for text in [
            "",
            "development = true",
            "[listen]\naddress = \"a\"\n",
            "tokens.static.demo = \"d\"\n",
            "[tokens]\nstatic = { demo = \"d\" }\n",
            "[tokens]\nstatic.demo = \"d\"\n[sms]\ngateway = \"outbox\"\n",
            "[tokens]\n[tokens.static]",
        ] {
            let added = with(text, "alice").unwrap();
            let read = |text: &str| text.parse::<toml_edit::DocumentMut>().unwrap();
            assert_eq!(read(&added)["tokens"]["static"]["alice"].as_str(), Some("token"), "{added}");
            for line in text.lines().filter(|line| !line.contains('{')) {
                assert!(added.lines().any(|kept| kept == line), "{line}: {added}");
            }
        }
        assert!(with("tokens = 1", "alice").is_err() && with("tokens.static = 1", "alice").is_err());
        assert!(with("[tokens.static]\ndemo = \"secret", "alice").is_err_and(|message| !message.contains("secret")));
    }
}
