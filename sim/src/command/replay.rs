//! `replay`.

use super::draw::Draw;
use super::output::{Ended, Failure, print_json, print_told};
use lastword_sim::case;
use lastword_sim::token::Token;
use serde::Serialize;

/// Options of `replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The run, as a failure printed it
    token: String,
    /// One JSON object a line: one for each thing that happened, the broken promise last
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    draw: Draw,
}

#[derive(Serialize)]
struct Event<'a> {
    process: &'a str,
    incarnation: u16,
    what: String,
}

#[derive(Serialize)]
struct End {
    violation: Option<String>,
}

/// Runs `replay`.
pub(crate) fn run(options: &Options) -> Ended {
    let token: Token = options.token.parse()?;
    let Some(case) = case::find(&token.scenario) else {
        return Err(Failure::Usage(format!("there is no scenario `{}`; `list` shows them", token.scenario)));
    };
    options.draw.check()?;
    let told = case.tell(&token.spec, token.script.as_deref(), &token.answers)?;
    let roles = case.roles();
    if options.json {
        for line in &told.lines {
            let process = roles.get(line.process).map_or("?", String::as_str);
            let what = line.what.to_string().trim().to_owned();
            print_json(&Event { process, incarnation: line.incarnation, what })?;
        }
        print_json(&End { violation: told.violation.map(|violation| violation.to_string()) })?;
    } else {
        print_told(&told, &roles)?;
    }
    options.draw.run(case, &token, &told)?;
    Ok(told.violation.is_none())
}
