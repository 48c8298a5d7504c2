//! The page, its blocks, and the one script that they make.

use std::path::{Path, PathBuf};

const BEGIN: &str = "<!-- keys: begin -->\n";
const END: &str = "<!-- keys: end -->\n";

/// The path of the page's configuration.
const FILE: &str = "/etc/pims-authority/pims-authority.toml";

pub(crate) struct Page(String);

/// A block that is run or checked.
enum Block {
    Shell(String),
    /// Sections of the configuration, which replace the present ones: for good, or for a check
    /// only.
    Settings {
        text: String,
        stays: bool,
    },
}

impl Page {
    pub(crate) fn read() -> Self {
        Self(std::fs::read_to_string(path()).unwrap())
    }

    /// Returns the table between the marks.
    pub(crate) fn keys(&self) -> &str {
        self.0.split_once(BEGIN).unwrap().1.split_once(END).unwrap().0
    }

    pub(crate) fn write_keys(&self, table: &str) {
        let (before, rest) = self.0.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        std::fs::write(path(), format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    }

    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut lines = self.0.lines();
        while let Some(line) = lines.next() {
            let Some(language) = line.strip_prefix("```") else { continue };
            let text: String =
                lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
            match language {
                "sh" => blocks.push(Block::Shell(text)),
                "toml" => blocks.push(Block::Settings { text, stays: true }),
                "toml alternative" => blocks.push(Block::Settings { text, stays: false }),
                "console" => {}
                other => panic!("a block of `{other}`: is it to be run?"),
            }
        }
        blocks
    }

    /// Returns all blocks in their order, as one script.
    pub(crate) fn script(&self) -> String {
        let mut script = "set -eu\n".to_owned();
        let mut configuration = crate::deployment::read("deploy/pims-authority.toml");
        for block in self.blocks() {
            match block {
                Block::Shell(text) => script.push_str(&text),
                Block::Settings { text, stays } => {
                    let merged = merge(&configuration, &text);
                    let file = if stays { FILE.to_owned() } else { FILE.replace(".toml", "-alternative.toml") };
                    let check = format!("pims-authority --config {file} check");
                    script.push_str(&format!("cat >{file} <<'END OF FILE'\n{merged}END OF FILE\n{check}\n"));
                    if !stays && text.contains("sqlite:") {
                        // The database must have something to save.
                        script.push_str(&format!("pims-authority --config {file} migrate\n"));
                    }
                    if stays {
                        configuration = merged;
                    }
                }
            }
        }
        script
    }
}

/// Returns the sections of the one, with those of the other in place of their own.
fn merge(old: &str, new: &str) -> String {
    let replaced: Vec<String> = sections(new).into_iter().map(|(head, _)| head).collect();
    let kept = sections(old).into_iter().filter(|(head, _)| !replaced.contains(head));
    kept.chain(sections(new)).map(|(head, body)| format!("{head}\n{body}")).collect()
}

fn sections(text: &str) -> Vec<(String, String)> {
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            sections.push((line.to_owned(), String::new()));
        } else if let Some((_, body)) = sections.last_mut() {
            body.push_str(&format!("{line}\n"));
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "`{line}` stands in no section");
        }
    }
    sections
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operating.md")
}
