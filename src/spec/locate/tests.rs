//! Finding files, and everything that needs more than one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn scratch() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("procfile.toml"),
        r#"
[process]
web = "npm run dev"
api = 5
[process.db]
comand = "x"
depends_on = ["wbe", "c"]
timeout = "10"
idle_timeout = 10
restart = "onfailure"
retry = "pateint"
env = { "A=B" = 1, "" = 2, X = [1] }
[process.a]
command = []
depends_on = ["b"]
ready = { http = "https://x/y", tcp = 5 }
health = { log = "x", intreval = "1s" }
watch = { ignore = ["["], paths = [] }
[process.b]
command = ["", "a\u0000b"]
depends_on = { a = "redy" }
stop = { signal = "TREM", grace = "1x" }
log = true
ready = { log = "(" }
[pool.web]
jobs = ["a", { name = "x y", watch = ["a"] }, { name = "all", command = "z" }]
[web]
command = "x"
[process.c]
command = "x"
port = 99999
cwd =
x = 5
[options.default]
command = "x
retry = "a"
[process.d
"#,
    )
    .unwrap();
    let error = load(&Locate { files: vec![], dir: folder.path().to_owned() }).unwrap_err();
    println!("{error}\n{}", error.to_json());
}
