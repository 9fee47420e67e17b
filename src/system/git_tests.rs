use super::*;

fn commit(root: &Path, summary: &str) {
    let repository = Repository::open(root).or_else(|_| Repository::init(root)).unwrap();
    let tree = repository.find_tree(repository.index().unwrap().write_tree().unwrap()).unwrap();
    let who = git2::Signature::now("test", "test@localhost").unwrap();
    let parent = repository.head().ok().map(|head| head.peel_to_commit().unwrap());
    let parents: Vec<&Commit> = parent.iter().collect();
    repository.commit(Some("HEAD"), &who, &who, summary, &tree, &parents).unwrap();
}

#[test]
fn a_checkout_that_is_kept_open_shows_what_others_do_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("checkout");
    let mut checkout = Checkout::new(&root, folder.path());
    assert!(checkout.head(false).is_err());
    let summary = |checkout: &mut Checkout| checkout.head(false).map(|git| (git.summary, git.parents));
    for (parents, name) in ["first", "second"].into_iter().enumerate() {
        commit(&root, name);
        assert_eq!(summary(&mut checkout), Ok((name.into(), parents)));
        assert_eq!(summary(&mut checkout), Ok((name.into(), parents)), "the second look at it");
    }
    let repository = Repository::open(&root).unwrap();
    repository.set_head_detached(repository.revparse_single("HEAD~1").unwrap().id()).unwrap();
    assert_eq!(summary(&mut checkout), Ok(("first".into(), 0)));
    std::fs::rename(&root, folder.path().join("away")).unwrap();
    assert!(checkout.head(false).unwrap_err().contains("can't be read as a git checkout"));
    commit(&root, "another repository");
    assert_eq!(summary(&mut checkout), Ok(("another repository".into(), 0)));
}

fn git(root: &Path, args: &[&str]) -> String {
    let mut command = std::process::Command::new("git");
    let who = ["-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "protocol.file.allow=always"];
    command.args(who).args(args).current_dir(root);
    let output = command.env("LC_ALL", "C").env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn incident_11_documentation_and_tests_bring_nothing_down() {
    let rows = [
        ("bridge/test_telegram.py", true),
        ("bridge/telegram_test.py", true),
        ("conftest.py", true),
        ("README", true),
        ("LICENSE", true),
        ("NOTES.MD", true),
        ("Docs/guide.html", true),
        ("CHANGELOG.txt", true),
        (".github/workflows/ci.yml", true),
        (".gitignore", true),
        ("spec/x_spec.py", true),
        ("a/__tests__/x.py", true),
        ("plans/x.yml", true),
        ("bridge/telegram_bridge.py", false),
        ("bridge/changes.py", false),
        ("bridge/latest.py", false),
        ("bridge/testing.py", false),
        ("requirements.txt", false),
        ("test", false),
        ("bridge/docs.py", false),
        (".env.example", false),
    ];
    for (path, harmless) in rows {
        assert_eq!(is_harmless(Path::new(path)), harmless, "{path}");
    }
}

/// Whether the checkout is dirty is what git itself says of its tracked files.
#[test]
fn r22b_what_git_leaves_out_is_no_change() {
    type Row = (&'static str, fn(&Path), bool);
    let write = |path: PathBuf, text: &str| std::fs::write(path, text).unwrap();
    let rows: [Row; 16] = [
        ("nothing", |_| {}, false),
        ("untracked", |root| std::fs::write(root.join("data.txt"), "x").unwrap(), false),
        ("changed", |root| std::fs::write(root.join("bridge/a.py"), "x").unwrap(), true),
        ("deleted", |root| std::fs::remove_file(root.join("docs/a.md")).unwrap(), true),
        ("staged", |root| drop(git(root, &["rm", "-q", "docs/a.md"])), true),
        ("sparse, cone", |root| drop(git(root, &["sparse-checkout", "set", "bridge"])), false),
        ("sparse, no cone", |root| drop(git(root, &["sparse-checkout", "set", "--no-cone", "/bridge/"])), false),
        (
            "sparse, and one that is there deleted",
            |root| {
                git(root, &["sparse-checkout", "set", "bridge"]);
                std::fs::remove_file(root.join("bridge/a.py")).unwrap();
            },
            true,
        ),
        (
            "sparse, and one that is left out deleted from the index",
            |root| {
                git(root, &["sparse-checkout", "set", "bridge"]);
                git(root, &["rm", "-q", "--cached", "--sparse", "docs/a.md"]);
            },
            true,
        ),
        (
            "sparse, and one that is left out is there with other contents",
            |root| {
                git(root, &["sparse-checkout", "set", "bridge"]);
                std::fs::create_dir_all(root.join("docs")).unwrap();
                std::fs::write(root.join("docs/a.md"), "changed").unwrap();
            },
            true,
        ),
        (
            "sparse, and one that is left out is there as it was",
            |root| {
                git(root, &["sparse-checkout", "set", "bridge"]);
                std::fs::create_dir_all(root.join("docs")).unwrap();
                std::fs::write(root.join("docs/a.md"), "one\n").unwrap();
            },
            false,
        ),
        (
            "assumed unchanged, and changed",
            |root| {
                git(root, &["update-index", "--assume-unchanged", "docs/a.md"]);
                std::fs::write(root.join("docs/a.md"), "changed").unwrap();
            },
            false,
        ),
        (
            "assumed unchanged, and deleted",
            |root| {
                git(root, &["update-index", "--assume-unchanged", "docs/a.md"]);
                std::fs::remove_file(root.join("docs/a.md")).unwrap();
            },
            false,
        ),
        (
            "skipped by hand, and changed: a person's own settings",
            |root| {
                git(root, &["update-index", "--skip-worktree", "docs/a.md"]);
                std::fs::write(root.join("docs/a.md"), "changed").unwrap();
            },
            false,
        ),
        ("a mode", |root| executable(&root.join("bridge/a.py")), true),
        (
            "a mode that git does not look at",
            |root| {
                git(root, &["config", "core.fileMode", "false"]);
                executable(&root.join("bridge/a.py"));
            },
            false,
        ),
    ];
    for (name, change, expected) in rows {
        for in_worktree in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let main = folder.path().join("main");
            std::fs::create_dir_all(main.join("bridge")).unwrap();
            std::fs::create_dir_all(main.join("docs")).unwrap();
            git(&main, &["init", "-q"]);
            write(main.join("bridge/a.py"), "one\n");
            write(main.join("docs/a.md"), "one\n");
            git(&main, &["add", "."]);
            git(&main, &["commit", "-qm", "one"]);
            let root = if in_worktree { folder.path().join("work") } else { main.clone() };
            if in_worktree {
                git(&main, &["worktree", "add", "-q", "../work"]);
            }
            change(&root);
            let seen = Checkout::new(&root, folder.path()).head(true).unwrap().dirty;
            let said = git(&root, &["status", "--porcelain", "-uno"]);
            assert_eq!((seen, !said.is_empty()), (Some(expected), expected), "{name} {in_worktree}: {said}");
        }
    }
}

fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A library as a submodule, with what its person told git to ignore of it.
#[test]
fn r22b_what_git_ignores_of_a_submodule_is_no_change() {
    type Row = (&'static str, &'static str, fn(&Path), bool);
    let rows: [Row; 6] = [
        ("nothing", "none", |_| {}, false),
        ("changed", "none", |lib| std::fs::write(lib.join("a"), "x").unwrap(), true),
        ("changed, ignored", "dirty", |lib| std::fs::write(lib.join("a"), "x").unwrap(), false),
        ("untracked, ignored", "untracked", |lib| std::fs::write(lib.join("new"), "x").unwrap(), false),
        ("another commit", "dirty", |lib| drop(git(lib, &["commit", "-q", "--allow-empty", "-m", "two"])), true),
        (
            "another commit, ignored",
            "all",
            |lib| drop(git(lib, &["commit", "-q", "--allow-empty", "-m", "two"])),
            false,
        ),
    ];
    for (name, ignore, change, expected) in rows {
        let folder = tempfile::tempdir().unwrap();
        let (library, root) = (folder.path().join("library"), folder.path().join("main"));
        for path in [&library, &root] {
            std::fs::create_dir_all(path).unwrap();
            git(path, &["init", "-q"]);
            std::fs::write(path.join("a"), "one").unwrap();
            git(path, &["add", "."]);
            git(path, &["commit", "-qm", "one"]);
        }
        git(&root, &["submodule", "add", "-q", library.to_str().unwrap(), "lib"]);
        git(&root, &["config", "-f", ".gitmodules", "submodule.lib.ignore", ignore]);
        git(&root, &["add", ".gitmodules"]);
        git(&root, &["commit", "-qm", "lib"]);
        change(&root.join("lib"));
        let seen = Checkout::new(&root, folder.path()).head(true).unwrap().dirty;
        let said = git(&root, &["status", "--porcelain", "-uno"]);
        assert_eq!((seen, !said.is_empty()), (Some(expected), expected), "{name}: {said}");
    }
}

/// As `git clone --filter=blob:none --sparse` makes it, and with a sparse index, which libgit2 can't read.
#[test]
fn r22b_head_is_known_in_every_form_of_a_checkout() {
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("main");
    std::fs::create_dir_all(main.join("bridge")).unwrap();
    std::fs::create_dir_all(main.join("docs/more")).unwrap();
    git(&main, &["init", "-q"]);
    git(&main, &["config", "uploadpack.allowFilter", "true"]);
    for path in ["bridge/a.py", "docs/more/a.md", "top"] {
        std::fs::write(main.join(path), "one\n").unwrap();
    }
    git(&main, &["add", "."]);
    git(&main, &["commit", "-qm", "one"]);
    let url = format!("file://{}", main.display());
    git(folder.path(), &["clone", "-q", "--filter=blob:none", "--sparse", &url, "partial"]);
    let partial = folder.path().join("partial");
    git(&partial, &["sparse-checkout", "set", "bridge"]);
    let seen = Checkout::new(&partial, folder.path()).head(true).unwrap();
    assert_eq!((seen.summary.as_str(), seen.dirty), ("one", Some(false)));
    git(&main, &["sparse-checkout", "set", "--sparse-index", "bridge"]);
    let seen = Checkout::new(&main, folder.path()).head(true).unwrap();
    assert_eq!(seen.summary, "one");
    assert_eq!(seen.dirty, None);
}
