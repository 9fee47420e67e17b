//! How a command wakes the watch that runs: a byte in a named pipe in the state folder. A watch that was killed leaves a
//! pipe without a reader, and to open that for writing fails at once; a full one wakes just as well. Nothing blocks.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::contract;
use crate::system::files;

/// The end that the watch reads.
pub struct WakePipe {
    reader: File,
    /// Without a writer of our own the pipe would be at its end, and readable for ever, when the first command closes it.
    _writer: File,
}

impl WakePipe {
    /// The caller is the one watch of this checkout.
    ///
    /// # Errors
    /// What the kernel said: then commands are noticed at the next tick.
    pub fn listen(config: &Config) -> std::io::Result<WakePipe> {
        let path = path(config);
        files::make_state_folder(&config.state)?;
        if !is_pipe(&path) {
            files::remove(&path);
            make(&path)?;
        }
        let reader = options().read(true).open(&path)?;
        let writer = options().write(true).open(&path)?;
        Ok(WakePipe { reader, _writer: writer })
    }

    pub fn reader(&self) -> &File {
        &self.reader
    }

    /// Takes what has come. More at once than fits is the same call.
    pub fn empty(&self) {
        let mut bytes = [0; 512];
        while (&self.reader).read(&mut bytes).is_ok_and(|length| length == bytes.len()) {}
    }
}

/// Wakes the watch of this checkout, if one runs.
pub fn wake(config: &Config) {
    let path = path(config);
    if is_pipe(&path)
        && let Ok(mut writer) = options().write(true).open(path)
    {
        let _ = writer.write(b".");
    }
}

fn path(config: &Config) -> PathBuf {
    config.state.join(contract::WAKE)
}

fn is_pipe(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_fifo())
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW);
    options
}

fn make(path: &Path) -> std::io::Result<()> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: a string that ends with NUL. rustix has no mkfifo for Apple's platforms.
    if unsafe { libc::mkfifo(name.as_ptr(), 0o600) } == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}
