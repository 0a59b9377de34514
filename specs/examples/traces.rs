//! Checks executions of the code against the specifications, and the states that both reach.
//!
//! `cargo run --release -p lastword-specs --example traces -- JAR [--quick] [Slots|Ready|Status|equal ..]`, where JAR is
//! `tla2tools.jar`.

use lastword_specs::traces::tlc::Tools;
use lastword_specs::traces::{Protocol, check, equal};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(jar) = arguments.first() else {
        eprintln!("give the path of tla2tools.jar");
        return ExitCode::from(2);
    };
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let names: Vec<_> = arguments[1..].iter().filter(|argument| *argument != "--quick").collect();
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| *wanted == name);
    let tools = Tools {
        java: "java".into(),
        jar: jar.into(),
        modules: lastword_specs::directory().join("tla"),
        scratch: std::env::temp_dir().join(format!("lastword-traces-{}", std::process::id())),
        stop: Default::default(),
    };
    match run(&tools, quick, &is_wanted) {
        Ok(()) => {
            let _ = std::fs::remove_dir_all(&tools.scratch);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(tools: &Tools, quick: bool, is_wanted: &dyn Fn(&str) -> bool) -> Result<(), String> {
    for protocol in Protocol::ALL.into_iter().filter(|protocol| is_wanted(protocol.module())) {
        println!("{}", protocol.module());
        let report = check(tools, protocol, quick, &mut |row| println!("  {row}"))?;
        println!("  every one of {} parts of the actions is exercised", report.parts);
        println!("  {}", report.broken);
    }
    if is_wanted("equal") {
        println!("{}", equal::compare(tools)?);
    }
    Ok(())
}
