//! What shows that code runs on a host at another's behest: calls of management interfaces, pipes and programs of execution
//! services, processes that only a remote caller starts. Used by remote-execution; who may do it is that detection's.
//!
//! `[MS-SCMR] 3.1.4`, `[MS-TSCH] 3.2.5`, `[MS-WMI] 3.1.4.3.22`, `[MS-OAUT] 3.1.4.4`.

use hopwatch_model::event::{ProcessStart, RpcArguments, RpcCall};

/// Pipes of remote execution services, by the beginning of their names.
const PIPES: &[(&str, &str)] = &[
    ("psexesvc", "PsExec"),
    ("paexec", "PAExec"),
    ("remcom_", "RemCom"),
    ("csexecsvc", "CSExec"),
    ("winexesvc", "winexe"),
    ("atsvc", "the task scheduler (ATSVC)"),
];

/// Programs of remote execution services.
const PROGRAMS: &[(&str, &str)] = &[
    ("psexesvc.exe", "PsExec"),
    ("remcomsvc.exe", "RemCom"),
    ("paexec.exe", "PAExec"),
    ("csexecsvc.exe", "CSExec"),
    ("winexesvc.exe", "winexe"),
];

/// PowerShell remoting, as the stories name it.
pub(crate) const REMOTING: &str = "PowerShell remoting";

/// How a process came to be started from elsewhere, where its parent, name or line tell.
pub(crate) fn remotely_started(process: &ProcessStart) -> Option<&'static str> {
    let file = |path: &str| path.rsplit('\\').next().unwrap_or_default().to_lowercase();
    let (image, parent, line) = (file(&process.image), file(&process.parent), process.command_line.to_lowercase());
    // Output sent to a share of the own host is how a caller without a shell gets it back.
    let fetched = line.contains("\\\\127.0.0.1\\") || line.contains("\\\\localhost\\");
    match (image.as_str(), parent.as_str()) {
        ("wsmprovhost.exe", _) => Some(REMOTING),
        (_, "wmiprvse.exe") if fetched => Some("WMI"),
        (_, "services.exe") if fetched => Some("the service manager"),
        (_, "mmc.exe" | "explorer.exe" | "svchost.exe") if fetched && line.contains("1>") => Some("DCOM"),
        (_, "psexesvc.exe") => Some("PsExec"),
        _ => None,
    }
}

/// How a call executes, and what.
pub(crate) fn executes(call: &RpcCall) -> Option<(&'static str, String)> {
    let what = |fallback: &str| match &call.arguments {
        RpcArguments::Service { name, .. } if name.is_empty() => fallback.to_owned(),
        RpcArguments::Service { name, image_path } if image_path.is_empty() => format!("the service {name}"),
        RpcArguments::Service { name, image_path } => format!("the service {name} ({image_path})"),
        RpcArguments::Task { path, .. } if path.is_empty() => fallback.to_owned(),
        RpcArguments::Task { path, .. } => format!("the task {path}"),
        _ => fallback.to_owned(),
    };
    match (call.interface_name.as_str(), call.opnum) {
        // RCreateServiceW, A, WOW64A, WOW64W; RStartServiceW, A; RChangeServiceConfigW, A.
        ("svcctl", 12 | 24 | 44 | 45 | 60 | 19 | 31 | 11 | 23) => Some(("the service manager", what("a service"))),
        // SchRpcRegisterTask, SchRpcRun.
        ("tsch", 1 | 12) => Some(("the task scheduler", what("a task"))),
        // NetrJobAdd.
        ("atsvc", 0) => Some(("the task scheduler (ATSVC)", what("a task"))),
        // ExecMethod, ExecMethodAsync.
        ("IWbemServices", 24 | 25) => Some(("WMI", String::from("a method"))),
        // Invoke of an object of another host.
        ("IDispatch", 6) => Some(("DCOM", String::from("a method of a remote object"))),
        _ => None,
    }
}

/// The program of an execution service, written to a share.
pub(crate) fn tool(path: &str) -> Option<(&'static str, String)> {
    let file = path.rsplit('\\').next()?.to_lowercase();
    let (_, how) = PROGRAMS.iter().find(|(name, _)| file == *name)?;
    Some((how, format!("the program {file}")))
}

pub(crate) fn pipe(path: &str) -> Option<(&'static str, String)> {
    let name = path.trim_start_matches('\\').to_lowercase();
    // PsExec names its streams so, whatever its service is renamed to.
    if name.ends_with("-stdin") || name.ends_with("-stdout") || name.ends_with("-stderr") {
        return Some(("PsExec", format!("something over the pipe {name}")));
    }
    let (_, how) = PIPES.iter().find(|(start, _)| name.starts_with(start))?;
    Some((how, format!("something over the pipe {name}")))
}
