//! What `$NAME` in an env file is for a process.

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

/// The variables of process `x` as text, or the mistakes.
fn env_of(project: &Project, inherited: &[(&str, &str)]) -> Result<Vec<String>, Vec<String>> {
    match project.load_with_env(inherited) {
        Ok(loaded) => {
            let set = &loaded.spec.processes["x"].env.set;
            Ok(set.iter().map(|(name, value)| format!("{name}={}", value.text())).collect())
        }
        Err(faults) => Err(faults.iter().map(reported).collect()),
    }
}

fn reported(fault: &Fault) -> String {
    format!("{}:{} {}", fault.line().unwrap_or(0), fault.column().unwrap_or(0), fault.message())
}

#[test]
fn a_variable_comes_from_the_file_then_from_below_then_from_outside() {
    let project = Project::new(
        "[project]\nenv_file = ['a.env', 'b.env']\nenv = { FROM_ENV = 'p' }\n\
         [process.x]\ncommand = 'x'\nenv_file = 'x.env'\nenv = { Z = '$ONE' }\n",
    )
    .with("a.env", "ONE=a\nTWO=a\n")
    .with("b.env", "TWO=$ONE+b\n")
    .with("x.env", "ONE=x\nV=$ONE $TWO $FROM_ENV $OUTSIDE\n");
    let env = env_of(&project, &[("ONE", "outside"), ("OUTSIDE", "o")]).unwrap();
    // The values of the procfile are not expanded.
    assert_eq!(env, ["ONE=x", "TWO=a+b", "FROM_ENV=p", "V=x a+b p o", "Z=$ONE"]);
}

#[test]
fn only_what_the_child_inherits_counts() {
    let project = |keys: &str| {
        Project::new(&format!("[process.x]\ncommand = 'x'\nenv_file = 'x.env'\n{keys}\n"))
            .with("x.env", "V=$A\n")
    };
    let outside = [("A", "a"), ("NOTIFY_SOCKET", "/run/x")];
    assert_eq!(env_of(&project(""), &outside).unwrap(), ["V=a"]);
    for keys in ["inherit_env = false", "unset_env = ['A']"] {
        assert_eq!(env_of(&project(keys), &outside).unwrap_err(), ["1:3 `A` is not set"], "{keys}");
        let alone = project(keys).with("x.env", "A\nV=$A\n");
        assert_eq!(env_of(&alone, &outside).unwrap(), ["A=a", "V=a"], "{keys}");
    }
    let ours = project("").with("x.env", "V=$NOTIFY_SOCKET\n");
    assert_eq!(env_of(&ours, &outside).unwrap_err(), ["1:3 `NOTIFY_SOCKET` is not set"]);
}

#[test]
fn the_port_is_that_of_the_process() {
    let project = |keys: &str| {
        Project::new(&format!(
            "[project]\nenv_file = 'p.env'\nenv = {{ PORT = 1 }}\n[process.x]\ncommand = 'x'\n{keys}\n"
        ))
        .with("p.env", "URL=http://localhost:$PORT/\n")
    };
    // Each replica has its own, so it has a value only when the process starts.
    let with_port = env_of(&project("port = 80\nreplicas = 2"), &[("PORT", "9")]).unwrap();
    assert_eq!(with_port, ["URL=http://localhost:${PORT}/", "PORT=1"]);
    let without = env_of(&project(""), &[("PORT", "9")]).unwrap();
    assert_eq!(without, ["URL=http://localhost:9/", "PORT=1"]);
    assert_eq!(env_of(&project(""), &[]).unwrap_err(), ["1:22 `PORT` is not set"]);
    let named = project("port = 80").with("p.env", "PORT=5\nURL=:$PORT\n");
    assert_eq!(env_of(&named, &[]).unwrap(), ["PORT=1", "URL=:5"]);
}

#[test]
fn the_ports_of_all_processes_can_be_used() {
    let project = |env_file: &str| {
        Project::new(
            "[process.x]\ncommand = 'x'\nenv_file = 'x.env'\n\
             [process.my-db]\ncommand = 'x'\nport = 5432\n\
             [process.web]\ncommand = 'x'\nport = 80\nreplicas = 2\n\
             [process.none]\ncommand = 'x'\n",
        )
        .with("x.env", env_file)
    };
    let all =
        project("DB=db:$PITCREW_PORT_MY_DB\nW=${PITCREW_PORT_WEB_2}/${PITCREW_PORT_WEB:-1}\n");
    let env = env_of(&all, &[]).unwrap();
    let web = "W=${PITCREW_PORT_WEB_2}/${PITCREW_PORT_WEB}";
    assert_eq!(env, ["DB=db:${PITCREW_PORT_MY_DB}", web]);
    for name in ["NONE", "WEB_3", "WEB_0", "WEB_01", "MY_DB_1"] {
        let faults = env_of(&project(&format!("A=${{PITCREW_PORT_{name}}}\n")), &[]);
        assert_eq!(faults.unwrap_err().len(), 1, "{name}");
    }
}

#[test]
fn a_mistake_in_a_shared_file_is_reported_once() {
    let project = Project::new(
        "[project]\nenv_file = '.env'\n[process]\nx = 'x'\ny = 'y'\n[pool.p]\nconcurrency = 1\njobs = ['j']\n",
    )
    .with(".env", "A=$NONE\nPITCREW_RUN=1\nB=$$\nUNKNOWN\n");
    assert_eq!(env_of(&project, &[]).unwrap_err(), ["1:3 `NONE` is not set"]);
    let loaded = project.with(".env", "PITCREW_RUN=1\nB=$$\nUNKNOWN\n").load().unwrap();
    let warnings: Vec<_> = loaded.warnings.iter().map(reported).collect();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert_eq!(warnings[0], "1:1 `PITCREW_RUN` is set by pitcrew; this value is ignored");
    assert!(warnings[1].starts_with("2:3 `$$` stands") && warnings[2].starts_with("3:1 a name"));
}

#[test]
fn what_was_not_read_makes_no_mistake() {
    let project = Project::new(
        "[process.x]\ncommand = 'x'\nenv_file = ['pipe', '.env', '/dev/null']\nready.tcp = 1\n",
    )
    .with(".env", "A=$FROM_PIPE ${B:?need it}\nC=${D\n");
    let pipe = project.dir().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let (inherited, waiting) = (HashMap::new(), &|_: &std::path::Path| {});
    let reading = EnvReading { inherited, pipes: EnvPipes::Skip, waiting };
    let locate = ProjectLocator { files: Vec::new(), dir: project.dir(), stdin: None };
    let faults = load_with(&locate, &[], &reading).unwrap_err();
    assert_eq!(faults.iter().map(reported).collect::<Vec<_>>(), ["2:3 this `${` is never closed"]);
    let project = project.with(".env", "A=$FROM_PIPE\n");
    let spec = load_with(&locate, &[], &reading).unwrap().spec;
    // A pipe is not watched: reading it to compare would consume its content.
    assert_eq!(spec.project.env_files, [project.dir().join(".env")]);
    assert_eq!(spec.project.env_pipes, ["/dev/null".into(), pipe]);
}

#[test]
fn the_ports_of_all_processes_are_known_before_they_start() {
    let file = |text: &str| {
        Project::new(
            "[process.x]\ncommand = 'x'\nenv_file = 'x.env'\n\
             [process.my-db]\ncommand = 'x'\nport = 5432\n\
             [process.w]\ncommand = 'x'\nport = 90\nreplicas = 2\n",
        )
        .with("x.env", text)
    };
    let project = file("URL=db:$PITCREW_PORT_MY_DB $PITCREW_PORT_W $PITCREW_PORT_W_2\n");
    let expected = "URL=db:${PITCREW_PORT_MY_DB} ${PITCREW_PORT_W} ${PITCREW_PORT_W_2}";
    assert_eq!(env_of(&project, &[]).unwrap(), [expected]);
    for unknown in
        ["PITCREW_PORT_W_3", "PITCREW_PORT_W_02", "PITCREW_PORT_MY_DB_1", "PITCREW_PORT_X"]
    {
        let project = file(&format!("URL=${unknown}\n"));
        let expected = format!("1:5 `{unknown}` is not set");
        assert_eq!(env_of(&project, &[]).unwrap_err(), [expected]);
    }
    let loaded = file("PITCREW_PORT_W_1=7\n").load_with_env(&[]).unwrap();
    assert_eq!(
        loaded.warnings.iter().map(reported).collect::<Vec<_>>(),
        ["1:1 `PITCREW_PORT_W_1` is set by pitcrew; this value is ignored"]
    );
    assert!(loaded.spec.processes["x"].env.set.is_empty());
}

#[test]
fn the_working_folder_is_that_of_the_process() {
    let project = |keys: &str, text: &str| {
        Project::new(&format!("[process.x]\ncommand = 'x'\nenv_file = 'x.env'\n{keys}\n"))
            .with("x.env", text)
    };
    let outside = [("PWD", "/of/pitcrew")];
    assert_eq!(env_of(&project("", "V=$PWD/x\n"), &outside).unwrap(), ["V=${PWD}/x"]);
    assert_eq!(env_of(&project("", "V=$PWD/x\n"), &[]).unwrap(), ["V=${PWD}/x"]);
    assert_eq!(env_of(&project("", "PWD=/a\nV=$PWD/x\n"), &outside).unwrap()[1], "V=/a/x");
    for keys in ["inherit_env = false", "unset_env = ['PWD']"] {
        let not_set = ["1:3 `PWD` is not set"];
        assert_eq!(env_of(&project(keys, "V=$PWD\n"), &outside).unwrap_err(), not_set, "{keys}");
        let alone = env_of(&project(keys, "PWD\nV=$PWD\n"), &outside).unwrap();
        assert_eq!(alone, ["PWD=${PWD}", "V=${PWD}"], "{keys}");
    }
}
