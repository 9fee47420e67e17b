//! Real processes: started as launchd does it, waited for, signalled. A pid is signalled only while the process or its
//! zombie has it, that is before `Child::wait`: so no other process is ever signalled.

use crate::engine::Event;
use crate::spec::Spec;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;

/// In every job's environment and so in every `print`: it must appear nowhere in the product's output.
pub(crate) const SECRET: (&str, &str) = ("STANDIN_SECRET", "do-not-leak-4f1c9a");
pub(crate) const PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin";

/// The job's own variables, in the order in which `print` shows them.
pub(crate) fn environment(spec: &Spec) -> Vec<(String, String)> {
    let mut all = vec![("OSLogRateLimit".to_owned(), "64".to_owned()), (SECRET.0.to_owned(), SECRET.1.to_owned())];
    all.extend(spec.environment_variables.iter().map(|(k, v)| (k.clone(), v.clone())));
    all.push(("XPC_SERVICE_NAME".to_owned(), spec.label.clone()));
    all
}

/// Starts the job in a process group of its own. An error is what launchd turns into exit 78, `EX_CONFIG`.
pub(crate) fn spawn(spec: &Spec) -> io::Result<Child> {
    let mut command = Command::new(spec.executable());
    if let [arg0, rest @ ..] = spec.program_arguments.as_slice() {
        command.arg0(arg0).args(rest);
    }
    if let Some(dir) = &spec.working_directory {
        command.current_dir(dir);
    }
    command.env_clear().env("PATH", PATH);
    for name in ["HOME", "USER", "LOGNAME", "SHELL", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .envs(environment(spec))
        .stdin(Stdio::null())
        .stdout(output(spec.standard_out_path.as_deref())?)
        .stderr(output(spec.standard_error_path.as_deref())?)
        .process_group(0);
    #[cfg(target_os = "linux")]
    {
        // A daemon that is itself killed by SIGKILL leaves no job behind.
        let die_with_us = || Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?);
        // SAFETY: one prctl between fork and exec, which is async-signal-safe.
        unsafe { command.pre_exec(die_with_us) };
    }
    command.spawn()
}

/// Reports the child's death to the engine, which reaps the zombie.
pub(crate) fn watch(label: String, pid: u32, events: Sender<Event>) {
    let target = as_pid(pid);
    thread::spawn(move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(target), options) {}
        let _ = events.send(Event::Died { label, pid });
    });
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    // An error is a process that just died: its death is on the way to the engine.
    let _ = kill_process(as_pid(pid), signal);
}

pub(crate) fn signal_group(pid: u32, signal: Signal) {
    let _ = kill_process_group(as_pid(pid), signal);
}

fn as_pid(pid: u32) -> Pid {
    // A pid of a live child is a positive i32 by the kernel's word.
    Pid::from_raw(pid.cast_signed()).expect("a child's pid is above 0")
}

fn output(path: Option<&str>) -> io::Result<Stdio> {
    match path {
        None => Ok(Stdio::null()),
        Some(path) => append(path).map(Stdio::from),
    }
}

fn append(path: &str) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}
