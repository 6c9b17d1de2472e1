//! Throwaway.
use super::*;
pub struct Locate {
    pub files: Vec<PathBuf>,
    pub dir: PathBuf,
}
pub struct Faults(String);
impl Faults {
    pub fn render(&self, _c: bool) -> String {
        self.0.clone() + "\n"
    }
    pub fn to_json(&self) -> String {
        self.0.clone()
    }
}
pub fn schema() -> serde_json::Value {
    serde_json::Value::Null
}
pub fn parse_duration(t: &str) -> Result<Duration, jiff::Error> {
    let d: jiff::SignedDuration = t.parse()?;
    Ok(d.unsigned_abs())
}
pub fn load(l: &Locate) -> Result<Spec, Faults> {
    inner(l).map_err(Faults)
}
fn cmd(v: &toml::Value) -> CommandLine {
    match v {
        toml::Value::String(s) => {
            CommandLine::Shell { shell: vec!["/bin/sh".into(), "-c".into()], script: s.clone() }
        }
        v => CommandLine::Argv(
            v.as_array().unwrap().iter().map(|x| x.as_str().unwrap().to_owned()).collect(),
        ),
    }
}
fn proc(name: &str, v: &toml::Value, dir: &PathBuf, pool: Option<&str>) -> ProcessSpec {
    let e = toml::Table::new();
    let t = v.as_table().unwrap_or(&e);
    let c = if v.is_table() { &t["command"] } else { v };
    let dur = |k: &str| t.get(k).map(|v| parse_duration(v.as_str().unwrap()).unwrap());
    let st = t.get("stop").and_then(|v| v.as_table()).cloned().unwrap_or_default();
    let rt = t.get("retry").and_then(|v| v.as_table()).cloned();
    let mut retry = RetryPolicy::default();
    if let Some(r) = &rt {
        if let Some(a) = r.get("attempts") {
            retry.attempts = a.as_integer().map(|x| x as u32);
        }
        if let Some(b) = r.get("backoff") {
            let b = b.as_table().unwrap();
            if let Some(i) = b.get("initial") {
                retry.initial = parse_duration(i.as_str().unwrap()).unwrap();
            }
            if let Some(i) = b.get("max") {
                retry.max = parse_duration(i.as_str().unwrap()).unwrap();
            }
        }
    }
    let mut deps = IndexMap::new();
    match t.get("depends_on") {
        Some(toml::Value::Array(a)) => {
            for x in a {
                deps.insert(
                    Name::new(x.as_str().unwrap()),
                    Dependency { condition: Condition::Ready, restart: false },
                );
            }
        }
        Some(toml::Value::Table(a)) => {
            for (k, x) in a {
                let c = match x.as_str().unwrap() {
                    "started" => Condition::Started,
                    "succeeded" => Condition::Succeeded,
                    "completed" => Condition::Completed,
                    _ => Condition::Ready,
                };
                deps.insert(Name::new(k), Dependency { condition: c, restart: false });
            }
        }
        _ => {}
    }
    let mut env = Environment { inherit: true, ..Default::default() };
    if let Some(x) = t.get("env").and_then(|v| v.as_table()) {
        for (k, v) in x {
            env.set
                .insert(k.clone(), v.as_str().map(str::to_owned).unwrap_or_else(|| v.to_string()));
        }
    }
    ProcessSpec {
        name: Name::new(name),
        kind: if pool.is_some() { ProcessKind::Job } else { ProcessKind::Process },
        command: cmd(c),
        description: None,
        cwd: t.get("cwd").map(|c| dir.join(c.as_str().unwrap())).unwrap_or(dir.clone()),
        env,
        port: t.get("port").and_then(|v| v.as_integer()).map(|x| x as u16),
        color: ColorWish::Auto,
        stdin: StdinKind::Null,
        depends_on: deps,
        restart: match t.get("restart").and_then(|v| v.as_str()) {
            Some("always") => Restart::Always,
            Some("on-failure") => Restart::OnFailure,
            Some(_) => Restart::Never,
            None => {
                if rt.is_some() {
                    Restart::OnFailure
                } else {
                    Restart::Never
                }
            }
        },
        retry,
        timeout: dur("timeout"),
        idle_timeout: dur("idle_timeout"),
        stop: StopPolicy {
            signal: st
                .get("signal")
                .map(|s| s.as_str().unwrap().parse().unwrap())
                .unwrap_or(Signal::TERM),
            grace: st
                .get("grace")
                .map(|g| parse_duration(g.as_str().unwrap()).unwrap())
                .unwrap_or(Duration::from_secs(10)),
            command: st.get("command").map(cmd),
            strays: match st.get("strays").and_then(|v| v.as_str()) {
                Some("group") => StraysPolicy::Group,
                Some("leave") => StraysPolicy::Leave,
                _ => StraysPolicy::Kill,
            },
            keep: Arc::default(),
        },
        success_exit_codes: BTreeSet::from([0]),
        replicas: t.get("replicas").and_then(|v| v.as_integer()).map(|x| x as u32),
        pool: pool.or(t.get("pool").and_then(|v| v.as_str())).map(Name::new),
        autostart: t.get("autostart").and_then(|v| v.as_bool()).unwrap_or(true),
        tags: BTreeSet::new(),
        shutdown_on: match t.get("shutdown_on").and_then(|v| v.as_str()) {
            Some("exit") => ShutdownOn::Exit,
            Some("failure") => ShutdownOn::Failure,
            _ => ShutdownOn::Never,
        },
        log: t.get("log").and_then(|v| v.as_table()).map(|l| LogPolicy {
            file: dir.join(l["file"].as_str().unwrap()),
            max_size: l.get("max_size").and_then(|v| v.as_integer()).unwrap_or(10 << 20) as u64,
            keep: 5,
        }),
    }
}
fn inner(l: &Locate) -> Result<Spec, String> {
    let f = l.files.first().cloned().unwrap_or("procfile.toml".into());
    let f = l.dir.join(f).canonicalize().map_err(|e| e.to_string())?;
    let dir = f.parent().unwrap().to_owned();
    let t: toml::Table = std::fs::read_to_string(&f)
        .map_err(|e| e.to_string())?
        .parse()
        .map_err(|e: toml::de::Error| e.to_string())?;
    let mut processes = IndexMap::new();
    let mut pools = IndexMap::new();
    if let Some(p) = t.get("process").and_then(|v| v.as_table()) {
        for (k, v) in p {
            processes.insert(Name::new(k), Arc::new(proc(k, v, &dir, None)));
        }
    }
    if let Some(p) = t.get("pool").and_then(|v| v.as_table()) {
        for (k, v) in p {
            let mut jobs = vec![];
            for (i, j) in v
                .get("jobs")
                .and_then(|j| j.as_array())
                .cloned()
                .unwrap_or_default()
                .iter()
                .enumerate()
            {
                let n = j
                    .get("name")
                    .and_then(|v| v.as_str())
                    .map(str::to_owned)
                    .unwrap_or(format!("{k}.{}", i + 1));
                processes.insert(Name::new(&n), Arc::new(proc(&n, j, &dir, Some(k))));
                jobs.push(Name::new(&n));
            }
            pools.insert(
                Name::new(k),
                Arc::new(PoolSpec {
                    name: Name::new(k),
                    concurrency: v["concurrency"].as_integer().unwrap() as u32,
                    on_failure: if v.get("on_failure").and_then(|x| x.as_str()) == Some("stop") {
                        OnFailure::Stop
                    } else {
                        OnFailure::Continue
                    },
                    autostart: true,
                    jobs,
                }),
            );
        }
    }
    Ok(Spec {
        project: Project {
            name: dir.file_name().unwrap().to_string_lossy().into_owned(),
            file: f.clone(),
            dir,
            files: vec![f],
            output: OutputLimits::default(),
        },
        processes,
        pools,
    })
}
