//! The machine's own templates: small text files in one folder for each kind of page. Nothing else is read, and nothing
//! that others than its owner may change.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use crate::host::distrusted;

/// No template is larger.
const LARGEST: u64 = 1 << 20;
/// No more files are read.
const MOST: usize = 100;

/// Own templates by name: `html/report.html`.
#[derive(Debug, Default)]
pub(super) struct Own(BTreeMap<String, String>);

impl Own {
    /// Those for one kind of page; none where the folder is not there.
    ///
    /// # Errors
    /// A sentence that says which file cannot be used, and why.
    pub(super) fn read(dir: &Path, kind: &str) -> Result<Self, String> {
        let folder = dir.join(kind);
        let entries = match folder.read_dir() {
            Ok(entries) => entries,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Self::default());
            }
            Err(e) => return Err(format!("{}: it cannot be read ({}).", folder.display(), words(&e))),
        };
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|e| e.file_name().into_string().ok())
            // Leftovers of editors are no templates.
            .filter(|name| !name.starts_with('.') && !name.ends_with('~'))
            .collect();
        names.sort();
        if names.is_empty() {
            return Ok(Self::default());
        }
        for place in [dir, &folder] {
            let told = |why: &str| format!("{}: {why}.", place.display());
            let meta = place.metadata().map_err(|e| told(&format!("it cannot be read ({})", words(&e))))?;
            distrusted(&meta).map_or(Ok(()), |why| Err(told(why)))?;
        }
        let mut files = BTreeMap::new();
        for name in names.into_iter().take(MOST) {
            let path = folder.join(&name);
            if path.is_dir() {
                continue;
            }
            let text = text(&path).map_err(|why| format!("{}: {why}.", path.display()))?;
            files.insert(format!("{kind}/{name}"), text);
        }
        Ok(Self(files))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }
}

fn text(path: &Path) -> Result<String, String> {
    let unreadable = |e: io::Error| format!("it cannot be read ({})", words(&e));
    // A pipe would be waited for without end.
    let meta = path.metadata().map_err(unreadable)?;
    if !meta.is_file() {
        return Err("it is not a file".to_owned());
    }
    distrusted(&meta).map_or(Ok(()), |why| Err(why.to_owned()))?;
    let mut bytes = Vec::new();
    File::open(path).and_then(|f| f.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err("it is larger than 1 MB".to_owned());
    }
    String::from_utf8(bytes).map_err(|e| {
        let before = e.as_bytes().get(..e.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        format!("line {line} is not UTF-8 text")
    })
}

/// What the system says, without its number.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text.get(..end).unwrap_or_default().to_lowercase()
}
