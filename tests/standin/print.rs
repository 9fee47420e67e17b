//! What is printed, in the shapes of real captures: tabs, nested blocks that repeat `state =` and `pid =`, arguments
//! and environment raw, exactly one outcome line, the pid's lines only while a process exists.

use crate::job::Job;
use crate::process::{self, PATH};
use crate::spec::KeepAlive;
use std::collections::BTreeMap;
use std::fmt::Write;

/// `launchctl print gui/UID/LABEL`
pub(crate) fn job(domain: &str, uid: u32, job: &Job, state: Option<&str>) -> String {
    let spec = &job.spec;
    let count = u8::from(job.run.is_some());
    let state = state.unwrap_or_else(|| job.state());
    let mut out = format!("{domain}/{} = {{\n", spec.label);
    line(&mut out, &format!("active count = {count}"));
    line(&mut out, &format!("path = {}", job.path.display()));
    line(&mut out, "type = LaunchAgent");
    line(&mut out, &format!("state = {state}\n"));
    line(&mut out, &format!("program = {}", spec.executable()));
    block(&mut out, "arguments", &spec.program_arguments);
    if let Some(dir) = &spec.working_directory {
        line(&mut out, &format!("working directory = {dir}\n"));
    }
    if let Some(path) = &spec.standard_out_path {
        line(&mut out, &format!("stdout path = {path}"));
    }
    if let Some(path) = &spec.standard_error_path {
        line(&mut out, &format!("stderr path = {path}"));
    }
    let socket = "SSH_AUTH_SOCK => /private/tmp/com.apple.launchd.standin/Listeners".to_owned();
    block(&mut out, "inherited environment", &[socket]);
    block(&mut out, "default environment", &[format!("PATH => {PATH}")]);
    let environment = process::environment(spec);
    let environment: Vec<String> = environment.iter().map(|(k, v)| format!("{k} => {v}")).collect();
    block(&mut out, "environment", &environment);
    run_lines(&mut out, domain, uid, job);
    end_lines(&mut out, count, job);
    out
}

fn run_lines(out: &mut String, domain: &str, uid: u32, job: &Job) {
    let (throttle, exit_timeout) = job.spec.printed_times();
    let session = 100_000 + uid;
    line(out, &format!("domain = {domain} [{session}]"));
    line(out, &format!("asid = {session}"));
    line(out, &format!("minimum runtime = {throttle}"));
    line(out, &format!("exit timeout = {exit_timeout}"));
    line(out, &format!("runs = {}", job.runs));
    if job.successive_crashes > 0 {
        line(out, &format!("successive crashes = {}", job.successive_crashes));
    }
    if let Some(reason) = &job.pended {
        line(out, &format!("pended nondemand spawn = {reason}"));
    }
    if let Some(run) = &job.run {
        line(out, &format!("pid = {}", run.child.id()));
        line(out, &format!("immediate reason = {}", run.why.immediate_reason()));
        for fixed in [
            "forks = 0",
            "execs = 1",
            "initialized = 1",
            "trampolined = 1",
            "started suspended = 0",
            "proxy started suspended = 0",
            "checked allocations = 0 (queried = 1)",
            "checked allocations reason = no host",
            "checked allocations flags = 0x0",
        ] {
            line(out, fixed);
        }
    }
    line(out, &format!("{}\n", job.last.line()));
    if let KeepAlive::When(conditions) = &job.spec.keep_alive {
        let lines = [("successful exit", conditions.successful_exit), ("after crash", conditions.crashed)]
            .into_iter()
            .filter_map(|(name, value)| value.map(|v| format!("{name} => {}", u8::from(v))))
            .collect::<Vec<_>>();
        block(out, "semaphores", &lines);
    }
}

/// The nested pid is above any kernel's maximum, so that code that takes it for the job's signals no process.
fn end_lines(out: &mut String, count: u8, job: &Job) {
    let _ = write!(
        out,
        "\tevent channels = {{\n\t\t\"com.apple.fsevents.matching\" = {{\n\t\t\tport = 0xdb937\n\t\t\tactive = 0\n\
         \t\t\tstate = active\n\t\t\tpid = 999999999\n\t\t\tmanaged = 1\n\t\t}}\n\t}}\n\n"
    );
    for (id, kind) in [(1262, "resource"), (1263, "jetsam")] {
        let lines = [
            format!("ID = {id}"),
            format!("type = {kind}"),
            "state = active".to_owned(),
            format!("active count = {count}"),
            format!("name = {}", job.spec.label),
        ];
        block(out, &format!("{kind} coalition"), &lines);
    }
    for fixed in [
        "spawn type = daemon (3)",
        "jetsam priority = 40",
        "jetsam memory limit (active) = (unlimited)",
        "jetsam memory limit (inactive) = (unlimited)",
        "jetsamproperties category = daemon",
        "jetsam thread limit = 32",
        "cpumon = default",
    ] {
        line(out, fixed);
    }
    line(out, &format!("job state = {}", job.job_state()));
    line(out, "sanitizer flags = 0x0\n");
    let mut properties = Vec::new();
    if job.spec.keep_alive.starts_at_load() {
        properties.push("keepalive");
    }
    if job.spec.run_at_load {
        properties.push("runatload");
    }
    properties.push("inferred program");
    line(out, &format!("properties = {}", properties.join(" | ")));
    out.push_str("}\n");
}

/// `launchctl print gui/UID`
pub(crate) fn domain(domain: &str, jobs: &BTreeMap<String, Job>, disabled: &BTreeMap<String, bool>) -> String {
    let mut out = format!("{domain} = {{\n\ttype = user login\n\thandle = 0\n\tactive count = {}\n", jobs.len());
    out.push_str("\tsession = Aqua\n\n\tservices = {\n");
    for (label, job) in jobs {
        let last = if job.runs == 0 { "-".to_owned() } else { job.last.raw().to_string() };
        let _ = writeln!(out, "\t\t{:8} {last:>6} \t{label}", job.pid().unwrap_or(0));
    }
    out.push_str("\t}\n\n\tdisabled services = {\n");
    for (label, off) in disabled {
        let _ = writeln!(out, "\t\t\"{label}\" => {}", wording(*off, false));
    }
    out.push_str("\t}\n}\n");
    out
}

/// `launchctl print-disabled gui/UID`
pub(crate) fn disabled(disabled: &BTreeMap<String, bool>, old: bool) -> String {
    let mut out = "disabled services = {\n".to_owned();
    for (label, off) in disabled {
        let _ = writeln!(out, "\t\"{label}\" => {}", wording(*off, old));
    }
    out.push_str("}\n");
    out
}

/// `launchctl list LABEL`
pub(crate) fn list(job: &Job) -> String {
    let spec = &job.spec;
    let mut out = "{\n".to_owned();
    for (key, path) in [("StandardOutPath", &spec.standard_out_path), ("StandardErrorPath", &spec.standard_error_path)]
    {
        if let Some(path) = path {
            line(&mut out, &format!("\"{key}\" = \"{path}\";"));
        }
    }
    line(&mut out, "\"LimitLoadToSessionType\" = \"Aqua\";");
    line(&mut out, &format!("\"Label\" = \"{}\";", spec.label));
    let on_demand = matches!(spec.keep_alive, KeepAlive::Always(false));
    line(&mut out, &format!("\"OnDemand\" = {on_demand};"));
    line(&mut out, &format!("\"LastExitStatus\" = {};", job.last.raw()));
    if let Some(pid) = job.pid() {
        line(&mut out, &format!("\"PID\" = {pid};"));
    }
    line(&mut out, &format!("\"Program\" = \"{}\";", spec.executable()));
    line(&mut out, "\"ProgramArguments\" = (");
    for argument in &spec.program_arguments {
        let _ = writeln!(out, "\t\t\"{argument}\";");
    }
    out.push_str("\t);\n};\n");
    out
}

/// `launchctl list`
pub(crate) fn list_all(jobs: &BTreeMap<String, Job>) -> String {
    let mut out = "PID\tStatus\tLabel\n".to_owned();
    for (label, job) in jobs {
        let pid = job.pid().map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let _ = writeln!(out, "{pid}\t{}\t{label}", job.last.raw());
    }
    out
}

/// For the tests' helper, not launchctl's: the truth, whatever the faults say.
pub(crate) fn peek(job: Option<&Job>) -> String {
    job.map_or(
        serde_json::Value::Null,
        |j| serde_json::json!({"pid": j.pid(), "runs": j.runs, "state": j.state(), "last": j.last.line()}),
    )
    .to_string()
}

fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "\t{text}");
}

/// Raw, newlines included, as the real one.
fn block(out: &mut String, name: &str, lines: &[String]) {
    let _ = writeln!(out, "\t{name} = {{");
    for text in lines {
        let _ = writeln!(out, "\t\t{text}");
    }
    out.push_str("\t}\n\n");
}

fn wording(off: bool, old: bool) -> &'static str {
    match (off, old) {
        (true, false) => "disabled",
        (false, false) => "enabled",
        (true, true) => "true",
        (false, true) => "false",
    }
}
