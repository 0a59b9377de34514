//! The documents of the project, and what is in them.

use std::fs;
use std::path::{Path, PathBuf};

/// A document.
pub(crate) struct Document {
    /// Its path from the top of the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A fenced block of a document.
pub(crate) struct Block<'d> {
    /// The word behind the fence.
    pub(crate) language: &'d str,
    pub(crate) text: &'d str,
    /// What a comment just before it calls it: `<!-- terminals: NAME -->`.
    pub(crate) name: Option<&'d str>,
    /// Where its text is in the document.
    pub(crate) start: usize,
}

/// The top of the repository.
pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository is there")
}

/// All documents.
pub(crate) fn all() -> Vec<Document> {
    let top = top();
    let mut found = Vec::new();
    let mut directories = vec![top.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("it can be read").map(|entry| entry.expect("it can be read")) {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                directories.push(path);
            } else if name.ends_with(".md") {
                let text = fs::read_to_string(&path).expect("documents are UTF-8");
                found.push(Document { path: path.strip_prefix(&top).expect("it is below").to_owned(), text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(found.len() >= 10, "the documents are not where they were");
    found
}

impl Document {
    pub(crate) fn blocks(&self) -> Vec<Block<'_>> {
        const FENCE: &str = "```";
        let mut blocks = Vec::new();
        let (mut at, mut before, mut open) = (0, "", None);
        for line in self.text.split_inclusive('\n') {
            let end = at + line.len();
            match (open, line.strip_prefix(FENCE)) {
                (None, Some(language)) => {
                    let name = before.strip_prefix("<!-- terminals: ").and_then(|rest| rest.strip_suffix(" -->"));
                    open = Some((language.trim(), end, name));
                }
                (Some((language, start, name)), Some(_)) => {
                    blocks.push(Block { language, text: &self.text[start..at], name, start });
                    open = None;
                }
                _ => {}
            }
            if !line.trim().is_empty() {
                before = line.trim();
            }
            at = end;
        }
        assert!(open.is_none(), "{}: a block does not end", self.path.display());
        blocks
    }

    /// What is in backquotes, outside of blocks.
    pub(crate) fn inline(&self) -> Vec<String> {
        let mut text = String::new();
        let mut at = 0;
        for block in self.blocks() {
            text.push_str(&self.text[at..block.start]);
            at = block.start + block.text.len();
        }
        text.push_str(&self.text[at..]);
        let text = text.replace("```", "");
        text.split('`').skip(1).step_by(2).map(|code| code.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }
}
