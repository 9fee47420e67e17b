//! Opens a repository for a revert: in a way that nothing in it can block us, and with a reason where that fails.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{Config, ErrorCode, Repository};

use crate::revert::{Format, Refusal};
use crate::system::files;

pub(super) struct Open {
    pub(super) repository: Repository,
    /// The folder of this work tree's own files (HEAD, index).
    pub(super) git: PathBuf,
    /// The folder of what all work trees share (branches, objects).
    pub(super) common: PathBuf,
    /// The work tree.
    pub(super) root: PathBuf,
}

pub(super) fn open(root: &Path) -> Result<Open, Refusal> {
    let (git, common) = folders(root)?;
    all_files(&git, &common)?;
    let repository = Repository::open(root).map_err(|error| match error.code() {
        ErrorCode::Owner => Refusal::OtherOwner { root: shown(root) },
        _ => unsupported(&common).unwrap_or_else(|| unreadable(&git, &error)),
    })?;
    if repository.is_bare() {
        return Err(Refusal::Bare { root: shown(root) });
    }
    let (git, common) = (repository.path().to_owned(), repository.commondir().to_owned());
    let root = repository.workdir().unwrap_or(root).to_owned();
    Ok(Open { repository, git, common, root })
}

pub(super) fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

pub(super) fn unreadable(path: &Path, why: &git2::Error) -> Refusal {
    Refusal::Unreadable { path: shown(path), why: why.message().to_owned() }
}

/// The repository's folder, and that of what its work trees share.
fn folders(root: &Path) -> Result<(PathBuf, PathBuf), Refusal> {
    let dot = root.join(".git");
    let git = match fs::metadata(&dot) {
        Ok(meta) if meta.is_dir() => dot,
        Ok(meta) if meta.is_file() => {
            let text = files::text(&dot).unwrap_or_default();
            let Some(folder) = text.strip_prefix("gitdir:").map(|folder| root.join(folder.trim())) else {
                return Err(Refusal::Unreadable { path: shown(&dot), why: "it names no repository".into() });
            };
            if !folder.join("HEAD").exists() {
                return Err(Refusal::Dangling { path: shown(&dot), folder: shown(&folder) });
            }
            folder
        }
        Ok(_) => return Err(Refusal::NotAFile { path: shown(&dot) }),
        // A bare repository is the folder itself.
        Err(_) if root.join("HEAD").is_file() && root.join("objects").is_dir() => root.to_owned(),
        Err(_) => return Err(Refusal::NoRepository { root: shown(root) }),
    };
    let common = files::text(&git.join("commondir")).map_or_else(|| git.clone(), |path| git.join(path.trim()));
    Ok((git, common))
}

/// libgit2 opens what it finds: a pipe in the place of a file would block us for ever.
fn all_files(git: &Path, common: &Path) -> Result<(), Refusal> {
    let own = ["HEAD", "config.worktree", "commondir", "gitdir", "logs/HEAD"];
    let shared = ["config", "packed-refs", "shallow", "info/exclude", "info/attributes", "info/grafts"];
    let objects = ["objects/info/alternates", "objects/info/commit-graph"];
    let mut paths: Vec<PathBuf> = own.iter().map(|name| git.join(name)).collect();
    paths.extend(shared.iter().chain(&objects).map(|name| common.join(name)));
    for path in paths {
        is_file_or_nothing(&path)?;
    }
    // git replaces the index by a rename, which a link would not survive.
    let index = git.join("index");
    if fs::symlink_metadata(&index).is_ok_and(|meta| !meta.is_file()) {
        return Err(Refusal::NotAFile { path: shown(&index) });
    }
    let head = files::text(&git.join("HEAD")).unwrap_or_default();
    if let Some(name) = head.strip_prefix("ref:").map(str::trim) {
        is_file_or_nothing(&common.join(name))?;
        is_file_or_nothing(&common.join("logs").join(name))?;
    }
    Ok(())
}

/// A folder is no danger: it is an error when it is read.
pub(super) fn is_file_or_nothing(path: &Path) -> Result<(), Refusal> {
    match fs::metadata(path) {
        Ok(meta) if !meta.is_file() && !meta.is_dir() => Err(Refusal::NotAFile { path: shown(path) }),
        _ => Ok(()),
    }
}

/// What of the format libgit2 does not know, once it has refused to open it.
fn unsupported(common: &Path) -> Option<Refusal> {
    let config = Config::open(&common.join("config")).ok()?;
    let of = |name: &str, known: &str| config.get_string(name).ok().filter(|value| value != known);
    let format = of("extensions.objectformat", "sha1").map(Format::Objects);
    let format = format.or_else(|| of("extensions.refstorage", "files").map(Format::Refs));
    format.or_else(|| extension(&config)).map(Refusal::Unsupported)
}

fn extension(config: &Config) -> Option<Format> {
    let known = ["noop", "objectformat", "refstorage", "preciousobjects", "worktreeconfig"];
    let mut entries = config.entries(Some("^extensions\\.")).ok()?;
    while let Some(entry) = entries.next() {
        let name = entry.ok()?.name().ok()?.trim_start_matches("extensions.").to_owned();
        if !known.contains(&name.as_str()) {
            return Some(Format::Extension(name));
        }
    }
    None
}
