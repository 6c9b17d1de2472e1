//! Resource usage of process trees, measured only on request.

use crate::common::{Project, long_sleep, wait_until};
use serde_json::Value;

fn one<'a>(status: &'a Value, name: &str) -> &'a Value {
    let all = status["processes"].as_array().unwrap();
    all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{status}"))
}

/// One process holds 50 MB in a child, one works in an orphaned grandchild in a separate session,
/// one sleeps, and one never ran.
#[test]
fn a_whole_tree_is_measured_and_nothing_is_left_behind() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        r#"
[process.big]
command = "sh -c 'x=$(head -c 50000000 /dev/zero | tr \"\\0\" x); echo held; sleep {sleep}; echo $x' & wait"
[process.busy]
command = "(setsid sh -c 'echo works; while :; do :; done' &) ; exec sleep {sleep}"
[process.calm]
command = "exec sleep {sleep}"
[process.never]
command = "true"
autostart = false
"#
    ));
    let running = project.up(["--keep"]);
    running.wait_out("big   | held");
    running.wait_out("busy  | works");
    let mut seen = Value::Null;
    wait_until("the one that works is seen to work", || {
        seen = project.ask(["ps", "--json"]).code(0).json();
        one(&seen, "busy")["cpu_percent"].as_f64().unwrap() > 2.0
    });
    let memory = |name: &str| one(&seen, name)["memory_bytes"].as_u64().unwrap();
    let share = |name: &str| one(&seen, name)["cpu_percent"].as_f64().unwrap();
    assert!((50_000_000..300_000_000).contains(&memory("big")), "{seen}");
    assert!((100_000..20_000_000).contains(&memory("calm")), "{seen}");
    assert!(share("busy") < 150.0 && share("calm") < 1.0, "{seen}");
    let never = one(&seen, "never");
    assert!(never["cpu_percent"].is_null() && never["memory_bytes"].is_null(), "{seen}");
    project.ask(["ps"]).code(0).out("MEM").out("big").out("%");
    project.ask(["down"]).code(0);
    running.done().assert_code(0);
    assert!(project.carriers().is_empty());
}
