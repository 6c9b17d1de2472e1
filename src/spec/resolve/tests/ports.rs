//! Ports over all processes of a file.

use super::*;

const NONE: [String; 0] = [];

fn file(processes: &[&str]) -> String {
    let one = |(number, keys): (usize, &&str)| {
        let letter = ["a", "b", "c", "d"][number];
        format!("[process.{letter}]\ncommand = 'x'\n{keys}\n")
    };
    processes.iter().enumerate().map(one).collect()
}

/// Each warning as `line message`.
fn warnings(text: &str) -> Vec<String> {
    let loaded = Project::new(text).load().unwrap_or_else(|faults| panic!("{faults}"));
    let reported = |fault: &Fault| format!("{} {}", fault.line().unwrap(), fault.message());
    loaded.warnings.iter().map(reported).collect()
}

#[test]
fn the_same_port_twice_is_a_mistake_at_the_second_place() {
    let hint = "(give each process its own port)";
    assert_eq!(
        faults(&file(&["port = 80", "port = 81", "port = 80"])),
        [format!("9:8 `a` and `c` both have port 80 {hint}")]
    );
    // The ranges of replicas.
    assert_eq!(
        faults(&file(&["port = 83", "port = 80\nreplicas = 4", "port = 84"])),
        [format!("6:8 `a` and `b` both have port 83 {hint}")]
    );
    assert_eq!(faults(&file(&["port = 80\nreplicas = 3", "port = 83"])), NONE);
    // From a set.
    let shared = file(&["options = ['web']", "options = ['web']"]);
    assert_eq!(
        faults(&format!("{shared}[options.web]\nport = 80")),
        [format!("8:8 `a` and `b` both have port 80 {hint}")]
    );
}

#[test]
fn both_places_are_shown() {
    let text = Project::new(&file(&["port = 80", "port = 80"])).load().unwrap_err().to_string();
    assert!(text.contains("`a` has port 80") && text.contains("procfile.toml:6:8"), "{text}");
}

#[test]
fn two_checks_of_one_port_are_warned_about() {
    let both = "ready = { tcp = 80 }";
    for other in
        ["tcp = 80", "tcp = '127.0.0.1:80'", "http = 'http://localhost/x'", "tcp = '[::1]:80'"]
    {
        let text = file(&[both, &format!("ready = {{ {other} }}")]);
        assert_eq!(warnings(&text), ["6 the `ready` checks of `a` and `b` ask the same port 80"]);
    }
    for fine in [
        "ready = { tcp = 81 }",
        "ready = { tcp = 80, foreign = true }",
        "ready = { tcp = 'example.org:80' }",
        "ready = { exec = 'curl localhost:80' }",
        "health = { tcp = 80 }",
        "ready = { tcp = 80 }\nport = 80",
    ] {
        assert_eq!(warnings(&file(&[both.replace("80", "82").as_str(), fine])), NONE);
    }
}

#[test]
fn a_check_of_the_port_of_another_is_warned_about() {
    let text = file(&["port = 80\nready = { tcp = 'port' }", "ready = { tcp = 80 }"]);
    assert_eq!(warnings(&text), ["7 the `ready` check of `b` asks port 80, which belongs to `a`"]);
    let replicas = file(&["replicas = 2\nready = { tcp = 80 }"]);
    assert_eq!(warnings(&replicas), ["4 all 2 replicas of `a` ask the same port 80"]);
}

#[test]
fn warnings_are_kept_beside_mistakes() {
    let text = file(&["ready = { tcp = 80 }", "ready = { tcp = 80 }\nzzz = 1"]);
    let faults = Project::new(&text).load().unwrap_err();
    assert_eq!((faults.len(), faults.warnings().len()), (1, 1));
}

#[test]
fn what_comes_later_is_refused_with_a_sentence() {
    let reported = |keys: &str| {
        let project = Project::new(&file(&[keys]));
        let faults = load(&ProjectLocator { files: Vec::new(), dir: project.dir(), stdin: None })
            .unwrap_err();
        faults.iter().map(|fault| fault.message().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(reported("port = 'auto'"), ["`port = \"auto\"` is not supported yet"]);
    assert_eq!(reported("ports = { smtp = 25 }"), ["`ports` is not supported yet"]);
    assert_eq!(reported("[project]\nport_offset = 20"), ["`port_offset` is not supported yet"]);
}

#[test]
fn foreign_is_for_checks_that_ask_a_listener() {
    assert_eq!(
        faults(&file(&["ready = { exec = 'x', foreign = true }"])),
        ["3:23 `foreign` has no effect with `exec` (it is for `http`, `tcp` and `unix`)"]
    );
    let spec = spec(&file(&["ready = { unix = 's', foreign = true }\nport_busy = 'next'"]));
    assert!(spec.processes["a"].ready.as_ref().unwrap().foreign);
    assert_eq!(spec.processes["a"].port_busy, crate::spec::PortBusy::Next);
}

#[test]
fn the_page_of_a_process_is_its_url_or_the_root_of_its_port() {
    let page = |keys: &str, port| {
        let spec = Project::new(&file(&[keys])).load().unwrap();
        spec.spec.processes[0].page(port)
    };
    let url = "port = 80\nurl = 'http://localhost:port/admin'";
    assert_eq!(page(url, Some(8080)).unwrap(), "http://localhost:8080/admin");
    assert_eq!(page("url = 'https://shop.test/'", None).unwrap(), "https://shop.test/");
    let url = "port = 80\nurl = 'http://[::1]:port?y=:portal'";
    assert_eq!(page(url, Some(8080)).unwrap(), "http://[::1]:8080?y=:portal");
    for plain in ["http://localhost/:portfolio", "http://a:portal/", "http://a/b:port"] {
        assert_eq!(page(&format!("url = '{plain}'"), None).unwrap(), plain);
    }
    assert_eq!(page("port = 80", Some(81)).unwrap(), "http://127.0.0.1:81");
    assert_eq!(page("tags = ['a']", None), None);
}
