//! `mcp` as an editor uses it: JSON-RPC over stdin and stdout, one message per line.

use crate::common::Project;

#[cfg(not(feature = "mcp"))]
#[test]
fn without_the_feature_it_says_how_to_get_it() {
    let said = Project::empty().ask(["mcp"]).code(2).err("--features mcp");
    assert_eq!(said.out, "");
}

#[cfg(feature = "mcp")]
mod with_the_feature {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::{Child, ChildStdin, ChildStdout, Stdio};
    use std::sync::mpsc;

    use serde_json::{Value, json};

    use super::*;
    use crate::common::ask::Said;
    use crate::common::{BOUND, Running, in_own_session, long_sleep, wait_until};

    /// An editor that has started `pitcrew mcp`.
    struct Editor {
        child: Child,
        input: ChildStdin,
        answers: mpsc::Receiver<String>,
        number: u64,
    }

    impl Editor {
        fn start(project: &Project) -> Self {
            let mut command = project.pitcrew(["mcp"]);
            // It is nothing of the project, and outlives it.
            command.env_remove("PITCREW_TEST_MARK");
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            in_own_session(&mut command);
            let mut child = command.spawn().unwrap();
            let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            let answers = lines(output);
            let mut editor = Self { child, input, answers, number: 0 };
            let info = editor.ask(
                "initialize",
                &json!({
                    "protocolVersion": "2025-06-18", "capabilities": {},
                    "clientInfo": { "name": "test", "version": "1" },
                }),
            );
            assert_eq!(info["serverInfo"]["name"], "pitcrew", "{info}");
            assert_eq!(info["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
            assert!(info["capabilities"]["tools"].is_object(), "{info}");
            editor.write(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
            editor
        }

        fn write(&mut self, message: &Value) {
            writeln!(self.input, "{message}").unwrap();
        }

        #[track_caller]
        fn answer(&mut self, method: &str, params: &Value) -> Value {
            self.number += 1;
            let number = self.number;
            self.write(&json!({
                "jsonrpc": "2.0", "id": number, "method": method, "params": params,
            }));
            loop {
                let line = self.answers.recv_timeout(BOUND).unwrap();
                let answer: Value = serde_json::from_str(&line).unwrap();
                if answer["id"] == number {
                    return answer;
                }
            }
        }

        #[track_caller]
        fn ask(&mut self, method: &str, params: &Value) -> Value {
            let answer = self.answer(method, params);
            assert!(answer["error"].is_null(), "{answer}");
            answer["result"].clone()
        }

        /// The text of a tool's result, and whether it is an error.
        #[track_caller]
        fn call(&mut self, tool: &str, arguments: &Value) -> (Value, bool) {
            let result = self.ask("tools/call", &json!({ "name": tool, "arguments": arguments }));
            let is_error = result["isError"] == true;
            (result, is_error)
        }

        #[track_caller]
        fn text(&mut self, tool: &str, arguments: &Value) -> String {
            let (result, is_error) = self.call(tool, arguments);
            assert!(!is_error, "{result}");
            result["content"][0]["text"].as_str().unwrap().to_owned()
        }

        #[track_caller]
        fn data(&mut self, tool: &str, arguments: &Value) -> Value {
            let (result, is_error) = self.call(tool, arguments);
            assert!(!is_error, "{result}");
            result["structuredContent"].clone()
        }

        #[track_caller]
        fn error(&mut self, tool: &str, arguments: &Value) -> String {
            let (result, is_error) = self.call(tool, arguments);
            assert!(is_error, "{result}");
            result["content"][0]["text"].as_str().unwrap().to_owned()
        }

        /// The editor closes our input: that is the end, and no failure.
        fn close(mut self) {
            drop(self.input);
            let mut status = None;
            wait_until("it ends with its input", || {
                status = self.child.try_wait().unwrap();
                status.is_some()
            });
            assert_eq!(status.unwrap().code(), Some(0));
            assert!(self.answers.recv().is_err(), "it said something unasked");
        }
    }

    fn lines(output: ChildStdout) -> mpsc::Receiver<String> {
        let (put, answers) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let Ok(line) = line else { return };
                if put.send(line).is_err() {
                    return;
                }
            }
        });
        answers
    }

    fn up() -> (Project, Running) {
        let sleep = long_sleep();
        let project = Project::new(&format!(
            "[project]\nname = 'shop'\n[process]\n\
             web = 'printf \"\\033[31mred\\033[0m and \\033]0;title\\007plain\\n\"; exec sleep {sleep}'\n\
             bad = 'echo oops >&2; exit 3'\n\
             [process.after]\ncommand = 'true'\ndepends_on = {{ bad = 'succeeded' }}\n\
             [process.ask]\ncommand = 'printf \"name? \"; read name; echo \"hi $name\"'\ntty = true\n\
             autostart = false\n"
        ));
        let running = project.up(["--keep"]);
        running.wait_out("plain");
        project.ask(["wait", "bad", "--for", "completed"]).code(0);
        (project, running)
    }

    #[test]
    fn every_tool_has_a_schema_and_does_what_it_says() {
        let (project, running) = up();
        let mut editor = Editor::start(&project);
        let tools = editor.ask("tools/list", &json!({}));
        let tools = tools["tools"].as_array().unwrap();
        let mut names: Vec<&str> =
            tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "keys",
                "list",
                "read_events",
                "read_output",
                "restart",
                "screen",
                "search_output",
                "start",
                "stop",
                "wait",
                "why",
            ]
        );
        for tool in tools {
            assert!(tool["description"].as_str().unwrap().len() > 20, "{tool}");
            assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
        }

        let status = editor.data("list", &json!({}));
        assert_eq!(status, project.ask(["ps", "--json"]).json_but_times(&status));
        let why = editor.data("why", &json!({ "name": "after" }));
        assert_eq!((&why["state"], &why["chain"][0]["name"]), (&json!("skipped"), &json!("bad")));

        let ended = editor.data("stop", &json!({ "names": ["web"] }));
        assert_eq!(ended["processes"][0]["state"], "stopped");
        let begun = editor.data("start", &json!({ "names": ["web"], "wait": true }));
        assert_eq!((&begun["ok"], &begun["processes"][0]["run"]), (&json!(true), &json!(2)));
        editor.data("restart", &json!({ "names": ["web"] }));
        assert_eq!(project.one("web")["run"], 3);
        editor.data("wait", &json!({ "names": ["web"] }));
        editor.close();
        project.ask(["down"]).code(0);
        running.done().assert_code(0);
    }

    #[test]
    fn output_is_plain_text_and_no_more_of_it_than_asked() {
        let (project, running) = up();
        let mut editor = Editor::start(&project);
        let read = editor.text("read_output", &json!({}));
        assert!(read.contains("web | red and plain"), "{read:?}");
        assert!(!read.contains('\u{1b}'), "{read:?}");
        let err = editor.text("read_output", &json!({ "stream": "err" }));
        assert_eq!(err, "bad | oops");
        let last = editor.text("read_output", &json!({ "names": ["web", "bad"], "lines": 1 }));
        assert_eq!(last.lines().count(), 1);
        let found = editor.text("search_output", &json!({ "pattern": "(?i)OOPS" }));
        assert_eq!(found, "bad | oops");
        let none = editor.text("search_output", &json!({ "pattern": "no such words" }));
        assert_eq!(none, "(nothing)");
        let events = editor.text("read_events", &json!({ "last": 2 }));
        let events: Vec<Value> =
            events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events.len(), 2);
        let after = editor.text("read_events", &json!({ "after": 1, "last": 1000 }));
        assert!(after.starts_with("{\"seq\":2,") || after.contains("\"seq\":2,"), "{after}");
        editor.close();
        project.ask(["down"]).code(0);
        running.done().assert_code(0);
    }

    #[test]
    fn a_terminal_is_looked_at_and_typed_into() {
        let (project, running) = up();
        let mut editor = Editor::start(&project);
        editor.data("start", &json!({ "names": ["ask"] }));
        let screen = editor.data("screen", &json!({ "name": "ask", "wait_for": "^name\\?" }));
        assert_eq!((&screen["text"], &screen["matched"]), (&json!("name?"), &json!(true)));
        editor.data("keys", &json!({ "name": "ask", "keys": ["you", "Enter"] }));
        editor.data("screen", &json!({ "name": "ask", "wait_for": "^hi you$" }));
        let late = json!({ "name": "ask", "wait_for": "no such text", "timeout_seconds": 1 });
        let (late, is_error) = editor.call("screen", &late);
        assert!(is_error && late["structuredContent"]["matched"] == false, "{late}");
        assert!(
            editor.error("keys", &json!({ "name": "web", "text": "x" })).contains("no terminal")
        );
        editor.close();
        project.ask(["down"]).code(0);
        running.done().assert_code(0);
    }

    #[test]
    fn an_error_is_reported_and_does_not_end_the_server() {
        let (project, running) = up();
        let mut editor = Editor::start(&project);
        let unknown = editor.error("stop", &json!({ "names": ["wob"] }));
        assert!(unknown.contains("did you mean `web`?"), "{unknown}");
        let wrong = editor.error("search_output", &json!({ "pattern": "(" }));
        assert!(wrong.contains("regular expression"), "{wrong}");
        let failed = editor.error("wait", &json!({ "names": ["bad"], "for": "succeeded" }));
        assert!(failed.contains("exit 3"), "{failed}");
        let late = json!({ "names": ["web"], "for": "completed", "timeout_seconds": 0 });
        assert!(editor.error("wait", &late).contains("timed out after"));
        // Mistakes of the client itself.
        for (method, params) in [
            ("tools/call", json!({ "name": "no_such_tool", "arguments": {} })),
            ("no/such/method", json!({})),
        ] {
            let answer = editor.answer(method, &params);
            assert!(answer["error"].is_object(), "{answer}");
        }
        let nonsense = json!({ "name": "stop", "arguments": { "nams": ["web"] } });
        let answer = editor.answer("tools/call", &nonsense);
        let refused = answer["error"].is_object() || answer["result"]["isError"] == true;
        assert!(refused, "{answer}");
        assert_eq!(project.one("web")["state"], "ready");
        project.ask(["down"]).code(0);
        running.done().assert_code(0);
        let gone = editor.error("list", &json!({}));
        assert!(gone.contains("shop is not running") && gone.contains("pitcrew up"), "{gone}");
        // It works again without an action of the editor.
        let running = project.up(["--keep"]);
        running.wait_out("plain");
        assert_eq!(editor.data("list", &json!({}))["project"], "shop");
        editor.close();
        project.ask(["down"]).code(0);
        running.done().assert_code(0);
    }

    #[test]
    fn without_a_file_it_ends_as_the_other_commands_do() {
        Project::empty().ask(["mcp"]).code(2).err("procfile.toml");
    }

    impl Said {
        /// The same as `other` but for what has gone on since.
        fn json_but_times(self, other: &Value) -> Value {
            let mut json = self.code(0).json();
            json["time"] = other["time"].clone();
            let all = json["processes"].as_array_mut().unwrap();
            for (one, other) in all.iter_mut().zip(other["processes"].as_array().unwrap()) {
                let clocks = ["since_ms", "until_ms", "uptime_ms"];
                for key in clocks.into_iter().chain(["why", "cpu_percent", "memory_bytes"]) {
                    one[key] = other[key].clone();
                }
            }
            json
        }
    }
}
