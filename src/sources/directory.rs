//! Scripts in a folder on disk, for the command line.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::migration::RawFile;

use super::{Source, SourceError};

/// Folders of folders deeper than this are not a set of scripts but somebody's whole project.
const DEPTH: usize = 4;

/// What scripts and their settings files end in; anything else in the folder is left alone.
const ENDINGS: &[&str] = &["sql", "toml", "conf"];

/// A folder, with the folders in it.
#[derive(Debug, Clone)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// That folder.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

#[async_trait]
impl Source for Directory {
    async fn fetch(&self) -> Result<Vec<RawFile>, SourceError> {
        let root = self.root.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let mut files = Vec::new();
            walk(&root, "", 0, &mut files).map(|()| files)
        });
        reading.await.map_err(|error| SourceError::Unavailable(format!("{}: {error}", self.root.display())))?
    }
}

/// Reads a folder; `prefix` is its path below the root, with `/` at its end.
fn walk(folder: &Path, prefix: &str, depth: usize, files: &mut Vec<RawFile>) -> Result<(), SourceError> {
    if depth > DEPTH {
        return Err(SourceError::Invalid(format!(
            "{}: is nested more than {DEPTH} folders deep; name the folder that holds the scripts",
            folder.display()
        )));
    }
    for entry in fs::read_dir(folder).map_err(|error| io_error(folder, &error))? {
        let entry = entry.map_err(|error| io_error(folder, &error))?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return Err(SourceError::Invalid(format!("{}: its name is not UTF-8; rename it", path.display())));
        };
        // Hidden files are editors' and version control's; a mounted ConfigMap keeps its generations in `..data`.
        if name.starts_with('.') {
            continue;
        }
        // Follows links, unlike the entry's own file type.
        let kind = fs::metadata(&path).map_err(|error| io_error(&path, &error))?;
        if kind.is_dir() {
            walk(&path, &format!("{prefix}{name}/"), depth + 1, files)?;
        } else if kind.is_file() && is_ours(&path) {
            let content = text(&path)?;
            files.push(RawFile { path: format!("{prefix}{name}"), shown: path.display().to_string(), content });
        }
    }
    Ok(())
}

fn is_ours(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ENDINGS.iter().any(|ours| ours.eq_ignore_ascii_case(ending))
}

fn text(path: &Path) -> Result<String, SourceError> {
    let bytes = fs::read(path).map_err(|error| io_error(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..good).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        SourceError::Invalid(format!("{}:{line}: is not UTF-8 text; save the script as UTF-8", path.display()))
    })
}

fn io_error(path: &Path, error: &io::Error) -> SourceError {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            SourceError::NotFound(format!("{shown}: does not exist; name the folder that holds the scripts"))
        }
        io::ErrorKind::NotADirectory => {
            SourceError::Invalid(format!("{shown}: is not a folder; name the folder that holds the scripts"))
        }
        _ => SourceError::Unavailable(format!("{shown}: cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    async fn paths(folder: &Path) -> Vec<String> {
        let mut paths: Vec<String> =
            Directory::new(folder).fetch().await.unwrap().into_iter().map(|file| file.path).collect();
        paths.sort();
        paths
    }

    #[tokio::test]
    async fn scripts_are_found_in_the_folder_and_the_folders_in_it() {
        let folder = folder(&[
            ("001_a.sql", b"select 1"),
            ("rollbacks/001_a_rollback.sql", b"select 1"),
            ("2024-01-01-000000_x/metadata.toml", b""),
            ("V1__x.sql.conf", b""),
        ]);
        assert_eq!(
            paths(folder.path()).await,
            ["001_a.sql", "2024-01-01-000000_x/metadata.toml", "V1__x.sql.conf", "rollbacks/001_a_rollback.sql"]
        );
    }

    #[tokio::test]
    async fn what_is_hidden_or_something_else_is_left_alone() {
        let folder = folder(&[("001_a.sql", b"x"), (".git/x.sql", b"x"), (".x.sql", b"x"), ("logo.png", b"\xff\xfe")]);
        assert_eq!(paths(folder.path()).await, ["001_a.sql"]);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_mounted_config_map_is_read_through_its_links_once() {
        let folder = folder(&[("..2026_11/001_a.sql", b"x")]);
        std::os::unix::fs::symlink("..2026_11", folder.path().join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/001_a.sql", folder.path().join("001_a.sql")).unwrap();
        assert_eq!(paths(folder.path()).await, ["001_a.sql"]);
    }

    #[tokio::test]
    async fn a_script_that_is_not_text_is_named_with_its_line() {
        let folder = folder(&[("001_a.sql", b"select 1;\nselect '\xe9';")]);
        let error = Directory::new(folder.path()).fetch().await.unwrap_err().to_string();
        assert!(error.contains("001_a.sql:2: is not UTF-8 text; save"), "{error}");
    }

    #[tokio::test]
    async fn a_folder_that_is_none_is_a_clear_error() {
        let folder = folder(&[("001_a.sql", b"x"), ("a/b/c/d/e/001.sql", b"x")]);
        for (path, words) in
            [("nowhere", "does not exist"), ("001_a.sql", "is not a folder"), ("", "nested more than 4")]
        {
            let error = Directory::new(folder.path().join(path)).fetch().await.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
