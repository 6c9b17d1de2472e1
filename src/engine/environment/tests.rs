use super::{EnvironmentContext, RunLabel};
use crate::spec::{ProjectLocator, load};
use std::collections::BTreeMap;

/// The environment of run 3 of a process with these keys, replica 2.
fn env_of(keys: &str, colour: bool, inherited: &[(&str, &str)]) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("[process.web]\ncommand = 'x'\n{keys}\n");
    std::fs::write(folder.path().join("procfile.toml"), file).unwrap();
    let request = ProjectLocator { files: Vec::new(), dir: folder.path().to_owned(), stdin: None };
    let spec = load(&request).unwrap().spec;
    let context = EnvironmentContext {
        inherited: inherited.iter().map(|(k, v)| (k.into(), v.into())).collect(),
        folders: crate::sys::LogicalFolders::default(),
        session: "s".to_owned(),
        colour,
        ports: std::sync::Mutex::default(),
    };
    context.update_ports(&crate::machine::Supervisor::new(
        spec.clone(),
        crate::machine::SupervisorOptions::default(),
    ));
    let web = &spec.processes["web"];
    let label = RunLabel {
        spec: web,
        replica: Some(2),
        run: 3,
        port: web.port_of(Some(2)),
        role: None,
        has_terminal: web.tty,
    };
    let variables = context.of_run(label).into_iter();
    variables.map(|(k, v)| (k.into_string().unwrap(), v.into_string().unwrap())).collect()
}

#[test]
fn every_child_gets_the_marks_and_nothing_can_override_them() {
    let env = env_of("env = { PITCREW_RUN = 9, PITCREW_SESSION = 'mine' }", false, &[]);
    assert_eq!(env["PITCREW_SESSION"], "s");
    assert_eq!(env["PITCREW_PROCESS"], "web");
    assert_eq!(env["PITCREW_RUN"], "3");
    assert_eq!(env["PITCREW_REPLICA"], "2");
    assert!(!env.contains_key("PITCREW_POOL"));
}

#[test]
fn port_counts_up_with_the_replica_unless_the_process_names_it() {
    assert_eq!(env_of("port = 8080", false, &[("PORT", "1")])["PORT"], "8081");
    assert_eq!(env_of("port = 8080\nenv = { PORT = 5 }", false, &[])["PORT"], "5");
}

#[test]
fn every_process_gets_the_ports_of_all_processes() {
    let other = "port = 8080\n[process.my-db]\ncommand = 'x'\nport = 5432\n\
                 [process.w]\ncommand = 'x'\nport = 90\nreplicas = 2";
    let env = env_of(other, false, &[("PITCREW_PORT_WEB", "1")]);
    assert_eq!(
        (env["PITCREW_PORT_WEB"].as_str(), env["PITCREW_PORT_MY_DB"].as_str()),
        ("8080", "5432")
    );
    assert_eq!((env["PITCREW_PORT_W_1"].as_str(), env["PITCREW_PORT_W_2"].as_str()), ("90", "91"));
    assert_eq!(env["PITCREW_PORT_W"], "90");
}

#[test]
fn the_inherited_environment_can_be_cut_or_left_out() {
    let inherited = [("A", "1"), ("B", "2"), ("NOTIFY_SOCKET", "/run/x")];
    let env = env_of("unset_env = ['A']\nenv = { C = true }", false, &inherited);
    assert_eq!((env.get("A"), env["B"].as_str(), env["C"].as_str()), (None, "2", "true"));
    assert!(!env.contains_key("NOTIFY_SOCKET"), "it is how we are spoken to ourselves");
    assert!(!env_of("inherit_env = false", false, &inherited).contains_key("B"));
}

#[test]
fn colour_variables_are_set_if_colour_is_shown_and_existing_values_win() {
    let env = env_of("", true, &[("FORCE_COLOR", "3")]);
    assert_eq!((env["FORCE_COLOR"].as_str(), env["CLICOLOR_FORCE"].as_str()), ("3", "1"));
    assert_eq!(
        (env["CARGO_TERM_COLOR"].as_str(), env["PYTHONUNBUFFERED"].as_str()),
        ("always", "1")
    );
    assert!(!env_of("", false, &[]).contains_key("FORCE_COLOR"));
    assert!(env_of("color = 'always'", false, &[]).contains_key("FORCE_COLOR"));
    assert!(!env_of("env = { NO_COLOR = 1 }", true, &[]).contains_key("FORCE_COLOR"));
    assert!(!env_of("color = 'never'", true, &[]).contains_key("FORCE_COLOR"));
}

#[test]
fn pwd_is_the_working_folder_unless_it_is_set() {
    let inherited = [("PWD", "/somewhere/else"), ("OLDPWD", "/before")];
    let env = env_of("cwd = './web/'", false, &inherited);
    assert!(env["PWD"].ends_with("/web") && !env["PWD"].contains("/./"), "{}", env["PWD"]);
    assert_eq!(env["OLDPWD"], "/before", "inherited like any other");
    assert_eq!(env_of("env = { PWD = 'mine' }", false, &inherited)["PWD"], "mine");
    assert!(!env_of("unset_env = ['PWD']", false, &inherited).contains_key("PWD"));
    assert!(!env_of("inherit_env = false", false, &inherited).contains_key("PWD"));
    assert!(env_of("", false, &[]).contains_key("PWD"), "without one to inherit too");
}

#[test]
fn a_value_of_an_env_file_can_hold_the_port_of_its_replica() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.env");
    std::fs::write(&file, "URL=http://localhost:$PORT/$PITCREW_REPLICA\n").unwrap();
    let keys = format!("env_file = '{}'\nport = 8080\nreplicas = 2", file.display());
    let env = env_of(&keys, false, &[("PORT", "1")]);
    assert_eq!(env["URL"], "http://localhost:8081/2");
    let own = env_of(&format!("{keys}\nenv = {{ PORT = 5 }}"), false, &[]);
    assert_eq!((own["URL"].as_str(), own["PORT"].as_str()), ("http://localhost:8081/2", "5"));
}

#[test]
fn a_value_of_an_env_file_can_hold_the_working_folder_and_the_ports_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.env");
    std::fs::write(&file, "URL=$PWD:$PITCREW_PORT_MY_DB\n").unwrap();
    let keys = format!(
        "env_file = '{}'\ncwd = '/tmp'\n[process.my-db]\ncommand = 'x'\nport = 5432",
        file.display()
    );
    assert_eq!(env_of(&keys, false, &[("PWD", "/of/pitcrew")])["URL"], "/tmp:5432");
}

#[test]
fn a_terminal_is_described_and_its_size_is_asked_for() {
    let inherited = [("TERM", "dumb"), ("COLUMNS", "10"), ("LINES", "10"), ("NO_COLOR", "")];
    let env = env_of("tty = true", true, &inherited);
    assert_eq!((env["TERM"].as_str(), env["COLORTERM"].as_str()), ("xterm-256color", "truecolor"));
    for name in ["COLUMNS", "LINES", "FORCE_COLOR", "CLICOLOR_FORCE", "CARGO_TERM_COLOR"] {
        assert!(!env.contains_key(name), "{name}");
    }
    let env = env_of("tty = true\nenv = { TERM = 'vt100', COLUMNS = 7 }", true, &inherited);
    assert_eq!((env["TERM"].as_str(), env["COLUMNS"].as_str()), ("vt100", "7"));
}
