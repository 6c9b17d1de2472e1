//! Shell completions and manual pages.

use crate::common::Project;
use crate::common::ask::run;

#[test]
fn completions_know_the_names_that_run_and_man_every_page() {
    let (project, running) = Project::shop_up("wobble = 'true'\n");
    project.ask(["scale", "web", "2"]).code(0);
    let mut command = project.pitcrew(["--", "pitcrew", "restart", "we"]);
    command.env("PITCREW_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "2").env("_CLAP_IFS", "\n");
    let said = run(command).code(0);
    assert_eq!(said.out.split_whitespace().collect::<Vec<_>>(), ["web", "web.2"], "{said:?}");
    // From another folder, with the options that select the project.
    let (dir, file) = (project.dir(), project.path("procfile.toml"));
    for (option, value) in [("-C", &dir), ("-f", &file)] {
        let mut command = project.pitcrew(["--", "pitcrew", option]);
        command.arg(value).args(["restart", "we"]).current_dir("/");
        command.env("PITCREW_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "4");
        command.env("_CLAP_IFS", "\n");
        let said = run(command).code(0);
        assert_eq!(said.out.split_whitespace().collect::<Vec<_>>(), ["web", "web.2"], "{said:?}");
    }
    for shell in ["bash", "zsh", "fish"] {
        project.ask(["completions", shell]).code(0).out("PITCREW_COMPLETE");
    }
    project.ask(["completions", "tcsh"]).code(2);
    project.ask(["man"]).code(0).out(".TH pitcrew");
    project.ask(["man", "--dir", "pages"]).code(0);
    let help = project.ask(["--help"]).code(0).out;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands.into_iter().filter(|name| *name != "help") {
        let page = project.text(&format!("pages/pitcrew-{command}.1"));
        assert!(page.contains(".SH DESCRIPTION") && page.len() > 200, "{command}: {page}");
        project.ask(["man", command]).code(0).out(".SH SYNOPSIS");
    }
    project.down(running);
}

/// What bash offers for each line, by the script that it sources.
fn bash_offers(project: &Project, lines: &[&str]) -> Option<Vec<String>> {
    let script = project.ask(["completions", "bash"]).code(0).out;
    let offer = |line: &&str| {
        // bash takes `@` for the end of a word.
        let words = line.replace('@', "@ ");
        format!(
            "COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); COMP_TYPE=9\n\
             _pitcrew pitcrew \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
             echo \"${{COMPREPLY[*]}}\"\n"
        )
    };
    let text: String =
        std::iter::once(format!("{script}\n")).chain(lines.iter().map(offer)).collect();
    // The script calls the program by its name.
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_pitcrew"));
    let folder = program.parent()?.display();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let mut command = project.command("bash");
    command.args(["--norc", "-c", &text]).env("PATH", path);
    let output = command.output().ok()?;
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "it says nothing");
    Some(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

#[test]
fn bash_offers_what_each_command_takes() {
    const MORE: &str = "[process.api]\ncommand = 'exec sleep 1000'\ntags = ['backend', 'front']\n\
        replicas = 2\nautostart = false\n[process.term]\ncommand = 'cat'\ntty = true\nautostart = false\n\
        [pool.build]\nconcurrency = 1\nautostart = false\n\
        jobs = ['true', { name = 'bundle', command = 'true' }]\n";
    let lines = [
        "pitcrew start a",
        "pitcrew up @b",
        "pitcrew wait @",
        "pitcrew run b",
        "pitcrew exec --in w",
        "pitcrew scale a",
        "pitcrew enqueue b",
        "pitcrew signal HU",
        "pitcrew why ap",
        "pitcrew logs -f bu",
        "pitcrew man wh",
        "pitcrew st",
        "pitcrew keys t",
        "pitcrew screen w",
    ];
    let wanted = [
        "all api api.1 api.2",
        "backend",
        "@backend @front",
        "build.1 bundle",
        "web",
        "api",
        "build",
        "HUP",
        "api api.1 api.2",
        "build build.1 bundle",
        "why",
        "start stop",
        "term",
        "",
    ];
    let (project, running) = Project::shop_up(MORE);
    if let Some(offered) = bash_offers(&project, &lines) {
        assert_eq!(offered, wanted);
    }
    project.down(running);
    // From the file where nothing runs, and nothing at all where that has mistakes.
    if let Some(offered) = bash_offers(&project, &lines) {
        assert_eq!(offered, wanted);
    }
    project.write("procfile.toml", "nonsense");
    if let Some(offered) = bash_offers(&project, &["pitcrew start a"]) {
        assert_eq!(offered, [""]);
    }
}
